"""What is no longer in the source is deleted, unless somebody else has it or it asks to be kept."""

import asyncio

import pytest

from shared.kube.errors import ApiError
from shared.testing.flux import KUSTOMIZATION

POLICY = "ValidatingAdmissionPolicy.admissionregistration.k8s.io"


async def test_what_is_no_longer_in_the_source_is_deleted(flux, config_map):
    await flux.publish(config_map("a"), config_map("b"), config_map("c", annotations={"prune": "disabled"}))
    await flux.kustomization()
    await flux.ready()
    await flux.publish(config_map("a"))
    app = await flux.ready()
    assert await flux.names() == ["a", "c"]
    assert flux.inventory(app) == [flux.id_of("ConfigMap", "a")]
    event = await flux.event(f"ConfigMap/{flux.namespace}/b deleted")
    assert f"ConfigMap/{flux.namespace}/c skipped" in event["message"]


async def test_without_prune_stale_objects_are_forgotten(flux, config_map):
    await flux.publish(config_map("a"), config_map("b"))
    await flux.kustomization(prune=False)
    await flux.ready()
    await flux.publish(config_map("a"))
    app = await flux.ready()
    assert await flux.names() == ["a", "b"]
    assert flux.inventory(app) == [flux.id_of("ConfigMap", "a")]


@pytest.mark.case("kustomize-11")
async def test_an_empty_directory_deletes_everything(flux, config_map):
    await flux.publish(config_map("a"), config_map("b"))
    await flux.kustomization()
    await flux.ready()
    await flux.publish(files={"README.md": "nothing here"})
    app = await flux.ready()
    assert await flux.names() == []
    assert flux.inventory(app) == []
    assert app["status"]["inventory"] == {"entries": []}


@pytest.mark.case("kustomize-38")
async def test_an_object_that_moved_to_another_kustomization_is_left_to_it(flux, config_map):
    await flux.publish(config_map("moving"), config_map("a"))
    await flux.kustomization("app")
    await flux.ready("app")
    await flux.publish(config_map("moving"), source="other")
    await flux.kustomization("other", source="other")
    await flux.ready("other")
    await flux.publish(config_map("a"))
    app = await flux.ready("app")
    assert await flux.names() == ["a", "moving"]
    assert flux.inventory(app) == [flux.id_of("ConfigMap", "a")]
    await flux.event(f"ConfigMap/{flux.namespace}/moving skipped")


@pytest.fixture
async def deletes_denied(flux):
    """ConfigMaps labelled `keep` can't be deleted; yields the way to lift that."""
    policy, binding = f"{flux.namespace}-deny", f"{flux.namespace}-deny"
    only_here = {"matchLabels": {"kubernetes.io/metadata.name": flux.namespace}}
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["DELETE"], "resources": ["configmaps"]}
    await flux.create(
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": policy},
            "spec": {
                "matchConstraints": {"resourceRules": [rule], "namespaceSelector": only_here},
                "validations": [{"expression": "false", "message": "deletes are frozen"}],
            },
        }
    )
    await flux.create(
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": binding},
            "spec": {"policyName": policy, "validationActions": ["Deny"]},
        }
    )
    await flux.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "canary"}})
    path = (await flux.resource("ConfigMap")).path(flux.namespace, "canary")
    async with asyncio.timeout(30):  # the API server learns of policies after a moment
        while True:
            try:
                await flux.client.request("DELETE", path, params={"dryRun": "All"})
            except ApiError as error:
                if "deletes are frozen" in str(error):
                    break
                raise
            await asyncio.sleep(0.2)

    async def lift():
        await flux.delete(f"{POLICY.replace('Policy.', 'PolicyBinding.')}", binding)

    yield lift
    await flux.delete(POLICY, policy)


@pytest.mark.case("kustomize-39")
async def test_a_denied_delete_is_tried_until_it_works(flux, config_map, deletes_denied):
    await flux.publish(config_map("a"), config_map("b"))
    await flux.kustomization()
    await flux.ready()
    await flux.publish(config_map("a"))
    app = await flux.fails(
        "PruneFailed", f"delete failed, errors: ConfigMap/{flux.namespace}/b delete failed"
    )
    assert "deletes are frozen" in flux.condition(app, "Ready")["message"]
    assert flux.inventory(app) == [flux.id_of("ConfigMap", "a"), flux.id_of("ConfigMap", "b")]
    assert app["status"]["history"][0]["lastReconciledStatus"] == "PruneFailed"
    await deletes_denied()
    app = await flux.ready()
    assert flux.inventory(app) == [flux.id_of("ConfigMap", "a")]
    assert await flux.live("ConfigMap", "b") is None


async def test_a_denied_delete_keeps_the_kustomization_until_it_works(flux, config_map, deletes_denied):
    await flux.publish(config_map("a"))
    await flux.kustomization()
    await flux.ready()
    await flux.delete(KUSTOMIZATION, "app")
    app = await flux.fails("PruneFailed", "pruning for deleted resource failed")
    assert flux.inventory(app) == [flux.id_of("ConfigMap", "a")]
    await deletes_denied()
    await flux.gone(KUSTOMIZATION, "app")
    assert await flux.live("ConfigMap", "a") is None
