"""Payloads of registries and forms: the fields that are used have to be of the right type.

A field that is missing or null is fine, as it is for Flux: nothing but filters depends on it.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias
from urllib.parse import unquote_plus

from notification_controller.receivers.webhook import NotAcceptable, Webhook
from shared.lang.gojson import first_object
from shared.lang.json import JsonError, JsonObject

_FORM: Final = "application/x-www-form-urlencoded"
_STRAY_PERCENT: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_FIELDS: Final = 1000


@dataclass(frozen=True, slots=True)
class _Kind:
    """A type that a field may have."""

    name: str
    holds: Callable[[Any], bool]


Shape: TypeAlias = "Mapping[str, _Kind | Shape]"

_TEXT: Final = _Kind("a string", lambda value: isinstance(value, str))
_TEXTS: Final = _Kind(
    "a list of strings",
    lambda value: isinstance(value, list) and all(isinstance(item, str | None) for item in value),
)
_TIME: Final = _Kind("a time", lambda value: isinstance(value, str) and _is_time(value))

DOCKERHUB: Final[Shape] = {"push_data": {"tag": _TEXT}, "repository": {"repo_url": _TEXT}}
QUAY: Final[Shape] = {"docker_url": _TEXT, "updated_tags": _TEXTS}
ACR: Final[Shape] = {"action": _TEXT, "target": {"repository": _TEXT, "tag": _TEXT}}
NEXUS: Final[Shape] = {"action": _TEXT, "repositoryName": _TEXT}
_PUBSUB: Final[Shape] = {
    "message": {"data": _TEXT, "messageId": _TEXT, "publishTime": _TIME, "subscription": _TEXT}
}
_GCR: Final[Shape] = {"action": _TEXT, "digest": _TEXT, "tag": _TEXT}


def check_shape(source: str, body: bytes, shape: Shape) -> JsonObject:
    """A payload whose used fields have the right types.

    Raises:
        NotAcceptable: it is no JSON object, or one of them has not.
    """
    try:
        payload = first_object(body)
    except JsonError as error:
        raise NotAcceptable(f"cannot decode the payload of {source}: {error}") from None
    _compare(source, payload, shape, "")
    return payload


def pushed_through_pubsub(body: bytes) -> JsonObject:
    """What a registry of Google says in a message of Pub/Sub; only what filters may read of it.

    Raises:
        NotAcceptable: the body is no such message.
    """
    envelope = check_shape("GCR", body, _PUBSUB)
    data = (envelope.get("message") or {}).get("data") or ""
    try:
        decoded = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise NotAcceptable("cannot decode the payload of GCR: message.data is not base64") from None
    event = check_shape("GCR", decoded, _GCR)
    return {field: event.get(field) or "" for field in _GCR}


def check_form_or_json(source: str, webhook: Webhook) -> None:
    """The two ways in which GitHub sends.

    Raises:
        NotAcceptable: it is neither, or a form that can't be read.
    """
    if webhook.is_json:
        return
    if webhook.media_type != _FORM:
        raise NotAcceptable(
            f"the content type of {source} is neither application/json nor {_FORM}",
            told=f"the content type has to be application/json or {_FORM}",
        )
    pairs = webhook.body.split(b"&")
    if len(pairs) > _FIELDS or b";" in webhook.body or _STRAY_PERCENT.search(webhook.body):
        raise NotAcceptable(f"the form of {source} can't be read", told="the form can't be read")
    if not any(unquote_plus(pair.partition(b"=")[0].decode(errors="replace")) == "payload" for pair in pairs):
        raise NotAcceptable(f"the form of {source} has no payload", told="the form has no payload")


def _compare(source: str, payload: JsonObject, shape: Shape, path: str) -> None:
    for field, expected in shape.items():
        value = payload.get(field)
        if value is None:
            continue
        if isinstance(expected, _Kind):
            if not expected.holds(value):
                raise NotAcceptable(
                    f"cannot decode the payload of {source}: {path}{field} is not {expected.name}"
                )
        elif not isinstance(value, dict):
            raise NotAcceptable(f"cannot decode the payload of {source}: {path}{field} is not an object")
        else:
            _compare(source, value, expected, f"{path}{field}.")


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
