"""What a scenario cost: seconds, CPU seconds of everything involved, requests by verb."""

from __future__ import annotations

import re
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Self

from localcluster.component import Identity, Usage

_REQUESTS = re.compile(
    r'^rest_client_requests_total\{code="[^"]*",host="[^"]*",method="([A-Z]+)"\} (\S+)$', re.MULTILINE
)
_STATUS = re.compile(
    r'^apiserver_request_total\{.*resource="(\w+)".*subresource="status",verb="(?:PATCH|PUT)".*\} (.+)$',
    re.MULTILINE,
)


@dataclass(frozen=True)
class Measured:
    """A process to look at; its requests are counted by scrapes, its children found by its pid."""

    name: str
    usage: Callable[[], Usage]
    scrape: Callable[[], str] | None = None
    pid: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads `name=pid` or `name=pid,http://host:port/metrics`; ValueError for anything else."""
        name, _, rest = text.partition("=")
        pid, _, address = rest.partition(",")
        scrape = partial(_fetch, address) if address else None
        return cls(name, Identity.of(int(pid)).usage, scrape, int(pid))


@dataclass
class Cost:
    """The difference between two readings; CPU is in seconds, requests are counted by verb."""

    objects: int
    seconds: float
    cpu: dict[str, float]
    requests: dict[str, dict[str, float]]
    resident_mib: dict[str, float]
    peak_mib: dict[str, float]
    children_mib: dict[str, float]
    """The most that children, all of the bench's run, used together."""
    status_patches: dict[str, float]
    """By resource, whoever made them."""


@dataclass
class Reading:
    """What all processes used until now."""

    at: float
    cpu: dict[str, float]
    requests: dict[str, Counter]
    status_patches: Counter


class Meter:
    """Reads the processes of the control plane and of the controllers."""

    def __init__(
        self,
        controllers: list[Measured],
        others: list[Measured],
        server: Callable[[], str],
        children: Callable[[], dict[str, int]],
    ):
        self.controllers = controllers
        self._all = [*controllers, *others]
        self._server = server
        self._children = children

    def read(self) -> Reading:
        """The reading to begin a scenario with."""
        # To ask for metrics takes time and CPU as well, so it comes before the scenario.
        requests = {each.name: _requests(each) for each in self.controllers if each.scrape}
        patches = _status_patches(self._server())
        return Reading(time.monotonic(), self._cpu(), requests, patches)

    def since(self, before: Reading, objects: int) -> Cost:
        """What was used since."""
        seconds, cpu = time.monotonic() - before.at, self._cpu()
        now = self.read()
        return Cost(
            objects,
            round(seconds, 2),
            {name: round(used - before.cpu[name], 2) for name, used in cpu.items()},
            {name: dict(now.requests[name] - before.requests[name]) for name in now.requests},
            self.resident(),
            {each.name: round(each.usage().peak / 2**20, 1) for each in self.controllers},
            {name: round(peak / 2**20, 1) for name, peak in self._children().items()},
            dict(now.status_patches - before.status_patches),
        )

    def _cpu(self) -> dict[str, float]:
        return {each.name: each.usage().cpu_seconds for each in self._all}

    def resident(self) -> dict[str, float]:
        """Resident memory of the controllers now, MiB."""
        return {each.name: round(each.usage().resident / 2**20, 1) for each in self.controllers}


def _fetch(address: str) -> str:
    with urllib.request.urlopen(address, timeout=30) as answer:
        return answer.read().decode()


def _requests(process: Measured) -> Counter:
    found: Counter = Counter()
    for verb, value in _REQUESTS.findall(process.scrape()):
        found[verb] += float(value)
    return found


def _status_patches(text: str) -> Counter:
    found: Counter = Counter()
    for resource, value in _STATUS.findall(text):
        found[resource] += float(value)
    return found
