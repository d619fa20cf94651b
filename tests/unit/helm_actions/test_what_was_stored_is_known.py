"""Whatever ends an action, the status knows what was stored: a deletion uninstalls nothing else."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from helm_controller.helm_release.actions import Actions
from helm_controller.helm_release.attempt import Attempt
from helm_controller.helm_release.options import Choices
from helm_controller.helm_release.record import Record
from helm_controller.release.model import Release
from shared.api.helm_v2 import HelmRelease
from shared.runtime.outcome import Superseded
from shared.status.draft import StatusDraft
from shared.testing.helm_objects import helm_release

RELEASE = {"name": "app", "namespace": "apps", "version": 1}


class Defect(Exception):
    """Nobody expects it."""


class Cluster:
    """Takes a new record, and then breaks what uses it."""

    async def list(self, *_, **__):
        return {"items": [], "metadata": {}}

    async def create(self, *_, **__):
        return {"metadata": {"resourceVersion": "1"}}

    async def merge_patch(self, *_, **__):
        raise Defect


class Clock:
    """Stands still."""

    def now(self):
        return datetime(2026, 1, 1, tzinfo=UTC)

    def monotonic(self):
        return 0.0


class Renderer:
    """Renders a release without objects."""

    async def rendered(self, *_):
        return Release.of_wire(RELEASE)

    async def definitions_of(self, _):
        return []


class Waits:
    """A wait that something new ends."""

    async def until_healthy(self, *_, **__):
        raise Superseded("ConfigMap/apps/values")


async def broken_off(cluster, end, waits=None, **install):
    """The status after an installation came to such an end."""
    raw = helm_release(install=install)
    obj = HelmRelease.model_validate(raw)
    record = Record(obj, StatusDraft(raw), retry_by_default=False)
    turn = SimpleNamespace(clock=Clock())
    attempt = Attempt(obj, turn, record, cluster, "apps", "app", waits, "sha256", None, chart="demo")
    with pytest.raises(end):
        await Actions(Renderer(), Choices(server_side=True)).install(attempt)
    return record


async def test_a_release_that_is_broken_off_by_a_defect():
    (snapshot,) = (await broken_off(Cluster(), Defect, disableWait=True)).history
    assert (snapshot.version, snapshot.status) == (1, "pending-install")


async def test_a_release_whose_wait_is_ended_is_counted():
    cluster = Cluster()
    cluster.merge_patch = cluster.create
    record = await broken_off(cluster, Superseded, Waits())
    (snapshot,) = record.history
    assert (snapshot.version, snapshot.status) == (1, "failed")
    assert (record.count("failures"), record.count("installFailures")) == (1, 1)
