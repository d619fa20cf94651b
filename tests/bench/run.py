"""`make bench`: figures of this machine as a table, and as JSON in bench-results/."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from drive import Drive
from load import kustomization, repository, tenant, write_apps
from meter import Cost, Meter

from localcluster import Cluster
from localcluster.demo.repository import DemoRepository
from shared.kube import Connection, KubeClient
from shared.testing.controllers import Suite

_RESULTS = Path(__file__).parents[2] / "bench-results"
_SETTLE_SECONDS = 3.0


async def scenarios(cluster, suite, git, count: int, chain: int) -> dict[str, tuple[Cost, int]]:
    """All scenarios in turn: what each cost, and for how many objects."""
    meter = Meter(cluster, suite)
    found: dict[str, tuple[Cost, int]] = {}
    connection = await Connection.load(cluster.kubeconfig)
    try:
        drive = Drive(KubeClient(connection))
        watching = asyncio.create_task(drive.kustomizations.run())
        await drive.create(tenant())
        names = [f"app-{number:03}" for number in range(count)]

        before = meter.read()
        await drive.create([repository(git.url), *(kustomization(number) for number in range(count))])
        await drive.until_ready(names)
        found[f"install of {count}"] = (meter.since(before), count)

        await asyncio.sleep(_SETTLE_SECONDS)
        before = meter.read()
        await drive.until_ready(names, await drive.request(names))
        found[f"no-op of {count}"] = (meter.since(before), count)

        await asyncio.sleep(_SETTLE_SECONDS)
        before = meter.read()
        links = [f"link-{number:03}" for number in range(chain)]
        await drive.create(
            [
                kustomization(number, prefix="link", after=links[number - 1] if number else "")
                for number in reversed(range(chain))
            ]
        )
        await drive.until_ready(links)
        found[f"dependsOn chain of {chain}"] = (meter.since(before), chain)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    finally:
        await connection.close()
    return found


def main() -> int:
    """Runs the bench on a cluster of its own."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--count", type=int, default=100, help="Kustomizations (default: %(default)s)")
    parser.add_argument("--chain", type=int, default=10, help="length of the chain (default: %(default)s)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as scratch, Cluster() as cluster:
        folder = Path(scratch)
        git = DemoRepository(folder)
        git.start()
        write_apps(git.worktree, max(options.count, options.chain))
        git.commit("Apps")
        suite = Suite(cluster, folder)
        suite.install("replicas=0")
        suite.start()
        try:
            asyncio.run(asyncio.sleep(_SETTLE_SECONDS))
            idle = Meter(cluster, suite).resident()
            found = asyncio.run(scenarios(cluster, suite, git, options.count, options.chain))
        finally:
            suite.stop()
            git.stop()
    report = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "cpus": os.cpu_count(),
            "python": platform.python_version(),
            "kernel": platform.release(),
        },
        "idle_mib": idle,
        "scenarios": {name: asdict(cost) | {"objects": count} for name, (cost, count) in found.items()},
    }
    _RESULTS.mkdir(exist_ok=True)
    target = _RESULTS / f"{datetime.now(UTC):%Y%m%dT%H%M%S}.json"
    target.write_text(json.dumps(report, indent=2) + "\n")
    _print(report)
    print(f"\n{target}")
    return 0


def _print(report: dict) -> None:
    print(f"\nidle: {', '.join(f'{name} {mib} MiB' for name, mib in report['idle_mib'].items())}\n")
    heads = f"{'scenario':<24}{'seconds':>9}{'CPU-s source':>14}{'kustomize':>11}{'API server':>12}"
    print(f"{heads}  requests per object")
    for name, cost in report["scenarios"].items():
        cpu = cost["cpu"]
        requests = cost["requests"]["kustomize-controller"]
        each = {verb: round(number / cost["objects"], 2) for verb, number in sorted(requests.items())}
        total = round(sum(requests.values()) / cost["objects"], 2)
        print(
            f"{name:<24}{cost['seconds']:>9}{cpu['source-controller']:>14}{cpu['kustomize-controller']:>11}"
            f"{cpu['kube-apiserver']:>12}  {total} = {each}"
        )
    peaks = list(report["scenarios"].values())[-1]["peak_mib"]
    print(f"\npeak: {', '.join(f'{name} {mib} MiB' for name, mib in peaks.items())}")


if __name__ == "__main__":
    raise SystemExit(main())
