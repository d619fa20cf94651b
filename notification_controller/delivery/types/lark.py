"""Lark (Feishu): a card, by the webhook of a bot."""

from __future__ import annotations

from typing import Final

from notification_controller.delivery.access import Access
from notification_controller.delivery.errors import Trouble
from notification_controller.delivery.request import Answer, Request
from notification_controller.delivery.service import Composed
from notification_controller.delivery.text import Facts, cut, escaped, in_bytes
from notification_controller.event import Event
from notification_controller.notification import Notification
from shared.lang.json import JsonError, JsonObject, loads, mapping

_WHOLE: Final = 18_000
#: The entities that Lark knows for signs which would be markup.
_ESCAPES: Final = str.maketrans({"<": "&#60;", ">": "&#62;", "*": "&#42;", "~": "&#126;"})


def lark(access: Access) -> Composed:
    """The colour of the heading tells errors from the rest."""
    url, headers = access.url, access.by_address

    def compose(notification: Notification) -> list[Request]:
        event = notification.event
        shown = escaped(event, _escape, _WHOLE // 2)
        text = cut(event.message, _WHOLE, lambda message: in_bytes(_markdown(message, shown)))
        return [Request.of_json(url, _message(event, _markdown(text, shown)), headers=headers)]

    return Composed(compose, _check)


def _message(event: Event, markdown: str) -> JsonObject:
    heading = f"{'🚨' if event.failed else '💫'} {event.involved.text}"
    return {
        "msg_type": "interactive",
        "card": {
            "config": {"wide_screen_mode": True},
            "header": {
                "title": {"tag": "plain_text", "content": heading},
                "template": "red" if event.failed else "turquoise",
            },
            "elements": [{"tag": "div", "text": {"tag": "lark_md", "content": markdown}}],
        },
    }


def _markdown(message: str, shown: Facts) -> str:
    lines = "".join(f"{name}: {value}\n" for name, value in shown)
    return f"**{_escape(message)}**\n\n{lines}"


def _escape(text: str) -> str:
    return text.translate(_ESCAPES)


def _check(answer: Answer) -> None:
    """Lark answers 200 to much that it doesn't take, with a code in the body."""
    answer.check()
    try:
        found = mapping(loads(answer.body))
    except JsonError:
        return
    code = found.get("code")
    if isinstance(code, int) and code:
        raise Trouble(f"Lark responded with code {code}", quoted=str(found.get("msg") or ""))
