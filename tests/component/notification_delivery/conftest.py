"""Providers with their Secrets, opened against services on loopback; and events to tell them."""

import asyncio
import base64
from dataclasses import replace
from datetime import UTC, datetime

import aiohttp
import pytest

from notification_controller.delivery import Notifiers, Sessions
from notification_controller.event import Event, Involved
from notification_controller.notification import Notification, Sender
from shared.api.notification_v1beta3 import Provider
from shared.auth import Secrets
from shared.auth.cloud import Clouds
from shared.kube.errors import NotFound
from shared.proxies import EnvironmentProxies
from shared.testing.inbox import Inbox
from shared.testing.tls import Authority

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
INFO = Event(
    Involved("Kustomization", "apps", "web", "u-1", "kustomize.toolkit.fluxcd.io/v1", "7"),
    "info",
    "Reconciliation finished",
    "ReconciliationSucceeded",
    "kustomize-controller",
    NOW,
    "kustomize-controller-0",
    {"revision": "main@sha1:" + "a" * 40, "summary": "the shop"},
)
ERROR = replace(INFO, severity="error", message="it failed\nbadly", reason="HealthCheckFailed")


class LoopClock:
    """Time of the loop, which may be virtual."""

    def now(self):
        return NOW

    def monotonic(self):
        return asyncio.get_running_loop().time()


class Cluster:
    """The API server as far as notifiers read it; `reads` has every Secret that was asked for."""

    def __init__(self):
        self.secrets = {}
        self.reads = []

    def add(self, name, **data):
        raw = {key: value.encode() if isinstance(value, str) else value for key, value in data.items()}
        encoded = {key.replace("__", "."): base64.b64encode(value).decode() for key, value in raw.items()}
        self.secrets[name] = {"data": encoded}

    async def get(self, resource, namespace, name):
        assert (resource.kind, namespace) == ("Secret", "flux")
        self.reads.append(name)
        if name not in self.secrets:
            raise NotFound(404, "NotFound", f'secrets "{name}" not found')
        return self.secrets[name]


@pytest.fixture
def cluster():
    return Cluster()


@pytest.fixture
async def sessions():
    async with Sessions(EnvironmentProxies({}), most=3) as sessions:
        yield sessions


@pytest.fixture
def clock():
    return LoopClock()


@pytest.fixture
async def clouds(cluster, clock):
    async with aiohttp.ClientSession() as session:
        yield Clouds(session, cluster, clock)


@pytest.fixture
def open_by(cluster, clouds, clock):
    """Makes notifiers whose requests go through given sessions."""
    return lambda sessions: Notifiers(Secrets(cluster), clouds, sessions, clock)


@pytest.fixture
def notifiers(open_by, sessions):
    return open_by(sessions)


@pytest.fixture
async def inbox():
    async with Inbox() as inbox:
        yield inbox


@pytest.fixture(scope="session")
def authority():
    return Authority()


@pytest.fixture
def provider():
    """Makes a Provider; names of Secrets are given as plain text."""
    return _provider


def _provider(kind, address=None, **spec):
    for field in ("secretRef", "certSecretRef", "proxySecretRef"):
        if field in spec:
            spec[field] = {"name": spec[field]}
    return Provider.model_validate(
        {
            "metadata": {"name": "p", "namespace": "flux", "uid": "p-uid"},
            "spec": {"type": kind, **({"address": address} if address else {}), **spec},
        }
    )


def _notification(event=INFO, context=""):
    return Notification(event, Sender("flux", "alert", "a-uid"), context)


@pytest.fixture
def notification():
    """An event that tells that all is well, on its way."""
    return _notification()


@pytest.fixture
def info():
    """An event that tells that all is well."""
    return INFO


@pytest.fixture
def failure():
    """An event that tells of an error."""
    return ERROR


@pytest.fixture
def deliver(notifiers):
    """Opens a Provider and delivers one event."""

    async def run(given, event=INFO, context=""):
        notifier = await notifiers.open(given)
        await notifier.post(_notification(event, context))

    return run
