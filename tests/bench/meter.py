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


@dataclass(frozen=True)
class Measured:
    """A process to look at; without a scrape its requests aren't counted."""

    name: str
    usage: Callable[[], Usage]
    scrape: Callable[[], str] | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads `name=pid` or `name=pid,http://host:port/metrics`; ValueError for anything else."""
        name, _, rest = text.partition("=")
        pid, _, address = rest.partition(",")
        return cls(name, Identity.of(int(pid)).usage, partial(_fetch, address) if address else None)


@dataclass
class Cost:
    """The difference between two readings; CPU is in seconds, requests are counted by verb."""

    objects: int
    seconds: float
    cpu: dict[str, float]
    requests: dict[str, dict[str, float]]
    resident_mib: dict[str, float]
    peak_mib: dict[str, float]


@dataclass
class Reading:
    """What all processes used until now."""

    at: float
    cpu: dict[str, float]
    requests: dict[str, Counter]


class Meter:
    """Reads the processes of the control plane and of the controllers."""

    def __init__(self, controllers: list[Measured], others: list[Measured]):
        self.controllers = controllers
        self._all = [*controllers, *others]

    def read(self) -> Reading:
        """The reading to begin a scenario with."""
        cpu = {each.name: each.usage().cpu_seconds for each in self._all}
        requests = {each.name: _requests(each) for each in self.controllers if each.scrape}
        return Reading(time.monotonic(), cpu, requests)

    def since(self, before: Reading, objects: int) -> Cost:
        """What was used since."""
        now = self.read()
        return Cost(
            objects,
            round(now.at - before.at, 2),
            {name: round(now.cpu[name] - before.cpu[name], 2) for name in now.cpu},
            {name: dict(now.requests[name] - before.requests[name]) for name in now.requests},
            self.resident(),
            {each.name: round(each.usage().peak / 2**20, 1) for each in self.controllers},
        )

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
