"""A tree on disk and a builder with the real kustomize program."""

import pytest

from kustomize_controller.kustomization.build import BuildSettings
from kustomize_controller.kustomization.builder import ManifestBuilder
from localcluster import programs


@pytest.fixture(scope="session")
def kustomize():
    return programs.ensure("kustomize")


@pytest.fixture
def tree(tmp_path):
    """Write files below the root of an artifact: `tree({"a.yaml": text})` gives that root."""
    root = tmp_path / "artifact"

    def write(files):
        root.mkdir(exist_ok=True)
        for name, text in files.items():
            place = root / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        return root

    return write


@pytest.fixture
def make_builder(kustomize, tmp_path):
    def make(**settings):
        return ManifestBuilder(BuildSettings(kustomize, tmp_path / "scratch", **settings))

    return make


@pytest.fixture
def builder(make_builder):
    return make_builder()
