"""The root file: which one is taken, what is kept of it, and what is laid over."""

import pytest

from kustomize_controller.kustomization.generate import generate, merged_images
from kustomize_controller.kustomization.request import BuildFailed, ImageOverride, Overlay

OBJECT = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"


@pytest.fixture
def root(tmp_path):
    def run(files, overlay=None, path=""):
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return generate(tmp_path, path, overlay or Overlay())

    return run


@pytest.mark.parametrize(
    "names",
    [["kustomization.yaml", "kustomization.yml"], ["kustomization.yml", "Kustomization"], ["Kustomization"]],
)
def test_the_first_recognised_name_is_taken(root, names):
    made = root({name: f"namePrefix: {number}-\n" for number, name in enumerate(names)})
    assert (made.file_name, made.document["namePrefix"]) == (names[0], "0-")


def test_a_directory_with_a_recognised_name_is_no_file(root):
    made = root({"kustomization.yaml/a.yaml": OBJECT})
    assert made.document["resources"] == ["./kustomization.yaml/a.yaml"]


def test_manifests_are_listed_in_lexical_order(root):
    made = root({"b.yaml": OBJECT, "a/z.yml": OBJECT, "B.yaml": OBJECT, ".hidden.yaml": OBJECT, "a.txt": "x"})
    assert made.document["resources"] == ["./.hidden.yaml", "./B.yaml", "./a/z.yml", "./b.yaml"]


def test_nothing_found_builds_nothing(root):
    made = root({"readme.txt": "x"})
    assert made.document["namespace"] == "_placeholder"
    assert "resources" not in made.document


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "failed to decode Kubernetes YAML from app/bad.yaml"),
        ("- a\n", "not a mapping"),
        ("metadata: {name: a}\n", "no 'kind'"),
        ("kind: X\n", "no 'metadata.name'"),
    ],
)
def test_a_file_that_is_no_manifest_is_named(root, text, said):
    with pytest.raises(BuildFailed, match=said):
        root({"app/bad.yaml": text}, path="app")


@pytest.mark.parametrize("text", ["# nothing\n", "", "---\n---\n", "apiVersion: v1\nkind: List\nitems: []\n"])
def test_empty_files_and_lists_are_manifests(root, text):
    assert root({"a.yaml": text}).document["resources"] == ["./a.yaml"]


def test_unknown_fields_are_dropped_at_every_depth_and_case_does_not_count(root):
    text = "RESOURCES: [a.yaml]\nunknown: 1\ncommonLabels: {Any: Thing}\n"
    text += "images:\n- {NAME: x, newTag: v1, what: ever}\n"
    document = root({"kustomization.yaml": text}).document
    assert document["resources"] == ["a.yaml"]
    assert document["images"] == [{"name": "x", "newTag": "v1"}]
    assert document["commonLabels"] == {"Any": "Thing"}
    assert "unknown" not in document


@pytest.mark.parametrize("text", ["- a\n", "a: [", "resources: [a]\nResources: [b]\n"])
def test_an_unreadable_root_file_is_named(root, text):
    with pytest.raises(BuildFailed, match=r"failed to decode kustomization file 'app/kustomization.yaml'"):
        root({"app/kustomization.yaml": text}, path="app")


def test_without_resources_the_origin_is_asked_for(root):
    text = "buildMetadata: [managedByLabel]\nconfigMapGenerator: [{name: c}]\n"
    assert root({"kustomization.yaml": text}).document["buildMetadata"] == ["originAnnotations"]
    overlay = Overlay(build_metadata=("transformerAnnotations",))
    assert root({"kustomization.yaml": text}, overlay).document["buildMetadata"] == ["transformerAnnotations"]


def test_the_spec_replaces_appends_and_merges(root):
    text = "resources: [a]\nnamespace: old\nnamePrefix: old-\npatches: [{patch: first}]\ncomponents: [c1]\n"
    overlay = Overlay(
        target_namespace="new", name_prefix="new-", patches=({"patch": "second"},), components=("../c2",)
    )
    document = root({"kustomization.yaml": text}, overlay).document
    assert (document["namespace"], document["namePrefix"]) == ("new", "new-")
    assert document["patches"] == [{"patch": "first"}, {"patch": "second"}]
    assert document["components"] == ["c1", "../c2"]


@pytest.mark.parametrize(
    ("existing", "override", "want"),
    [
        (
            {"name": "a", "newTag": "v1"},
            ImageOverride("a", new_name="b"),
            {"name": "a", "newName": "b", "newTag": "v1"},
        ),
        ({"name": "a", "digest": "d"}, ImageOverride("a", new_tag="v2"), {"name": "a", "newTag": "v2"}),
        ({"name": "a", "newTag": "v1"}, ImageOverride("a", digest="d"), {"name": "a", "digest": "d"}),
        (
            {"name": "a"},
            ImageOverride("a", new_tag="t", digest="d"),
            {"name": "a", "newTag": "t", "digest": "d"},
        ),
    ],
)
def test_images_merge_by_name(existing, override, want):
    assert merged_images([existing], (override,)) == [want]


def test_unknown_images_are_appended():
    assert merged_images([{"name": "a"}], (ImageOverride("b", new_tag="v1"),)) == [
        {"name": "a"},
        {"name": "b", "newTag": "v1"},
    ]
