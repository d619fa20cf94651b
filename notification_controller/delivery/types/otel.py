"""OpenTelemetry: a span for each event, sent to a collector by OTLP over HTTP.

Events of one Alert about one revision belong to the same trace, so the way of a change through a cluster can
be seen at a glance.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from notification_controller.delivery.access import Access
from notification_controller.delivery.errors import Trouble
from notification_controller.delivery.protobuf import blob, fixed32, fixed64, number, parts
from notification_controller.delivery.request import Answer, Request, headed
from notification_controller.delivery.service import Composed, Means
from notification_controller.event import Event
from notification_controller.notification import Notification, Sender
from shared.auth import BasicAuth, BearerToken

_TYPE: Final = "application/x-protobuf"
_PATH: Final = "/v1/traces"
_SCHEMA: Final = "https://opentelemetry.io/schemas/1.34.0"
_SCOPE: Final = "flux:notification-controller"
_SKIPPED: Final = "HelmRepository"
_INTERNAL: Final = 1
_OK: Final = 1
_ERROR: Final = 2
#: Sampled, and the parent is known to be elsewhere.
_FLAGS: Final = 0x301
#: Nanoseconds of the last moment that the protocol knows, in the year 2554; the first one is zero.
_LATEST: Final = (1 << 64) - 1
_EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def otel(access: Access, means: Means) -> Composed:
    """Logs in at the collector as its headers say, else by user name and password, or by a token alone."""
    url = access.url
    url = url if url.path not in ("", "/") else url.with_path(_PATH, keep_query=True)
    headers = headed(_login(access), access.headers)

    def compose(notification: Notification) -> list[Request]:
        event = notification.event
        if event.involved.kind == _SKIPPED:
            return []
        body = _export(event, notification.alert, event.at or means.clock.now())
        return [Request.of_bytes(url, body, headers=headers, content_type=_TYPE)]

    return Composed(compose, _check)


def _check(answer: Answer) -> None:
    """A collector may take a request and say that it took nothing of it."""
    answer.check()
    if _TYPE not in answer.headers.get("Content-Type", ""):
        return
    try:
        partial = parts(answer.body).get(1, b"")
        refused = parts(partial) if isinstance(partial, bytes) else {}
    except ValueError:
        return
    if refused.get(1):
        said = refused.get(2, b"")
        text = said.decode(errors="replace") if isinstance(said, bytes) else ""
        raise Trouble("the collector rejected the span", quoted=text)


def _login(access: Access) -> dict[str, str]:
    secret = access.bearer or access.password
    if not secret:
        return access.authorization()
    login = BasicAuth(access.username, secret) if access.username else BearerToken(secret)
    return {"Authorization": login.header}


def _export(event: Event, alert: Sender, at: datetime) -> bytes:
    """A request for the export of one span, of one scope, of one resource."""
    resource = {
        "service.name": f"{alert.namespace}/{alert.name}",
        "service.namespace": alert.namespace,
        "service.instance.id": alert.uid,
    }
    scope = blob(1, blob(1, _SCOPE)) + blob(2, _span(event, alert, at))
    spans = blob(1, b"".join(_attributes(1, resource))) + blob(2, scope) + blob(3, _SCHEMA)
    return blob(1, spans)


def _span(event: Event, alert: Sender, at: datetime) -> bytes:
    involved = event.involved
    about = {
        "object.uid": involved.uid,
        "object.kind": involved.kind,
        "object.name": involved.name,
        "object.namespace": involved.namespace,
        **dict(sorted(event.metadata.items())),
    }
    trace = hashlib.sha256(f"{alert.uid}:{revision(event.metadata)}".encode()).digest()[:16]
    span = hashlib.sha256(alert.uid.encode() + event.encoded()).digest()[:8]
    when = min(max((at - _EPOCH) // timedelta(microseconds=1) * 1000, 0), _LATEST)
    status = blob(2, event.message) + number(3, _ERROR) if event.failed else number(3, _OK)
    return b"".join(
        (
            blob(1, trace),
            blob(2, span),
            blob(5, f"{involved.kind}: {involved.namespace}/{involved.name}"),
            number(6, _INTERNAL),
            fixed64(7, when),
            fixed64(8, when),
            *_attributes(9, about),
            blob(15, status),
            fixed32(16, _FLAGS),
        )
    )


def revision(metadata: Mapping[str, str]) -> str:
    """What events about the same content have in common."""
    if "oci-digest" in metadata and "app-version" in metadata:
        return f"{metadata['app-version']}@{metadata['oci-digest']}"
    return metadata.get("revision", "unknown")


def _attributes(field: int, values: Mapping[str, str]) -> Iterable[bytes]:
    return (blob(field, blob(1, key) + blob(2, blob(1, value))) for key, value in values.items())
