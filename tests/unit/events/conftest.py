"""Events to send, and a clock that stands still until it is moved."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.events import Event, Severity, Subject


class HandClock:
    def __init__(self):
        self.seconds = 0.0

    def now(self):
        return datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self):
        return self.seconds


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def event(clock):
    def make(message="said", severity=Severity.INFO, name="web", namespace="apps", **fields):
        subject = Subject("kustomize.toolkit.fluxcd.io/v1", "Kustomization", namespace, name, "u1", "7")
        values = {"reason": "Progressing", "at": clock.now(), "metadata": {}} | fields
        return Event(subject, severity, values["reason"], message, values["at"], values["metadata"])

    return make
