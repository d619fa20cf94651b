"""Every YAML in the documentation and the examples is something that the API takes as it stands."""

import re
from pathlib import Path

import pytest
import yaml

from shared.api.helm_v2 import HelmRelease
from shared.api.kustomize_v1 import Kustomization
from shared.api.notification_v1beta3 import Alert, Provider
from shared.api.source_v1 import GitRepository, OCIRepository

ROOT = Path(__file__).parents[3]
FENCE = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MODELS = {
    ("source.toolkit.fluxcd.io/v1", "GitRepository"): GitRepository,
    ("source.toolkit.fluxcd.io/v1", "OCIRepository"): OCIRepository,
    ("helm.toolkit.fluxcd.io/v2", "HelmRelease"): HelmRelease,
    ("notification.toolkit.fluxcd.io/v1beta3", "Alert"): Alert,
    ("notification.toolkit.fluxcd.io/v1beta3", "Provider"): Provider,
    ("kustomize.toolkit.fluxcd.io/v1", "Kustomization"): Kustomization,
}


def blocks():
    for page in sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]):
        text = page.read_text("utf-8")
        for match in FENCE.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            yield pytest.param(match[1], id=f"{page.relative_to(ROOT)}:{line}")


def examples():
    charts = ROOT / "examples" / "charts"  # in a language of their own
    for path in sorted((ROOT / "examples").rglob("*.yaml")):
        if charts in path.parents:
            continue
        yield pytest.param(path.read_text("utf-8"), id=str(path.relative_to(ROOT)))


def fields(value, prefix=""):
    """The paths of all fields below a value."""
    match value:
        case dict():
            return {path for key, inner in value.items() for path in fields(inner, f"{prefix}.{key}")} | {
                prefix
            }
        case list():
            return {path for inner in value for path in fields(inner, f"{prefix}[]")} | {prefix}
    return {prefix}


@pytest.mark.parametrize("block", list(blocks()))
def test_blocks_are_complete_objects(block):
    objects = list(yaml.safe_load_all(block))
    assert objects
    for obj in objects:
        assert obj["apiVersion"]
        assert obj["kind"]
        assert obj["metadata"]["name"]


@pytest.mark.parametrize("text", [*blocks(), *examples()])
def test_our_own_kinds_are_valid_and_use_known_fields_only(text):
    for obj in yaml.safe_load_all(text):
        model = MODELS.get((obj["apiVersion"], obj["kind"]))
        if model is not None:
            known = model.model_validate(obj).model_dump(mode="json", by_alias=True, exclude_unset=True)
            assert fields(obj["spec"]) - fields(known["spec"]) == set()
