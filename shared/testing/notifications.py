"""Alerts, Providers and events as tests of notification-controller speak of them."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp

from localcluster.ports import HOST, free_ports
from shared.kube import Connection, KubeClient
from shared.lang.json import JsonObject, dumps
from shared.testing.controllers import Suite
from shared.testing.mailbox import Mailbox
from shared.testing.objects import Objects
from shared.testing.patience import PATIENCE

ALERT: Final = "Alert.notification.toolkit.fluxcd.io"
PROVIDER: Final = "Provider.notification.toolkit.fluxcd.io"
GROUP: Final = "kustomize.toolkit.fluxcd.io"

_API_VERSION: Final = "notification.toolkit.fluxcd.io/v1beta3"
_PAUSE: Final = 0.05


@dataclass(frozen=True, slots=True)
class Answered:
    """What a poster of an event was told."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class EventServer:
    """A process of notification-controller, and where it takes events and webhooks."""

    def __init__(
        self,
        suite: Suite,
        *flags: str,
        name: str = "",
        through: Callable[[Path], Path] | None = None,
    ) -> None:
        events, webhooks = free_ports(2)
        self.url = f"http://{HOST}:{events}/"
        self.webhooks_url = f"http://{HOST}:{webhooks}"
        self.process = suite.controller(
            "notification_controller",
            "notification-controller",
            [
                f"--events-addr={HOST}:{events}",
                f"--receiverAddr={HOST}:{webhooks}",
                "--min-retry-delay=100ms",
                "--max-retry-delay=2s",
                *flags,
            ],
            name=name,
            through=through,
        )


class Notifications(Objects):
    """One namespace with Alerts and Providers; `mailbox` is the service that Providers send to."""

    def __init__(
        self,
        client: KubeClient,
        namespace: str,
        suite: Suite,
        server: EventServer,
        mailbox: Mailbox,
        session: aiohttp.ClientSession,
    ) -> None:
        super().__init__(client, namespace)
        self.server = server
        self.mailbox = mailbox
        self._suite = suite
        self._session = session

    @classmethod
    @asynccontextmanager
    async def connected(
        cls, kubeconfig: Path, namespace: str, suite: Suite, server: EventServer, mailbox: Mailbox
    ) -> AsyncIterator[Notifications]:
        """One with a connection of its own; leaves no Provider behind that nobody would finalise."""
        connection = await Connection.load(kubeconfig)
        try:
            async with aiohttp.ClientSession() as session:
                world = cls(KubeClient(connection), namespace, suite, server, mailbox, session)
                yield world
                for name in await world.names(PROVIDER):
                    await world.delete(PROVIDER, name)
                    await world.gone(PROVIDER, name)
        finally:
            await connection.close()

    @contextmanager
    def own(self, *flags: str, through: Callable[[Path], Path] | None = None) -> Iterator[EventServer]:
        """Another process with flags, which takes the events of this block; it is not waited for."""
        server = EventServer(self._suite, *flags, name=f"own-{self.namespace}", through=through)
        usual, self.server = self.server, server
        server.process.launch()
        try:
            yield server
        finally:
            server.process.kill()
            self.server = usual

    # Objects

    async def provider(self, name: str = "chat", *, path: str = "", **spec: Any) -> JsonObject:
        """Creates a Provider that sends to a path of the mailbox, by default its own name."""
        defaults = {"type": "generic", "address": f"{self.mailbox.url}{path or self.path(name)}"}
        made = await self.create(_object("Provider", name, defaults | spec))
        await self.seen("Provider", name)
        return made

    def path(self, provider: str = "chat") -> str:
        """Where messages for a Provider arrive."""
        return f"/{self.namespace}/{provider}"

    async def alert(
        self, name: str = "alert", *, provider: str = "chat", metadata: JsonObject | None = None, **spec: Any
    ) -> JsonObject:
        """Creates an Alert, by default on all Kustomizations of the namespace."""
        defaults = {
            "providerRef": {"name": provider},
            "eventSources": [{"kind": "Kustomization", "name": "*"}],
        }
        made = await self.create(_object("Alert", name, defaults | spec, metadata))
        await self.seen("Alert", name)
        return made

    async def secret(self, name: str, **data: bytes | str) -> None:
        """Creates a Secret."""
        texts = {key: value.encode() if isinstance(value, str) else value for key, value in data.items()}
        encoded = {key: base64.b64encode(value).decode() for key, value in texts.items()}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": encoded}
        await self.create(secret)

    async def seen(self, kind: str, name: str) -> None:
        """Waits until the process has an object in its cache."""
        wanted = (f'customresource_kind="{kind}"', f'"{self.namespace}"', f'name="{name}"')
        async with asyncio.timeout(PATIENCE):
            while True:
                text = await asyncio.to_thread(self.server.process.metrics)
                if any(all(part in line for part in wanted) for line in text.splitlines()):
                    return
                await asyncio.sleep(_PAUSE)

    # Events

    def body(self, message: str = "said", **members: Any) -> JsonObject:
        """An event; `involved` and `metadata` are merged into what is usual, prefixes are added to keys."""
        involved = {
            "kind": "Kustomization",
            "namespace": self.namespace,
            "name": "app",
            "uid": "00000000-0000-0000-0000-000000000001",
            "apiVersion": f"{GROUP}/v1",
        } | members.pop("involved", {})
        group = involved["apiVersion"].partition("/")[0]
        metadata = {
            key if "toolkit.fluxcd.io/" in key else f"{group}/{key}": value
            for key, value in members.pop("metadata", {}).items()
        }
        return {
            "involvedObject": involved,
            "severity": "info",
            "timestamp": "2026-01-02T03:04:05Z",
            "message": message,
            "reason": "ReconciliationSucceeded",
            "metadata": metadata,
            "reportingController": "kustomize-controller",
            "reportingInstance": "pod-1",
        } | members

    async def post(self, message: str = "said", **members: Any) -> Answered:
        """Posts an event."""
        return await self.post_raw(dumps(self.body(message, **members)))

    async def post_raw(self, body: bytes) -> Answered:
        """Posts anything."""
        headers = {"Content-Type": "application/json"}
        async with self._session.post(self.server.url, data=io.BytesIO(body), headers=headers) as response:
            return Answered(response.status, response.headers, await response.read())

    async def post_until(self, status: int, message: str = "said", **members: Any) -> Answered:
        """Posts an event again and again, also while nobody listens, until the answer is this one."""
        async with asyncio.timeout(PATIENCE):
            while True:
                with suppress(OSError):
                    answer = await self.post(message, **members)
                    if answer.status == status:
                        return answer
                await asyncio.sleep(_PAUSE)

    async def told(self, count: int = 1, provider: str = "chat", seconds: float = PATIENCE) -> list[Any]:
        """Bodies that arrived for a Provider, once there are so many."""
        found = await asyncio.to_thread(self.mailbox.wait, self.path(provider), count, seconds)
        return [received.json for received in found]

    def messages(self, provider: str = "chat") -> list[str]:
        """What `generic` messages for a Provider say, as far as they have arrived."""
        return [received.json["message"] for received in self.mailbox.at(self.path(provider))]

    async def recipients(self, message: str = "said", provider: str = "chat", **members: Any) -> list[str]:
        """The Alerts that tell a Provider of an event, by their metadata `alert`.

        One that tells of everything comes last: deliveries about one object keep the order of Alerts.
        """
        before = len(self.mailbox.at(self.path(provider)))
        assert (await self.post(message, **members)).status == 202

        def last() -> bool:
            found = self.mailbox.at(self.path(provider))[before:]
            return any(_alert_of(received.json) == "zz-all" for received in found)

        await asyncio.to_thread(self.mailbox.until, last, f"message of zz-all about {message[:40]}")
        found = self.mailbox.at(self.path(provider))[before:]
        return [name for received in found if (name := _alert_of(received.json)) != "zz-all"]

    async def all_told(self, provider: str = "chat") -> None:
        """Makes the Alert that `recipients` waits for."""
        sources = [{"kind": kind, "name": "*"} for kind in ("Kustomization", "Bucket", "GitRepository")]
        await self.alert("zz-all", provider=provider, eventSources=sources, eventMetadata={"alert": "zz-all"})


def _alert_of(body: JsonObject) -> str:
    return str((body.get("metadata") or {}).get("alert", ""))


def _object(kind: str, name: str, spec: JsonObject, metadata: JsonObject | None = None) -> JsonObject:
    return {
        "apiVersion": _API_VERSION,
        "kind": kind,
        "metadata": {"name": name} | (metadata or {}),
        "spec": spec,
    }
