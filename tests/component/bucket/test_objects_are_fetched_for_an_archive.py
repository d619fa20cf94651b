"""Many objects at once become an archive; what the last one has in the same state isn't asked for again."""

import asyncio
import tarfile

import pytest

from shared.api.source_v1 import Bucket
from shared.lang.digest import Algorithm
from shared.observe.clock import SystemClock
from shared.runtime.outcome import Failure
from source_controller.artifacts import place_of
from source_controller.bucket.content import BucketContents, Listed
from source_controller.bucket.index import Index
from source_controller.bucket.s3 import AT_ONCE
from source_controller.bucket.store import ObjectGone, StoreError
from source_controller.storage import Storage


class Store:
    """Objects by key, whose ETag is their content."""

    def __init__(self, **objects):
        self.objects = objects
        self.asked = []
        self.at_once = self.most_at_once = 0
        self.hangs = False

    async def download(self, key, etag, file):
        self.asked.append(key)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await (asyncio.Event().wait() if self.hangs else asyncio.sleep(0))
            if key not in self.objects:
                raise ObjectGone("gone")
            if self.objects[key] is None:
                raise StoreError("https://h/x?sig=h1dden broke")
            file.write_text(self.objects[key])
            return self.objects[key]
        finally:
            self.at_once -= 1

    def listed(self, ignore_file=None):
        return Listed(Index({key: etag or "" for key, etag in self.objects.items()}), ignore_file)


class Turn:
    class log:  # noqa: N801 - as turns have it
        lines = []  # noqa: RUF012

        @classmethod
        def info(cls, text):
            cls.lines.append(text)


@pytest.fixture
def storage(tmp_path):
    (tmp_path / "artifacts").mkdir()
    return Storage(tmp_path / "artifacts", "127.0.0.1:1", SystemClock())


@pytest.fixture
def contents(storage, tmp_path):
    (tmp_path / "scratch").mkdir()
    return BucketContents(storage, tmp_path / "scratch", Algorithm.SHA256)


def bucket(**spec):
    return Bucket.model_validate(
        {
            "metadata": {"name": "app", "namespace": "team"},
            "spec": {"interval": "1m", "bucketName": "b", "endpoint": "h"} | spec,
        }
    )


async def made(contents, store, current=None, obj=None, listed=None):
    obj = obj or bucket()
    async with contents.fetched(obj, store, listed or store.listed(), current, Turn) as fetched:
        return await contents.publish(obj, fetched)


def files(storage, artifact):
    with tarfile.open(storage.layout.root / artifact.path) as archive:
        return {each.name: archive.extractfile(each).read().decode() for each in archive if each.isfile()}


async def test_a_few_are_downloaded_at_a_time(contents, storage):
    store = Store(**{f"d{number % 9}/{number}": str(number) for number in range(500)})
    artifact = await made(contents, store)
    assert files(storage, artifact) == store.objects
    assert store.most_at_once == AT_ONCE
    assert artifact.revision == str(store.listed().index.digest(Algorithm.SHA256))


async def test_only_what_changed_is_downloaded(contents, storage):
    store = Store(**{f"{number}.yaml": f"old {number}" for number in range(50)})
    first = await made(contents, store)
    store.objects |= {"7.yaml": "new", "more.yaml": "new"}
    del store.objects["8.yaml"]
    store.asked.clear()
    second = await made(contents, store, first)
    assert sorted(store.asked) == ["7.yaml", "more.yaml"]
    assert files(storage, second) == store.objects


async def test_the_bytes_are_the_same_however_they_came(contents, storage, tmp_path):
    store = Store(**{"a": "1", "b/c": "2"})
    first = await made(contents, store)
    store.objects["a"] = "3"
    reused = await made(contents, store, first)
    afresh = await made(BucketContents(storage, tmp_path / "scratch", Algorithm.SHA256), store)
    assert reused.digest == afresh.digest


@pytest.mark.parametrize("other", [{"bucketName": "c"}, {"endpoint": "i"}, {"provider": "aws"}])
async def test_states_are_only_compared_within_one_bucket(contents, other):
    store = Store(a="1")
    first = await made(contents, store)
    store.asked.clear()
    await made(contents, store, first, bucket(**other))
    assert store.asked == ["a"]


async def test_nothing_is_taken_from_an_artifact_that_is_another_one_or_broken(contents, storage):
    store = Store(a="1", b="2")
    first = await made(contents, store)
    other = first.model_copy(update={"digest": f"sha256:{'0' * 64}"})
    store.asked.clear()
    await made(contents, store, other)
    assert sorted(store.asked) == ["a", "b"]
    file = storage.layout.root / first.path
    file.write_bytes(file.read_bytes()[:40])
    store.asked.clear()
    assert files(storage, await made(contents, store, first)) == store.objects
    assert sorted(store.asked) == ["a", "b"]


async def test_an_object_without_a_state_is_always_downloaded(contents):
    store = Store(a="1")
    listed = Listed(Index({"a": ""}), None)
    first = await made(contents, store, listed=listed)
    await made(contents, store, first, listed=listed)
    assert store.asked == ["a", "a"]


async def test_what_is_forgotten_is_downloaded_again(contents):
    store = Store(a="1")
    first = await made(contents, store)
    contents.forget(place_of(bucket()))
    await made(contents, store, first)
    assert store.asked == ["a", "a"]


async def test_what_vanished_is_left_out_and_logged(contents, storage):
    store = Store(a="1")
    listed = Listed(Index({"a": "1", "gone": "x"}), b"# mine")
    artifact = await made(contents, store, listed=listed)
    assert files(storage, artifact) == {"a": "1", ".sourceignore": "# mine"}
    assert artifact.revision == str(Index({"a": "1"}).digest(Algorithm.SHA256))
    assert Turn.log.lines == ["indexed object 'gone' disappeared from 'b' bucket"]


async def test_one_failure_ends_all_downloads(contents, tmp_path):
    store = Store(**dict.fromkeys(map(str, range(100)), "x"))
    store.objects["3"] = None
    with pytest.raises(
        Failure, match=r"^fetch from bucket 'b' failed: failed to get '3' object: https://h/x broke$"
    ):
        await made(contents, store)
    assert store.at_once == 0
    assert list((tmp_path / "scratch").iterdir()) == []


async def test_downloads_have_to_end_in_time(contents, tmp_path):
    store = Store(a="1")
    store.hangs = True
    with pytest.raises(Failure, match="fetch from bucket 'b' failed: context deadline exceeded"):
        await made(contents, store, obj=bucket(timeout="10ms"))
    assert store.at_once == 0
    assert list((tmp_path / "scratch").iterdir()) == []
