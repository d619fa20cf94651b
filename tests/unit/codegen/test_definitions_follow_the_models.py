"""The definitions in the charts are what the models say, and what Flux's tools expect of them."""

from pathlib import Path

import pytest

from shared.api.kustomize_v1 import Kustomization
from shared.api.model import Served, WireModel
from shared.api.notification_v1 import ReceiverSpec
from shared.api.notification_v1beta3 import Alert, Provider
from shared.api.source_v1 import ExternalArtifact, GitRepository, OCIRepositorySpec
from shared.codegen.__main__ import main
from shared.codegen.crds import KINDS, definition, render
from shared.codegen.docs import Undocumented, describe
from shared.lang import yaml

ROOT = Path(__file__).parents[3]


def nodes(schema):
    yield schema
    for child in schema.get("properties", {}).values():
        yield from nodes(child)
    for word in ("items", "additionalProperties"):
        if word in schema:
            yield from nodes(schema[word])


def schema_of(kind):
    return definition(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


@pytest.mark.parametrize("what", ["crds", "docs"])
def test_the_files_in_the_repository_are_up_to_date(what):
    assert main([what, "--check", "--root", str(ROOT)]) == 0


@pytest.mark.parametrize("what", ["crds", "docs"])
def test_a_stale_or_missing_file_is_noticed_and_written(tmp_path, capsys, what):
    assert main([what, "--check", "--root", str(tmp_path)]) == 1
    assert f"python -m shared.codegen {what}" in capsys.readouterr().err
    assert main([what, "--root", str(tmp_path)]) == 0
    assert main([what, "--check", "--root", str(tmp_path)]) == 0


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.KIND)
class TestEveryDefinition:
    def test_is_the_same_every_time(self, kind):
        assert render(kind) == render(kind)
        assert yaml.load(render(kind)) == definition(kind)

    def test_is_structural(self, kind):
        for node in nodes(schema_of(kind)):
            if not node.get("x-kubernetes-preserve-unknown-fields"):
                assert node["type"] in {"object", "array", "string", "integer", "boolean"}
            assert not {"$ref", "anyOf", "title", "$defs"} & node.keys()

    def test_describes_every_field_in_the_spec_and_the_status(self, kind):
        parts = schema_of(kind)["properties"]
        for part in {"spec", "status"} & parts.keys():
            for node in nodes(parts[part]):
                for name, field in node.get("properties", {}).items():
                    assert field.get("description"), name

    def test_marks_a_new_object_as_unobserved(self, kind):
        wanted = {"observedGeneration": -1} if kind not in {ExternalArtifact, Alert, Provider} else None
        assert schema_of(kind)["properties"].get("status", {}).get("default") == wanted

    def test_serves_one_version_with_a_status_of_its_own_if_it_has_one(self, kind):
        versions = definition(kind)["spec"]["versions"]
        assert [(v["name"], v["served"], v["storage"]) for v in versions] == [(kind.VERSION, True, True)]
        assert versions[0]["subresources"] == ({} if kind in {Alert, Provider} else {"status": {}})

    def test_is_left_alone_by_substitution(self, kind):
        annotations = definition(kind)["metadata"]["annotations"]
        assert annotations == {"kustomize.toolkit.fluxcd.io/substitute": "disabled"}

    def test_stores_only_defaults_that_decode_to_what_the_model_assumes(self, kind):
        for model in models(kind):
            for field in model.model_fields.values():
                for mark in field.metadata:
                    if isinstance(mark, Served) and mark.text:
                        text = {field.alias: mark.text}
                        assert partial(model, text) == field.default


def models(model):
    yield model
    for field in model.model_fields.values():
        if isinstance(field.annotation, type) and issubclass(field.annotation, WireModel):
            yield from models(field.annotation)


def partial(model, text):
    url = "oci://a" if model is OCIRepositorySpec else "https://a"
    needed = {"url": url, "interval": "1m", "bucketName": "a", "endpoint": "a"}
    needed |= (
        {"type": "generic", "resources": [], "secretRef": {"name": "a"}} if model is ReceiverSpec else {}
    )
    needed |= text
    return getattr(model.model_validate(needed), next(iter(text)))


def columns(kind):
    return [c["name"] for c in definition(kind)["spec"]["versions"][0]["additionalPrinterColumns"]]


def test_columns_keep_their_order():
    assert columns(GitRepository) == ["URL", "Age", "Ready", "Status"]
    assert columns(Kustomization) == ["Age", "Ready", "Status"]


def test_names_are_those_of_flux():
    names = definition(Kustomization)["spec"]["names"]
    assert names["shortNames"] == ["ks"]
    assert names["categories"] == ["all", "fluxcd", "fluxcd-appliers"]
    assert (names["singular"], names["listKind"]) == ("kustomization", "KustomizationList")
    assert definition(GitRepository)["spec"]["names"]["shortNames"] == ["gitrepo"]


def stored_defaults(node, path=""):
    if "default" in node:
        yield path, node["default"]
    for name, child in node.get("properties", {}).items():
        yield from stored_defaults(child, f"{path}.{name}")
    if "items" in node:
        yield from stored_defaults(node["items"], f"{path}[]")


def test_only_defaults_of_the_api_are_stored():
    assert dict(stored_defaults(schema_of(GitRepository)["properties"]["spec"])) == {
        ".timeout": "60s",
        ".verify.mode": "HEAD",
    }
    assert dict(stored_defaults(schema_of(Kustomization)["properties"]["spec"])) == {
        ".force": False,
        ".postBuild.substituteFrom[].optional": False,
    }


def test_a_field_without_description_is_an_error():
    class Silent(WireModel):
        quiet: str = ""

    with pytest.raises(Undocumented, match="quiet"):
        describe(Silent, "quiet")
