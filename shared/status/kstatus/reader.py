"""One reader per wait: the user's own checks first, the built-in rules for everything else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from shared.lang.json import JsonObject
from shared.status.kstatus.checks import CustomChecks
from shared.status.kstatus.result import Result
from shared.status.kstatus.rules import status_of


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class StatusReader:
    """Tells the status of any live object."""

    checks: CustomChecks = field(default_factory=CustomChecks)
    now: Callable[[], datetime] = _utc_now

    def read(self, obj: JsonObject) -> Result:
        """The verdict of a custom check where one fits, else of the built-in rules."""
        check = self.checks.find(obj)
        return check.evaluate(obj) if check is not None else status_of(obj, self.now())

    def counts_pods(self, obj: JsonObject) -> bool:
        """Whether the pods of an owner may correct the verdict; a custom check has the last word itself."""
        return self.checks.find(obj) is None
