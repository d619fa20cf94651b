"""Makes one delivery: opens the door to the service, posts, and tells of a failure.

A door that was opened a moment ago is used again, so that a burst of events reads the Secrets of its
Provider once. After a failure it is opened anew: the credentials may have changed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import structlog

from notification_controller.alerts.warnings import AlertWarnings
from notification_controller.delivery import Unusable
from notification_controller.dispatch.delivery import Delivery
from notification_controller.event import Event
from notification_controller.notification import NotDelivered, Notification, Notifier, Sender
from shared.api.notification_v1beta3 import Alert, Provider
from shared.lang.duration import format_duration
from shared.observe import metrics
from shared.observe.clock import Clock

_OPEN_SECONDS: Final = 5.0
#: A notifier keeps to the timeout itself, and knows what it was waiting for.
_GRACE_SECONDS: Final = 1.0


class Notifiers(Protocol):
    """Opens doors to services."""

    async def open(self, provider: Provider) -> Notifier:
        """A door to what the Provider names, with what its Secrets hold now.

        Raises:
            Unusable: that can't be; the text is safe to show.
        """


#: The context of the commit status that an event sets, if the type sets any; raises `NotDelivered`.
Context = Callable[[Provider, Alert, Event], Awaitable[str]]


class Poster:
    """Makes the deliveries of one Provider."""

    def __init__(self, notifiers: Notifiers, context: Context, warnings: AlertWarnings, clock: Clock) -> None:
        self.warnings = warnings
        self._notifiers = notifiers
        self._context = context
        self._clock = clock
        self._opening = asyncio.Lock()
        self._door: tuple[int, str, float, Notifier] | None = None
        self._log = structlog.get_logger("event-server").bind(logger="event-server")

    async def post(self, provider: Provider, delivery: Delivery) -> None:
        """Delivers, or tells why not; raises nothing."""
        kind = provider.spec.type.value
        started = self._clock.monotonic()
        result = "failed"
        try:
            if await self._post(provider, delivery):
                result = "delivered"
        except Exception as error:  # noqa: BLE001 - the outermost frame of a delivery: the next one must go on
            self._log.exception("unexpected error", error=type(error).__name__)
            why = f"internal error ({type(error).__name__}), see the log of the controller"
            self.warnings.not_sent(delivery.rule, delivery.event, why)
        metrics.notifications.labels(kind, result).inc()
        metrics.notification_duration.labels(kind).observe(self._clock.monotonic() - started)

    async def _post(self, provider: Provider, delivery: Delivery) -> bool:
        alert, event = delivery.rule.alert, delivery.event
        try:
            context = await self._context(provider, alert, event)
            notifier = await self._open(provider)
        except (NotDelivered, Unusable, TimeoutError) as error:
            self._door = None
            why = str(error) or f"it takes longer than {format_duration(provider.timeout)} (spec.timeout)"
            self.warnings.not_dispatched(delivery.rule, event, why)
            return False
        sender = Sender(alert.namespace, alert.name, alert.metadata.uid)
        try:
            async with asyncio.timeout(provider.timeout.total_seconds() + _GRACE_SECONDS):
                await notifier.post(Notification(event, sender, context))
        except (NotDelivered, TimeoutError) as error:
            self._door = None
            why = str(error) or f"no answer within {format_duration(provider.timeout)} (spec.timeout)"
            self.warnings.not_sent(delivery.rule, event, why)
            return False
        return True

    async def _open(self, provider: Provider) -> Notifier:
        async with self._opening:
            now = self._clock.monotonic()
            this = (provider.generation, provider.metadata.uid)
            if self._door is not None and self._door[:2] == this and now - self._door[2] < _OPEN_SECONDS:
                return self._door[3]
            try:
                async with asyncio.timeout(provider.timeout.total_seconds() + _GRACE_SECONDS):
                    notifier = await self._notifiers.open(provider)
            except Unusable as error:
                raise Unusable(
                    f"failed to initialize notifier for provider '{provider.name}': {error}"
                ) from error
            self._door = (*this, now, notifier)
            return notifier
