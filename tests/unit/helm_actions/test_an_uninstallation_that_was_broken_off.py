"""An uninstallation that did not come to its end goes on in the next turn, or in the next process."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from helm_controller.helm_release.actions import Actions
from helm_controller.helm_release.attempt import Attempt
from helm_controller.helm_release.decisions import Action, next_action
from helm_controller.helm_release.options import Choices
from helm_controller.helm_release.record import Record
from helm_controller.helm_release.state import State, States
from helm_controller.release.codec import secret_of
from helm_controller.release.snapshots import Snapshot
from shared.api.helm_v2 import HelmRelease
from shared.kube.errors import Forbidden
from shared.kube.resources import Resource
from shared.runtime.outcome import Interrupted
from shared.status.draft import StatusDraft
from shared.testing.helm_objects import helm_release, revision

NOW = datetime(2026, 1, 2, tzinfo=UTC)
CONFIG_MAP = Resource("", "v1", "configmaps", "ConfigMap")
RAW = helm_release(
    install={"remediation": {"retries": 3}},
    uninstall={"disableHooks": True},
    status={"lastAttemptedReleaseAction": "install", "installFailures": 1},
)
MANIFEST = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config}\n"


def failed(version):
    return revision(version, status="failed", manifest=MANIFEST)


class Killed(BaseException):
    """The process is gone."""


class Cluster:
    """Has a failed release of some revisions, and an object that goes slowly."""

    def __init__(self, *versions):
        self.discovery = self
        self.refusal = None
        self.deleted = []
        self.secrets = {}
        for version in versions:
            secret = secret_of(failed(version), "apps", NOW, created=True)
            secret["metadata"]["resourceVersion"] = str(version)
            self.secrets[secret["metadata"]["name"]] = secret

    async def find(self, *_, **__):
        return CONFIG_MAP

    def invalidate(self):
        pass

    async def list(self, *_, **__):
        return {"items": list(self.secrets.values()), "metadata": {"resourceVersion": "9"}}

    async def get(self, resource, _, name):
        return self.secrets[name] if resource.kind == "Secret" else {"metadata": {"name": name, "uid": "u"}}

    async def merge_patch(self, _, __, name, patch, **___):
        secret = self.secrets[name]
        labels = secret["metadata"]["labels"] | patch["metadata"]["labels"]
        metadata = secret["metadata"] | {"labels": labels, "resourceVersion": f"{name}-again"}
        self.secrets[name] = secret | {"metadata": metadata, "data": patch["data"]}
        return self.secrets[name]

    async def delete(self, resource, _, name, **__):
        if resource.kind == "ConfigMap" and self.refusal:
            raise self.refusal
        self.secrets.pop(name, None)
        self.deleted.append(name)


class Waits:
    """Waits that are broken off."""

    def __init__(self, end=None):
        self.end = end

    async def until_gone(self, *_):
        if self.end:
            raise self.end


class World:
    """Attempts at one HelmRelease."""

    def __init__(self, *versions, status=RAW["status"]):
        self.raw = RAW | {"status": status}
        self.obj = HelmRelease.model_validate(self.raw)
        self.cluster = Cluster(*versions)
        self.record = self._record()
        self.record.history = tuple(Snapshot.observe(failed(version)) for version in versions)

    def _record(self):
        return Record(self.obj, StatusDraft(self.raw), retry_by_default=False)

    def attempt(self, end=None):
        clock = SimpleNamespace(now=lambda: NOW, monotonic=lambda: 0.0)
        turn = SimpleNamespace(clock=clock, raw=self.raw, event=lambda *_: None)
        chart = SimpleNamespace(name="demo", version="1.0.0")
        return Attempt(
            self.obj, turn, self.record, self.cluster, "apps", "app", Waits(end), "sha256", None, chart
        )

    async def following(self):
        """What a turn finds, and what it would do."""
        attempt = self.attempt()
        found = await States().determine(attempt)
        return found.state, await next_action(attempt, found)

    async def uninstall(self, end=None):
        await Actions(None, Choices()).uninstall_remediation(self.attempt(end))

    def statuses(self):
        return [secret["metadata"]["labels"]["status"] for secret in self.cluster.secrets.values()]


async def test_a_process_that_stops_while_objects_go():
    world = World(1)
    assert await world.following() == (State.FAILED, Action.UNINSTALL)
    with pytest.raises(Interrupted):
        await world.uninstall(Interrupted())
    assert world.statuses() == ["uninstalling"]
    assert await world.following() == (State.FAILED, Action.UNINSTALL)
    await world.uninstall()
    assert await world.following() == (State.ABSENT, Action.INSTALL)


async def test_a_process_that_dies_while_objects_go():
    world = World(1)
    await world.following()
    noted = world.record.history
    with pytest.raises(Killed):
        await world.uninstall(Killed())
    world.record.history = noted
    assert await world.following() == (State.FAILED, Action.UNINSTALL)


async def test_an_object_that_can_not_be_deleted():
    world = World(1)
    world.cluster.refusal = Forbidden(403, "Forbidden", "no")
    await world.following()
    await world.uninstall()
    assert await world.following() == (State.FAILED, Action.UNINSTALL)


async def test_what_is_new_meanwhile_is_an_upgrade():
    world = World(1)
    with pytest.raises(Interrupted):
        await world.uninstall(Interrupted())
    world.record.clear_failures()
    assert await world.following() == (State.FAILED, Action.UPGRADE)


async def test_what_somebody_else_has_begun_to_uninstall_is_an_upgrade():
    world = World(1, status={})
    known = world.record.history
    with pytest.raises(Interrupted):
        await world.uninstall(Interrupted())
    world.record.history = known
    assert await world.following() == (State.UNMANAGED, Action.UPGRADE)


async def test_the_newest_revision_is_deleted_last():
    world = World(1, 2, 3)
    await world.uninstall()
    names = [name for name in world.cluster.deleted if name.startswith("sh.helm")]
    assert names == [f"sh.helm.release.v1.app.v{version}" for version in (1, 2, 3)]
