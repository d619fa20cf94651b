"""Makes notifiers of Providers, and is the only place where errors of deliveries leave: masked, and short."""

from __future__ import annotations

import asyncio

from notification_controller.delivery.access import Access, Accesses
from notification_controller.delivery.errors import Trouble, Unusable
from notification_controller.delivery.poster import Poster
from notification_controller.delivery.service import Means, Service
from notification_controller.delivery.sessions import Sessions
from notification_controller.delivery.table import TYPES
from notification_controller.delivery.text import cut, in_bytes
from notification_controller.notification import NotDelivered, Notification, Notifier
from shared.api.notification_v1beta3 import Provider
from shared.auth import Secrets
from shared.auth.cloud import CloudError, Clouds
from shared.lang.duration import format_duration
from shared.observe.clock import Clock

_QUOTED = 512
#: As much as may hold a secret that begins within what is quoted.
_LOOKED_AT = 1 << 14


class Notifiers:
    """Opens Providers; `sessions` and `clouds` have to outlast what is opened."""

    def __init__(self, secrets: Secrets, clouds: Clouds, sessions: Sessions, clock: Clock) -> None:
        self._accesses = Accesses(secrets)
        self._means = Means(clouds, clock)
        self._sessions = sessions
        self._clock = clock

    async def open(self, provider: Provider) -> Notifier:
        """A notifier with the credentials that the Secrets of the Provider hold now; nothing is sent yet.

        Raises:
            Unusable: the Provider can't be used; the text may be shown to anybody.
        """
        kind = TYPES.get(provider.spec.type)
        if kind is None:
            raise Unusable(f"provider {provider.spec.type} not supported")
        access = await self._accesses.of(provider)
        try:
            return _Opened(access, kind.opened(access, self._means), self._sessions, self._clock)
        except Unusable as error:
            raise Unusable(access.mask.of(str(error))) from None


class _Opened:
    """A Provider that was opened."""

    def __init__(self, access: Access, service: Service, sessions: Sessions, clock: Clock) -> None:
        self._access = access
        self._service = service
        self._sessions = sessions
        self._clock = clock

    async def post(self, notification: Notification) -> None:
        access = self._access
        poster = Poster(self._sessions, self._clock, access.way, access.timeout)
        try:
            async with asyncio.timeout(access.timeout.total_seconds()):
                await self._service.deliver(notification, poster)
        except Trouble as error:
            raise NotDelivered(self._told(error), retry=error.retry) from None
        except NotDelivered as error:
            raise NotDelivered(access.mask.of(str(error)), retry=error.retry) from None
        except CloudError as error:
            raise NotDelivered(access.mask.of(str(error)), retry=True) from None
        except TimeoutError:
            late = f"no answer within the timeout of {format_duration(access.timeout)}"
            before = f", before that: {self._told(poster.last)}" if poster.last else ""
            raise NotDelivered(late + before, retry=True) from None

    def _told(self, error: Trouble) -> str:
        """Masked before it is cut: a part of a secret would no longer be found."""
        mask = self._access.mask
        quoted = cut(mask.of(error.quoted[:_LOOKED_AT]), _QUOTED, in_bytes)
        return mask.of(str(error)) + (f": {quoted}" if quoted else "")
