"""The notification sink: POSTs events to the notification controller."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from shared.events.event import Event, Severity
from shared.lang.json import JsonObject, dumps
from shared.lang.timestamp import format_timestamp

_MESSAGE_LIMIT: Final = 39000
_TRIES: Final = 5
_TRY_SECONDS: Final = 5.0
_PAUSE_MAX: Final = 30.0
_DUPLICATE: Final = 429


class NotificationSink:
    """Sends one JSON document per event; trace events stay at home."""

    name = "notification"

    def __init__(
        self,
        address: str,
        component: str,
        instance: str,
        session: aiohttp.ClientSession,
        *,
        pause: timedelta = timedelta(seconds=1),
    ) -> None:
        """The address is an http(s) URL; `pause` comes before the second try and doubles from there.

        Raises:
            ValueError: the address is no such URL.
        """
        if not _usable(address):
            raise ValueError(f"--events-addr: {address!r} is not an http or https URL")
        self._address = address
        self._component = component
        self._instance = instance
        self._session = session
        self._pause = pause.total_seconds()

    def wants(self, event: Event) -> bool:
        """Everything but traces, of objects that have a name and a namespace."""
        subject = event.subject
        return event.severity is not Severity.TRACE and bool(
            subject.kind and subject.name and subject.namespace
        )

    async def send(self, event: Event) -> None:
        """POSTs until it is delivered; 429 means that the receiver knows the event already.

        Raises:
            aiohttp.ClientError or TimeoutError: not delivered after all tries.
        """
        body = dumps(self._payload(event))
        for attempt in range(_TRIES):
            last = attempt == _TRIES - 1
            try:
                status = await self._post(body)
            except (aiohttp.ClientError, TimeoutError, OSError):
                if last:
                    raise
            else:
                if status < 500 or last:
                    _check(status)
                    return
            await asyncio.sleep(min(self._pause * 2**attempt, _PAUSE_MAX))

    async def _post(self, body: bytes) -> int:
        timeout = aiohttp.ClientTimeout(total=_TRY_SECONDS)
        headers = {"Content-Type": "application/json"}
        async with self._session.post(self._address, data=body, headers=headers, timeout=timeout) as response:
            return response.status

    def _payload(self, event: Event) -> JsonObject:
        payload: JsonObject = {
            "involvedObject": event.subject.reference(),
            "severity": event.severity.value,
            "timestamp": format_timestamp(event.at),
            "message": event.message[:_MESSAGE_LIMIT],
            "reason": event.reason,
            "reportingController": self._component,
            "reportingInstance": self._instance,
        }
        if event.metadata:
            payload["metadata"] = event.metadata
        return payload


def _check(status: int) -> None:
    if status >= 400 and status != _DUPLICATE:
        raise aiohttp.ClientError(f"the notification controller answered {status}")


def _usable(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and address == address.strip()
