"""No path leads out of an artifact."""

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kustomize_controller.kustomization.paths import confined, directory_at, resolved
from kustomize_controller.kustomization.request import BuildFailed

PATHS = st.text(alphabet=st.sampled_from(list("ab./\\~ \u2025")), max_size=20)


@pytest.mark.parametrize(
    ("path", "want"),
    [
        ("", "."),
        (".", "."),
        ("./", "."),
        ("/", "."),
        ("./apps/web/", "apps/web"),
        ("../../etc", "etc"),
        ("/etc/../..", "."),
        ("a/../../../b", "b"),
        ("//a", "a"),
    ],
)
def test_a_path_of_a_spec_is_joined_below_the_root(path, want):
    assert confined(path) == want


@pytest.mark.parametrize(
    ("base", "reference", "want"),
    [
        (".", "a.yaml", "a.yaml"),
        ("apps/web", "../base", "apps/base"),
        ("apps", "..", "."),
        (".", "..", None),
        ("apps", "../..", None),
        ("apps", "../../apps", None),
        ("apps", "/etc", None),
        ("apps", "a/../../../b", None),
        (".", "..a", "..a"),
    ],
)
def test_a_reference_stays_inside_or_is_none(base, reference, want):
    assert resolved(base, reference) == want


@given(PATHS)
def test_no_path_of_a_spec_leaves_the_root(path):
    joined = posixpath.normpath(posixpath.join("/tree", confined(path)))
    assert joined == "/tree" or joined.startswith("/tree/")


@given(PATHS, PATHS)
def test_no_reference_leaves_the_root(path, reference):
    target = resolved(confined(path), reference)
    if target is not None:
        joined = posixpath.normpath(posixpath.join("/tree", target))
        assert joined == "/tree" or joined.startswith("/tree/")


@pytest.mark.parametrize("path", ["gone", "file", "../gone", "nul\0byte", "x" * 300, "x/" * 3000])
def test_what_is_no_directory_is_not_found(tmp_path, path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BuildFailed, match="kustomization path not found"):
        directory_at(tmp_path, path)
