"""Contexts of commit statuses: what tells the status of one object in one cluster from all others.

By default that is the object and the beginning of the Provider's UID, which no two clusters share; a Provider
may have an expression instead. An expression is compiled when it is met first, and again once it changes.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from notification_controller.delivery.git.status import name_of
from notification_controller.event import Event
from notification_controller.notification import NotDelivered
from shared.lang.bounded import remember
from shared.lang.cel import CelError, Expression, Gives, compile_exact
from shared.lang.json import JsonObject, mapping

_VARIABLES: Final = ("event", "alert", "provider")


def compile_context(text: str) -> Expression:
    """Reads an expression for contexts; raises `CelSyntaxError`."""
    return compile_exact(text, _VARIABLES, Gives.TEXT)


class Contexts:
    """Gives commit statuses their contexts."""

    def __init__(self, kept: int = 500, compiler: Callable[[str], Expression] | None = None) -> None:
        """`kept` is a number of expressions."""
        self._kept = kept
        self._compile = compiler or compile_context
        self._expressions: OrderedDict[str, Expression] = OrderedDict()

    async def of(self, event: Event, alert: JsonObject, provider: JsonObject) -> str:
        """The context for an event whose metadata is combined; the objects are those of the API server.

        Raises:
            NotDelivered: the expression is wrong, or gives nothing for this event.
        """
        text = str(mapping(provider.get("spec")).get("commitStatusExpr") or "")
        if not text:
            uid = str(mapping(provider.get("metadata")).get("uid") or "")
            return f"{name_of(event)}/{uid.partition('-')[0].lower()}"
        values = {"event": event.wire(), "alert": alert, "provider": provider}
        try:
            expression = await self._compiled(text)
            context = str(await asyncio.to_thread(expression.evaluate, values))
        except CelError as error:
            raise NotDelivered(
                "failed to create commit status: failed to evaluate the spec.commitStatusExpr CEL expression "
                f"for the event: {error}"
            ) from error
        if not context:
            raise NotDelivered("failed to create commit status: spec.commitStatusExpr gives an empty text")
        return context

    async def _compiled(self, text: str) -> Expression:
        found = self._expressions.get(text)
        if found is None:
            found = await asyncio.to_thread(self._compile, text)
        remember(self._expressions, text, found, self._kept)
        return found
