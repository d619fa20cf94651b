"""Packages and directories, hostile ones too, and what is left out of them."""

import io
import tarfile

import pytest

from source_controller.helm_chart.chart import (
    ChartError,
    Limits,
    MetadataError,
    load_directory,
    load_package,
    read_metadata,
)

CHART = "apiVersion: v2\nname: app\nversion: 1.0.0\n"
LIMITS = Limits(package=1 << 16, file=1 << 12, decompressed=1 << 14, files=20)


def packed(target, files, *, links=(), kind=tarfile.SYMTYPE):
    with tarfile.open(target, "w:gz") as archive:
        for name, content in files.items():
            data = content if isinstance(content, bytes) else content.encode()
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        for name, goal in links:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, goal
            archive.addfile(info)
    return target


def written(folder, files):
    for name, content in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def test_a_package_is_read_with_the_charts_in_it(tmp_path):
    inner = packed(tmp_path / "inner.tgz", {"c/Chart.yaml": CHART.replace("app", "c")}).read_bytes()
    file = packed(
        tmp_path / "a.tgz",
        {
            "app/Chart.yaml": "\ufeff" + CHART,
            "app/values.yaml": "a: 1\n",
            "app/charts/b/Chart.yaml": CHART.replace("app", "b"),
            "app/charts/c-1.tgz": inner,
            "app/charts/_no/Chart.yaml": "not: read",
            "app/charts/c-1.tgz.prov": "signature",
        },
    )
    chart = load_package(file, LIMITS)
    assert chart.metadata.name == "app"
    assert dict(chart.files) == {"values.yaml": b"a: 1\n", "charts/c-1.tgz.prov": b"signature"}
    assert [sub.metadata.name for sub in chart.charts] == ["b", "c"]
    assert read_metadata(file, LIMITS) == chart.metadata


@pytest.mark.parametrize(
    "files",
    [
        {"../app/Chart.yaml": CHART},
        {"/app/Chart.yaml": CHART},
        {"app/../../Chart.yaml": CHART},
        {"app/Chart.yaml": CHART, "app/C:/x": "y"},
        {"app/Chart.yaml": CHART, "app/a\\b": "y"},
        {"Chart.yaml": CHART},
        {},
    ],
)
def test_packages_with_bad_names_are_refused(tmp_path, files):
    with pytest.raises(ChartError):
        load_package(packed(tmp_path / "a.tgz", files), LIMITS)


@pytest.mark.parametrize("kind", [tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_packages_with_devices_and_hard_links_are_refused(tmp_path, kind):
    file = packed(tmp_path / "a.tgz", {"app/Chart.yaml": CHART}, links=[("app/x", "Chart.yaml")], kind=kind)
    with pytest.raises(ChartError, match="only files and directories are allowed"):
        load_package(file, LIMITS)


def test_a_package_that_is_none_is_refused(tmp_path):
    (tmp_path / "a.tgz").write_bytes(b"no archive")
    for read in (load_package, read_metadata):
        with pytest.raises(ChartError):
            read(tmp_path / "a.tgz", LIMITS)


def test_what_is_too_large_is_refused(tmp_path):
    noise = bytes(range(256)) * 16
    large = packed(tmp_path / "a.tgz", {"app/Chart.yaml": CHART, "app/x": noise + b"y"})
    with pytest.raises(ChartError, match=r"file x as file size \(4097\) exceeds limit \(4096\)"):
        load_package(large, LIMITS)
    many = packed(tmp_path / "b.tgz", {"app/Chart.yaml": CHART} | {f"app/{n}": "" for n in range(20)})
    with pytest.raises(ChartError, match="more than 20"):
        load_package(many, LIMITS)
    bomb = packed(tmp_path / "c.tgz", {"app/Chart.yaml": CHART} | {f"app/{n}": noise for n in range(4)})
    with pytest.raises(ChartError, match=r"more than 16384 bytes|larger than 16384 bytes"):
        load_package(bomb, LIMITS)
    with pytest.raises(ChartError, match=r"size of chart 'c\.tgz' exceeds '10' bytes limit"):
        read_metadata(bomb, Limits(package=10))


def test_charts_in_charts_share_the_limits(tmp_path):
    data = packed(tmp_path / "0.tgz", {"app/Chart.yaml": CHART}).read_bytes()
    for depth in range(20):
        data = packed(
            tmp_path / f"{depth}.tgz", {"app/Chart.yaml": CHART, "app/charts/app.tgz": data}
        ).read_bytes()
    (tmp_path / "deep.tgz").write_bytes(data)
    with pytest.raises(ChartError, match=r"nested more than|more than 20 files"):
        load_package(tmp_path / "deep.tgz", Limits(files=20))


@pytest.mark.parametrize(
    ("chart", "why"),
    [
        ("", "no YAML object"),
        ("- a", "no YAML object"),
        ("name: app\nversion: [", "cannot load Chart.yaml"),
        ("version: 1.0.0", "name is required"),
        ("name: a/b\nversion: 1.0.0", "name 'a/b' is invalid"),
        ("name: ..\nversion: 1.0.0", "is invalid"),
        ("name: app", "version is required"),
        ("name: app\nversion: newest", "version 'newest' is invalid"),
        ("name: app\nversion: 1.0.0\ntype: job", "type must be application or library"),
        ("name: app\nversion: 1.0.0\nmaintainers: [null]", "maintainers"),
        ("name: app\nversion: 1.0.0\ndependencies: [null]", "dependencies"),
        ("name: app\nversion: 1.0.0\ndependencies: {a: b}", "dependencies"),
        ("name: app\nversion: 1.0.0\ndependencies: [{name: a}, {name: b, alias: a}]", "alias 'a'"),
        ("name: app\nversion: 1.0.0\ndependencies: [{name: a, alias: 'a b'}]", "disallowed characters"),
        ("name: {}\nversion: 1.0.0", "name has to be a text"),
    ],
)
def test_chart_yaml_has_to_be_sound(tmp_path, chart, why):
    file = packed(tmp_path / "a.tgz", {"app/Chart.yaml": chart})
    for read in (load_package, read_metadata):
        with pytest.raises(MetadataError, match=why):
            read(file, LIMITS)


def test_a_schema_has_to_be_json(tmp_path):
    file = packed(tmp_path / "a.tgz", {"app/Chart.yaml": CHART, "app/values.schema.json": "{"})
    with pytest.raises(ChartError, match=r"invalid JSON in values\.schema\.json"):
        load_package(file, LIMITS)


def test_old_charts_name_dependencies_elsewhere(tmp_path):
    files = {
        "app/Chart.yaml": "name: app\nversion: 1.0.0\n",
        "app/requirements.yaml": "dependencies: [{name: a, version: 1.x, repository: 'https://e'}]",
        "app/requirements.lock": "dependencies: [{name: a, version: 1.2.3, repository: 'https://e'}]",
    }
    chart = load_package(packed(tmp_path / "a.tgz", files), LIMITS)
    assert chart.metadata.api_version == "v1"
    assert [one.version for one in chart.metadata.dependencies] == ["1.x"]
    assert [one.version for one in chart.lock] == ["1.2.3"]
    assert "dependencies" not in chart.metadata.raw


def test_a_directory_is_read_without_what_is_ignored(tmp_path):
    written(
        tmp_path / "charts/app",
        {
            "Chart.yaml": CHART,
            ".helmignore": "# comment\n*.txt\n/ci/\nsecret/x\n",
            "values.yaml": "a: 1\n",
            "notes.txt": "no",
            "deep/notes.txt": "no",
            "ci/values.yaml": "no",
            "deep/ci/values.yaml": "yes",
            "secret/x": "no",
            "secret/y": "yes",
            "templates/a.yaml": "yes",
            "templates/.hidden": "no",
        },
    )
    chart = load_directory(tmp_path, "charts/app", LIMITS)
    assert sorted(chart.files) == [
        ".helmignore",
        "deep/ci/values.yaml",
        "secret/y",
        "templates/a.yaml",
        "values.yaml",
    ]


@pytest.mark.case("source-o48")
def test_a_link_out_of_the_tree_is_an_error_unless_it_is_ignored(tmp_path):
    root = tmp_path / "root"
    chart = written(root / "app", {"Chart.yaml": CHART})
    (chart / "passwd").symlink_to("/etc/passwd")
    with pytest.raises(ChartError, match="the link passwd leads out of the source"):
        load_directory(root, "app", LIMITS)
    (chart / ".helmignore").write_text("passwd\n")
    assert sorted(load_directory(root, "app", LIMITS).files) == [".helmignore"]


def test_links_within_the_tree_are_followed(tmp_path):
    written(tmp_path, {"app/Chart.yaml": CHART, "shared/a.yaml": "a", "b.yaml": "b"})
    (tmp_path / "app/templates").symlink_to("../shared")
    (tmp_path / "app/b.yaml").symlink_to("../b.yaml")
    assert dict(load_directory(tmp_path, "app", LIMITS).files) == {"templates/a.yaml": b"a", "b.yaml": b"b"}


def test_a_circle_of_links_ends(tmp_path):
    written(tmp_path, {"app/Chart.yaml": CHART})
    (tmp_path / "app/again").symlink_to(".")
    with pytest.raises(ChartError):
        load_directory(tmp_path, "app", LIMITS)


def test_a_double_star_is_refused(tmp_path):
    written(tmp_path, {"app/Chart.yaml": CHART, "app/.helmignore": "a/**/b\n"})
    with pytest.raises(ChartError, match="double-star"):
        load_directory(tmp_path, "app", LIMITS)
