"""Metadata of an event: what of it counts, and how an Alert's own is combined with it.

Keys carry the prefix of a group, as senders write them: that of events for what people have annotated, that
of the object's group for what its controller says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from notification_controller.event import Event
from shared.api import wire
from shared.api.notification_v1beta3 import Alert

ORIGIN_REVISION: Final = "originRevision"
REVISION: Final = "revision"
TOKEN: Final = "token"  # noqa: S105 - the name of a key
_SUMMARY: Final = "summary"
#: Of no use to anybody who reads the notification.
_NOISE: Final = ("checksum", "digest")

_ANNOTATIONS: Final = "involved object annotations"
_EVENT_METADATA: Final = "Alert object .spec.eventMetadata"
_SPEC_SUMMARY: Final = "Alert object .spec.summary"
_ALERT: Final = (_EVENT_METADATA, _SPEC_SUMMARY)
_CONTROLLER: Final = "involved object controller metadata"


def cleaned(event: Event) -> Event:
    """The event with only that metadata which has the prefix of events or of the object's group."""
    prefix = f"{event.involved.group}/"
    noise = {f"{prefix}{key}".lower() for key in _NOISE}
    kept = {
        key: value
        for key, value in event.metadata.items()
        if key.startswith((wire.EVENT_PREFIX, prefix)) and key.lower() not in noise
    }
    return replace(event, metadata=kept)


def told(event: Event, key: str) -> str | None:
    """What the controller of the object says under a key."""
    return event.metadata.get(f"{event.involved.group}/{key}")


def without_token(event: Event) -> Event:
    """The event without the metadata that only tells equal events apart."""
    key = f"{event.involved.group}/{TOKEN}"
    if key not in event.metadata:
        return event
    return replace(event, metadata={name: value for name, value in event.metadata.items() if name != key})


@dataclass(frozen=True, slots=True)
class Combined:
    """Metadata without prefixes, and the keys that several sources have: their names, lowest first."""

    metadata: Mapping[str, str]
    conflicts: Mapping[str, tuple[str, ...]]
    authored: frozenset[str]
    """Keys whose values are those of the Alert."""


def combined(event: Event, alert: Alert) -> Combined:
    """The metadata that a provider gets; the later source wins."""
    spec = alert.spec
    sources: tuple[tuple[str, Mapping[str, str]], ...] = (
        (_ANNOTATIONS, _stripped(event.metadata, wire.EVENT_PREFIX)),
        (_EVENT_METADATA, spec.event_metadata or {}),
        (_SPEC_SUMMARY, {_SUMMARY: spec.summary} if spec.summary else {}),
        (_CONTROLLER, _stripped(event.metadata, f"{event.involved.group}/")),
    )
    metadata: dict[str, str] = {}
    origins: dict[str, tuple[str, ...]] = {}
    for name, values in sources:
        metadata |= values
        for key in values:
            origins[key] = (*origins.get(key, ()), name)
    return Combined(
        metadata,
        {key: names for key, names in sorted(origins.items()) if len(names) > 1},
        frozenset(key for key, names in origins.items() if names[-1] in _ALERT),
    )


def _stripped(metadata: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {key.removeprefix(prefix): value for key, value in metadata.items() if key.startswith(prefix)}
