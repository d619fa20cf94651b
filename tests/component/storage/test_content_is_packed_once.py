"""Objects that want the same content get files like each other's; only the first is packed."""

import stat
from dataclasses import dataclass

import pytest

from shared.api.decode import decode
from shared.api.source_v1 import GitRepository
from shared.git import Checkout, Selected
from shared.observe.clock import SystemClock
from source_controller.git_repository import publisher as module
from source_controller.git_repository.publisher import Publisher
from source_controller.storage import Storage


@dataclass
class File:
    path: str
    data: bytes
    mode: int = stat.S_IFREG | 0o644

    @property
    def content(self):
        return self.data.decode()

    def read(self):
        return self.data


@dataclass
class Commit:
    hash: str
    tree: str


class Tree(list):
    """Files that tell when they are walked."""

    walks = 0

    def __iter__(self):
        Tree.walks += 1
        return super().__iter__()


@pytest.fixture
def packed(monkeypatch):
    """How many archives were packed."""
    packed = []
    write = module.write_archive

    def counted(entries, sink):
        packed.append(1)
        write(entries, sink)

    monkeypatch.setattr(module, "write_archive", counted)
    return packed


@pytest.fixture
def publish(tmp_path):
    publisher = Publisher(Storage(tmp_path, "127.0.0.1:9090", SystemClock()))

    async def publish(name, text, commit="1" * 40, current=None, ignore=None):
        obj = decode(
            GitRepository,
            {
                "apiVersion": "source.toolkit.fluxcd.io/v1",
                "kind": "GitRepository",
                "metadata": {"name": name, "namespace": "default"},
                "spec": {"interval": "1m", "url": "http://example.com/app.git"}
                | ({"ignore": ignore} if ignore else {}),
            },
        )
        files = Tree([File("a.yaml", text), File("b.txt", b"other")])
        selected = Selected(commit, "refs/heads/main", "main")
        return await publisher.publish(obj, current, selected, Checkout(Commit(commit, text.hex()), files))

    return publish


async def test_the_second_of_two_objects_gets_a_copy(publish, packed, tmp_path):
    first, second = await publish("one", b"text"), await publish("two", b"text")
    assert len(packed) == 1
    assert first.digest == second.digest
    assert (tmp_path / first.path).read_bytes() == (tmp_path / second.path).read_bytes()


async def test_a_commit_that_changes_nothing_of_the_content_is_not_packed(publish, packed):
    first = await publish("one", b"text")
    second = await publish("one", b"text", commit="2" * 40, current=first)
    assert len(packed) == 1
    assert first.revision != second.revision
    assert first.digest == second.digest


async def test_other_content_is_packed(publish, packed):
    digests = {
        (await publish("one", b"text")).digest,
        (await publish("two", b"else")).digest,
        (await publish("three", b"text", ignore="b.txt")).digest,
    }
    assert len(packed) == len(digests) == 3


async def test_a_damaged_file_is_not_spread(publish, packed, tmp_path):
    first = await publish("one", b"text")
    whole = (tmp_path / first.path).read_bytes()
    (tmp_path / first.path).write_bytes(b"damaged")
    second = await publish("two", b"text")
    assert len(packed) == 2
    assert (tmp_path / second.path).read_bytes() == whole


async def test_a_tree_that_is_known_is_not_walked_again(publish, packed):
    await publish("one", b"text")
    before = Tree.walks
    await publish("two", b"text")
    assert Tree.walks == before
    await publish("three", b"text", ignore="a.yaml")
    assert Tree.walks > before


async def test_a_known_tree_is_walked_and_packed_again_when_all_its_files_are_damaged(
    publish, packed, tmp_path
):
    artifact = await publish("one", b"text")
    (tmp_path / artifact.path).unlink()
    again = await publish("one", b"text")
    assert again.digest == artifact.digest
    assert len(packed) == 2
