"""The list of records need not be newer than the one in which the same HelmRelease was found in sync."""

from datetime import UTC, datetime
from types import SimpleNamespace

from helm_controller.helm_release.attempt import Attempt
from helm_controller.helm_release.record import Record
from helm_controller.helm_release.state import State, States
from helm_controller.release.codec import secret_of
from helm_controller.release.snapshots import Snapshot
from shared.api.helm_v2 import HelmRelease
from shared.status.draft import StatusDraft
from shared.testing.helm_objects import helm_release, revision

RELEASE = revision()


class Cluster:
    """Has one release, at a version of its own; remembers as of when it was asked for the list."""

    def __init__(self, version):
        self.version = version
        self.asked = []

    async def list(self, *_, not_older_than, **__):
        self.asked.append(not_older_than)
        labels = {"version": "1", "status": "deployed"}
        return {"items": [{"metadata": {"labels": labels}}], "metadata": {"resourceVersion": self.version}}

    async def get(self, *_):
        return secret_of(RELEASE, "apps", datetime(2026, 1, 2, tzinfo=UTC), created=True)


def attempt(name, client, *, known=True):
    raw = helm_release(name, status={"observedGeneration": 1})
    obj = HelmRelease.model_validate(raw)
    record = Record(obj, StatusDraft(raw), retry_by_default=False)
    if known:
        record.history = (Snapshot.observe(RELEASE, action="install", oci_digest="", algorithm="sha256"),)
    turn = SimpleNamespace(clock=SimpleNamespace(now=lambda: datetime(2026, 1, 2, tzinfo=UTC)))
    chart = SimpleNamespace(name="demo", version="1.0.0")
    return Attempt(obj, turn, record, client, "apps", "app", None, "sha256", None, chart)


async def test_what_was_in_sync_is_asked_as_of_then():
    states, cluster = States(), Cluster("7")
    for _ in range(2):
        assert (await states.determine(attempt("app", cluster))).state is State.IN_SYNC
    assert cluster.asked == ["", "7"]


async def test_a_release_of_the_same_name_in_another_cluster_is_something_else():
    states, here, there = States(), Cluster("7"), Cluster("900")
    for _ in range(2):
        await states.determine(attempt("app-here", here))
        await states.determine(attempt("app-there", there))
    assert (here.asked, there.asked) == (["", "7"], ["", "900"])


async def test_what_was_not_in_sync_is_asked_as_of_now():
    states, cluster = States(), Cluster("7")
    for known in (True, False, True):
        await states.determine(attempt("app", cluster, known=known))
    assert cluster.asked == ["", "", "7"]
