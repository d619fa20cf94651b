"""Included archives are read as they come: never unpacked, never held, and never trusted."""

import gzip
import io
import os
import tarfile
import tracemalloc
from contextlib import contextmanager

import pytest

from shared.artifact.archive import write_archive
from shared.artifact.extract import ArchiveRefused, ExtractLimits
from shared.artifact.stored import StoredArchive, StoredPart
from source_controller.git_repository.composing import Composed
from source_controller.paths import clamped

LIMITS = ExtractLimits()


@contextmanager
def stored(path, files, limits=LIMITS):
    """A stored archive of some files in the given order."""
    with gzip.open(path, "wb", compresslevel=1) as packed, tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    handle = os.open(path, os.O_RDONLY)
    try:
        yield StoredArchive(handle, "sha256:0", limits)
    finally:
        os.close(handle)


class Nowhere:
    """Takes everything in and keeps its size."""

    size = 0

    def write(self, data):
        self.size += len(data)


def test_memory_does_not_grow_with_what_is_included(tmp_path):
    size = 24 << 20
    with stored(tmp_path / "a.tar.gz", [("big", os.urandom(size)), ("more", b"x" * size)]) as archive:
        part, sink = StoredPart(archive, (), ("a",)), Nowhere()
        tracemalloc.start()
        try:
            write_archive(Composed(((), part)), sink)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert sink.size > size
    assert peak < size / 4


def test_what_the_archive_only_implies_comes_out_as_directories(tmp_path):
    with stored(tmp_path / "a.tar.gz", [("a/b/c", b"1"), ("a/d", b"2"), ("e", b"3")]) as archive:
        whole = StoredPart(archive, (), ("x", "y"))
        assert [entry.path for entry in whole] == [
            "x",
            "x/y",
            "x/y/a",
            "x/y/a/b",
            "x/y/a/b/c",
            "x/y/a/d",
            "x/y/e",
        ]
        part = StoredPart(archive, ("a",), ("z",))
        assert [(entry.path, entry.read()) for entry in part] == [
            ("z", b""), ("z/b", b""), ("z/b/c", b"1"), ("z/d", b"2"),
        ]  # fmt: skip
        assert list(StoredPart(archive, ("b",), ("z",))) == []


def test_of_two_layers_with_the_same_file_the_later_one_counts(tmp_path):
    with (
        stored(tmp_path / "a.tar.gz", [("a", b"old"), ("c", b"c")]) as lower,
        stored(tmp_path / "b.tar.gz", [("a", b"new"), ("b", b"b")]) as upper,
    ):
        layers = tuple(StoredPart(each, (), ("t",)) for each in (lower, upper))
        found = [(entry.path, entry.read()) for entry in Composed(layers)]
    assert found == [("t", b""), ("t/a", b"new"), ("t/b", b"b"), ("t/c", b"c")]


@pytest.mark.parametrize(
    ("files", "limits", "why"),
    [
        ([("b", b""), ("a", b"")], LIMITS, "out of order"),
        ([("a", b""), ("a", b"")], LIMITS, "out of order"),
        ([("../a", b"")], LIMITS, "invalid name"),
        ([("/a", b"")], LIMITS, "invalid name"),
        ([("a", b"x" * 100)], ExtractLimits(total_size=99), "unpacks to more than 99 bytes"),
        ([("a", b""), ("b", b"")], ExtractLimits(entries=1), "more than 1 entries"),
        ([("a", bytes(66 << 20))], ExtractLimits(ratio=2), "unpacks to far more than its size allows"),
    ],
)
def test_an_archive_that_is_not_as_ours_are_is_refused(tmp_path, files, limits, why):
    with stored(tmp_path / "a.tar.gz", files, limits) as archive, pytest.raises(ArchiveRefused, match=why):
        write_archive(StoredPart(archive, (), ("a",)), Nowhere())


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("", ()), (".", ()), ("/", ()), ("a/b", ("a", "b")), ("/a//b/", ("a", "b")), ("../../x", ("x",)),
        ("a/../../x", ("x",)), ("a/./b/..", ("a",)), ("..", ()),
    ],
)  # fmt: skip
def test_no_path_leads_out_of_its_root(path, parts):
    assert clamped(path) == parts
