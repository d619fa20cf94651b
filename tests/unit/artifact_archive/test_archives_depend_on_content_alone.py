"""Equal trees make equal bytes; names, modes, order and owners are fixed."""

import gzip
import hashlib
import io
import stat
import tarfile
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.artifact.archive import _header, fingerprint, write_archive

DIRECTORY = stat.S_IFDIR | 0o755
FILE = stat.S_IFREG | 0o644
EXECUTABLE = stat.S_IFREG | 0o755


@dataclass
class Item:
    path: str
    mode: int = FILE
    data: bytes = b""

    @property
    def content(self):
        return hashlib.sha1(self.data).hexdigest()

    def read(self):
        return self.data


TREE = [
    Item("app", DIRECTORY),
    Item("app/run.sh", EXECUTABLE, b"#!/bin/sh\n"),
    Item("readme", FILE, b"x" * 700),
]


def archived(items):
    out = io.BytesIO()
    write_archive(items, out)
    return out.getvalue()


def members(data):
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return [(info, archive.extractfile(info).read() if info.isreg() else b"") for info in archive]


def test_the_root_comes_first_and_everything_has_one_of_three_modes():
    found = members(archived(TREE))
    assert [(info.name, info.mode) for info, _ in found] == [
        (".", 0o750),
        ("app", 0o750),
        ("app/run.sh", 0o700),
        ("readme", 0o600),
    ]
    assert found[2][1] == b"#!/bin/sh\n"
    assert found[3][1] == b"x" * 700


def test_nobody_owns_anything_and_nothing_has_a_time():
    for info, _ in members(archived(TREE)):
        assert (info.uid, info.gid, info.uname, info.gname, info.mtime) == (0, 0, "", "", 0)


def test_directories_are_named_without_a_slash():
    raw = gzip.decompress(archived(TREE))
    assert raw[:2] == b".\0"
    assert raw[512:516] == b"app\0"


def test_the_compressed_stream_has_no_name_and_no_time():
    assert archived(TREE)[:10] == b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"


def test_short_names_need_no_extensions_and_long_or_foreign_ones_survive():
    assert all(not info.pax_headers for info, _ in members(archived(TREE)))
    names = ["d/" * 60 + "deep", "grün.yaml", "a" * 200]
    assert [info.name for info, _ in members(archived(map(Item, names)))][1:] == names


def test_bytes_that_are_no_text_survive_in_names():
    name = b"\xe9t\xe9.txt".decode(errors="surrogateescape")
    with tarfile.open(fileobj=io.BytesIO(archived([Item(name)])), errors="surrogateescape") as archive:
        assert name in archive.getnames()


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 3_000_000])
def test_files_of_every_size_come_back(size):
    data = bytes(index * 7 % 251 for index in range(size))
    assert members(archived([Item("f", FILE, data), Item("g", FILE, b"end")]))[1][1] == data


def test_an_archive_has_the_same_digest_as_ever():
    # If one of these changes, every consumer of every source reacts once: say so in the release. If only the
    # second differs on some machine, its compressor isn't the one of the others, and replicas would disagree.
    text = "".join(f"key-{number}: value-{number * 7919 % 10007}\n" for number in range(20_000)).encode()
    data = archived([*TREE, Item("text.yaml", FILE, text)])
    assert (
        hashlib.sha256(gzip.decompress(data)).hexdigest()
        == "df579ae773e3564ff4fa2c37c432b315dcfd9957cab51487447242aac340a116"
    )
    assert (
        hashlib.sha256(data).hexdigest() == "fe9849def854d0cfb4f715f2ad731be354a8fc43eb4630af02c39390162e59ae"
    )


def test_a_fingerprint_tells_what_would_make_other_bytes_without_reading():
    class Unread(Item):
        def read(self):
            raise AssertionError

    def of(*items):
        return fingerprint(Unread(item.path, item.mode, item.data) for item in items)

    assert of(*TREE) == of(*TREE)
    assert of(Item("a", stat.S_IFREG | 0o600)) == of(Item("a", FILE))
    different = [
        (),
        (Item("a"),),
        (Item("b"),),
        (Item("a", EXECUTABLE),),
        (Item("a", DIRECTORY),),
        (Item("a", FILE, b"x"),),
    ]
    assert len({of(*items) for items in different}) == len(different)


@dataclass
class InPieces(Item):
    piece: int = 1

    @property
    def size(self):
        return len(self.data)

    def pieces(self):
        return (self.data[at : at + self.piece] for at in range(0, len(self.data), self.piece))


def test_pieces_of_any_size_give_the_same_bytes():
    data = b"".join(hashlib.sha256(bytes([index % 199])).hexdigest().encode() for index in range(20_000))
    whole = archived([Item("f", FILE, data)])
    assert {archived([InPieces("f", FILE, data, piece)]) for piece in (7000, 262_144, 5_000_000)} == {whole}


@given(
    st.text(st.characters(max_codepoint=126, exclude_characters="\0"), min_size=1, max_size=100),
    st.sampled_from([0o600, 0o700, 0o750]),
    st.sampled_from([tarfile.REGTYPE, tarfile.DIRTYPE]),
    st.integers(0, 8**11 - 1),
)
def test_headers_are_those_of_any_tar(path, mode, kind, size):
    info = tarfile.TarInfo.frombuf(_header(path, mode, kind, size), "utf-8", "strict")
    assert (info.name, info.mode, info.type, info.size) == (path.rstrip("/") or path, mode, kind, size)
