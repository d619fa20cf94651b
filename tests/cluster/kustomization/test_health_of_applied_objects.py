"""Waiting for what was applied: how it passes, fails, gives up for something newer."""

import pytest

from shared.testing.flux import KUSTOMIZATION


async def test_nothing_is_said_about_health_where_nothing_is_checked(flux, config_map):
    await flux.publish(config_map("a"))
    await flux.kustomization(wait=True)
    app = await flux.ready()
    assert flux.condition(app, "Healthy")["reason"] == "Succeeded"
    await flux.event("Health check passed in ")
    await flux.change(wait=False)
    app = await flux.ready()
    assert flux.condition(app, "Healthy")["status"] == ""


@pytest.mark.case("kustomize-40")
async def test_a_deployment_that_missed_its_deadline_fails_at_once(flux, deployment):
    await flux.publish(deployment(replicas=1, progressDeadlineSeconds=1))
    await flux.kustomization(wait=True, timeout="1h")
    app = await flux.fails("HealthCheckFailed", "failed early due to stalled resources")
    message = flux.condition(app, "Ready")["message"]
    assert message.startswith("health check failed after ")
    assert message.endswith(
        f": failed early due to stalled resources: [Deployment/{flux.namespace}/web status: 'Failed']"
    )
    assert flux.condition(app, "Healthy")["message"] == message
    assert app["status"]["observedGeneration"] == -1
    assert "lastAppliedRevision" not in app["status"]
    assert app["status"]["history"][0]["lastReconciledStatus"] == "HealthCheckFailed"
    assert (await flux.event("failed early"))["type"] == "Warning"


@pytest.mark.case("kustomize-41")
async def test_a_job_is_waited_for_until_it_is_complete_or_cleaned_up(flux, job):
    await flux.publish(job("stays"), job("goes", ttlSecondsAfterFinished=0))
    await flux.kustomization(wait=True)
    await flux.progress("Running health checks")
    for name in ("goes", "stays"):
        app = await flux.live(KUSTOMIZATION, "app")
        assert flux.condition(app, "Healthy")["status"] == "Unknown"
        await flux.finish(name)
        if name == "goes":
            await flux.gone("Job.batch", "goes")
    app = await flux.ready()
    assert flux.condition(app, "Healthy")["message"].startswith("Health check passed in ")


@pytest.mark.case("kustomize-42")
async def test_an_unreadable_health_expression_stalls(flux, config_map):
    await flux.publish(config_map("a"))
    await flux.sources_seen()
    await flux.kustomization(
        wait=True, healthCheckExprs=[{"apiVersion": "v1", "kind": "ConfigMap", "current": "foo."}]
    )
    app = await flux.fails("InvalidCELExpression", "failed to parse the expression Current")
    assert flux.condition(app, "Stalled")["reason"] == "InvalidCELExpression"
    assert app["status"]["observedGeneration"] == 1
    assert await flux.names() == []
    # With a retry interval of a second, another Kustomization makes turns and this one makes none.
    await flux.kustomization("other", source="missing")
    await flux.turns(3, "other")
    assert flux.count_of_turns("app") == 1
    await flux.change(healthCheckExprs=None)
    await flux.ready()


@pytest.mark.case("kustomize-46")
async def test_a_new_revision_ends_the_wait_for_the_old_one(flux, job, config_map):
    await flux.publish(job())
    await flux.kustomization(wait=True, timeout="1h")
    await flux.progress("Running health checks")
    waiting = await flux.live(KUSTOMIZATION, "app")
    artifact = await flux.publish(config_map("a"))
    *_, canceled = await flux.versions(
        KUSTOMIZATION,
        waiting,
        lambda obj: flux.condition(obj, "Ready")["reason"] == "HealthCheckCanceled",
    )
    trigger = f"GitRepository/{flux.namespace}/app"
    message = f"New reconciliation triggered by {trigger}"
    assert flux.condition(canceled, "Ready")["message"] == message
    assert flux.inventory(canceled) == [flux.id_of("Job", "job", "batch")]
    assert "history" not in canceled["status"]
    app = await flux.ready()
    assert app["status"]["lastAppliedRevision"] == artifact["revision"]
    assert await flux.live("Job.batch", "job") is None
    await flux.event(f"Health checks canceled due to new reconciliation triggered by {trigger}")


async def test_an_edit_of_the_spec_ends_the_wait(flux, job):
    await flux.publish(job())
    await flux.kustomization(wait=True, timeout="1h")
    await flux.progress("Running health checks")
    await flux.change(wait=False)
    app = await flux.ready()
    assert flux.condition(app, "Healthy")["status"] == ""


async def test_named_objects_are_checked_with_expressions(flux, config_map):
    check = {"apiVersion": "v1", "kind": "ConfigMap", "name": "a", "namespace": flux.namespace}
    await flux.publish(config_map("a", state="starting"), config_map("b"))
    await flux.kustomization(
        healthChecks=[check],
        healthCheckExprs=[
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "current": "data.state == 'up'",
                "failed": "data.state == 'down'",
            }
        ],
    )
    await flux.progress("Running health checks")
    await flux.edit("ConfigMap", "a", {"data": {"state": "down"}}, "flux-client-side-apply")
    await flux.fails("HealthCheckFailed", f"[ConfigMap/{flux.namespace}/a status: 'Failed']")
    await flux.publish(config_map("a", state="up"), config_map("b"))
    await flux.ready()


async def test_own_expressions_tell_when_a_namespace_is_there_for_what_comes_after_it(flux, config_map):
    name = f"{flux.namespace}-more"
    inside = config_map("a")
    inside["metadata"]["namespace"] = flux.namespace
    await flux.publish({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}, inside)
    prepared = "has(metadata.annotations) && 'prepared' in metadata.annotations"
    check = {"apiVersion": "v1", "kind": "Namespace", "current": prepared}
    # With a target namespace kustomize would rename the Namespace.
    await flux.kustomization(targetNamespace=None, healthCheckExprs=[check])
    await flux.until("Namespace", name, lambda obj: obj is not None)
    await flux.publish(source="other")
    await flux.kustomization("other", source="other")
    await flux.ready("other")
    assert await flux.names() == []
    edited = await flux.edit("Namespace", name, {"metadata": {"annotations": {"prepared": "yes"}}})
    await flux.ready()
    created = await flux.live("ConfigMap", "a")
    assert int(created["metadata"]["resourceVersion"]) > int(edited["metadata"]["resourceVersion"])
