"""A release as Helm records it.

Times are kept as the text that they are written in, because digests are made of it. Of the chart only its
metadata is looked at; all of it is kept, so that a record is written as it was read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Self

from shared.lang.json import JsonObject, mapping, mappings

#: How the objects of a release were applied; records of Helm 3 don't say it, it was client-side.
SERVER_SIDE: Final = "ssa"
CLIENT_SIDE: Final = "csa"


class UnreadableRelease(ValueError):
    """Something is no record of a release."""


class ReleaseStatus(StrEnum):
    """Where a revision stands."""

    UNKNOWN = "unknown"
    DEPLOYED = "deployed"
    UNINSTALLED = "uninstalled"
    SUPERSEDED = "superseded"
    FAILED = "failed"
    UNINSTALLING = "uninstalling"
    PENDING_INSTALL = "pending-install"
    PENDING_UPGRADE = "pending-upgrade"
    PENDING_ROLLBACK = "pending-rollback"


@dataclass(frozen=True, slots=True)
class HookRun:
    """When a hook last ran, and how it ended."""

    started_at: str = ""
    completed_at: str = ""
    phase: str = ""

    @classmethod
    def of_wire(cls, obj: JsonObject) -> Self:
        """From the record."""
        return cls(_text(obj, "started_at"), _text(obj, "completed_at"), _text(obj, "phase"))

    def to_wire(self) -> JsonObject:
        """For the record."""
        times = {"started_at": self.started_at, "completed_at": self.completed_at}
        return _filled(times) | {"phase": self.phase}


@dataclass(frozen=True, slots=True)
class Hook:
    """An object that runs at certain events of a release."""

    name: str
    kind: str
    path: str
    manifest: str
    events: tuple[str, ...]
    weight: int = 0
    delete_policies: tuple[str, ...] = ()
    output_log_policies: tuple[str, ...] = ()
    last_run: HookRun = HookRun()

    @property
    def is_test(self) -> bool:
        """Whether it is a test of the chart."""
        return "test" in self.events

    @classmethod
    def of_wire(cls, obj: JsonObject) -> Self:
        """From the record."""
        return cls(
            _text(obj, "name"),
            _text(obj, "kind"),
            _text(obj, "path"),
            _text(obj, "manifest"),
            _texts(obj, "events"),
            _integer(obj, "weight"),
            _texts(obj, "delete_policies"),
            _texts(obj, "output_log_policies"),
            HookRun.of_wire(mapping(obj.get("last_run"))),
        )

    def to_wire(self) -> JsonObject:
        """For the record."""
        head = {
            "name": self.name,
            "kind": self.kind,
            "path": self.path,
            "manifest": self.manifest,
            "events": list(self.events),
        }
        tail = {
            "weight": self.weight,
            "delete_policies": list(self.delete_policies),
            "output_log_policies": list(self.output_log_policies),
        }
        return _filled(head) | {"last_run": self.last_run.to_wire()} | _filled(tail)


@dataclass(frozen=True, slots=True)
class Info:
    """What happened to a revision."""

    first_deployed: str = ""
    last_deployed: str = ""
    deleted: str = ""
    description: str = ""
    status: str = ""
    rollback_revision: int = 0
    notes: str = ""
    resources: JsonObject | None = None

    @classmethod
    def of_wire(cls, obj: JsonObject) -> Self:
        """From the record."""
        return cls(
            _text(obj, "first_deployed"),
            _text(obj, "last_deployed"),
            _text(obj, "deleted"),
            _text(obj, "description"),
            _text(obj, "status"),
            _integer(obj, "rollback_revision"),
            _text(obj, "notes"),
            mapping(obj.get("resources")) or None,
        )

    def to_wire(self) -> JsonObject:
        """For the record."""
        return _filled(
            {
                "first_deployed": self.first_deployed,
                "last_deployed": self.last_deployed,
                "deleted": self.deleted,
                "description": self.description,
                "status": self.status,
                "rollback_revision": self.rollback_revision,
                "notes": self.notes,
                "resources": self.resources,
            }
        )


@dataclass(frozen=True, slots=True)
class Release:
    """One revision of a release."""

    name: str
    namespace: str
    version: int
    info: Info
    chart: JsonObject = field(repr=False)
    config: JsonObject = field(repr=False)
    manifest: str = field(repr=False)
    hooks: tuple[Hook, ...] = field(repr=False)
    apply_method: str = ""
    #: Labels of the record that somebody gave it, not Helm.
    labels: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_wire(cls, obj: JsonObject, labels: Mapping[str, str] | None = None) -> Self:
        """From the record.

        Raises:
            UnreadableRelease: it has no name or no revision.
        """
        name, version = _text(obj, "name"), _integer(obj, "version")
        if not name or version < 1:
            raise UnreadableRelease("the record of a release has no name or no revision")
        return cls(
            name,
            _text(obj, "namespace"),
            version,
            Info.of_wire(mapping(obj.get("info"))),
            mapping(obj.get("chart")),
            mapping(obj.get("config")),
            _text(obj, "manifest"),
            tuple(Hook.of_wire(hook) for hook in mappings(obj.get("hooks"))),
            _text(obj, "apply_method"),
            dict(labels or {}),
        )

    def to_wire(self) -> JsonObject:
        """For the record, in the order that Helm writes."""
        return _filled(
            {
                "name": self.name,
                "info": self.info.to_wire(),
                "chart": self.chart,
                "config": self.config,
                "manifest": self.manifest,
                "hooks": [hook.to_wire() for hook in self.hooks],
                "version": self.version,
                "namespace": self.namespace,
                "apply_method": self.apply_method,
            }
        )

    @property
    def status(self) -> str:
        """Where the revision stands."""
        return self.info.status

    @property
    def pending(self) -> bool:
        """Whether an operation was begun and has not ended, as far as the record knows."""
        return self.status.startswith("pending-")

    @property
    def metadata(self) -> JsonObject:
        """Metadata of the chart."""
        return mapping(self.chart.get("metadata"))

    @property
    def chart_name(self) -> str:
        """Name of the chart."""
        return _text(self.metadata, "name")

    @property
    def chart_version(self) -> str:
        """Version of the chart."""
        return _text(self.metadata, "version")

    @property
    def app_version(self) -> str:
        """Version of what the chart installs."""
        return _text(self.metadata, "appVersion")

    @property
    def full_name(self) -> str:
        """`<namespace>/<name>.v<revision>`."""
        return f"{self.namespace}/{self.name}.v{self.version}"

    @property
    def chart_text(self) -> str:
        """`<name>@<version>` of the chart."""
        return f"{self.chart_name}@{self.chart_version}"


def _filled(fields: Mapping[str, Any]) -> JsonObject:
    return {key: value for key, value in fields.items() if value}


def _text(obj: JsonObject, key: str) -> str:
    value = obj.get(key)
    return value if isinstance(value, str) else ""


def _texts(obj: JsonObject, key: str) -> tuple[str, ...]:
    value = obj.get(key)
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def _integer(obj: JsonObject, key: str) -> int:
    value = obj.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
