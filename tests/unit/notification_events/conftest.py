"""Events, and a clock that stands still until it is moved."""

from datetime import UTC, datetime, timedelta

import pytest

from notification_controller.event import Event, Involved

GROUP = "kustomize.toolkit.fluxcd.io"


class HandClock:
    def __init__(self):
        self.seconds = 100.0

    def now(self):
        return datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC) + timedelta(seconds=self.seconds - 100)

    def monotonic(self):
        return self.seconds


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def event():
    def make(message="said", *, kind="Kustomization", name="web", namespace="apps", group=GROUP, **fields):
        involved = Involved(kind, namespace, name, "u1", f"{group}/v1", "7")
        known = {"severity": "info", "reason": "Because", "controller": "kustomize-controller"} | fields
        metadata = {
            key if "/" in key else f"{group}/{key}": value for key, value in known.pop("metadata", {}).items()
        }
        return Event(involved=involved, message=message, metadata=metadata, **known)

    return make
