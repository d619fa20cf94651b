"""Sentry: errors as events, everything else as transactions; both in envelopes that are written here."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Final

from yarl import URL

from notification_controller.delivery.access import Access
from notification_controller.delivery.errors import Unusable
from notification_controller.delivery.request import Request
from notification_controller.delivery.service import Composed, Means
from notification_controller.event import Event
from notification_controller.notification import Notification
from shared.lang.json import JsonObject, dumps

_TYPE: Final = "application/x-sentry-envelope"
_CLIENT: Final = "headrace/1"
_OPERATION: Final = "event"


def sentry(access: Access, means: Means) -> Composed:
    """The address is a DSN, the channel an environment."""
    if not access.address:
        raise Unusable("DSN cannot be empty: set spec.address, or the key 'address' of the Secret")
    url, key = _endpoint(access)
    headers = {"X-Sentry-Auth": f"Sentry sentry_version=7, sentry_client={_CLIENT}, sentry_key={key}"}
    environment = {"environment": access.channel} if access.channel else {}

    def compose(notification: Notification) -> list[Request]:
        event = notification.event
        at = event.at or means.clock.now()
        identity = hashlib.sha256(notification.alert.uid.encode() + event.encoded()).hexdigest()[:32]
        item = (_error if event.failed else _transaction)(event, at, identity) | environment
        head = {"event_id": identity}
        kind = {"type": item.get("type", "event"), "length": len(dumps(item))}
        body = b"\n".join(dumps(part) for part in (head, kind, item)) + b"\n"
        return [Request.of_bytes(url, body, headers=headers, content_type=_TYPE)]

    return Composed(compose)


def _endpoint(access: Access) -> tuple[URL, str]:
    """Where envelopes go, and the public key."""
    url, login = access.url, access.in_address
    prefix, _, project = url.raw_path.rstrip("/").rpartition("/")
    if login is None or not login.username or not project:
        raise Unusable("the address is no DSN of Sentry, which is like https://key@host/project")
    if not login.username.isalnum():
        raise Unusable("the public key in the DSN of Sentry has to be of letters and digits")
    return url.origin().with_path(f"{prefix}/api/{project}/envelope/", encoded=True), login.username


def _named(event: Event, at: datetime, identity: str) -> JsonObject:
    involved = event.involved
    return {
        "event_id": identity,
        "platform": "other",
        "transaction": f"{involved.kind}: {involved.namespace}/{involved.name}",
        "message": event.message,
        "timestamp": at.timestamp(),
    }


def _error(event: Event, at: datetime, identity: str) -> JsonObject:
    about = {"level": event.severity, "server_name": event.controller}
    return _named(event, at, identity) | about | {"contexts": {"metadata": dict(event.metadata)}}


def _transaction(event: Event, at: datetime, identity: str) -> JsonObject:
    """A trace of no length: it shows that and when something was done."""
    trace, root, child = (
        hashlib.sha256(f"{identity}/{part}".encode()).hexdigest() for part in ("trace", "root", "span")
    )
    tags = {
        "flux_involved_object_kind": event.involved.kind,
        "flux_involved_object_namespace": event.involved.namespace,
        "flux_involved_object_name": event.involved.name,
        "flux_reporting_controller": event.controller,
        "flux_reporting_instance": event.instance,
        "flux_reason": event.reason,
        **event.metadata,
    }
    times = {"start_timestamp": at.timestamp(), "timestamp": at.timestamp()}
    context = {"trace_id": trace[:32], "span_id": root[:16], "op": _OPERATION}
    span = context | {"span_id": child[:16], "parent_span_id": root[:16], "tags": tags} | times
    return (
        _named(event, at, identity)
        | times
        | {
            "type": "transaction",
            "contexts": {"trace": context},
            "tags": tags,
            "spans": [span],
        }
    )
