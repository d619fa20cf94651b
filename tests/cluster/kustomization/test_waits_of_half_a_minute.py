"""What takes at least 30 s because no shorter limit can be set; all of it begins at once."""

import asyncio

import pytest
import pytest_asyncio

from shared.testing.flux import KUSTOMIZATION

PATIENCE = 60

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def begun(shared_flux, config_map):
    """Three Kustomizations that wait; gives the artifact that is not there."""
    flux = shared_flux
    missing = flux.artifacts.publish({"a.yaml": "{}"})
    flux.artifacts.withhold(missing)
    await flux.announce(missing, "unserved")
    await flux.kustomization("unserved", source="unserved")

    await flux.publish(config_map("unknown"), source="unknown")
    check = {"apiVersion": "v1", "kind": "ConfigMap", "current": "status.phase == 'Up'"}
    await flux.kustomization(
        "unknown",
        source="unknown",
        timeout="30s",
        wait=True,
        healthCheckExprs=[check],
    )

    held = config_map("held")
    held["metadata"]["finalizers"] = ["test.example.com/hold"]
    await flux.publish(held, source="held")
    await flux.kustomization(
        "held",
        source="held",
        deletionPolicy="WaitForTermination",
        timeout="30s",
    )
    await flux.ready("held")
    await flux.delete(KUSTOMIZATION, "held")
    yield missing
    await flux.edit("ConfigMap", "held", {"metadata": {"finalizers": None}})


@pytest.mark.case("kustomize-5")
async def test_an_artifact_that_is_not_served_is_asked_for_again_after_30s(shared_flux, begun, config_map):
    flux = shared_flux
    app = await flux.fails("ArtifactFailed", name="unserved")
    message = "Source is not ready, artifact not found, retrying in 30s"
    assert flux.condition(app, "Ready")["message"] == message
    await asyncio.to_thread(flux.artifacts.wait_asked, begun, 2, PATIENCE)
    await flux.publish(config_map("a"), source="unserved")
    await flux.ready("unserved")
    await flux.event("Reconciliation finished", "unserved")
    assert [text for text in await flux.events("unserved") if "artifact" in text] == []


@pytest.mark.case("kustomize-43")
async def test_an_expression_about_a_missing_field_is_unknown_until_the_time_is_over(shared_flux, begun):
    flux = shared_flux
    app = await flux.fails("HealthCheckFailed", name="unknown", seconds=PATIENCE)
    message = flux.condition(app, "Ready")["message"]
    assert f"timeout waiting for: [ConfigMap/{flux.namespace}/unknown status: 'Unknown': " in message


async def test_objects_that_stay_do_not_hold_up_a_deletion_forever(shared_flux, begun):
    flux = shared_flux
    await flux.gone(KUSTOMIZATION, "held", PATIENCE)
    assert (await flux.live("ConfigMap", "held"))["metadata"]["deletionTimestamp"]
    event = await flux.event("failed to wait for resources termination", "held")
    assert event["type"] == "Warning"
