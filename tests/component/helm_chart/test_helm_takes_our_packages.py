"""What is packaged here is what the real helm understands, and the other way round."""

import pytest
import yaml

from shared.testing.chart_server import helm, write_chart
from source_controller.helm_chart.chart import Limits, load_directory, load_package, merge, write_package

LIMITS = Limits()


@pytest.fixture
def umbrella(tmp_path):
    """A chart with a chart in it, as directories."""
    wanted = [{"name": "sub", "version": "0.1.0", "alias": "other", "repository": ""}]
    extra = {
        "values.schema.json": '{"type": "object"}',
        "crds/a.yaml": "# a",
        "README.md": "# app",
        "a-very-long-folder-name/" * 6 + "file.txt": "deep",
    }
    folder = write_chart(tmp_path / "umbrella", "app", "1.0.0", extra, dependencies=wanted)
    write_chart(folder / "charts" / "sub", "sub")
    return folder


def test_a_package_of_ours_renders_like_its_directory(umbrella, tmp_path):
    chart = load_directory(umbrella, "", LIMITS)
    write_package(chart.with_version("1.0.0+3"), tmp_path / "ours.tgz")
    shown = yaml.safe_load(helm("show", "chart", tmp_path / "ours.tgz", home=tmp_path))
    assert (shown["name"], shown["version"]) == ("app", "1.0.0+3")
    helm("lint", tmp_path / "ours.tgz", home=tmp_path)
    ours = helm("template", "r", tmp_path / "ours.tgz", home=tmp_path)
    assert ours == helm("template", "r", umbrella, home=tmp_path)
    assert ours.count("kind: ConfigMap") == 2


def test_a_package_of_helm_reads_like_its_directory(umbrella, tmp_path):
    helm("package", umbrella, "--destination", tmp_path, home=tmp_path)
    packed, there = load_package(tmp_path / "app-1.0.0.tgz", LIMITS), load_directory(umbrella, "", LIMITS)
    assert packed.metadata.dependencies == there.metadata.dependencies
    assert dict(packed.files) == dict(there.files)
    assert [sub.metadata.name for sub in packed.charts] == ["sub"]


def test_merged_values_are_what_helm_sees(tmp_path):
    text = (
        'a: {x: 1, on: 2, "n": 3}\nb: yes\nc: 0644\nd: 1_000\ne: 2020-01-01\nf: .5\ng: 1e3\nh: ~\ni: "1.10"\n'
    )
    folder = write_chart(
        tmp_path / "made",
        "app",
        files={"values.yaml": text, "templates/config.yaml": "v: {{ toJson .Values }}\n"},
    )
    before = helm("template", "r", folder, home=tmp_path)
    chart = load_directory(folder, "", LIMITS).with_values(merge([("values.yaml", text.encode())]))
    write_package(chart, tmp_path / "ours.tgz")
    assert helm("template", "r", tmp_path / "ours.tgz", home=tmp_path) == before


def test_the_same_chart_always_has_the_same_bytes(umbrella, tmp_path):
    chart = load_directory(umbrella, "", LIMITS)
    write_package(chart, tmp_path / "one.tgz")
    for file in umbrella.rglob("*"):
        file.touch()
    write_package(load_directory(umbrella, "", LIMITS), tmp_path / "two.tgz")
    write_package(load_package(tmp_path / "one.tgz", LIMITS), tmp_path / "three.tgz")
    first = (tmp_path / "one.tgz").read_bytes()
    assert first == (tmp_path / "two.tgz").read_bytes() == (tmp_path / "three.tgz").read_bytes()


def test_an_old_chart_keeps_its_requirements(tmp_path):
    requirements = "dependencies:\n- name: sub\n  version: 0.1.0\n  repository: ''\n"
    folder = write_chart(tmp_path / "old", "app", files={"requirements.yaml": requirements}, apiVersion="v1")
    write_chart(folder / "charts" / "sub", "sub")
    write_package(load_directory(folder, "", LIMITS), tmp_path / "ours.tgz")
    assert "0.1.0" in helm("dependency", "list", tmp_path / "ours.tgz", home=tmp_path)
    assert helm("template", "r", tmp_path / "ours.tgz", home=tmp_path).count("kind: ConfigMap") == 2
