"""What the storage remembers of files: never more than it has read, and from several threads at once."""

import hashlib
import os
import sys
import threading
from datetime import UTC, datetime

import pytest

from shared.api.meta import Artifact
from shared.lang.digest import Digest
from source_controller.storage import Layout, Place
from source_controller.storage.integrity import Integrity

PLACE = Place("GitRepository", "default", "app")
PATH = f"{PLACE.path}/1.tar.gz"


class Clock:
    def now(self):
        return datetime(2026, 5, 1, tzinfo=UTC)

    def monotonic(self):
        return 0.0


@pytest.fixture
def file(tmp_path):
    file = tmp_path / PATH
    file.parent.mkdir(parents=True)
    file.write_bytes(b"good")
    return file


def test_a_change_while_a_file_is_read_is_noticed_the_next_time(tmp_path, file, monkeypatch):
    integrity = Integrity(Layout(tmp_path, "host"), Clock())
    digest = Digest.of(b"good")
    artifact = Artifact(
        path=PATH, url="", revision="r", digest=str(digest), last_update_time=Clock().now(), size=4
    )

    class Late:
        """Changes the file once all of it has been read."""

        def __init__(self):
            self.running = hashlib.sha256()

        def update(self, data):
            self.running.update(data)
            before = file.stat()
            file.write_bytes(b"evil")
            os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + 1))

        def hexdigest(self):
            return self.running.hexdigest()

    with monkeypatch.context() as patch:
        patch.setattr(Digest, "hasher", lambda _: Late())
        assert integrity.check(PLACE, artifact).whole
    assert not integrity.check(PLACE, artifact).whole


def test_files_can_be_forgotten_while_others_are_checked(tmp_path, file):
    integrity = Integrity(Layout(tmp_path, "host"), Clock())
    digest, stop = Digest.of(b"good"), threading.Event()

    def check():
        number = 0
        while not stop.is_set():
            integrity.remember(f"gitrepository/default/{number % 2000}/1.tar.gz", file, digest)
            number += 1

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    thread = threading.Thread(target=check)
    thread.start()
    try:
        for number in range(1000):
            integrity.forget(f"gitrepository/default/{number}")
    finally:
        stop.set()
        thread.join()
        sys.setswitchinterval(before)
