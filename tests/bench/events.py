"""`python tests/bench/events.py`: how notification-controller takes a flood of events.

Events come at a fixed rate, whether or not the last ones are answered; each of them is wanted by some of ten
Alerts, which send to three Providers. Printed are how long senders waited, what arrived, what was dropped,
and what it cost.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import re
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from localcluster import Cluster
from localcluster.ports import HOST, free_ports
from shared.testing.controllers import Suite
from shared.testing.notifications import EventServer

_ALERTS, _PROVIDERS, _CONNECTIONS = 10, 3, 40
_DROPPED = re.compile(r"^headrace_notifications_dropped_total\{[^}]*\} (\S+)$", re.MULTILINE)
_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Counting(asyncio.Protocol):
    """A service that answers at once and counts: cheaper than anything that it is told by."""

    total = 0

    def connection_made(self, transport):
        self.transport, self.rest = transport, b""

    def data_received(self, data):
        self.rest += data
        while True:
            head, end, body = self.rest.partition(b"\r\n\r\n")
            found = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
            if not end or found is None or len(body) < int(found[1]):
                return
            self.rest = body[int(found[1]) :]
            Counting.total += 1
            self.transport.write(_OK)


def serve(port, count):
    """Counts in a process of its own."""

    async def main():
        await asyncio.get_running_loop().create_server(Counting, HOST, port)
        while True:
            await asyncio.sleep(0.05)
            count.value = Counting.total

    asyncio.run(main())


def objects(port, matching):
    """Ten Alerts, of which each event is wanted by `matching`, and three Providers."""
    version = "notification.toolkit.fluxcd.io/v1beta3"
    for number in range(_PROVIDERS):
        spec = {"type": "generic", "address": f"http://{HOST}:{port}/{number}"}
        yield {"apiVersion": version, "kind": "Provider", "metadata": {"name": f"p{number}"}, "spec": spec}
    for number in range(_ALERTS):
        names = [f"app-{(number + step) % _ALERTS}" for step in range(matching)]
        spec = {
            "providerRef": {"name": f"p{number % _PROVIDERS}"},
            "eventSources": [{"kind": "Kustomization", "name": name} for name in names],
            "exclusionList": ["^nothing such as this$"],
        }
        yield {"apiVersion": version, "kind": "Alert", "metadata": {"name": f"a{number}"}, "spec": spec}


def request(number):
    """An event as controllers post it, each one different."""
    event = {
        "involvedObject": {
            "kind": "Kustomization",
            "namespace": "bench",
            "name": f"app-{number % _ALERTS}",
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        },
        "severity": "info",
        "timestamp": "2026-01-02T03:04:05Z",
        "message": f"Deployment/bench/app-{number} configured",
        "reason": "Progressing",
        "metadata": {"kustomize.toolkit.fluxcd.io/revision": f"main@sha1:{number:040x}"},
        "reportingController": "kustomize-controller",
    }
    body = json.dumps(event).encode()
    return b"POST / HTTP/1.1\r\nHost: bench\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


async def flood(port, rate, seconds):
    """Seconds from the moment at which each event was due until its answer, and the answers by status."""
    waits, answers = [], {}
    todo = asyncio.Queue()

    async def send():
        reader, writer = await asyncio.open_connection(HOST, port)
        with suppress(asyncio.CancelledError):
            while True:
                due, payload = await todo.get()
                writer.write(payload)
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
                if length and int(length[1]):
                    await reader.readexactly(int(length[1]))
                waits.append(time.perf_counter() - due)
                status = head[9:12].decode()
                answers[status] = answers.get(status, 0) + 1
                todo.task_done()
        writer.close()

    payloads = [request(number) for number in range(rate * seconds)]
    senders = [asyncio.create_task(send()) for _ in range(_CONNECTIONS)]
    started = time.perf_counter()
    for number, payload in enumerate(payloads):
        due = started + number / rate
        if (rest := due - time.perf_counter()) > 0.001:
            await asyncio.sleep(rest)
        todo.put_nowait((due, payload))
    await todo.join()
    for sender in senders:
        sender.cancel()
    return sorted(waits), answers


def main():
    """Prints the figures of this machine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=2000, help="events per second")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--matching", type=int, default=1, help="Alerts that want each event, 1 to 10")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Cluster() as cluster:
        suite = Suite(cluster, Path(folder))
        suite.install("replicas=0")
        cluster.kubectl("create", "namespace", "bench")
        (port,) = free_ports(1)
        count = multiprocessing.Value("i", 0)
        service = multiprocessing.Process(target=serve, args=(port, count), daemon=True)
        service.start()
        server = EventServer(suite, "--log-level=error")
        server.process.start()
        try:
            for obj in objects(port, options.matching):
                cluster.kubectl("create", "-n", "bench", "-f", "-", stdin=json.dumps(obj))
            _settled(server)
            _report(options, server, count)
        finally:
            server.process.stop()
            service.terminate()


def _settled(server):
    """Waits until the controller knows all objects."""
    deadline = time.monotonic() + 20
    while server.process.metrics().count("gotk_resource_info{") < _ALERTS + _PROVIDERS:
        if time.monotonic() > deadline:
            raise SystemExit("the controller does not see its objects")
        time.sleep(0.1)


def _report(options, server, count):
    idle = server.process.usage
    port = int(server.url.rpartition(":")[2].strip("/"))
    waits, answers = asyncio.run(flood(port, options.rate, options.seconds))
    last, deadline = -1, time.monotonic() + 30
    while count.value != last and time.monotonic() < deadline:
        last = count.value
        time.sleep(1)
    usage = server.process.usage
    dropped = sum(map(float, _DROPPED.findall(server.process.metrics())))
    print(f"events            {options.rate}/s for {options.seconds} s, each for {options.matching} Alert(s)")
    print(f"answers           {answers}")
    for share in (0.5, 0.99, 1.0):
        print(
            f"waited {share:>4.0%}       {waits[min(int(len(waits) * share), len(waits) - 1)] * 1000:.1f} ms"
        )
    print(f"deliveries        {count.value}, dropped {dropped:.0f}")
    print(f"CPU               {usage.cpu_seconds - idle.cpu_seconds:.1f} s")
    mebibytes = [value / 2**20 for value in (idle.resident, usage.resident, usage.peak)]
    print("resident memory   {:.0f} MiB before, {:.0f} MiB after, {:.0f} MiB at most".format(*mebibytes))


if __name__ == "__main__":
    main()
