"""What people do to their repositories over time, each in one commit."""

import pytest

from shared.lang import yaml


def definition(flux, **fields):
    group = f"{flux.namespace}.test.example.com"
    properties = {name: {"type": type_} for name, type_ in fields.items()}
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": properties}}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"gadgets.{group}"},
        "spec": {
            "group": group,
            "names": {"kind": "Gadget", "plural": "gadgets"},
            "scope": "Namespaced",
            "versions": [version],
        },
    }


def gadget(flux, **spec):
    group = f"{flux.namespace}.test.example.com"
    return {"apiVersion": f"{group}/v1", "kind": "Gadget", "metadata": {"name": "g"}, "spec": spec}


@pytest.fixture
async def cleaned(flux):
    yield
    await flux.remove()


async def test_a_definition_gets_a_field_and_its_object_uses_it(flux, cleaned):
    kind = f"Gadget.{flux.namespace}.test.example.com"
    await flux.publish(definition(flux, one="string"), gadget(flux, one="1"))
    await flux.kustomization()
    await flux.ready()
    for name in ("two", "three", "four"):
        await flux.publish(
            definition(flux, one="string", **{name: "string"}), gadget(flux, one="1", **{name: "2"})
        )
        await flux.ready()
        assert (await flux.live(kind, "g"))["spec"] == {"one": "1", name: "2"}


async def test_a_namespace_comes_and_goes_with_what_is_in_it(flux, config_map):
    name = f"{flux.namespace}-inner"
    inside = config_map("a")
    inside["metadata"]["namespace"] = name
    await flux.publish(inside, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    await flux.sources_seen()
    await flux.kustomization(targetNamespace=None, wait=True)
    app = await flux.ready()
    assert flux.inventory(app) == [f"_{name}__Namespace", f"{name}_a__ConfigMap"]
    assert app["status"]["history"][0]["totalReconciliations"] == 1
    await flux.remove()
    await flux.gone("Namespace", name)


async def test_another_api_version_of_an_object_is_the_same_object(flux):
    def scaler(version, **spec):
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
        return {
            "apiVersion": f"autoscaling/{version}",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "web"},
            "spec": {"maxReplicas": 3, "scaleTargetRef": target} | spec,
        }

    kind = "HorizontalPodAutoscaler.autoscaling"
    await flux.publish(scaler("v1", targetCPUUtilizationPercentage=80))
    await flux.kustomization()
    await flux.ready()
    before = await flux.live(kind, "web")
    await flux.publish(scaler("v2"))
    app = await flux.ready()
    after = await flux.live(kind, "web")
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    (entry,) = app["status"]["inventory"]["entries"]
    assert entry["v"] == "v2"


async def test_an_object_without_namespace_is_named(flux, config_map):
    await flux.publish(config_map("a"))
    await flux.kustomization(targetNamespace=None)
    await flux.fails("ReconciliationFailed", "ConfigMap/a namespace not specified")


async def test_a_forced_kustomization_recreates_what_cannot_be_changed(flux, job):
    await flux.publish(job(suspend=True))
    await flux.kustomization(force=True)
    await flux.ready()
    before = await flux.live("Job.batch", "job")
    await flux.publish(job(suspend=True, completionMode="Indexed", completions=2))
    await flux.ready()
    after = await flux.live("Job.batch", "job")
    assert after["spec"]["completionMode"] == "Indexed"
    assert after["metadata"]["uid"] != before["metadata"]["uid"]


async def test_the_path_moves_within_the_source(flux, config_map):
    files = {"one/a.yaml": yaml.dump(config_map("a")), "two/b.yaml": yaml.dump(config_map("b"))}
    await flux.publish(files=files)
    await flux.kustomization(path="./one")
    await flux.ready()
    await flux.change(path="./two")
    await flux.ready()
    assert await flux.names() == ["b"]


async def test_the_namespace_is_deleted_with_its_kustomization_in_it(flux, config_map):
    name = f"{flux.namespace}-all"
    await flux.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    inside = config_map("a")
    inside["metadata"]["namespace"] = name
    parent = flux.namespace
    flux.namespace = name
    try:
        await flux.publish(inside)
        await flux.kustomization(deletionPolicy="WaitForTermination")
        await flux.ready()
        await flux.delete("Namespace", name)
        await flux.gone("Namespace", name)
    finally:
        flux.namespace = parent
