"""From the body of a call to an `Event`; anything that is none is a `NotAnEvent`, whatever it holds.

The rules are those of Flux's own decoder: a key is found whatever its case, the last one of several counts,
unknown ones are ignored, and `null` is the same as absent; what is no Unicode in a text is U+FFFD.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from notification_controller.event import Event, Involved
from shared.lang.gojson import loads
from shared.lang.json import JsonError, JsonObject, kind_of

_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)
_MEMBERS: Final = {
    key.lower(): key
    for key in (
        "involvedObject",
        "severity",
        "timestamp",
        "message",
        "reason",
        "metadata",
        "reportingController",
        "reportingInstance",
    )
}
_INVOLVED: Final = {
    key.lower(): key
    for key in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
}


class NotAnEvent(Exception):
    """The body is no event; str() says where, and repeats nothing of it."""


def decode(body: bytes) -> Event:
    """The event that a body holds.

    Raises:
        NotAnEvent: it holds none.
    """
    try:
        members = _known(loads(body), _MEMBERS, "event")
    except JsonError as error:
        raise NotAnEvent(str(error)) from None
    involved = _known(members.get("involvedObject"), _INVOLVED, "involvedObject")

    def text(key: str) -> str:
        return _text(members.get(key), key)

    def of_object(key: str) -> str:
        return _text(involved.get(key), f"involvedObject.{key}")

    return Event(
        involved=Involved(
            kind=of_object("kind"),
            namespace=of_object("namespace"),
            name=of_object("name"),
            uid=of_object("uid"),
            api_version=of_object("apiVersion"),
            resource_version=of_object("resourceVersion"),
            field_path=of_object("fieldPath"),
        ),
        severity=text("severity"),
        message=text("message"),
        reason=text("reason"),
        controller=text("reportingController"),
        at=_moment(members.get("timestamp")),
        instance=text("reportingInstance"),
        metadata=_metadata(members.get("metadata")),
    )


def _known(value: object, names: dict[str, str], where: str) -> JsonObject:
    """The members of an object that have a meaning, under their own names."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise NotAnEvent(f"{where}: an object is needed, found {kind_of(value)}")
    found: JsonObject = {}
    for key, member in value.items():
        name = names.get(key.lower())
        if name is not None and member is not None:
            found[name] = member
    return found


def _text(value: object, where: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise NotAnEvent(f"{where}: a string is needed, found {kind_of(value)}")
    return value


def _metadata(value: object) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise NotAnEvent(f"metadata: an object is needed, found {kind_of(value)}")
    return {key: _text(member, "a value of metadata") for key, member in value.items()}


def _moment(value: object) -> datetime | None:
    if value is None:
        return None
    text = _text(value, "timestamp")
    if _TIME.fullmatch(text):
        with suppress(ValueError, OverflowError):
            return datetime.fromisoformat(text).astimezone(UTC)
    raise NotAnEvent("timestamp: a time as in RFC 3339 is needed, for example 2026-01-02T03:04:05Z")
