"""One reader per wait: the user's own checks first, the built-in rules for everything else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from shared.lang.json import JsonObject
from shared.status.kstatus.checks import CustomChecks
from shared.status.kstatus.pods import pod_selector, with_pods
from shared.status.kstatus.result import Result, Status
from shared.status.kstatus.rules import status_of


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Companions(NamedTuple):
    """Objects in the namespace of another one, chosen by their labels."""

    group: str
    kind: str
    selector: str


@dataclass(frozen=True, slots=True)
class StatusReader:
    """Tells the status of any live object."""

    checks: CustomChecks = field(default_factory=CustomChecks)
    now: Callable[[], datetime] = _utc_now

    def read(self, obj: JsonObject) -> Result:
        """The verdict of a custom check where one fits, else of the built-in rules."""
        check = self.checks.find(obj)
        return check.evaluate(obj) if check is not None else status_of(obj, self.now())

    def companions(self, obj: JsonObject, result: Result) -> Companions | None:
        """Which other objects have a say in the verdict; a custom check has the last word itself."""
        if result.status is not Status.IN_PROGRESS or self.checks.find(obj) is not None:
            return None
        selector = pod_selector(obj)
        return Companions("", "Pod", selector) if selector else None

    def corrected(self, obj: JsonObject, result: Result, companions: list[JsonObject] | None) -> Result:
        """The verdict with what the companions say, which is None until they are known."""
        del obj
        return with_pods(result, companions or (), self.now())
