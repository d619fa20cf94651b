"""A record that doesn't fit into a Secret costs no earlier one; one that is made to be large is none."""

import base64
import gzip
import os
from dataclasses import replace
from types import SimpleNamespace

import pytest

from helm_controller.operations import OperationFailed, Options, install
from helm_controller.release.codec import decode
from helm_controller.release.model import Release, UnreadableRelease
from helm_controller.release.storage import Storage, StorageError
from shared.observe.clock import SystemClock

RELEASE = {"name": "app", "namespace": "apps", "version": 6, "info": {"status": "pending-upgrade"}}
LARGE = base64.b64encode(os.urandom(1 << 20)).decode()
TOO_LARGE = Release.of_wire({**RELEASE, "config": {"text": LARGE}})


class Cluster:
    """Has five revisions; remembers what is written."""

    def __init__(self, versions=range(1, 6)):
        self.discovery = SimpleNamespace(invalidate=lambda: None)
        self.versions = versions
        self.writes = []

    async def list(self, *_, **__):
        items = [
            {"metadata": {"labels": {"version": str(version), "status": "superseded"}}}
            for version in self.versions
        ]
        return {"items": items, "metadata": {}}

    async def create(self, _, secret, **__):
        self.writes.append(("create", secret["metadata"]["name"]))
        return secret

    async def merge_patch(self, _, __, name, ___, **____):
        self.writes.append(("patch", name))
        return {"metadata": {}}

    async def delete(self, _, __, name, **___):
        self.writes.append(("delete", name))


def name(version):
    return f"sh.helm.release.v1.app.v{version}"


@pytest.mark.parametrize(
    ("release", "why"),
    [(TOO_LARGE, "make chart or values smaller"), (Release.of_wire(RELEASE | {"version": 5}), "exists")],
)
async def test_nothing_is_pruned_for_it(release, why):
    cluster = Cluster()
    with pytest.raises(StorageError, match=why):
        await Storage(cluster, "apps", "app", SystemClock().now).create(release, 2)
    assert cluster.writes == []


async def test_others_take_the_place_of_the_oldest():
    cluster = Cluster()
    await Storage(cluster, "apps", "app", SystemClock().now).create(Release.of_wire(RELEASE), 3)
    removed = [("delete", name(version)) for version in (1, 2, 3)]
    assert cluster.writes == [*removed, ("create", name(6))]


@pytest.mark.parametrize("fits", [True, False])
async def test_only_what_is_stored_replaces_an_uninstalled_release(fits):
    cluster = Cluster()
    storage = Storage(cluster, "apps", "app", SystemClock().now)

    async def objects(_):
        return []

    means = SimpleNamespace(storage=storage, objects=objects, now=lambda: "2026-01-01T00:00:00Z")
    means.recorded = lambda *_: objects(_)
    last = Release.of_wire(RELEASE | {"version": 5, "info": {"status": "uninstalled"}})
    rendered = replace(TOO_LARGE, config={} if fits else TOO_LARGE.config)
    if fits:
        await install(means, rendered, Options(None), last)
        assert cluster.writes == [("create", name(6)), ("patch", name(5))]
    else:
        with pytest.raises(OperationFailed, match="make chart or values smaller"):
            await install(means, rendered, Options(None), last)
        assert cluster.writes == []


def test_a_small_record_that_unpacks_to_much_is_none():
    text = gzip.compress(b'{"name": "app", "version": 1, "manifest": "' + bytes(40 << 20) + b'"}')
    with pytest.raises(UnreadableRelease, match="too large"):
        decode(base64.b64encode(text))
