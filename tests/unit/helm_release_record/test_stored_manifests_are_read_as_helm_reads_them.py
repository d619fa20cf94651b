"""Manifests and hooks that Helm or an older Flux stored as templates gave them."""

import pytest

from helm_controller.cluster.hooks import hook_objects
from helm_controller.cluster.objects import ClusterError
from helm_controller.release.manifest import ManifestError, objects_in
from helm_controller.release.model import Hook

LABELS_TWICE = """
apiVersion: v1
kind: Pod
metadata:
  name: a
  labels: {app: first, app: last}
spec:
  hostNetwork: yes
"""
LIST = """
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}
- {apiVersion: v1, kind: ConfigMap, metadata: {name: b}}
"""


def in_manifest(text):
    return objects_in(f"---\n# Source: demo/templates/a.yaml\n{text}\n")


def in_hook(text):
    return hook_objects(Hook("a", "Pod", "demo/templates/a.yaml", text, ("pre-delete",)))


READERS = pytest.mark.parametrize("read", [in_manifest, in_hook])


@READERS
def test_the_last_of_equal_keys_wins_and_yes_is_true(read):
    (obj,) = read(LABELS_TWICE)
    assert obj["metadata"]["labels"] == {"app": "last"}
    assert obj["spec"] == {"hostNetwork": True}


@READERS
def test_lists_are_taken_apart(read):
    assert [obj["metadata"]["name"] for obj in read(LIST)] == ["a", "b"]


@READERS
def test_comments_alone_are_no_object(read):
    assert read("# nothing\n---\n---\n") == []


@pytest.mark.parametrize("text", ["just a text", "a: [", "{apiVersion: v1, kind: Pod}"])
def test_what_is_no_object_is_told_with_its_template(text):
    with pytest.raises(ManifestError, match=r" demo/templates/a\.yaml: "):
        in_manifest(text)
    with pytest.raises(ClusterError, match=r" demo/templates/a\.yaml: "):
        in_hook(text)


NAMELESS = "{apiVersion: v1, kind: Pod, metadata: {generateName: a-}}"


def test_what_has_no_name_is_in_no_cluster():
    assert in_manifest(NAMELESS) == []


def test_a_hook_needs_a_name():
    with pytest.raises(
        ClusterError, match=r": demo/templates/a\.yaml: Pod has no metadata\.name; give it one"
    ):
        in_hook(NAMELESS)
