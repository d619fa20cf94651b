"""Directories of objects that are no longer there go once in a while; all others stay."""

import os
import time

import pytest

from shared.api.source_v1 import GitRepository
from shared.kube.errors import KubeError
from shared.observe.clock import SystemClock
from source_controller.storage import Orphans, Place, Storage


class Alien(GitRepository):
    """A kind that the API server doesn't know."""

    KIND = "Nothing"


class Shelf:
    """A storage of its own, with artifacts that are as old as wanted."""

    def __init__(self, source, root):
        self.root = root
        self.namespace = source.namespace
        self._client = source.client
        self._storage = Storage(root, "127.0.0.1:9090", SystemClock())

    async def has(self, name, *, hours=2.0, kind=GitRepository.KIND, namespace=None):
        """Puts the artifact of an object there."""
        place = Place(kind, namespace or self.namespace, name)
        await self._storage.publish(
            place, revision="r", filename="1.tar.gz", write=lambda sink: sink.write(b"x")
        )
        then = time.time() - hours * 3600
        directory = self.root / place.path
        for path in (*directory.iterdir(), directory):
            os.utime(path, (then, then))
        return place

    async def swept(self, kind=GitRepository, namespace=None):
        """What a sweep took away."""
        return await Orphans(self._storage, self._client, SystemClock(), (kind,), namespace).sweep(kind)

    def holds(self, place):
        return (self.root / place.path / "1.tar.gz").exists()


@pytest.fixture
def shelf(source, tmp_path):
    root = tmp_path / "shelf"
    root.mkdir()
    return Shelf(source, root)


async def test_only_what_has_no_object_goes(source, shelf):
    source.upstream.commit({"a": "1"})
    await source.repository("there")
    there, gone = await shelf.has("there"), await shelf.has("gone")
    assert await shelf.swept() == [gone]
    assert shelf.holds(there)
    assert not shelf.holds(gone)


async def test_objects_that_another_shard_works_on_are_there_too(source, shelf):
    await source.repository("other", labels={"sharding.fluxcd.io/key": "other"})
    place = await shelf.has("other")
    assert await shelf.swept() == []
    assert shelf.holds(place)


async def test_what_was_written_within_the_hour_stays(shelf):
    young = await shelf.has("young", hours=0.9)
    assert await shelf.swept() == []
    assert shelf.holds(young)


async def test_other_kinds_namespaces_and_foreign_directories_stay(shelf):
    bucket = await shelf.has("gone", kind="Bucket")
    elsewhere = await shelf.has("gone", namespace="elsewhere")
    foreign = shelf.root / "gitrepository" / shelf.namespace / ".snapshot"
    foreign.mkdir(parents=True)
    os.utime(foreign, (0, 0))
    assert await shelf.swept(namespace=shelf.namespace) == []
    assert shelf.holds(bucket)
    assert shelf.holds(elsewhere)
    assert foreign.exists()


async def test_nothing_goes_when_the_api_server_does_not_tell(shelf):
    place = await shelf.has("gone", kind=Alien.KIND)
    with pytest.raises(KubeError):
        await shelf.swept(Alien)
    assert shelf.holds(place)
