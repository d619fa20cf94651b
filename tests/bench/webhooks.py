"""`python tests/bench/webhooks.py`: how good webhooks fare while bad ones pour in.

All on loopback, for ten seconds: a control plane, notification-controller, and two Receivers that check
signatures. One process sends calls with a wrong signature, at most 5,000 a second and as many as this machine
can; meanwhile good ones are sent to the same Receiver and to another one, and their answers are timed.
"""

from __future__ import annotations

import argparse
import asyncio
import hmac
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import aiohttp

from localcluster import Cluster
from localcluster.ports import HOST, free_ports
from shared.kube import Connection, KubeClient
from shared.kube.resources import Resource
from shared.testing.controllers import ControllerProcess
from shared.testing.definitions import define

_CHARTS = Path(__file__).parents[2] / "charts"
_RECEIVERS = Resource("notification.toolkit.fluxcd.io", "v1", "receivers", "Receiver")
_NAMESPACE, _TOKEN, _BODY = "hooks", "s3cr3t", b'{"ref": "refs/heads/main"}'
_SECONDS, _RATE, _CONNECTIONS, _BATCH = 10.0, 5000, 10, 10
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3})")


def _signature(token: str) -> str:
    return f"sha256={hmac.new(token.encode(), _BODY, 'sha256').hexdigest()}"


def _request(path: str, signature: str) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
    return f"{head}X-Signature: {signature}\r\nContent-Length: {len(_BODY)}\r\n\r\n".encode() + _BODY


async def _pour(port: int, path: str, answers: Counter) -> None:
    """One of the connections: batches of calls, each when the last one is answered and its time has come."""
    reader, writer = await asyncio.open_connection(HOST, port)
    batch = _request(path, _signature("guess")) * _BATCH
    begun = time.monotonic()
    sent = 0
    while (now := time.monotonic()) - begun < _SECONDS:
        ahead = sent / (_RATE / _CONNECTIONS) - (now - begun)
        if ahead > 0:
            await asyncio.sleep(ahead)
        writer.write(batch)
        sent += _BATCH
        answered = 0
        rest = b""
        while answered < _BATCH:
            rest += await reader.read(65536)
            found = _STATUS.findall(rest)
            # The last bytes may be the beginning of the next status line.
            rest = rest[-11:] if not _STATUS.search(rest[-12:]) else b""
            answered += len(found)
            answers.update(status.decode() for status in found)
    writer.close()


async def _send(port: int, path: str) -> None:
    answers: Counter = Counter()
    begun = time.monotonic()
    await asyncio.gather(*(_pour(port, path, answers) for _ in range(_CONNECTIONS)))
    print(json.dumps({"seconds": time.monotonic() - begun, "answers": answers}))


async def _ask(http: aiohttp.ClientSession, url: str, times: list[float], statuses: Counter) -> None:
    """A good call every tenth of a second."""
    headers = {"X-Signature": _signature(_TOKEN), "Content-Type": "application/json"}
    begun = time.monotonic()
    while time.monotonic() - begun < _SECONDS:
        started = time.monotonic()
        async with http.post(url, data=_BODY, headers=headers) as answer:
            await answer.read()
            statuses[answer.status] += 1
        times.append(time.monotonic() - started)
        await asyncio.sleep(max(0.0, 0.1 - (time.monotonic() - started)))


async def _prepare(client: KubeClient) -> dict[str, str]:
    """The Receivers and what they name; gives their paths."""
    for path, obj in (
        ("/api/v1/namespaces", {"metadata": {"name": _NAMESPACE}}),
        (f"/api/v1/namespaces/{_NAMESPACE}/secrets", _object("token", stringData={"token": _TOKEN})),
        (
            f"/apis/source.toolkit.fluxcd.io/v1/namespaces/{_NAMESPACE}/gitrepositories",
            _object("app", spec={"interval": "1h", "url": "https://git.example/app", "suspend": True}),
        ),
        *(
            (
                _RECEIVERS.path(_NAMESPACE),
                _object(
                    name,
                    spec={
                        "type": "generic-hmac",
                        "secretRef": {"name": "token"},
                        "resources": [{"kind": "GitRepository", "name": "app"}],
                    },
                ),
            )
            for name in ("attacked", "quiet")
        ),
    ):
        kinds = {"gitrepositories": "GitRepository", "receivers": "Receiver"}
        group, _, plural = path.removeprefix("/apis/").partition("/namespaces/")
        names = {}
        if path.startswith("/apis/"):
            names = {"apiVersion": group, "kind": kinds[plural.rpartition("/")[2]]}
        await client.request("POST", path, body=json.dumps(names | obj).encode())
    paths = {}
    while len(paths) < 2:
        for item in (await client.list(_RECEIVERS, _NAMESPACE))["items"]:
            if item["status"].get("webhookPath"):
                paths[item["metadata"]["name"]] = item["status"]["webhookPath"]
        await asyncio.sleep(0.1)
    return paths


def _object(name: str, **fields: object) -> dict:
    return {"metadata": {"name": name}, **fields}


async def _bench(cluster: Cluster, process: ControllerProcess, port: int) -> None:
    connection = await Connection.load(Path(cluster.kubeconfig))
    try:
        paths = await _prepare(KubeClient(connection))
        async with aiohttp.ClientSession() as http:
            for phase in ("calm", "flood"):
                await _measure(http, process, port, paths, flood=phase == "flood")
    finally:
        await connection.close()


async def _measure(http, process, port: int, paths: dict[str, str], *, flood: bool) -> None:
    times: dict[str, list[float]] = {name: [] for name in paths}
    statuses: dict[str, Counter] = {name: Counter() for name in paths}
    before, cpu = _asked(process), process.usage.cpu_seconds
    sender = None
    if flood:
        command = [sys.executable, __file__, "--send", str(port), paths["attacked"]]
        sender = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    await asyncio.gather(
        *(
            _ask(http, f"http://{HOST}:{port}{path}", times[name], statuses[name])
            for name, path in paths.items()
        )
    )
    print(f"\n{'flood' if flood else 'calm'} ({os.getloadavg()[0]:.1f} load)")
    for name, each in times.items():
        spread = statistics.quantiles(each, n=20)
        print(
            f"  {name}: {len(each)} good calls, {dict(statuses[name])}, median {1000 * spread[9]:.1f} ms, "
            f"95% below {1000 * spread[18]:.1f} ms, longest {1000 * max(each):.1f} ms"
        )
    if sender is not None:
        said = json.loads((await sender.communicate())[0])
        number = sum(said["answers"].values())
        rate = number / said["seconds"]
        print(f"  bad calls: {number} in {said['seconds']:.1f} s = {rate:.0f}/s, {said['answers']}")
    asked = {verb: after - before.get(verb, 0) for verb, after in _asked(process).items()}
    usage = process.usage
    print(
        f"  controller: {usage.cpu_seconds - cpu:.1f} CPU-s, {usage.resident / 2**20:.0f} MiB, "
        f"requests to the API server {asked}"
    )


def _asked(process: ControllerProcess) -> dict[str, float]:
    found: Counter = Counter()
    line = r'^rest_client_requests_total\{code="[^"]*",host="[^"]*",method="([A-Z]+)"\} (\S+)$'
    for verb, value in re.findall(line, process.metrics(), re.MULTILINE):
        found[verb] += float(value)
    return dict(found)


def main() -> int:
    """Runs the bench."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--send", nargs=2, metavar=("PORT", "PATH"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.send:
        asyncio.run(_send(int(options.send[0]), options.send[1]))
        return 0
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as scratch, Cluster() as cluster:
        for chart in ("notification-controller", "source-controller"):
            define(cluster, *(file.read_text() for file in (_CHARTS / chart / "files/crds").glob("*.yaml")))
        webhooks, events = free_ports(2)
        process = ControllerProcess(
            "notification_controller",
            cluster.kubeconfig,
            Path(scratch),
            arguments=[f"--receiverAddr={HOST}:{webhooks}", f"--events-addr={HOST}:{events}"],
        )
        process.start()
        try:
            asyncio.run(_bench(cluster, process, webhooks))
        finally:
            process.stop()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
