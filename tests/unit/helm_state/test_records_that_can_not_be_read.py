"""A record that can't be read counts for nothing, whatever its labels say."""

from types import SimpleNamespace

import pytest

from helm_controller.helm_release.attempt import Attempt
from helm_controller.helm_release.record import Record
from helm_controller.helm_release.state import State, States
from helm_controller.release.codec import secret_of
from helm_controller.release.snapshots import Snapshot
from shared.api.helm_v2 import HelmRelease
from shared.observe.clock import SystemClock
from shared.status.draft import StatusDraft
from shared.testing.helm_objects import helm_release, revision

RAW = helm_release(status={"observedGeneration": 1})
RELEASE = revision()


class Cluster:
    """Has a sound first revision, or none, and a second one that is broken."""

    def __init__(self, status, *, sound=True):
        self.reads = 0
        self.secrets = {}
        for version in (1, 2) if sound else (2,):
            secret = secret_of(RELEASE, "apps", SystemClock().now(), created=True)
            secret["metadata"]["resourceVersion"] = str(version)
            if version == 2:
                secret["metadata"] |= {"name": "sh.helm.release.v1.app.v2"}
                secret["metadata"]["labels"] |= {"version": "2", "status": status}
                secret["data"] = {"release": "AAAA"}
            self.secrets[secret["metadata"]["name"]] = secret

    async def list(self, *_, **__):
        return {"items": list(self.secrets.values()), "metadata": {"resourceVersion": "9"}}

    async def get(self, _, __, name):
        self.reads += 1
        return self.secrets[name]


async def state(states, cluster, *, known=True):
    obj = HelmRelease.model_validate(RAW)
    record = Record(obj, StatusDraft(RAW), retry_by_default=False)
    record.history = (Snapshot.observe(RELEASE, action="install"),) if known else ()
    turn = SimpleNamespace(clock=SystemClock())
    chart = SimpleNamespace(name="demo", version="1.0.0")
    attempt = Attempt(obj, turn, record, cluster, "apps", "app", None, "sha256", None, chart)
    return (await states.determine(attempt)).state


@pytest.mark.parametrize("status", ["deployed", "pending-upgrade", "uninstalled"])
async def test_the_newest_that_can_be_read_decides(status):
    cluster, states = Cluster(status), States()
    for _ in range(3):
        assert await state(states, cluster) is State.IN_SYNC
    assert cluster.reads == 2
    assert await state(states, cluster, known=False) is State.UNMANAGED


async def test_without_one_there_is_no_release():
    assert await state(States(), Cluster("pending-install", sound=False)) is State.ABSENT
