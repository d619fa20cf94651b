"""Definitions in the `crds` folders of charts, and what else lies there."""

import pytest

from helm_controller.rendering.chart_crds import UnreadableDefinition, definitions
from shared.lang import yaml


def crd(name, kind="CustomResourceDefinition", group="apiextensions.k8s.io/v1"):
    return {"apiVersion": group, "kind": kind, "metadata": {"name": name}}


def text(*objects):
    return yaml.dump_all(list(objects))


@pytest.fixture
def read(tmp_path):
    """What is found in a chart that is given as files."""

    def read(files, values=None):
        for path, content in {"Chart.yaml": "name: chart\nversion: 1.0.0", **files}.items():
            where = tmp_path / path
            where.parent.mkdir(parents=True, exist_ok=True)
            where.write_text(content)
        return definitions(tmp_path, values or {})

    return read


def names(found):
    return [obj["metadata"]["name"] for obj in found.objects]


def test_only_manifests_are_read(read):
    files = {
        "crds/README.md": "# Not: [yaml",
        "crds/LICENSE": "\t- no yaml",
        "crds/a.yaml": text(crd("a")),
        "crds/b.YML": text(crd("b")),
        "crds/sub/c.json": '{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition",'
        '"metadata":{"name":"c"}}',
        "charts/sub/Chart.yaml": "name: sub\nversion: 1.0.0",
        "charts/sub/crds/README.md": "# Not: [yaml",
        "charts/sub/crds/d.yaml": text(crd("d")),
    }
    found = read(files)
    assert names(found) == ["a", "b", "c", "d"]
    assert not found.ignored


def test_other_objects_are_named(read):
    files = {
        "crds/a.yaml": text(crd("a"), crd("b", "ConfigMap", "v1")) + "---\n",
        "crds/c.yaml": text(crd("c", group="example.com/v1"), {"metadata": None}),
    }
    found = read(files)
    assert names(found) == ["a"]
    assert found.ignored == [
        "crds/a.yaml: ConfigMap/b",
        "crds/c.yaml: CustomResourceDefinition/c",
        "crds/c.yaml: no kind/no name",
    ]


def test_lists_are_taken_apart(read):
    whole = {"apiVersion": "v1", "kind": "List", "items": [crd("a"), None, crd("b", "Secret", "v1")]}
    found = read({"crds/all.yaml": text(whole)})
    assert (names(found), found.ignored) == (["a"], ["crds/all.yaml: Secret/b"])


def test_files_are_read_as_helm_reads_them(read):
    files = {
        "Chart.yaml": "name: one\nname: two\nversion: 1.0.0\ndependencies: [{name: sub}]\n---\nmore\n",
        "charts/sub/Chart.yaml": "name: sub\nversion: 1.0.0",
        "charts/sub/crds/a.yaml": text(crd("a")) + "spec: {preserveUnknownFields: yes}\nspec: {served: no}\n",
    }
    (found,) = read(files).objects
    assert found == {**crd("a"), "spec": {"served": False}}


@pytest.mark.parametrize(
    ("content", "told"),
    [("a: [", "crds/a.yaml: "), ("- a", "crds/a.yaml holds an array in place of an object")],
)
def test_files_that_are_no_manifests_are_told(content, told, read):
    with pytest.raises(UnreadableDefinition, match=told):
        read({"crds/a.yaml": content})
