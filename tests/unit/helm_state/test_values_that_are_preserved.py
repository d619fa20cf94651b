"""With `preserveValues` a release has the values that are wanted, and others from before."""

from types import SimpleNamespace

import pytest

from helm_controller.helm_release.attempt import Attempt
from helm_controller.helm_release.record import Record
from helm_controller.helm_release.state import State, States
from helm_controller.release.codec import secret_of
from helm_controller.release.snapshots import Snapshot
from helm_controller.values.composing import Composed
from shared.api.helm_v2 import HelmRelease
from shared.observe.clock import SystemClock
from shared.status.draft import StatusDraft
from shared.testing.helm_objects import helm_release, revision


class Cluster:
    """Has one release with a configuration; counts how often it is read."""

    def __init__(self, config):
        self.release = revision(2, config=config)
        self.secret = secret_of(self.release, "apps", SystemClock().now(), created=True)
        self.secret["metadata"]["resourceVersion"] = "7"
        self.reads = 0

    async def list(self, *_, **__):
        return {"items": [{"metadata": self.secret["metadata"]}], "metadata": {"resourceVersion": "7"}}

    async def get(self, *_):
        self.reads += 1
        return self.secret


def attempt(cluster, values, *, preserve=True):
    raw = helm_release(status={"observedGeneration": 1}, upgrade={"preserveValues": preserve})
    obj = HelmRelease.model_validate(raw)
    record = Record(obj, StatusDraft(raw), retry_by_default=False)
    record.history = (Snapshot.observe(cluster.release, action="upgrade"),)
    turn = SimpleNamespace(clock=SystemClock())
    chart = SimpleNamespace(name="demo", version="1.0.0")
    return Attempt(obj, turn, record, cluster, "apps", "app", None, "sha256", None, chart, Composed(values))


@pytest.mark.parametrize(
    ("config", "values", "state"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, State.IN_SYNC),
        ({"a": 1, "b": 2}, {"a": 1.0}, State.IN_SYNC),
        ({"a": 1, "b": 2}, {}, State.IN_SYNC),
        ({"a": {"x": 1, "y": [1]}}, {"a": {"y": [1]}}, State.IN_SYNC),
        ({"b": 2}, {"a": None}, State.IN_SYNC),
        ({"a": 1, "b": 2}, {"a": 3}, State.OUT_OF_SYNC),
        ({"a": 1, "b": 2}, {"a": True}, State.OUT_OF_SYNC),
        ({"a": 1, "b": 2}, {"a": None}, State.OUT_OF_SYNC),
        ({"a": {"x": 1}}, {"a": {"x": 1, "y": 2}}, State.OUT_OF_SYNC),
        ({"a": {"y": [1, 2]}}, {"a": {"y": [1]}}, State.OUT_OF_SYNC),
        ({"a": 1}, {"a": {}}, State.OUT_OF_SYNC),
        ({"a": [1]}, {"a": [True]}, State.OUT_OF_SYNC),
    ],
)
async def test_what_would_be_upgraded(config, values, state):
    assert (await States().determine(attempt(Cluster(config), values))).state is state


async def test_the_record_is_read_once_for_the_same_values():
    cluster, states = Cluster({"a": 1, "b": 2}), States()
    for _ in range(3):
        assert (await states.determine(attempt(cluster, {"a": 1}))).state is State.IN_SYNC
    assert cluster.reads == 1
    assert (await states.determine(attempt(cluster, {"b": 3}))).state is State.OUT_OF_SYNC


async def test_values_that_are_not_wanted_any_more_are_an_upgrade_elsewhere():
    cluster = Cluster({"a": 1, "b": 2})
    found = await States().determine(attempt(cluster, {"a": 1}, preserve=False))
    assert found.state is State.OUT_OF_SYNC
