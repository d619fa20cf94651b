"""The repository in examples/ refers only to what it contains."""

from pathlib import Path

import pytest
import yaml

EXAMPLES = Path(__file__).parents[3] / "examples"
CHARTS = EXAMPLES / "charts"


def documents():
    """All but those of charts, which are written in a language of their own."""
    for path in sorted(EXAMPLES.rglob("*.yaml")):
        if CHARTS not in path.parents:
            for document in yaml.safe_load_all(path.read_text("utf-8")):
                yield path, document


def key(obj):
    return obj["kind"], obj["metadata"].get("namespace", ""), obj["metadata"].get("name")


OBJECTS = {key(obj): obj for _, obj in documents() if "metadata" in obj}
SYNCS = [
    pytest.param(obj, id=obj["metadata"]["name"])
    for obj in OBJECTS.values()
    if obj["apiVersion"].startswith("kustomize.toolkit.fluxcd.io/")
]


@pytest.mark.parametrize("sync", SYNCS)
def test_what_a_kustomization_names_is_there(sync):
    spec, namespace = sync["spec"], sync["metadata"]["namespace"]
    source = spec["sourceRef"]
    named = [(source["kind"], source.get("namespace", namespace), source["name"])]
    named += [
        ("Kustomization", it.get("namespace", namespace), it["name"]) for it in spec.get("dependsOn", [])
    ]
    named += [
        (it["kind"], namespace, it["name"]) for it in spec.get("postBuild", {}).get("substituteFrom", [])
    ]
    if account := spec.get("serviceAccountName"):
        named.append(("ServiceAccount", namespace, account))
    assert [it for it in named if it not in OBJECTS] == []
    assert (EXAMPLES / spec["path"] / "kustomization.yaml").is_file()


def test_what_a_release_names_is_there():
    releases = [obj for obj in OBJECTS.values() if obj["kind"] == "HelmRelease"]
    assert releases
    for release in releases:
        reference = release["spec"]["chartRef"]
        source = OBJECTS[reference["kind"], release["metadata"]["namespace"], reference["name"]]
        name = source["spec"]["url"].rpartition("/")[2]
        chart = yaml.safe_load((CHARTS / name / "Chart.yaml").read_text("utf-8"))
        assert chart["name"] == name
        assert set(release["spec"]["values"]) <= set(
            yaml.safe_load((CHARTS / name / "values.yaml").read_text("utf-8"))
        )


def test_kustomization_files_list_what_exists():
    for path, document in documents():
        if path.name == "kustomization.yaml":
            listed = document["resources"] + [patch["path"] for patch in document.get("patches", [])]
            assert [it for it in listed if not (path.parent / it).exists()] == []


def test_no_deployment_needs_a_node():
    deployments = [
        document
        for path, document in documents()
        if document["kind"] == "Deployment" and path.name == "deployment.yaml"
    ]
    assert deployments
    assert {deployment["spec"]["replicas"] for deployment in deployments} == {0}
