"""Whether a body is an event of the CDEvents specification, version 0.4.

No library of Python checks such events, and their JSON schemas with an interpreter for them weigh more than
the few rules that they contain: known types, fields that have to be there, and the types of fields. As it is
for Flux, what the specification doesn't know is ignored, and an optional field that is null or empty is none.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache
from typing import Any, Final

from notification_controller.receivers.cdevent_types import CONTENTS, GROUPS, WORDS
from notification_controller.receivers.webhook import NotAcceptable
from shared.lang.gojson import loads_object
from shared.lang.json import JsonError, JsonObject

_KNOWN: Final = re.compile(r"dev\.cdevents\.([a-z]+)\.([a-z]+)\.(\d+)\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?")
_CUSTOM: Final = re.compile(r"dev\.cdeventsx\.([a-z0-9]+-[a-z]+)\.([a-z]+)\.\d\.\d\.\d", re.IGNORECASE)
_MAJOR: Final = "0"
_LINKS: Final = {"END": (), "PATH": ("from",), "RELATION": ("target",)}

Fields = tuple[tuple[str, bool, str], ...]

_CONTEXT: Final[Fields] = (("chainId", False, ""), ("schemaUri", False, ""), ("links", False, "list"))
_SUBJECT: Final[Fields] = (("source", False, ""),)


def check_cdevent(body: bytes) -> JsonObject:
    """The event.

    Raises:
        NotAcceptable: it is none.
    """
    try:
        event = loads_object(body)
    except JsonError as error:
        raise _bad(str(error)) from None
    context, subject = _object(event, "context"), _object(event, "subject")
    for field in ("version", "id", "source", "type"):
        _text(context, "context", field)
    if not _is_time(context.get("timestamp")):
        raise _bad("context.timestamp is not a time")
    _check_fields(context, _CONTEXT, "context")
    _check_links(context)
    for field in ("id", "type"):
        _text(subject, "subject", field)
    _check_fields(subject, _SUBJECT, "subject")
    content = {} if subject.get("content") is None else _object(subject, "content", "subject.")
    fields = _content_of(context["type"], subject["type"])
    if fields is not None:
        _check_fields(content, _parsed(fields), "subject.content")
    return event


def _content_of(kind: str, subject_type: str) -> str | None:
    """The fields of the content of a type of event; None for one that its sender has defined."""
    known = _KNOWN.fullmatch(kind)
    if known is not None:
        subject, predicate, major = known.groups()
        fields = CONTENTS.get(f"{subject}.{predicate}")
        if fields is None or major != _MAJOR:
            raise _bad("context.type is no event of version 0.4")
        if subject_type.lower() != subject:
            raise _bad(f"subject.type is not that of a {subject}.{predicate} event")
        return fields
    custom = _CUSTOM.fullmatch(kind)
    if custom is None:
        raise _bad("context.type is not 'dev.cdevents.<subject>.<predicate>.<version>'")
    if subject_type.lower() != custom[1].lower():
        raise _bad("subject.type is not that of context.type")
    return None


def _check_links(context: JsonObject) -> None:
    for link in context.get("links") or ():
        if not isinstance(link, dict) or str(link.get("linkType")) not in _LINKS:
            raise _bad("context.links has something that is no link")
        for field in _LINKS[str(link["linkType"])]:
            _text(_object(link, field, "context.links."), f"context.links.{field}", "contextId")


def _check_fields(value: JsonObject, fields: Fields, path: str) -> None:
    for name, required, kind in fields:
        if required and name not in value:
            raise _bad(f"{path}.{name} is missing")
        if required or value.get(name) not in (None, ""):
            _check(value[name], kind, f"{path}.{name}")


def _check(value: Any, kind: str, path: str) -> None:
    if kind == "any":
        return
    if kind == "list":
        if not isinstance(value, list):
            raise _bad(f"{path} is not a list")
    elif kind in GROUPS:
        if not isinstance(value, dict):
            raise _bad(f"{path} is not an object")
        _check_fields(value, _parsed(GROUPS[kind]), path)
    elif not isinstance(value, str):
        raise _bad(f"{path} is not a string")
    elif kind == "text" and not value:
        raise _bad(f"{path} is empty")
    elif kind in WORDS and value not in WORDS[kind]:
        raise _bad(f"{path} is none of {', '.join(sorted(WORDS[kind]))}")


@cache
def _parsed(text: str) -> Fields:
    """Name, whether it is required, and kind of each field."""
    fields = []
    for part in text.split():
        name, _, kind = part.partition(":")
        fields.append((name.removesuffix("!"), name.endswith("!"), kind))
    return tuple(fields)


def _object(value: JsonObject, field: str, path: str = "") -> JsonObject:
    found = value.get(field)
    if not isinstance(found, dict):
        raise _bad(f"{path}{field} is {'missing' if found is None else 'not an object'}")
    return found


def _text(value: JsonObject, path: str, field: str) -> None:
    if field not in value:
        raise _bad(f"{path}.{field} is missing")
    _check(value[field], "text", f"{path}.{field}")


def _is_time(value: Any) -> bool:
    """Whether it is one, or none is told."""
    try:
        return value is None or datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        return False


def _bad(why: str) -> NotAcceptable:
    return NotAcceptable(f"the body is no CDEvent: {why}", told=f"the body is no CDEvent: {why}")
