"""Alerts and Providers on an API server in memory, with those who tend them at work."""

import asyncio
from contextlib import asynccontextmanager
from copy import deepcopy
from datetime import UTC, datetime, timedelta

import pytest

from notification_controller.alerts.book import AlertBook
from notification_controller.alerts.tender import AlertTender
from notification_controller.providers.book import ProviderBook
from notification_controller.providers.tender import ProviderTender
from shared.api.notification_v1beta3 import GROUP, Alert, Provider
from shared.kube.errors import NotFound
from shared.kube.informer import Informer
from shared.kube.resources import ObjectKey, Resource
from shared.runtime.controller import Policy
from shared.runtime.finalizers import Finalizers
from shared.runtime.header import Header
from shared.runtime.settings import Settings
from shared.runtime.tending import StaticController


class LoopClock:
    def now(self):
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.monotonic())

    def monotonic(self):
        return asyncio.get_running_loop().time()


class World:
    def __init__(self):
        self.discovery = self
        self.objects = {}
        self.secrets = set()
        self.patches = []
        self.refuse = []
        self.events = []
        self.version = 0
        self.kinds = {kind.KIND: kind for kind in (Alert, Provider)}
        self.informers = {kind: Informer(self, GROUP, kind, Header.of) for kind in self.kinds}

    async def find(self, group, kind, version=""):
        return Resource(group, "v1beta3", f"{kind.lower()}s", kind)

    async def get(self, resource, namespace, name, *, metadata_only=False):
        assert resource.kind == "Secret"
        assert metadata_only
        resource.path(namespace, name)
        if name not in self.secrets:
            raise NotFound(404, "NotFound", name)
        return {"metadata": {"name": name}}

    async def merge_patch(self, resource, namespace, name, patch, *, manager, subresource=""):
        if self.refuse:
            raise self.refuse.pop(0)
        obj = deepcopy(self.objects[resource.kind, name])
        assert patch["metadata"]["resourceVersion"] == obj["metadata"]["resourceVersion"]
        self.patches.append((resource.kind, name, patch["metadata"]["finalizers"]))
        obj["metadata"]["finalizers"] = patch["metadata"]["finalizers"]
        if obj["metadata"].get("deletionTimestamp") and not obj["metadata"]["finalizers"]:
            self.remove(resource.kind, name)
            return obj
        return self._keep(obj)

    def record(self, event):
        self.events.append(event)

    def texts(self, name):
        return [f"{event.reason}: {event.message}" for event in self.events if event.subject.name == name]

    def put(self, kind, name, *, finalizers=(), deleting=False, initial=False, **spec):
        known = self.objects.get((kind, name), {"metadata": {"generation": 0}})
        metadata = {"name": name, "namespace": "ns", "uid": name, "finalizers": list(finalizers)}
        metadata["generation"] = known["metadata"]["generation"] + 1
        if deleting:
            metadata["deletionTimestamp"] = "2026-01-02T03:04:05Z"
        obj = {"apiVersion": f"{GROUP}/v1beta3", "kind": kind, "metadata": metadata, "spec": spec}
        self._keep(obj, initial=initial)

    def alert(self, name="alert", **options):
        sources = [{"kind": "Kustomization", "name": "*"}]
        self.put("Alert", name, **{"providerRef": {"name": "chat"}, "eventSources": sources} | options)

    def provider(self, name="chat", **options):
        self.put("Provider", name, **{"type": "slack", "address": "https://hooks.example.com"} | options)

    def remove(self, kind, name):
        del self.objects[kind, name]
        informer = self.informers[kind]
        informer._tell(informer.store.drop(ObjectKey("ns", name)))

    def _keep(self, obj, *, initial=False):
        self.version += 1
        obj["metadata"]["resourceVersion"] = str(self.version)
        self.objects[obj["kind"], obj["metadata"]["name"]] = obj
        informer = self.informers[obj["kind"]]
        informer._tell(informer.store.put(deepcopy(obj), initial=initial))
        return deepcopy(obj)

    @asynccontextmanager
    async def tended(self, *, cross_namespace=True, object_identities=False):
        clock, policy = LoopClock(), Policy.of(Settings(), "notification-controller")
        alerts, providers = self.informers["Alert"], self.informers["Provider"]
        book, provider_book = AlertBook(alerts), ProviderBook(providers)
        finalizers = Finalizers(self, alerts, "manager")
        tender = AlertTender(self, finalizers, provider_book, self, clock, cross_namespace=cross_namespace)
        alert_controller = StaticController(tender, alerts, clock, policy)

        def changed(key):
            for user in book.users(key):
                alert_controller.trigger(user)

        finalizers = Finalizers(self, providers, "manager")
        tender = ProviderTender(self, finalizers, self, clock, changed, object_identities=object_identities)
        provider_controller = StaticController(tender, providers, clock, policy)
        controllers = (alert_controller, provider_controller)
        async with asyncio.TaskGroup() as group:
            for controller in controllers:
                group.create_task(controller.run())
            yield self
            for controller in controllers:
                controller.stop()


@pytest.fixture
def world():
    return World()
