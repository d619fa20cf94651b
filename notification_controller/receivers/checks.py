"""What a call has to prove for each type of Receiver, and what filters may read of it.

Two steps, so that a caller who proves nothing costs nothing more: `authenticate` looks at headers and at
the bytes of the body, `read` at the event and at what is in the body. The types whose callers bring a token
of an issuer are authenticated by `tokens`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

from notification_controller.receivers.cdevents import check_cdevent
from notification_controller.receivers.material import Material
from notification_controller.receivers.payloads import (
    ACR,
    DOCKERHUB,
    NEXUS,
    QUAY,
    Shape,
    check_form_or_json,
    check_shape,
    pushed_through_pubsub,
)
from notification_controller.receivers.signatures import check_equal, check_hmac, check_plain_hmac
from notification_controller.receivers.webhook import NotAcceptable, Webhook
from shared.api.notification_v1 import ReceiverType
from shared.lang.json import JsonObject

#: Names of hosts as the messages have them, and the header that names the event of a webhook.
_EVENTS: Final[Mapping[ReceiverType, tuple[str, str]]] = {
    ReceiverType.GITHUB: ("GitHub", "X-GitHub-Event"),
    ReceiverType.GITLAB: ("GitLab", "X-Gitlab-Event"),
    ReceiverType.BITBUCKET: ("Bitbucket server", "X-Event-Key"),
    ReceiverType.CDEVENTS: ("CDEvents", "Ce-Type"),
}


def authenticate(kind: ReceiverType, webhook: Webhook, material: Material) -> None:
    """Whether the caller knows the token; types that prove nothing else are known by their path.

    Raises:
        Unauthenticated: it does not.
    """
    check = _AUTHENTICATORS.get(kind)
    if check is not None:
        check(webhook, material.token)


def read(kind: ReceiverType, webhook: Webhook, events: Sequence[str]) -> JsonObject | None:
    """Checks event and payload; gives what takes the place of the body for filters, if anything does.

    Raises:
        NotAcceptable: they are not accepted.
    """
    if kind in _EVENTS:
        _check_event(*_EVENTS[kind], webhook, events)
    reader = _READERS.get(kind)
    return reader(webhook) if reader is not None else None


def _check_event(host: str, header: str, webhook: Webhook, events: Sequence[str]) -> None:
    event = webhook.header(header)
    if events and event.casefold() not in {allowed.casefold() for allowed in events}:
        raise NotAcceptable(
            f"the {host} event {event[:100]!r} is not authorised", told="the event is not authorised"
        )


def _hub(webhook: Webhook, token: bytes) -> None:
    """GitHub, and those who sign as it does: the stronger header if there are both."""
    header = "X-Hub-Signature-256"
    if not webhook.header(header):
        header = "X-Hub-Signature"
    check_hmac(header, webhook.header(header), token, webhook.body)


def _signed(webhook: Webhook, token: bytes) -> None:
    check_hmac("X-Signature", webhook.header("X-Signature"), token, webhook.body)


def _nexus(webhook: Webhook, token: bytes) -> None:
    header = "X-Nexus-Webhook-Signature"
    check_plain_hmac(header, webhook.header(header), token, webhook.body)


def _repeated(header: str, webhook: Webhook, token: bytes) -> None:
    check_equal(header, webhook.header(header), token)


def _form_or_json(source: str, webhook: Webhook) -> None:
    check_form_or_json(source, webhook)


def _shaped(source: str, shape: Shape, webhook: Webhook) -> None:
    check_shape(source, webhook.body, shape)


def _pubsub(webhook: Webhook) -> JsonObject:
    return pushed_through_pubsub(webhook.body)


def _cdevent(webhook: Webhook) -> None:
    check_cdevent(webhook.body)


_AUTHENTICATORS: Final[Mapping[ReceiverType, Callable[[Webhook, bytes], None]]] = {
    ReceiverType.GENERIC_HMAC: _signed,
    ReceiverType.GITHUB: _hub,
    ReceiverType.BITBUCKET: _hub,
    ReceiverType.GITLAB: partial(_repeated, "X-Gitlab-Token"),
    ReceiverType.HARBOR: partial(_repeated, "Authorization"),
    ReceiverType.NEXUS: _nexus,
}

_READERS: Final[Mapping[ReceiverType, Callable[[Webhook], JsonObject | None]]] = {
    ReceiverType.GITHUB: partial(_form_or_json, "GitHub"),
    ReceiverType.BITBUCKET: partial(_form_or_json, "Bitbucket server"),
    ReceiverType.DOCKERHUB: partial(_shaped, "DockerHub", DOCKERHUB),
    ReceiverType.QUAY: partial(_shaped, "Quay", QUAY),
    ReceiverType.ACR: partial(_shaped, "ACR", ACR),
    ReceiverType.NEXUS: partial(_shaped, "Nexus", NEXUS),
    ReceiverType.GCR: _pubsub,
    ReceiverType.CDEVENTS: _cdevent,
}
