"""The Kubernetes sink: core/v1 Events beside the object, counted and combined as kubectl users know them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from shared.events.correlate import Correlator, Written
from shared.events.event import Event, Severity
from shared.kube.client import KubeClient
from shared.kube.errors import AlreadyExists, KubeError, NotFound, is_outage
from shared.kube.resources import Resource
from shared.lang.json import JsonObject
from shared.lang.timestamp import format_timestamp
from shared.observe.clock import Clock

EVENTS: Final = Resource("", "v1", "events", "Event")
_MESSAGE_LIMIT: Final = 1024 * 30
_TRIES: Final = 12
_PAUSE_SECONDS: Final = 10.0


class KubernetesSink:
    """Writes Events as the controller's own identity."""

    name = "kubernetes"

    def __init__(self, client: KubeClient, component: str, instance: str, clock: Clock) -> None:
        self._client = client
        self._component = component
        self._instance = instance
        self._correlator = Correlator(clock)

    def wants(self, event: Event) -> bool:
        """All severities."""
        return bool(event.subject.namespace)

    async def send(self, event: Event) -> None:
        """Creates an Event, or bumps the count of the one there is; waits out a short outage of the server.

        Raises:
            KubeError: refused, or the server was away for two minutes.
        """
        written = self._correlator.correlate(event)
        if written is None:
            return
        if written.count > 1:
            try:
                await _patiently(self._bump, written)
            except NotFound:
                self._correlator.forget(event)
                written = self._correlator.correlate(event)
            else:
                return
        if written is not None:
            await self._create_once(written)

    async def _create_once(self, written: Written) -> None:
        try:
            await _patiently(self._create, written)
        except AlreadyExists:
            # The name is this event's alone: a try whose answer was lost has made it.
            return

    async def _create(self, written: Written) -> None:
        event = written.event
        body: JsonObject = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": written.name,
                "namespace": event.subject.namespace,
                **({"annotations": event.metadata} if event.metadata else {}),
            },
            "involvedObject": event.subject.reference(),
            "type": "Warning" if event.severity is Severity.ERROR else "Normal",
            "reason": event.reason,
            "message": event.message[:_MESSAGE_LIMIT],
            "source": {"component": self._component},
            "reportingComponent": self._component,
            "reportingInstance": self._instance,
            "firstTimestamp": format_timestamp(written.first),
            "lastTimestamp": format_timestamp(event.at),
            "count": written.count,
        }
        await self._client.create(EVENTS, body)

    async def _bump(self, written: Written) -> None:
        event = written.event
        patch: JsonObject = {
            "count": written.count,
            "lastTimestamp": format_timestamp(event.at),
            "message": event.message[:_MESSAGE_LIMIT],
        }
        if event.metadata:
            patch["metadata"] = {"annotations": event.metadata}
        await self._client.merge_patch(
            EVENTS, event.subject.namespace, written.name, patch, manager=self._component
        )


async def _patiently(write: Callable[[Written], Awaitable[None]], written: Written) -> None:
    for attempt in range(1, _TRIES + 1):
        try:
            return await write(written)
        except KubeError as error:
            if attempt == _TRIES or not is_outage(error):
                raise
        await asyncio.sleep(_PAUSE_SECONDS)
    raise AssertionError("unreachable")
