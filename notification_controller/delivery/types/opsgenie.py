"""Opsgenie: alerts, one for each object and reason."""

from __future__ import annotations

import hashlib
from typing import Final

from notification_controller.delivery.access import Access
from notification_controller.delivery.errors import Unusable
from notification_controller.delivery.request import Request
from notification_controller.delivery.service import Composed
from notification_controller.delivery.text import cut, facts, few
from notification_controller.notification import Notification

_TITLE: Final = 130
_DESCRIPTION: Final = 15_000
_DETAILS: Final = 7_500


def opsgenie(access: Access) -> Composed:
    """The UID of the Provider keeps the alerts of clusters apart."""
    if not access.bearer:
        raise Unusable("empty Opsgenie apikey/token: the key 'token' of the Secret has to be there")
    url, headers = access.url, {"Authorization": f"GenieKey {access.bearer}"}

    def compose(notification: Notification) -> list[Request]:
        event, involved = notification.event, notification.event.involved
        parts = (access.uid, involved.kind, involved.namespace, involved.name, event.reason)
        payload = {
            "message": cut(f"{involved.kind}/{involved.name}", _TITLE),
            "alias": hashlib.sha256("/".join(parts).encode()).hexdigest(),
            "description": cut(event.message, _DESCRIPTION),
            "details": dict(few(facts(event.metadata), _DETAILS)) | {"severity": event.severity},
        }
        return [Request.of_json(url, payload, headers=headers)]

    return Composed(compose)
