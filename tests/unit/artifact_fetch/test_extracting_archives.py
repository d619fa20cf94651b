"""An archive unpacks to plain files and directories below its target, or not at all."""

import contextlib
import gzip
import io
import os
import tarfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.artifact import ArchiveRefused, ExtractLimits, extract


def member(name, content=b"", *, kind=tarfile.REGTYPE, mode=0o644, link=""):
    info = tarfile.TarInfo()
    info.name, info.type, info.mode, info.linkname, info.size = name, kind, mode, link, len(content)
    return info, content


def archive_of(*members, form=tarfile.PAX_FORMAT):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", format=form) as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return packed.getvalue()


@pytest.fixture
def unpack(tmp_path):
    def run(data, **limits):
        archive, target = tmp_path / "archive", tmp_path / "target"
        archive.write_bytes(data)
        target.mkdir()
        return target, extract(archive, target, ExtractLimits(**limits))

    return run


def below(target):
    return {str(p.relative_to(target)): p.read_bytes() for p in target.rglob("*") if p.is_file()}


def test_files_and_directories_come_out(unpack):
    target, result = unpack(
        archive_of(
            member("./", kind=tarfile.DIRTYPE),
            member("dir", kind=tarfile.DIRTYPE, mode=0o000),
            member("dir/a.yaml", b"a: 1"),
            member("no/parent/entry/b.yaml", b"b: 2"),
            member("tool.sh", b"#!", mode=0o755),
        )
    )
    assert below(target) == {"dir/a.yaml": b"a: 1", "no/parent/entry/b.yaml": b"b: 2", "tool.sh": b"#!"}
    assert (result.files, result.size) == (3, 10)
    assert os.access(target / "tool.sh", os.X_OK)
    assert (target / "dir").stat().st_mode & 0o777 == 0o700
    assert (target / "dir/a.yaml").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_long_names_of_both_formats_are_read(unpack, form):
    name = "/".join(["directory" * 5] * 10) + "/ünïcode.yaml"
    target, _ = unpack(archive_of(member(name, b"x"), form=form))
    assert below(target) == {name: b"x"}


def test_symbolic_links_are_left_out(unpack):
    target, _ = unpack(
        archive_of(
            member("link", kind=tarfile.SYMTYPE, link="/etc/passwd"),
            member("dir", kind=tarfile.SYMTYPE, link="/tmp"),
            member("dir/file", b"stays inside"),
            member("a.yaml", b"a"),
        )
    )
    assert below(target) == {"dir/file": b"stays inside", "a.yaml": b"a"}
    assert not any(path.is_symlink() for path in target.rglob("*"))


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (tarfile.LNKTYPE, "a hard link"),
        (tarfile.CHRTYPE, "a character device"),
        (tarfile.BLKTYPE, "a block device"),
        (tarfile.FIFOTYPE, "a named pipe"),
        (tarfile.CONTTYPE, "a contiguous file"),
        (b"Z", "unknown type"),
    ],
)
def test_other_kinds_are_refused_by_name(unpack, kind, said):
    with pytest.raises(ArchiveRefused, match=f"'odd' is .*{said}"):
        unpack(archive_of(member("a.yaml"), member("odd", kind=kind, link="a.yaml")))


@pytest.mark.parametrize(
    "name", ["/abs", "../up", "a/../../up", "a/..", "..", "a\\b", "C:\\x", "x..", "..x/../y", "//host/share"]
)
def test_names_that_could_leave_are_refused(unpack, tmp_path, name):
    harmless = name == "x.."
    data = archive_of(member(name, b"x"))
    if harmless:
        unpack(data)
    else:
        with pytest.raises(ArchiveRefused, match="invalid name"):
            unpack(data)
    assert {path.name for path in tmp_path.iterdir()} == {"archive", "target"}


@pytest.mark.parametrize("order", [("a", "a/b"), ("a/b", "a")])
def test_a_name_is_a_file_or_a_directory_not_both(unpack, order):
    with pytest.raises(ArchiveRefused, match="both a file and a directory"):
        unpack(archive_of(*(member(name, b"x") for name in order)))


def test_the_last_of_equal_names_wins(unpack):
    target, _ = unpack(archive_of(member("a", b"first, longer"), member("a", b"last")))
    assert below(target) == {"a": b"last"}


@pytest.mark.parametrize(
    ("limits", "members"),
    [
        ({"entries": 2}, [member("a"), member("b"), member("c")]),
        ({"total_size": 10}, [member("a", b"123456"), member("b", b"123456")]),
        ({"path_length": 10}, [member("a" * 11)]),
        ({"depth": 3}, [member("a/b/c/d")]),
    ],
)
def test_limits_hold(unpack, limits, members):
    with pytest.raises(ArchiveRefused):
        unpack(archive_of(*members), **limits)


def test_a_bomb_is_refused_by_its_ratio(unpack):
    with pytest.raises(ArchiveRefused, match="far more than its size allows"):
        unpack(archive_of(member("zeros", bytes(100 << 20))))


def test_a_huge_header_is_not_read_into_memory(unpack):
    info = tarfile.TarInfo("././@PaxHeader")
    info.type, info.size = tarfile.XHDTYPE, 32 << 20
    data = gzip.compress(info.tobuf() + bytes(32 << 20) + bytes(1024))
    with pytest.raises(ArchiveRefused, match="header that is too large"):
        unpack(data)


def test_a_chain_of_headers_is_refused(unpack):
    info = tarfile.TarInfo("././@PaxHeader")
    info.type, info.size = tarfile.XHDTYPE, 0
    with pytest.raises(ArchiveRefused):
        unpack(gzip.compress(info.tobuf() * 5000 + bytes(1024)))


@pytest.mark.parametrize("cut", [1, 10, 100, 250])
def test_a_truncated_archive_is_refused(unpack, cut):
    whole = archive_of(member("a", os.urandom(5000)))
    with pytest.raises(ArchiveRefused, match="damaged"):
        unpack(whole[: len(whole) * cut // 301])


@pytest.mark.parametrize(
    "data",
    [b"", b"plain text", gzip.compress(b"no tar archive" * 100, mtime=0)],
    ids=["nothing", "text", "something else that is compressed"],
)
def test_what_is_no_archive_is_refused(unpack, data):
    with pytest.raises(ArchiveRefused, match="damaged"):
        unpack(data)


NAMES = st.text(alphabet=st.sampled_from(list("ab./\\ \u00e9\n")), max_size=12)
KINDS = st.sampled_from([tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(NAMES, KINDS, NAMES), max_size=8))
def test_whatever_an_archive_says_nothing_leaves_its_target(tmp_path_factory, entries):
    home = tmp_path_factory.mktemp("any")
    (home / "target").mkdir()
    archive = home / "archive"
    archive.write_bytes(
        archive_of(*(member(n, b"x" * (k == tarfile.REGTYPE), kind=k, link=t) for n, k, t in entries))
    )
    with contextlib.suppress(ArchiveRefused):
        extract(archive, home / "target")
    assert {path.name for path in home.iterdir()} == {"archive", "target"}
    assert not any(path.is_symlink() for path in home.rglob("*"))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2000), st.integers(0, 255))
def test_a_flipped_byte_is_unpacked_or_refused_but_never_anything_else(tmp_path_factory, position, value):
    home = tmp_path_factory.mktemp("flip")
    (home / "target").mkdir()
    plain = bytearray(gzip.decompress(archive_of(member("a/b", b"content"), member("c" * 150, b"x"))))
    plain[position % len(plain)] = value
    (home / "archive").write_bytes(gzip.compress(bytes(plain)))
    with contextlib.suppress(ArchiveRefused):
        extract(home / "archive", home / "target")
    assert {path.name for path in home.iterdir()} == {"archive", "target"}
