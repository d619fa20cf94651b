"""Paths stay below the root, addresses are derived as promised, and the right files are garbage."""

from datetime import UTC, datetime, timedelta

import pytest

from source_controller.storage import Layout, Place, Retention, advertised_address, open_root
from source_controller.storage.garbage import OldFile, doomed

PLACE = Place("GitRepository", "default", "app")
NOW = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("advertised", "listening", "address"),
    [
        (
            "source-controller.flux-system.svc.cluster.local.",
            ":9090",
            "source-controller.flux-system.svc.cluster.local.",
        ),
        ("https://artifacts.example.org/base", ":9090", "https://artifacts.example.org/base"),
        ("", ":9090", "localhost:9090"),
        ("", "0.0.0.0:9090", "pod-1:9090"),
        ("", "10.0.0.1:9090", "10.0.0.1:9090"),
        ("", "[::1]:9090", "[::1]:9090"),
    ],
)
def test_the_address_in_urls(advertised, listening, address):
    assert advertised_address(advertised, listening, {"HOSTNAME": "pod-1"}) == address


@pytest.mark.parametrize("listening", ["", "9090", "host:", ":x", ":70000", "::1:9090", "a:b:80", ":²"])
def test_an_address_that_is_none_stops_the_start(listening):
    with pytest.raises(ValueError, match="--storage-addr"):
        advertised_address("", listening)


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("host.", "http://host./a/b"),
        ("http://host/x/", "http://host/x/a/b"),
        ("https://host", "https://host/a/b"),
    ],
)
def test_urls_keep_a_scheme_and_get_one_where_there_is_none(tmp_path, address, url):
    assert Layout(tmp_path, address).url("a/b") == url


def test_the_root_must_be_there(tmp_path):
    with pytest.raises(ValueError, match="--storage-path"):
        open_root(str(tmp_path / "missing"))


@pytest.mark.parametrize(
    "path",
    [
        "gitrepository/default/app/../../../secret.tar.gz",
        "/etc/default/app/a.tar.gz",
        "gitrepository/default/app",
        "gitrepository/default/app/a.tar.gz/b.tar.gz",
        "gitrepository/default/app/a.tar.gz.lock",
        "gitrepository/default/app/a.tar.gzx7k2",
        "gitrepository/default/app/",
        "gitrepository//app/a.tar.gz",
        "gitrepository/default/app/..tar.gz\0",
        "",
    ],
)
def test_only_artifacts_are_found(tmp_path, path):
    directory = tmp_path / PLACE.path
    directory.mkdir(parents=True)
    for name in ("a.tar.gz", "a.tar.gz.lock", "a.tar.gzx7k2"):
        (directory / name).write_text("x")
    layout = Layout(tmp_path, "host")
    assert layout.file(path) is None
    assert layout.file(f"{PLACE.path}/a.tar.gz") == directory / "a.tar.gz"


def test_links_lead_nowhere(tmp_path):
    outside = tmp_path / "outside"
    (outside / "app").mkdir(parents=True)
    (outside / "app" / "a.tar.gz").write_text("x")
    root = tmp_path / "root"
    (root / PLACE.path).mkdir(parents=True)
    (root / PLACE.path / "a.tar.gz").symlink_to(outside / "app" / "a.tar.gz")
    (root / "gitrepository" / "linked").symlink_to(outside)
    layout = Layout(root, "host")
    assert layout.file(f"{PLACE.path}/a.tar.gz") is None
    assert layout.file("gitrepository/linked/app/a.tar.gz") is None


@pytest.mark.parametrize(
    ("path", "holds"),
    [
        ("gitrepository/default/app/a.tar.gz", True),
        ("gitrepository/default/other/a.tar.gz", False),
        ("bucket/default/app/a.tar.gz", False),
        ("gitrepository/default/app/../app/a.tar.gz", False),
        ("gitrepository/default/app/a.tar.gz.lock", False),
        ("a.tar.gz", False),
    ],
)
def test_an_object_only_owns_its_own_directory(path, holds):
    assert PLACE.holds(path) is holds


def old(name, seconds):
    return OldFile(name, (NOW - timedelta(seconds=seconds)).timestamp())


@pytest.mark.parametrize(
    ("files", "records", "gone"),
    [
        ([old("a", 300), old("b", 90), old("c", 10)], 2, {"a", "b"}),
        ([old("a", 50), old("b", 40), old("c", 10)], 2, {"a", "b"}),
        ([old("a", 50), old("b", 40), old("c", 10)], 3, {"a"}),
        ([old("a", 61)], 5, {"a"}),
        ([old("a", 60)], 5, set()),
        ([old("a", 300), old("b", 50), old("c", 40), old("d", 30)], 2, {"a", "b", "c"}),
        ([old("a", 10)], 0, {"a"}),
        ([], 2, set()),
    ],
)
def test_the_expired_go_and_then_the_oldest_beyond_the_number(files, records, gone):
    assert set(doomed(files, Retention(timedelta(seconds=60), records), NOW)) == gone
