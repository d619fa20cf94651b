"""Any endpoint that takes the event itself, signed on demand."""

from __future__ import annotations

import hashlib
import hmac

from notification_controller.delivery.access import Access
from notification_controller.delivery.errors import Unusable
from notification_controller.delivery.request import Request, headed
from notification_controller.delivery.service import Composed
from notification_controller.notification import Notification

_COMPONENT = "gotk-component"
_SIGNATURE = "X-Signature"


def generic(access: Access) -> Composed:
    """Without a signature."""
    return _forwarder(access, b"")


def generic_hmac(access: Access) -> Composed:
    """With the bytes of the token, whatever they are, as the key of a signature."""
    if not access.token:
        raise Unusable("HMAC key is empty: the key 'token' of the Secret has to be there")
    return _forwarder(access, access.token)


def signature(body: bytes, key: bytes) -> str:
    """What proves that the body comes from who knows the key."""
    return f"sha256={hmac.new(key, body, hashlib.sha256).hexdigest()}"


def _forwarder(access: Access, key: bytes) -> Composed:
    url, login = access.url, access.by_address

    def compose(notification: Notification) -> list[Request]:
        event = notification.event
        body = event.encoded()
        signed = {_SIGNATURE: signature(body, key)} if key else {}
        headers = headed({_COMPONENT: event.controller}, login, access.headers, signed)
        return [Request.of_bytes(url, body, headers=headers)]

    return Composed(compose)
