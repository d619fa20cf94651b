"""The way of an event through the controller, with an API in memory and services that follow a script."""

import asyncio
from contextlib import asynccontextmanager
from copy import deepcopy
from datetime import UTC, datetime, timedelta

import pytest

from notification_controller.alerts.book import AlertBook
from notification_controller.alerts.matching import Matcher
from notification_controller.alerts.warnings import AlertWarnings
from notification_controller.dispatch.deliveries import Deliveries
from notification_controller.dispatch.dispatcher import Dispatcher
from notification_controller.dispatch.posting import Poster
from notification_controller.events.duplicates import Duplicates
from notification_controller.events.intake import EventIntake
from notification_controller.notification import NotDelivered
from notification_controller.providers.book import ProviderBook
from notification_controller.serving import Call
from shared.api.notification_v1beta3 import GROUP, Alert, Provider
from shared.kube.errors import NoMatch, NotFound
from shared.kube.informer import Informer
from shared.kube.resources import Resource
from shared.lang import json
from shared.runtime.header import Header

ADDRESS = "https://hooks.example.com/T0/B0"


class LoopClock:
    def now(self):
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.monotonic())

    def monotonic(self):
        return asyncio.get_running_loop().time()


class Api:
    """Metadata of objects that events are about; counts who asks."""

    def __init__(self):
        self.discovery = self
        self.labels = {}
        self.asked = []
        self.fails = None

    async def find(self, group, kind, version=""):
        if group != "kustomize.toolkit.fluxcd.io":
            raise NoMatch(group, kind, version)
        return Resource(group, version or "v1", f"{kind.lower()}s", kind)

    async def get(self, resource, namespace, name, *, metadata_only=False):
        assert metadata_only
        self.asked.append(f"{resource.kind}/{namespace}/{name}")
        if self.fails:
            raise self.fails
        if (namespace, name) not in self.labels:
            raise NotFound(404, "NotFound", "not found")
        return {"metadata": {"labels": self.labels[namespace, name]}}


class Recorder:
    """Keeps the events on Alerts and Providers."""

    def __init__(self):
        self.events = []

    def record(self, event):
        self.events.append(event)

    def texts(self, name=None):
        return [
            f"{event.reason}: {event.message}" for event in self.events if name in (None, event.subject.name)
        ]


class Services:
    """Doors of all Providers. `scripts` say what a post to a Provider does, by its name."""

    def __init__(self):
        self.opened = []
        self.posted = []
        self.scripts = {}
        self.shut = {}

    async def open(self, provider):
        self.opened.append(provider.name)
        if provider.name in self.shut:
            await self.shut[provider.name](provider)
        return Door(self, provider)

    def got(self, provider="chat"):
        return [notification for name, notification in self.posted if name == provider]

    def messages(self, provider="chat"):
        return [notification.event.message for notification in self.got(provider)]


class Door:
    def __init__(self, services, provider):
        self._services = services
        self._provider = provider

    async def post(self, notification):
        script = self._services.scripts.get(self._provider.name)
        if script is not None:
            await script(notification)
        self._services.posted.append((self._provider.name, notification))


async def no_context(provider, alert, event):
    return ""


class World:
    """Everything between a posted event and a service."""

    def __init__(self):
        self.clock = LoopClock()
        self.api = Api()
        self.recorder = Recorder()
        self.services = Services()
        self.synced = True
        self.versions = 0
        self.alerts = Informer(self.api, GROUP, Alert.KIND, Header.of)
        self.providers = Informer(self.api, GROUP, Provider.KIND, Header.of)
        self.alert_book = AlertBook(self.alerts)
        self.provider_book = ProviderBook(self.providers)
        self.warnings = AlertWarnings(self.recorder, self.clock)

    @asynccontextmanager
    async def running(self, *, cross_namespace=True, object_identities=False, **limits):
        poster = self.poster
        async with Deliveries(self.provider_book, poster, **limits) as self.deliveries:
            self.duplicates = Duplicates(timedelta(minutes=5), self.clock)
            self.dispatcher = Dispatcher(
                self.provider_book,
                self.deliveries,
                self.warnings,
                cross_namespace=cross_namespace,
                object_identities=object_identities,
            )
            matcher = Matcher(self.alert_book, self.api, self.warnings)
            intake = EventIntake(lambda: self.synced, self.duplicates, matcher, self.dispatcher)
            self.take = intake.take
            yield self

    def poster(self):
        return Poster(self.services, no_context, self.warnings, self.clock)

    def alert(self, name="alert", namespace="apps", **spec):
        needed = {
            "providerRef": {"name": "chat"},
            "eventSources": [{"kind": "Kustomization", "name": "*"}],
            "eventSeverity": "info",
        }
        return self._put(self.alerts, Alert, name, namespace, needed | spec)

    def provider(self, name="chat", namespace="apps", **spec):
        needed = {"type": "slack", "address": ADDRESS}
        return self._put(self.providers, Provider, name, namespace, needed | spec)

    def remove(self, informer, key):
        informer._tell(informer.store.drop(key))

    def _put(self, informer, kind, name, namespace, spec):
        self.versions += 1
        raw = {
            "apiVersion": kind.api_version(),
            "kind": kind.KIND,
            "metadata": {
                "name": name,
                "namespace": namespace,
                "uid": f"uid-{name}",
                "generation": self.versions,
                "resourceVersion": str(self.versions),
            },
            "spec": spec,
        }
        informer.absorb(deepcopy(raw))
        return raw

    async def post(self, message="said", **changes):
        """Posts an event and gives the answer."""
        return await self.take(Call("POST", "/", {}, json.dumps(body(message, **changes))))

    async def settle(self):
        """Waits until everything that is queued was delivered."""
        await self.deliveries._idle.wait()


def body(message="said", *, name="web", namespace="apps", kind="Kustomization", metadata=None, **members):
    group = "kustomize.toolkit.fluxcd.io"
    return {
        "involvedObject": {
            "kind": kind,
            "namespace": namespace,
            "name": name,
            "uid": "u1",
            "apiVersion": members.pop("api_version", f"{group}/v1"),
        },
        "severity": "info",
        "timestamp": "2026-01-02T03:04:05Z",
        "message": message,
        "reason": "Because",
        "metadata": {
            key if ".io/" in key else f"{group}/{key}": value for key, value in (metadata or {}).items()
        },
        "reportingController": "kustomize-controller",
    } | members


@pytest.fixture
def world():
    return World()


@pytest.fixture
def refuse():
    """A script that refuses with a text."""

    def refusing(text):
        async def script(_):
            raise NotDelivered(text)

        return script

    return refusing
