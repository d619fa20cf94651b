"""What an Alert is told about: Kubernetes Events on it, and lines in the log.

They go nowhere else. An event of this controller that was posted to this controller could bring forth the
next one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import structlog

from notification_controller.alerts.rule import Rule
from notification_controller.event import Event, Involved
from shared.events import Event as ObjectEvent
from shared.events import Recorder, Severity
from shared.observe.clock import Clock

_CONFLICTS: Final = (
    "metadata key conflicts detected "
    "(please refer to the Alert API docs and Flux RFC 0008 for more information)"
)
_ANNOTATION: Final = re.compile(
    r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", re.ASCII
)


class AlertWarnings:
    """Writes Warning Events on Alerts."""

    def __init__(self, recorder: Recorder, clock: Clock) -> None:
        self._recorder = recorder
        self._clock = clock
        self._log = structlog.get_logger("event-server").bind(logger="event-server")

    def source_not_read(self, rule: Rule, event: Event) -> None:
        """The labels of the object are not to be had, so the event is not told."""
        self._warn(rule, "SourceFetchFailed", f"error getting source object {_path(event.involved)}")

    def not_dispatched(self, rule: Rule, event: Event, why: str) -> None:
        """The event never got to its Provider."""
        self._log.error("failed to dispatch notification", **_about(rule, event), error=why)
        message = f"failed to dispatch notification for {_path(event.involved)}: {why}"
        self._warn(rule, "NotificationDispatchFailed", message)

    def not_sent(self, rule: Rule, event: Event, why: str) -> None:
        """The Provider's service did not take it."""
        self._log.error("failed to send notification", **_about(rule, event), error=why)
        message = f"failed to send notification for {_path(event.involved)}: {why}"
        self._warn(rule, "NotificationDispatchFailed", message)

    def conflicting(self, rule: Rule, event: Event, conflicts: Mapping[str, tuple[str, ...]]) -> None:
        """Several sources have the same keys of metadata."""
        shown = {key: ", ".join(sources) for key, sources in conflicts.items()}
        self._log.info(f"warning: {_CONFLICTS}", **_about(rule, event), conflictingKeys=shown)
        # A key that no annotation can have would cost the whole Event.
        annotations = {key: sources for key, sources in shown.items() if _ANNOTATION.fullmatch(key)}
        self._warn(rule, "MetadataAppendFailed", _CONFLICTS, annotations)

    def _warn(
        self, rule: Rule, reason: str, message: str, annotations: Mapping[str, str] | None = None
    ) -> None:
        self._recorder.record(
            ObjectEvent(
                rule.subject, Severity.ERROR, reason, message, self._clock.now(), dict(annotations or {})
            )
        )


def involved_fields(involved: Involved) -> dict[str, object]:
    """How log lines of an event name its object."""
    return {"eventInvolvedObject": involved.wire()}


def _about(rule: Rule, event: Event) -> dict[str, object]:
    alert = {"name": rule.key.name, "namespace": rule.key.namespace, "providerName": rule.provider.name}
    return {**involved_fields(event.involved), "alert": alert}


def _path(involved: Involved) -> str:
    return f"{involved.kind}/{involved.namespace}/{involved.name}"
