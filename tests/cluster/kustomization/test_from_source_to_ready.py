"""From a new Kustomization to one that is ready, and what it says on the way."""

import pytest

from shared.lang import yaml
from shared.testing.flux import KUSTOMIZATION

PREFIX = "kustomize.toolkit.fluxcd.io"


async def test_applies_what_its_source_holds(flux, config_map):
    artifact = await flux.publish(config_map("a"))
    await flux.kustomization()
    app = await flux.ready()
    assert flux.condition(app, "Ready")["message"] == f"Applied revision: {artifact['revision']}"
    live = await flux.live("ConfigMap", "a")
    assert live["metadata"]["labels"] == {f"{PREFIX}/name": "app", f"{PREFIX}/namespace": flux.namespace}
    assert flux.managers(live) == {"kustomize-controller"}
    assert flux.inventory(app) == [flux.id_of("ConfigMap", "a")]
    assert flux.managers(app) == {"test", "gotk-kustomize-controller"}


@pytest.mark.case("kustomize-1")
async def test_the_first_pass_only_adds_the_finalizer(flux, config_map):
    await flux.publish(config_map("a"))
    created = await flux.kustomization()
    assert created["status"] == {"observedGeneration": -1}
    first, *_, last = await flux.versions(
        KUSTOMIZATION, created, lambda obj: obj["status"]["observedGeneration"] == 1
    )
    assert first["metadata"]["finalizers"] == ["finalizers.fluxcd.io"]
    assert first["status"] == {"observedGeneration": -1}
    assert flux.condition(last, "Ready")["status"] == "True"
    applied = await flux.live("ConfigMap", "a")
    # Resource versions of one server are ordered in time.
    assert int(applied["metadata"]["resourceVersion"]) > int(first["metadata"]["resourceVersion"])


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        pytest.param({"timeout": "5s"}, "30s", marks=pytest.mark.case("kustomize-2")),
        pytest.param({"interval": "5m"}, "4m30s", marks=pytest.mark.case("kustomize-3")),
    ],
)
async def test_progress_tells_the_time_limit(flux, job, spec, said):
    artifact = await flux.publish(job())
    await flux.kustomization(wait=True, **spec)
    app = await flux.progress("Running health checks")
    message = f"Running health checks for revision {artifact['revision']} with a timeout of {said}"
    assert flux.condition(app, "Reconciling")["message"] == message
    assert flux.condition(app, "Healthy")["message"] == message


@pytest.mark.case("kustomize-4")
async def test_a_missing_source_is_waited_for_quietly(flux, config_map):
    await flux.kustomization()
    app = await flux.fails("ArtifactFailed", "not found")
    message = 'gitrepositories.source.toolkit.fluxcd.io "app" not found'
    assert flux.condition(app, "Ready")["message"] == message
    await flux.turns(3)
    await flux.publish(config_map("a"))
    await flux.ready()
    await flux.event("Reconciliation finished")
    assert [text for text in await flux.events() if "not found" in text] == []


async def test_a_source_without_artifact_is_waited_for(flux, config_map):
    await flux.create(flux.git_repository())
    await flux.kustomization()
    await flux.fails("ArtifactFailed", "Source artifact not found, retrying in 30s")
    await flux.publish(config_map("a"))
    await flux.ready()


@pytest.mark.case("kustomize-6")
async def test_an_artifact_that_is_not_what_was_promised_is_not_used(flux, config_map):
    artifact = flux.artifacts.publish({"a.yaml": "{}"})
    forged = config_map("forged")
    forged["metadata"]["namespace"] = flux.namespace
    flux.artifacts.falsify(artifact, {"a.yaml": yaml.dump(forged)})
    await flux.announce(artifact)
    await flux.kustomization()
    digest = artifact["digest"]
    await flux.fails(
        "ArtifactFailed", f"failed to verify archive: computed digest doesn't match provided '{digest}'"
    )
    assert await flux.names() == []


@pytest.mark.case("kustomize-12")
async def test_generated_objects_carry_their_origin(flux):
    root = "configMapGenerator:\n- name: made\n  literals: [k=v]\n  options: {disableNameSuffixHash: true}\n"
    await flux.publish(files={"kustomization.yaml": root})
    await flux.kustomization()
    await flux.ready()
    annotations = (await flux.live("ConfigMap", "made"))["metadata"]["annotations"]
    assert "kustomization.yaml" in annotations["config.kubernetes.io/origin"]


async def test_a_finished_pass_is_announced_with_its_revision(flux, config_map):
    origin = {"org.opencontainers.image.revision": "main@sha1:0123"}
    artifact = await flux.publish(config_map("a"), metadata=origin)
    await flux.kustomization(annotations={"event.toolkit.fluxcd.io/change": "42"})
    app = await flux.ready()
    common = {
        f"{PREFIX}/revision": artifact["revision"],
        f"{PREFIX}/originRevision": "main@sha1:0123",
        "event.toolkit.fluxcd.io/change": "42",
    }
    finished = await flux.event("Reconciliation finished in ")
    assert finished["message"].endswith(", next run in 1h0m0s")
    assert finished["metadata"]["annotations"] == common | {f"{PREFIX}/commit_status": "update"}
    assert (finished["type"], finished["reason"]) == ("Normal", "ReconciliationSucceeded")
    assert finished["reportingComponent"] == "kustomize-controller"
    changed = await flux.event(f"ConfigMap/{flux.namespace}/a created")
    assert changed["metadata"]["annotations"] == common
    assert (changed["type"], changed["reason"]) == ("Normal", "Progressing")
    assert app["status"]["lastAppliedOriginRevision"] == "main@sha1:0123"


async def test_history_counts_equal_results_and_keeps_others(flux, config_map):
    first = await flux.publish(config_map("a"))
    await flux.sources_seen()
    await flux.kustomization()
    await flux.ready()
    app = await flux.reconcile()
    (entry,) = app["status"]["history"]
    assert entry["totalReconciliations"] == 2
    assert entry["lastReconciledStatus"] == "ReconciliationSucceeded"
    assert entry["metadata"] == {"revision": first["revision"]}
    second = await flux.publish(config_map("a", k="other"))
    app = await flux.ready()
    assert [entry["metadata"]["revision"] for entry in app["status"]["history"]] == [
        second["revision"],
        first["revision"],
    ]
    assert [entry["totalReconciliations"] for entry in app["status"]["history"]] == [1, 2]


async def test_a_path_that_is_not_there_fails(flux, config_map):
    await flux.publish(config_map("a"))
    await flux.kustomization(path="./nowhere")
    app = await flux.fails("ArtifactFailed", "kustomization path not found")
    assert "lastAttemptedRevision" not in app["status"]
    assert "history" not in app["status"]
    warned = await flux.event("kustomization path not found")
    assert warned["type"] == "Warning"


@pytest.mark.case("runtime-11")
async def test_a_suspended_kustomization_answers_requests_and_does_nothing(flux, config_map):
    first = await flux.publish(config_map("a"))
    await flux.kustomization()
    await flux.ready()
    await flux.change(suspend=True)
    await flux.publish(config_map("b"))
    app = await flux.reconcile()
    assert app["status"]["lastAppliedRevision"] == first["revision"]
    assert await flux.names() == ["a"]
    await flux.change(suspend=None)
    await flux.ready()
    assert await flux.names() == ["b"]


async def test_what_is_not_supported_is_refused_before_anything_is_applied(flux, config_map):
    await flux.publish(config_map("a"))
    await flux.kustomization(decryption={"provider": "sops"})
    app = await flux.fails("UnsupportedFeature", "spec.decryption is not supported")
    assert flux.condition(app, "Stalled")["status"] == "True"
    assert app["status"]["observedGeneration"] == 1
    assert await flux.names() == []
    await flux.change(decryption=None)
    await flux.ready()
