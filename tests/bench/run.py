"""`make bench`: figures of this machine as a table, and as JSON in bench-results/.

By default it starts a control plane and the suite. With `--kubeconfig` it drives whatever controllers of the
same API watch that cluster; `--controller name=pid,metrics-url` tells which processes to measure.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import scenarios
from bench import Bench
from children import Children
from drive import Drive
from load import push_apps
from meter import Measured, Meter

from localcluster import Access, Cluster
from localcluster.demo.repository import DemoRepository
from shared.kube import Connection, KubeClient
from shared.testing.controllers import Suite
from shared.testing.registry import run_registry

_RESULTS = Path(__file__).parents[2] / "bench-results"
_IDLE_SECONDS = 3.0


@contextmanager
def _engine(options: argparse.Namespace, folder: Path) -> Iterator[tuple[Path, Meter]]:
    """The cluster with its controllers: the user's, or one of our own."""
    if options.kubeconfig:
        kubeconfig = Path(options.kubeconfig)
        controllers = [Measured.parse(text) for text in options.controller]
        with _metered(Access(kubeconfig, folder), controllers, []) as meter:
            yield kubeconfig, meter
        return
    with Cluster() as cluster:
        suite = Suite(cluster, folder)
        suite.install("replicas=0")
        suite.start(notification=False, images=True)
        try:
            ours = [
                Measured(each.name, partial(_usage_of, each), each.metrics, each.pid)
                for each in suite.processes
            ]
            others = [Measured(name, partial(_component, cluster, name)) for name in cluster.usage()]
            with _metered(cluster, ours, others) as meter:
                yield cluster.kubeconfig, meter
        finally:
            suite.stop()


@contextmanager
def _metered(access: Access, controllers: list[Measured], others: list[Measured]) -> Iterator[Meter]:
    """A meter of these processes, while it can look at their children."""
    with Children({each.name: each.pid for each in controllers}) as children:
        server = partial(access.kubectl, "get", "--raw", "/metrics")
        yield Meter(controllers, others, server, lambda: children.peaks)


def _usage_of(process):
    return process.usage


def _component(cluster: Cluster, name: str):
    return cluster.usage()[name]


@contextmanager
def _images(options: argparse.Namespace, folder: Path, worktree: Path) -> Iterator[dict[str, str]]:
    """The addresses of an image per app, where sources are in a registry."""
    if options.sources != "images":
        yield {}
        return
    with run_registry(folder) as store:
        yield push_apps(store, worktree, options.count)


async def _bench(options: argparse.Namespace, kubeconfig: Path, meter: Meter, folder: Path) -> dict:
    await asyncio.sleep(_IDLE_SECONDS)
    idle = meter.resident()
    git = DemoRepository(folder)
    connection = await Connection.load(kubeconfig)
    try:
        git.start()
        scenarios.prepare(git.worktree, options.count)
        git.commit("Apps")
        with _images(options, folder, git.worktree) as images:
            async with Drive(KubeClient(connection)) as drive:
                bench = Bench(drive, meter, git, folder, options.count, options.sources != "one", images)
                costs = await scenarios.run(bench, tuple(getattr(scenarios, name) for name in options.only))
    finally:
        git.stop()
        await connection.close()
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "cpus": os.cpu_count(),
            "python": platform.python_version(),
            "kernel": platform.release(),
        },
        "sources": options.sources,
        "idle_mib": idle,
        "scenarios": {name: asdict(cost) for name, cost in costs.items()},
    }


def main() -> int:
    """Runs the bench."""
    names = [scenario.__name__ for scenario in scenarios.ALL]
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--count", type=int, default=100, help="apps to roll out (default: %(default)s)")
    parser.add_argument(
        "--sources",
        choices=("one", "each", "images"),
        default="one",
        help="one Git repository as the source of all apps, one source each, or one image in a registry each",
    )
    parser.add_argument(
        "--only",
        choices=names,
        nargs="+",
        default=None,
        help="scenarios; those of apps need install, and images have no commits",
    )
    parser.add_argument("--kubeconfig", default="", help="use this cluster and the controllers that watch it")
    parser.add_argument("--controller", action="append", default=[], help="name=pid or name=pid,metrics-url")
    options = parser.parse_args()
    if options.only is None:
        of_images = [scenario.__name__ for scenario in scenarios.OF_IMAGES]
        options.only = of_images if options.sources == "images" else names
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as scratch:
        folder = Path(scratch)
        with _engine(options, folder) as (kubeconfig, meter):
            report = asyncio.run(_bench(options, kubeconfig, meter, folder))
    _RESULTS.mkdir(exist_ok=True)
    target = _RESULTS / f"{datetime.now(UTC):%Y%m%dT%H%M%S}.json"
    target.write_text(json.dumps(report, indent=2) + "\n")
    _print(report)
    print(f"\n{target}")
    return 0


def _print(report: dict) -> None:
    print(f"\nidle: {_memory(report['idle_mib'])}; {report['sources']} source(s)\n")
    print(f"{'scenario':<30}{'seconds':>9}  CPU-s; requests per object; resident (peak) MiB")
    for name, cost in report["scenarios"].items():
        print(f"{name:<30}{cost['seconds']:>9}  {_memory(cost['cpu'])}")
        for process, requests in cost["requests"].items():
            each = {
                verb: round(number / cost["objects"], 2)
                for verb, number in sorted(requests.items())
                if number
            }
            memory = f"{cost['resident_mib'][process]} ({cost['peak_mib'][process]}) MiB"
            if children := cost["children_mib"].get(process):
                memory += f", children up to {children} MiB"
            print(f"{'':<41}{process}: {round(sum(each.values()), 2)} = {each}; {memory}")
        statuses = {name: round(n / cost["objects"], 2) for name, n in cost["status_patches"].items() if n}
        print(f"{'':<41}writes of statuses: {statuses}")


def _memory(figures: dict[str, float]) -> str:
    return ", ".join(f"{name} {figure}" for name, figure in figures.items())


if __name__ == "__main__":
    raise SystemExit(main())
