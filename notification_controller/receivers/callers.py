"""Whether a caller of a Receiver is who it has to be, with as little asking as that can be known."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

from notification_controller.receivers.blueprint import Blueprint
from notification_controller.receivers.checks import authenticate
from notification_controller.receivers.identity import Identities
from notification_controller.receivers.known_secrets import Held, KnownSecrets
from notification_controller.receivers.material import NoToken
from notification_controller.receivers.webhook import Unauthenticated, Webhook
from shared.api.notification_v1 import ReceiverType
from shared.kube.resources import ObjectKey
from shared.lang.json import JsonObject

#: Bodies above this size are dealt with outside of the event loop.
_LARGE: Final = 32 * 1024

T = TypeVar("T")


class OldPath(Exception):
    """The path was made of another token than the Secret has now, whatever the status still says."""


class Callers:
    """Knows the callers of all Receivers."""

    def __init__(self, secrets: KnownSecrets, identities: Identities) -> None:
        self._secrets = secrets
        self._identities = identities

    async def prove(self, blueprint: Blueprint, path: str, webhook: Webhook) -> JsonObject | None:
        """The claims of a caller, where its type has any.

        Raises:
            Unauthenticated: the caller does not prove who it is.
            NoToken: the Secret has nothing to prove it with.
            OldPath: the path is not that of the token.
            KubeError: the Secret can't be read.
        """
        if blueprint.spec.type == ReceiverType.GENERIC_OIDC:
            return await self._identities.of_issuers(webhook, blueprint.issuers)
        key = blueprint.secret
        if key is None:
            raise NoToken("the receiver names no secret")
        proved = await self._by_secret(blueprint, key, path, webhook)
        if blueprint.path(proved.usable.token) != path:
            raise OldPath("the token of the secret has changed, and the path of the receiver with it")
        return None

    async def _by_secret(self, blueprint: Blueprint, key: ObjectKey, path: str, webhook: Webhook) -> Held:
        """What the Secret says now, the caller knowing it."""
        held = await self._secrets.held(key, lambda material: blueprint.path(material.token) == path)
        try:
            await self._check(blueprint, webhook, held)
        except Unauthenticated:
            if not self._secrets.may_ask_again(key, held):
                raise
        else:
            if self._secrets.is_current(key, held):
                return held
        fresh = await self._secrets.read(key)
        await self._check(blueprint, webhook, fresh)
        return fresh

    async def _check(self, blueprint: Blueprint, webhook: Webhook, held: Held) -> None:
        material = held.usable
        if blueprint.spec.type == ReceiverType.GCR:
            await self._identities.of_google(webhook, material)
        else:
            await aside(webhook, partial(authenticate, blueprint.spec.type, webhook, material))


async def aside(webhook: Webhook, work: Callable[[], T]) -> T:
    """Works on a webhook: large bodies take a while, small ones are not worth the way to a thread."""
    if len(webhook.body) > _LARGE:
        return await asyncio.to_thread(work)
    return work()
