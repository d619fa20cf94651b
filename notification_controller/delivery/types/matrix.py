"""Matrix: a message in a room; the event itself is the id of the transaction, so that none arrives twice."""

from __future__ import annotations

import hashlib
from typing import Final
from urllib.parse import quote

from yarl import URL

from notification_controller.delivery.access import Access
from notification_controller.delivery.errors import Unusable
from notification_controller.delivery.request import Request
from notification_controller.delivery.service import Composed
from notification_controller.delivery.text import Facts, cut, facts, few, in_bytes
from notification_controller.event import Event
from notification_controller.notification import Notification

_WHOLE: Final = 40_000


def matrix(access: Access) -> Composed:
    """By the token of an account that is in the room."""
    if not access.channel:
        raise Unusable("empty Matrix room: set spec.channel to the id of a room")
    server, headers = str(access.url.with_query(None)).rstrip("/"), access.by_token
    room = quote(access.channel, safe="")

    def compose(notification: Notification) -> list[Request]:
        event = notification.event
        transaction = hashlib.sha1(event.encoded(), usedforsecurity=False).hexdigest()
        path = f"/_matrix/client/r0/rooms/{room}/send/m.room.message/{transaction}"
        shown = few(facts(event.metadata), _WHOLE // 2)
        text = cut(event.message, _WHOLE, lambda message: in_bytes(_body(event, message, shown)))
        payload = {"body": _body(event, text, shown), "msgtype": "m.text"}
        return [Request.of_json(URL(f"{server}{path}", encoded=True), payload, headers=headers, method="PUT")]

    return Composed(compose)


def _body(event: Event, message: str, shown: Facts) -> str:
    lines = "".join(f"- {name}: {value}\n" for name, value in shown)
    return f"{'🚨' if event.failed else '💫'} {event.involved.text}\n{message}\n{lines}"
