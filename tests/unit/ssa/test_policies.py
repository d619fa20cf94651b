"""Policies count as labels and annotations, in any case, on the copy of the object that each is asked of."""

import pytest

from shared.ssa import Policies

PREFIX = "kustomize.toolkit.fluxcd.io"
POLICIES = Policies(PREFIX)


def obj(key=None, value=None, field="annotations"):
    return {"metadata": {field: {f"{PREFIX}/{key}": value}} if key else {}}


@pytest.mark.parametrize("field", ["labels", "annotations"])
@pytest.mark.parametrize(("key", "value"), [("reconcile", "DISABLED"), ("ssa", "ignore"), ("ssa", "Ignore")])
def test_ignored_on_either_side(key, value, field):
    marked = obj(key, value, field)
    assert POLICIES.ignores(marked)
    assert POLICIES.ignores(obj(), marked)
    assert not POLICIES.ignores(obj(), obj())


def test_merge_and_force_on_either_side():
    assert POLICIES.merges(obj("ssa", "merge"))
    assert POLICIES.merges(obj(), obj("ssa", "Merge"))
    assert POLICIES.forces(obj("force", "Enabled"))
    assert POLICIES.forces(obj(), obj("force", "enabled"))
    assert not POLICIES.forces(obj("force", "disabled"), obj())


def test_if_not_present_is_asked_of_the_source_only():
    assert POLICIES.applies_once(obj("ssa", "IfNotPresent"))
    assert not POLICIES.applies_once(obj("ssa", "Override"))


@pytest.mark.parametrize(
    ("key", "value", "kept"),
    [
        ("prune", "Disabled", True),
        ("reconcile", "disabled", True),
        ("ssa", "Ignore", True),
        ("ssa", "IfNotPresent", False),
        ("prune", "enabled", False),
    ],
)
def test_kept_when_stale(key, value, kept):
    assert POLICIES.keeps(obj(key, value)) is kept


def test_another_prefix_means_nothing():
    assert not Policies("helm.toolkit.fluxcd.io").ignores(obj("ssa", "Ignore"))


@pytest.mark.parametrize("metadata", [{}, {"labels": None, "annotations": None}, None])
def test_objects_without_metadata(metadata):
    assert not POLICIES.ignores({"metadata": metadata})
