"""The history in the status of a HelmRelease: what the controller knows of the revisions it made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, Self

from helm_controller.release.digest import config_digest, release_digest
from helm_controller.release.model import Hook, Release, ReleaseStatus
from shared.lang.digest import Algorithm, Digest, DigestError
from shared.lang.json import JsonObject, mapping

#: The action that takes a failed release out of the cluster, to begin anew.
UNINSTALL_REMEDIATION: Final = "uninstall-remediation"
_CURRENT: Final = "v2"
_LONGEST: Final = 5
_FAILED: Final = "Failed"
_SUCCEEDED: Final = "Succeeded"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A revision as it was left; times in whole seconds, UTC."""

    api_version: str
    digest: str
    name: str
    namespace: str
    version: int
    status: str
    chart_name: str
    chart_version: str
    app_version: str
    config_digest: str
    first_deployed: str
    last_deployed: str
    deleted: str = ""
    action: str = ""
    #: Name to wire form; None where the release was not tested.
    test_hooks: Mapping[str, JsonObject] | None = None
    oci_digest: str = ""

    @classmethod
    def observe(
        cls,
        release: Release,
        *,
        action: str = "",
        oci_digest: str = "",
        algorithm: str = Algorithm.SHA256,
    ) -> Self:
        """Of a record."""
        return cls(
            _CURRENT,
            release_digest(release, oci_digest, algorithm),
            release.name,
            release.namespace,
            release.version,
            release.status,
            release.chart_name,
            release.chart_version,
            release.app_version,
            config_digest(release.config, algorithm),
            _seconds(release.info.first_deployed),
            _seconds(release.info.last_deployed),
            _seconds(release.info.deleted),
            action,
            None,
            oci_digest,
        )

    @classmethod
    def of_wire(cls, obj: JsonObject) -> Self:
        """From a status; what is missing is empty."""
        version, hooks = obj.get("version"), obj.get("testHooks")

        def text(key: str) -> str:
            return str(obj.get(key) or "")

        return cls(
            text("apiVersion"),
            text("digest"),
            text("name"),
            text("namespace"),
            version if isinstance(version, int) else 0,
            text("status"),
            text("chartName"),
            text("chartVersion"),
            text("appVersion"),
            text("configDigest"),
            text("firstDeployed"),
            text("lastDeployed"),
            text("deleted"),
            text("action"),
            hooks if isinstance(hooks, dict) else None,
            text("ociDigest"),
        )

    def to_wire(self) -> JsonObject:
        """For a status."""
        optional = {
            "apiVersion": self.api_version,
            "action": self.action,
            "appVersion": self.app_version,
            "deleted": self.deleted,
            "ociDigest": self.oci_digest,
        }
        found: JsonObject = {
            "digest": self.digest,
            "name": self.name,
            "namespace": self.namespace,
            "version": self.version,
            "status": self.status,
            "chartName": self.chart_name,
            "chartVersion": self.chart_version,
            "configDigest": self.config_digest,
            "firstDeployed": self.first_deployed or None,
            "lastDeployed": self.last_deployed or None,
            **{key: value for key, value in optional.items() if value},
        }
        if self.test_hooks is not None:
            found["testHooks"] = dict(self.test_hooks)
        return found

    @property
    def full_name(self) -> str:
        """`<namespace>/<name>.v<revision>`."""
        return f"{self.namespace}/{self.name}.v{self.version}"

    @property
    def chart_text(self) -> str:
        """`<name>@<version>` of the chart."""
        return f"{self.chart_name}@{self.chart_version}"

    @property
    def has_been_tested(self) -> bool:
        """Whether all tests ended well, or one failed; a release without tests counts as tested."""
        if self.test_hooks is None:
            return False
        phases = [mapping(hook).get("phase") for hook in self.test_hooks.values()]
        return _FAILED in phases or all(phase == _SUCCEEDED for phase in phases)

    @property
    def has_failed_test(self) -> bool:
        """Whether a test failed."""
        return any(mapping(hook).get("phase") == _FAILED for hook in (self.test_hooks or {}).values())

    def targets(self, release: Release) -> bool:
        """Whether it is of this revision."""
        return (self.name, self.namespace, self.version) == (
            release.name,
            release.namespace,
            release.version,
        )

    def foresees(self, version: int, status: str) -> bool:
        """Whether a record is what the uninstallation makes of it that was about to begin."""
        ends = (ReleaseStatus.UNINSTALLING, ReleaseStatus.UNINSTALLED)
        return self.action == UNINSTALL_REMEDIATION and version == self.version and status in ends

    def agrees(self, release: Release) -> bool:
        """Whether the record is still as it was left; snapshots of older forms can't tell."""
        if self.api_version != _CURRENT:
            return True
        try:
            digest = Digest.parse(self.digest)
        except DigestError:
            return False
        return any(
            release_digest(release, self.oci_digest, digest.algorithm, with_rollback=with_rollback)
            == self.digest
            for with_rollback in (False, True)
        )


History = tuple[Snapshot, ...]


def history_of(items: Iterable[JsonObject]) -> History:
    """From a status, the newest first."""
    return ordered(Snapshot.of_wire(item) for item in items)


def ordered(snapshots: Iterable[Snapshot]) -> History:
    """The newest first."""
    return tuple(sorted(snapshots, key=lambda snapshot: snapshot.version, reverse=True))


def previous(history: Sequence[Snapshot], *, ignore_tests: bool) -> Snapshot | None:
    """What can be rolled back to: the newest good revision before the newest one."""
    good = (ReleaseStatus.DEPLOYED, ReleaseStatus.SUPERSEDED)
    return next(
        (each for each in history[1:] if each.status in good and (ignore_tests or not each.has_failed_test)),
        None,
    )


def truncated(history: History, *, ignore_tests: bool) -> History:
    """As much of the history as a rollback needs; without a good revision at most five."""
    last = previous(history, ignore_tests=ignore_tests)
    return history[: history.index(last) + 1] if last else history[:_LONGEST]


def newest(history: History) -> History:
    """The five newest."""
    return history[:_LONGEST]


def about_to_be_uninstalled(history: History) -> History:
    """The history as it is noted before: a process that dies in the middle knows whose work it was."""
    return (replace(history[0], action=UNINSTALL_REMEDIATION), *history[1:])


def tested(snapshot: Snapshot, hooks: Iterable[Hook]) -> Snapshot:
    """The snapshot with how these tests ended."""
    return replace(snapshot, test_hooks={hook.name: _test_status(hook) for hook in hooks})


def _test_status(hook: Hook) -> JsonObject:
    run = hook.last_run
    found = {
        "lastStarted": _seconds(run.started_at),
        "lastCompleted": _seconds(run.completed_at),
        "phase": run.phase,
    }
    return {key: value for key, value in found.items() if value}


def _seconds(text: str) -> str:
    """A time of a record as the API has times."""
    if not text:
        return ""
    head, _, zone = text.partition(".")
    zone = zone.lstrip("0123456789")
    try:
        moment = datetime.fromisoformat(head + (zone.replace("Z", "+00:00") if zone else "")).astimezone(UTC)
    except ValueError:
        return ""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
