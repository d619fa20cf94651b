"""The status of a HelmRelease while a turn works on it: history, counters, and what follows from them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from helm_controller.release.snapshots import History, Snapshot, history_of, ordered
from shared.api.helm_v2 import HelmRelease, Install, Upgrade, retry_interval
from shared.lang.json import JsonObject
from shared.status.conditions import Conditions
from shared.status.draft import StatusDraft

_DEFAULT_RETRY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Remediation:
    """What follows failures of an action; fewer retries than none means any number."""

    counter: str
    retries: int
    strategy: str
    last_too: bool
    ignore_tests: bool
    after_upgrade: bool


class Record:
    """Typed access to a drafted status."""

    def __init__(self, obj: HelmRelease, draft: StatusDraft, *, retry_by_default: bool) -> None:
        self._obj = obj
        self._draft = draft
        self._retry_by_default = retry_by_default

    @property
    def conditions(self) -> Conditions:
        """The conditions."""
        return self._draft.conditions

    @property
    def fields(self) -> JsonObject:
        """All fields as drafted."""
        return self._draft.fields

    @property
    def history(self) -> History:
        """Snapshots, the newest first."""
        return history_of(self._draft["history"] or ())

    @history.setter
    def history(self, snapshots: History) -> None:
        self._draft["history"] = [each.to_wire() for each in ordered(snapshots)]

    @property
    def latest(self) -> Snapshot | None:
        """The newest snapshot."""
        history = self.history
        return history[0] if history else None

    @property
    def last_action(self) -> str:
        """`install`, `upgrade` or nothing."""
        return self._draft["lastAttemptedReleaseAction"] or ""

    def set(self, field: str, value: object) -> None:
        """Drafts a field; an empty value takes it away."""
        self._draft[field] = value or None

    def get(self, field: str) -> str:
        """A drafted text, or nothing."""
        return str(self._draft[field] or "")

    def count(self, field: str) -> int:
        """A drafted counter."""
        value = self._draft[field]
        return value if isinstance(value, int) else 0

    def add(self, field: str) -> None:
        """Counts one more."""
        self.set(field, self.count(field) + 1)

    def clear_failures(self) -> None:
        """All counters to zero."""
        for field in ("failures", "installFailures", "upgradeFailures"):
            self.set(field, None)

    @property
    def remediation(self) -> Remediation | None:
        """What follows failures of the last action; None when nothing was tried yet."""
        match self.last_action:
            case "install":
                return self.install_remediation
            case "upgrade":
                return self.upgrade_remediation
        return None

    @property
    def install_remediation(self) -> Remediation:
        """What follows failed installations."""
        given = self._obj.install.remediation
        return Remediation(
            "installFailures",
            given.retries if given else 0,
            "uninstall",
            bool(given and given.remediate_last_failure),
            self._ignores(given.ignore_test_failures if given else None),
            after_upgrade=False,
        )

    @property
    def upgrade_remediation(self) -> Remediation:
        """What follows failed upgrades."""
        given = self._obj.upgrade.remediation
        retries = given.retries if given else 0
        last_too = given.remediate_last_failure if given else None
        return Remediation(
            "upgradeFailures",
            retries,
            (given.strategy if given else None) or "rollback",
            retries > 0 if last_too is None else last_too,
            self._ignores(given.ignore_test_failures if given else None),
            after_upgrade=True,
        )

    def exhausted(self, remediation: Remediation) -> bool:
        """Whether no attempt is left."""
        return 0 <= remediation.retries < self.count(remediation.counter)

    @property
    def retry(self) -> timedelta | None:
        """How soon the last action is tried again as it is; None where failures are remediated."""
        match self.last_action:
            case "install":
                return self.retry_of(self._obj.install)
            case "upgrade":
                return self.retry_of(self._obj.upgrade)
        return None

    def retry_of(self, action: Install | Upgrade) -> timedelta | None:
        """How soon an action is tried again as it is."""
        if action.strategy is None:
            return _DEFAULT_RETRY if self._retry_by_default else None
        return retry_interval(action.strategy) if action.strategy.name == "RetryOnFailure" else None

    @property
    def ignores_tests(self) -> bool:
        """Whether failed tests are no failure."""
        remediation = self.remediation
        return remediation.ignore_tests if remediation else self._obj.test.ignore_failures

    def _ignores(self, given: bool | None) -> bool:
        return self._obj.test.ignore_failures if given is None else given
