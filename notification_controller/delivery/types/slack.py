"""Slack, and the two services that take messages in its form: Discord and Rocket.Chat."""

from __future__ import annotations

from typing import Final

from yarl import URL

from notification_controller.delivery.access import Access
from notification_controller.delivery.errors import Trouble
from notification_controller.delivery.request import Answer, Request
from notification_controller.delivery.service import Composed
from notification_controller.delivery.text import Facts, cut, escaped, facts, few, filled, without_tags
from notification_controller.notification import Notification
from shared.lang.json import JsonObject, mapping

_API: Final = "https://slack.com/api/chat.postMessage"
_TEXT: Final = 8000
_FIELDS: Final = 20_000
_VALUE: Final = 2000
_FALLBACK: Final = 2000

_DISCORD_TEXT: Final = 4096
_DISCORD_ALL: Final = 6000
_DISCORD_FIELDS: Final = 25
_DISCORD_NAME: Final = 256
_DISCORD_VALUE: Final = 1024


def slack(access: Access) -> Composed:
    """By an incoming webhook, or by the API with the token of a bot."""
    url, headers = access.url, access.by_token

    def compose(notification: Notification) -> list[Request]:
        event = notification.event
        obj = event.involved.text
        message = _message(
            access.channel,
            access.username or event.controller,
            fallback=cut(f"{obj}: {event.message.splitlines()[0] if event.message else ''}", _FALLBACK),
            color="danger" if event.failed else "good",
            author_name=obj,
            # What Slack would take for links and mentions; only the author of an Alert may have meant those.
            text=without_tags(cut(event.message, _TEXT, lambda text: len(without_tags(text)))),
            fields=escaped(event, without_tags, _FIELDS, value=_VALUE),
        )
        return [Request.of_json(url, message, headers=headers)]

    return Composed(compose, _check_api if access.address == _API else Answer.check)


def discord(access: Access) -> Composed:
    """By a webhook, in the form of Slack."""
    url, headers = access.url, access.by_address
    url = url if access.address.endswith("/slack") else _below(url, "slack")

    def compose(notification: Notification) -> list[Request]:
        event = notification.event
        obj = cut(event.involved.text, _DISCORD_NAME)
        fields = few(
            filled(facts(event.metadata)),
            _DISCORD_ALL // 2,
            number=_DISCORD_FIELDS,
            name=_DISCORD_NAME,
            value=_DISCORD_VALUE,
        )
        rest = _DISCORD_ALL - len(obj) - sum(len(name) + len(value) for name, value in fields)
        message = _message(
            "",
            access.username or event.controller,
            fallback="",
            color="danger" if event.failed else "good",
            author_name=obj,
            text=cut(event.message, min(_DISCORD_TEXT, rest)),
            fields=fields,
        )
        return [Request.of_json(url, message, headers=headers)]

    return Composed(compose)


def rocket(access: Access) -> Composed:
    """By an incoming webhook of Rocket.Chat."""
    url, headers = access.url, access.by_address

    def compose(notification: Notification) -> list[Request]:
        event = notification.event
        message = _message(
            access.channel,
            access.username,
            fallback="",
            color="#FF0000" if event.failed else "#0076D7",
            author_name=event.involved.text,
            text=cut(event.message, _TEXT),
            fields=few(facts(event.metadata), _FIELDS, value=_VALUE),
        )
        return [Request.of_json(url, message, headers=headers)]

    return Composed(compose)


def _message(
    channel: str, username: str, *, fallback: str, color: str, author_name: str, text: str, fields: Facts
) -> JsonObject:
    attachment = {
        "fallback": fallback,
        "color": color,
        "author_name": author_name,
        "text": text,
        "mrkdwn_in": ["text"],
        "fields": [{"title": name, "value": value, "short": False} for name, value in fields],
    }
    return {
        "channel": channel,
        "username": username,
        "icon_url": "",
        "icon_emoji": "",
        "attachments": [attachment],
    }


def _check_api(answer: Answer) -> None:
    """The API answers 200 to everything; what it thinks is in the body."""
    if not answer.body.strip().startswith(b"{"):
        answer.check()
    found = mapping(answer.json())
    if found.get("ok") is not True:
        raise Trouble("Slack responded with error", quoted=str(found.get("error") or "none is given"))


def _below(url: URL, name: str) -> URL:
    """An address below another; both keep their query."""
    return url.with_path(f"{url.raw_path.rstrip('/')}/{name}", encoded=True, keep_query=True)
