"""The storage on a real disk: whole files or none, checked by digest, collected, removed."""

import asyncio
import fcntl
import hashlib
import os
import stat
import threading
from datetime import UTC, datetime, timedelta

import pytest

from source_controller.storage import (
    ArchiveFailed,
    DirectoryCreationFailed,
    Place,
    RemovalFailed,
    Retention,
    Storage,
)

PLACE = Place("GitRepository", "default", "app")
NEIGHBOUR = Place("GitRepository", "default", "neighbour")


class Clock:
    """Time that stands still until it is moved."""

    def __init__(self):
        self.passed = timedelta()

    def now(self):
        return datetime.now(UTC) + self.passed

    def monotonic(self):
        return self.passed.total_seconds()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def root(tmp_path):
    return tmp_path


@pytest.fixture
def storage(root, clock):
    return Storage(root, "host.", clock, retention=Retention(timedelta(seconds=60), 2))


@pytest.fixture
def directory(root):
    return root / PLACE.path


async def publish(storage, name="1.tar.gz", data=b"content", place=PLACE):
    return await storage.publish(
        place, revision="main@sha1:1", filename=name, write=lambda sink: sink.write(data)
    )


async def test_an_artifact_says_what_was_written(storage, directory):
    artifact = await publish(storage)
    assert artifact.path == "gitrepository/default/app/1.tar.gz"
    assert artifact.url == "http://host./gitrepository/default/app/1.tar.gz"
    assert artifact.digest == f"sha256:{hashlib.sha256(b'content').hexdigest()}"
    assert (artifact.size, artifact.revision) == (7, "main@sha1:1")
    assert artifact.last_update_time.microsecond == 0
    assert (directory / "1.tar.gz").read_bytes() == b"content"


async def test_nobody_else_may_read_the_disk(storage, root, directory):
    await publish(storage)
    assert stat.S_IMODE((directory / "1.tar.gz").stat().st_mode) == 0o600
    for path in (directory, directory.parent, directory.parent.parent):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


async def test_a_writer_that_fails_leaves_the_old_file_and_nothing_else(storage, directory):
    await publish(storage)

    def write(sink):
        sink.write(b"half of it")
        raise RuntimeError("the source is gone")

    with pytest.raises(RuntimeError, match="the source is gone"):
        await storage.publish(PLACE, revision="r", filename="1.tar.gz", write=write)
    assert {path.name for path in directory.iterdir()} == {"1.tar.gz", "1.tar.gz.lock"}
    assert (directory / "1.tar.gz").read_bytes() == b"content"


async def test_a_full_disk_is_told_without_paths(storage):
    def write(sink):
        del sink
        raise OSError(28, "No space left on device", "/secret/place")

    with pytest.raises(
        ArchiveFailed, match=r"^unable to archive artifact to storage: No space left on device$"
    ):
        await storage.publish(PLACE, revision="r", filename="1.tar.gz", write=write)


async def test_a_file_in_the_way_of_a_directory_is_told(storage, root):
    (root / "gitrepository").write_text("in the way")
    with pytest.raises(DirectoryCreationFailed) as caught:
        await publish(storage)
    assert caught.value.reason == "DirectoryCreationFailed"


async def test_a_cancelled_writer_stops_and_leaves_nothing(storage, directory):
    started, ended = threading.Event(), threading.Event()

    def write(sink):
        try:
            while True:
                sink.write(b"x")
                started.set()
        finally:
            ended.set()

    task = asyncio.create_task(storage.publish(PLACE, revision="r", filename="1.tar.gz", write=write))
    await asyncio.to_thread(started.wait, 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()
    assert {path.name for path in directory.iterdir()} == {"1.tar.gz.lock"}


async def test_a_file_is_written_by_one_process_at_a_time(storage, directory):
    await publish(storage)
    handle = os.open(directory / "1.tar.gz.lock", os.O_RDWR)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        task = asyncio.create_task(publish(storage, data=b"later"))
        done, _ = await asyncio.wait([task], timeout=0.2)
        assert not done
        assert (directory / "1.tar.gz").read_bytes() == b"content"
    finally:
        os.close(handle)
    await task
    assert (directory / "1.tar.gz").read_bytes() == b"later"


async def test_a_whole_file_is_read_once_until_it_changes_or_six_hours_pass(storage, directory, clock):
    artifact = await publish(storage)
    file = directory / "1.tar.gz"
    before = file.stat()
    file.write_bytes(b"CONTENT")  # of the same size, at the same time: only reading it can tell
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (await storage.verify(PLACE, artifact)).whole
    clock.passed = timedelta(hours=6)
    assert not (await storage.verify(PLACE, artifact)).whole


async def test_an_altered_file_is_named_and_removed(storage, directory, clock):
    artifact = await publish(storage)
    (directory / "1.tar.gz").write_bytes(b"c0ntent!")
    verdict = await storage.verify(PLACE, artifact)
    assert verdict.why == f"computed digest doesn't match '{artifact.digest}'"
    assert not (directory / "1.tar.gz").exists()
    assert await storage.verify(PLACE, artifact) == type(verdict)(whole=False)


@pytest.mark.parametrize(
    ("digest", "why"),
    [("", "artifact has no digest"), ("md5:1234", "failed to parse artifact digest 'md5:1234': ")],
)
async def test_a_digest_that_cannot_be_checked_is_an_alteration(storage, digest, why):
    artifact = (await publish(storage)).model_copy(update={"digest": digest})
    verdict = await storage.verify(PLACE, artifact)
    assert not verdict.whole
    assert verdict.why.startswith(why)


async def test_an_artifact_of_somebody_else_counts_as_missing_and_stays(storage, root):
    other = Place("GitRepository", "tenant", "app")
    artifact = (await publish(storage, place=other)).model_copy(update={"digest": "sha256:" + "0" * 64})
    verdict = await storage.verify(PLACE, artifact)
    assert (verdict.whole, verdict.why) == (False, "")
    assert (root / artifact.path).exists()
    assert await storage.collect_garbage(PLACE, artifact) == 0


async def test_files_written_before_a_restart_are_verified_by_reading(storage, root, clock):
    artifact = await publish(storage)
    again = Storage(root, "host.", clock)
    assert again.digest_of(artifact.path) is None
    assert (await again.verify(PLACE, artifact)).whole
    assert str(again.digest_of(artifact.path)) == artifact.digest


async def test_garbage_goes_with_its_locks_and_the_current_file_stays(storage, directory, clock):
    now = clock.now().timestamp()
    for name, age in (("1.tar.gz", 300), ("2.tar.gz", 90), ("3.tar.gz", 10), ("4.tar.gz", 9999)):
        artifact = await publish(storage, name)
        os.utime(directory / name, (now - age, now - age))
    (directory / "left.tar.gz8x2k").write_bytes(b"half")
    os.utime(directory / "left.tar.gz8x2k", (now - 300, now - 300))
    (directory / "sub").mkdir()
    assert await storage.collect_garbage(PLACE, artifact) == 3
    kept = {"3.tar.gz", "3.tar.gz.lock", "4.tar.gz", "4.tar.gz.lock", "sub"}
    assert {path.name for path in directory.iterdir()} == kept


async def test_the_same_content_of_a_new_revision_is_linked_not_written(storage, directory):
    first = await publish(storage)
    second = await storage.reuse(PLACE, first, revision="main@sha1:2", filename="2.tar.gz")
    assert (second.digest, second.size, second.revision) == (first.digest, 7, "main@sha1:2")
    assert (directory / "2.tar.gz").stat().st_ino == (directory / "1.tar.gz").stat().st_ino
    assert (await storage.verify(PLACE, second)).whole
    assert {path.name for path in directory.iterdir() if not path.name.endswith(".lock")} == {
        "1.tar.gz",
        "2.tar.gz",
    }


async def test_nothing_is_reused_that_is_not_as_it_should_be(storage, directory):
    first = await publish(storage)
    (directory / "1.tar.gz").write_bytes(b"altered")
    assert await storage.reuse(PLACE, first, revision="r", filename="2.tar.gz") is None


async def test_the_same_content_of_another_object_is_copied(storage, root):
    twin = await publish(storage)
    mine = await storage.copy(NEIGHBOUR, twin, revision="main@sha1:1", filename="1.tar.gz")
    assert (mine.digest, mine.size, mine.revision) == (twin.digest, twin.size, "main@sha1:1")
    assert mine.path != twin.path
    assert (root / mine.path).read_bytes() == (root / twin.path).read_bytes()
    (root / twin.path).write_bytes(b"altered")
    assert (await storage.verify(NEIGHBOUR, mine)).whole


@pytest.mark.parametrize("content", [b"altered", None])
async def test_nothing_is_copied_that_is_not_as_it_should_be(storage, root, content):
    twin = await publish(storage)
    (root / twin.path).write_bytes(content) if content else (root / twin.path).unlink()
    assert await storage.copy(NEIGHBOUR, twin, revision="r", filename="2.tar.gz") is None
    assert not [path for path in root.rglob("*/neighbour/*") if path.suffix != ".lock"]


async def test_everything_of_an_object_goes_and_nothing_of_its_neighbours(storage, root, directory):
    await publish(storage)
    neighbour = await publish(storage, place=Place("GitRepository", "default", "app2"))
    assert await storage.remove_all(PLACE)
    assert not directory.exists()
    assert not await storage.remove_all(PLACE)
    assert (root / neighbour.path).exists()


async def test_nothing_is_written_or_removed_behind_a_link(storage, root, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "app").mkdir()
    (elsewhere / "app" / "1.tar.gz").write_text("of somebody else")
    artifact = await publish(storage, place=Place("GitRepository", "other", "app"))
    (root / "gitrepository" / "default").symlink_to(elsewhere)
    with pytest.raises(DirectoryCreationFailed, match="symbolic link"):
        await publish(storage)
    with pytest.raises(RemovalFailed, match="symbolic link"):
        await storage.remove_all(PLACE)
    current = artifact.model_copy(update={"path": f"{PLACE.path}/2.tar.gz"})
    assert await storage.collect_garbage(PLACE, current) == 0
    assert (elsewhere / "app" / "1.tar.gz").read_text() == "of somebody else"
