"""Azure Event Hubs: the event as one message of a hub, by one request of its REST API."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Self
from urllib.parse import quote, quote_plus

from yarl import URL

from notification_controller.delivery.access import Access
from notification_controller.delivery.errors import Unusable
from notification_controller.delivery.poster import Poster
from notification_controller.delivery.request import Request
from notification_controller.delivery.service import Means
from notification_controller.notification import Notification
from shared.auth.cloud import User
from shared.observe.clock import Clock

_SCOPE: Final = "https://eventhubs.azure.net//.default"
_TYPE: Final = "application/atom+xml;type=entry;charset=utf-8"
_VERSION: Final = "2014-01"
_KIND: Final = "Provider"
_LIFE: Final = timedelta(minutes=10)
_SHARED: Final = "SharedAccessKey"
_SUFFIXES: Final = {
    "chinacloudapi.cn": ".servicebus.chinacloudapi.cn",
    "microsoftonline.us": ".servicebus.usgovcloudapi.net",
}
_PUBLIC: Final = ".servicebus.windows.net"


@dataclass(frozen=True, slots=True)
class SharedKey:
    """What a connection string says."""

    host: str
    hub: str
    name: str
    key: str = field(repr=False)

    @classmethod
    def read(cls, text: str) -> Self:
        """From a connection string.

        Raises:
            Unusable: a part is missing; names it.
        """
        pairs = (part.partition("=") for part in text.split(";") if part.strip())
        parts = {name.strip().lower(): value.strip() for name, _, value in pairs}
        for part in ("Endpoint", "SharedAccessKeyName", _SHARED, "EntityPath"):
            if not parts.get(part.lower()):
                raise Unusable(f"the connection string of the event hub has no {part}")
        try:
            host = URL(parts["endpoint"]).host
        except ValueError:
            host = None
        if not host:
            raise Unusable("the Endpoint in the connection string of the event hub has no host")
        return cls(host, parts["entitypath"], parts["sharedaccesskeyname"], parts["sharedaccesskey"])

    def signature(self, clock: Clock) -> str:
        """The value of the header that lets in for a while."""
        resource = quote_plus(f"https://{self.host}/{self.hub}")
        ends = int((clock.now() + _LIFE).timestamp())
        digest = hmac.new(self.key.encode(), f"{resource}\n{ends}".encode(), hashlib.sha256).digest()
        signed = quote_plus(base64.b64encode(digest))
        return f"SharedAccessSignature sr={resource}&sig={signed}&se={ends}&skn={quote_plus(self.name)}"


class EventHub:
    """The address is a connection string, or the name of a hub in the namespace that the channel names."""

    def __init__(self, access: Access, means: Means) -> None:
        """Nothing is sent yet.

        Raises:
            Unusable: something is missing, or there is more than one way to log in.
        """
        if not access.address:
            raise Unusable("endpoint URL cannot be empty: set spec.address to a hub or a connection string")
        _check(access)
        self._access = access
        self._means = means
        self._shared = SharedKey.read(access.address) if _SHARED in access.address else None
        host = self._shared.host if self._shared else _host(access.channel)
        hub = quote(self._shared.hub if self._shared else access.address, safe="")
        self._url = URL(f"https://{host}/{hub}/messages?api-version={_VERSION}", encoded=True)

    async def deliver(self, notification: Notification, poster: Poster) -> None:
        """Sends the event."""
        headers = {"Authorization": await self._authorization()}
        body = notification.event.encoded()
        await poster.send(Request.of_bytes(self._url, body, headers=headers, content_type=_TYPE))

    async def _authorization(self) -> str:
        access = self._access
        if self._shared:
            return self._shared.signature(self._means.clock)
        if access.bearer:
            return f"Bearer {access.bearer}"
        user = User(_KIND, access.namespace, access.name)
        found = await self._means.clouds.azure_token(
            _SCOPE, user, account=access.account, proxy=access.way.proxy
        )
        return f"Bearer {found.token}"


def _check(access: Access) -> None:
    if _SHARED in access.address and access.account:
        raise Unusable("serviceAccountName and SAS authentication cannot be set at the same time")
    if _SHARED in access.address and access.token:
        raise Unusable("jwt token and SAS authentication cannot be set at the same time")
    if access.account and access.token:
        raise Unusable("serviceAccountName and jwt token authentication cannot be set at the same time")


def _host(namespace: str) -> str:
    if not namespace or any(not (char.isalnum() or char in "-.") for char in namespace):
        raise Unusable("the namespace of the event hub is missing or is none: set spec.channel")
    if ".servicebus." in namespace:
        return namespace
    authority = os.environ.get("AZURE_AUTHORITY_HOST", "")
    return namespace + next((suffix for part, suffix in _SUFFIXES.items() if part in authority), _PUBLIC)
