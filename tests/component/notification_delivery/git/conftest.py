"""Git hosts on loopback, Providers for them, and events about a commit or a change request."""

import asyncio
from dataclasses import replace

import pytest

from notification_controller.delivery import Notifiers
from notification_controller.event import Event, Involved
from notification_controller.notification import Notification, Sender
from shared.auth import Secrets

SHA = "69b59063470310ebbd88a9156325322a124e55a3"
CONTEXT = "kustomization/web/0c9c2e41"
EVENT = Event(
    Involved("Kustomization", "apps", "web", "u-1", "kustomize.toolkit.fluxcd.io/v1"),
    "info",
    "Applied revision: main@sha1:69b59063",
    "ReconciliationSucceeded",
    "kustomize-controller",
    metadata={"revision": f"main@sha1:{SHA}", "change_request": "12"},
)


@pytest.fixture
def sha():
    return SHA


@pytest.fixture
def context():
    return CONTEXT


@pytest.fixture
def event():
    """Makes an event; metadata is added to that of a commit and a change request."""

    def make(
        severity="info", reason="ReconciliationSucceeded", message=EVENT.message, name="web", **metadata
    ):
        return replace(
            EVENT,
            involved=replace(EVENT.involved, name=name),
            severity=severity,
            reason=reason,
            message=message,
            metadata={**EVENT.metadata, **metadata},
        )

    return make


@pytest.fixture
def restarted(cluster, sessions, clouds, clock):
    """Notifiers of a controller that was started again."""
    return Notifiers(Secrets(cluster), clouds, sessions, clock)


@pytest.fixture
def post(notifiers):
    """Opens a Provider and delivers events, all at once."""

    async def run(given, *events, context=CONTEXT, by=notifiers):
        notifier = await by.open(given)
        sender = Sender("flux", "alert", "a-uid")
        async with asyncio.TaskGroup() as group:
            for each in events or (EVENT,):
                group.create_task(notifier.post(Notification(each, sender, context)))

    return run
