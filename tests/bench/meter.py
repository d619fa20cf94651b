"""What a scenario cost: seconds, CPU seconds of everything involved, requests by verb."""

from __future__ import annotations

import re
import time
from collections import Counter
from dataclasses import dataclass, field

_REQUESTS = re.compile(
    r'^rest_client_requests_total\{code="[^"]*",host="[^"]*",method="([A-Z]+)"\} (\S+)$', re.MULTILINE
)


@dataclass
class Cost:
    """The difference between two readings; CPU is in seconds, requests are counted by verb."""

    seconds: float
    cpu: dict[str, float]
    requests: dict[str, dict[str, float]]
    peak_mib: dict[str, float]


@dataclass
class Reading:
    at: float
    cpu: dict[str, float]
    requests: dict[str, Counter] = field(default_factory=dict)


class Meter:
    """Reads processes of the control plane and of the suite."""

    def __init__(self, cluster, suite):
        self._cluster = cluster
        self._controllers = {process.name: process for process in (suite.source, suite.kustomize)}

    def read(self) -> Reading:
        cpu = {name: usage.cpu_seconds for name, usage in self._cluster.usage().items()}
        cpu |= {name: process.usage.cpu_seconds for name, process in self._controllers.items()}
        requests = {name: _requests(process.metrics()) for name, process in self._controllers.items()}
        return Reading(time.monotonic(), cpu, requests)

    def since(self, before: Reading) -> Cost:
        now = self.read()
        return Cost(
            round(now.at - before.at, 2),
            {name: round(now.cpu[name] - before.cpu[name], 2) for name in now.cpu},
            {name: dict(now.requests[name] - before.requests[name]) for name in now.requests},
            self.peaks(),
        )

    def peaks(self) -> dict[str, float]:
        """Highest resident memory so far, MiB."""
        return {name: round(process.usage.peak / 2**20, 1) for name, process in self._controllers.items()}

    def resident(self) -> dict[str, float]:
        """Resident memory now, MiB."""
        return {name: round(process.usage.resident / 2**20, 1) for name, process in self._controllers.items()}


def _requests(text: str) -> Counter:
    found: Counter = Counter()
    for verb, value in _REQUESTS.findall(text):
        found[verb] += float(value)
    return found
