"""Datadog: an event, found by the tags that Datadog gives to objects of Kubernetes."""

from __future__ import annotations

from typing import Final

from notification_controller.delivery.access import Access
from notification_controller.delivery.errors import Unusable
from notification_controller.delivery.request import Request
from notification_controller.delivery.service import Composed
from notification_controller.delivery.text import cut, facts
from notification_controller.event import Event
from notification_controller.notification import Notification
from shared.lang.json import JsonObject

_TEXT: Final = 4000


def datadog(access: Access) -> Composed:
    """By an API key; only scheme and host of the address count."""
    if not access.bearer:
        raise Unusable("token cannot be empty: the key 'token' of the Secret has to hold an API key")
    url = access.url.origin() / "api" / "v1" / "events"
    headers = {"DD-API-KEY": access.bearer}

    def compose(notification: Notification) -> list[Request]:
        return [Request.of_json(url, _event(notification.event), headers=headers)]

    return Composed(compose)


def _event(event: Event) -> JsonObject:
    involved = event.involved
    tags = [
        f"flux_reporting_controller:{event.controller}",
        f"flux_reason:{event.reason}",
        f"kube_kind:{involved.kind}",
        f"kube_name:{involved.name}",
        f"kube_namespace:{involved.namespace}",
        *(f"{key}:{value}" for key, value in facts(event.metadata)),
    ]
    found: JsonObject = {
        "title": f"Events from the {involved.kind} {involved.name}/{involved.namespace}",
        "text": cut(event.message, _TEXT),
        "tags": [tag.lower() for tag in tags],
        "source_type_name": "fluxcd",
        "alert_type": "error" if event.failed else "info",
    }
    return found | ({"date_happened": int(event.at.timestamp())} if event.at else {})
