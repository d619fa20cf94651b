"""What is done to live objects: drift, other people's fields, policies, refusals."""

import base64

import pytest

PREFIX = "kustomize.toolkit.fluxcd.io"


def secret(immutable, annotations=None, **data):
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "annotations": annotations or {}},
        "immutable": immutable,
        "stringData": data,
    }


@pytest.mark.case("kustomize-28")
async def test_an_edit_with_kubectl_is_reverted(flux, config_map):
    await flux.publish(config_map("a"))
    await flux.kustomization()
    await flux.ready()
    edited = await flux.edit("ConfigMap", "a", {"data": {"k": "edited", "more": "x"}}, "kubectl-edit")
    assert "kubectl-edit" in flux.managers(edited)
    live = await flux.reconcile_until("ConfigMap", "a", lambda obj: obj["data"] == {"k": "v"})
    assert flux.managers(live) == {"kustomize-controller"}
    await flux.event(f"ConfigMap/{flux.namespace}/a configured")


@pytest.mark.case("kustomize-29")
async def test_a_field_of_another_manager_stays(flux, config_map):
    await flux.publish(config_map("a"))
    await flux.kustomization()
    await flux.ready()
    await flux.edit("ConfigMap", "a", {"data": {"more": "x"}}, "flux-client-side-apply")
    await flux.reconcile()
    live = await flux.live("ConfigMap", "a")
    assert live["data"] == {"k": "v", "more": "x"}
    assert "flux-client-side-apply" in flux.managers(live)


@pytest.mark.case("kustomize-30")
async def test_with_ssa_merge_labels_of_kubectl_stay(flux, config_map):
    await flux.publish(config_map("a", annotations={"ssa": "Merge"}))
    await flux.kustomization()
    await flux.ready()
    await flux.edit("ConfigMap", "a", {"metadata": {"labels": {"team": "web"}}}, "kubectl-label")
    await flux.publish(config_map("a", annotations={"ssa": "Merge"}, k="new"))
    await flux.ready()
    live = await flux.live("ConfigMap", "a")
    assert live["data"] == {"k": "new"}
    assert live["metadata"]["labels"]["team"] == "web"


@pytest.mark.case("kustomize-31")
async def test_with_ssa_if_not_present_an_object_is_only_created_and_pruned(flux, config_map):
    once = {"ssa": "IfNotPresent"}
    await flux.publish(config_map("a", annotations=once), config_map("b"))
    await flux.kustomization()
    app = await flux.ready()
    await flux.publish(config_map("a", annotations=once, k="new"), config_map("b", k="new"))
    app = await flux.ready()
    assert (await flux.live("ConfigMap", "a"))["data"] == {"k": "v"}
    assert (await flux.live("ConfigMap", "b"))["data"] == {"k": "new"}
    assert flux.inventory(app) == [flux.id_of("ConfigMap", "a"), flux.id_of("ConfigMap", "b")]
    outputs = [line["output"] for line in flux.log() if "output" in line]
    assert outputs[-1] == {
        f"ConfigMap/{flux.namespace}/a": "skipped",
        f"ConfigMap/{flux.namespace}/b": "configured",
    }
    await flux.publish(config_map("b", k="new"))
    app = await flux.ready()
    assert await flux.names() == ["b"]
    assert flux.inventory(app) == [flux.id_of("ConfigMap", "b")]


@pytest.mark.case("kustomize-32")
async def test_a_live_object_can_say_that_it_is_left_alone(flux, config_map, job):
    await flux.publish(job(suspend=True), config_map("a"))
    await flux.kustomization(wait=True)
    await flux.ready()
    disable = {"metadata": {"annotations": {f"{PREFIX}/reconcile": "disabled"}}, "spec": {"suspend": False}}
    await flux.edit("Job.batch", "job", disable, "kubectl-edit")
    await flux.publish(job(suspend=True, activeDeadlineSeconds=900), config_map("a", k="new"))
    # The Job runs now and never ends: it is not waited for.
    app = await flux.ready()
    live = await flux.live("Job.batch", "job")
    assert live["spec"]["suspend"] is False
    assert "activeDeadlineSeconds" not in live["spec"]
    assert (await flux.live("ConfigMap", "a"))["data"] == {"k": "new"}
    assert flux.condition(app, "Healthy")["status"] == "True"
    assert flux.id_of("Job", "job", "batch") in flux.inventory(app)


@pytest.mark.case("kustomize-33")
async def test_an_immutable_object_is_only_recreated_by_force(flux, config_map):
    await flux.publish(config_map("a"), secret(True, k="old"))
    await flux.kustomization()
    await flux.ready()
    before = await flux.live("Secret", "s")
    await flux.publish(config_map("a", k="new"), secret(True, k="new"))
    app = await flux.fails("ReconciliationFailed", "is immutable")
    assert f"Secret/{flux.namespace}/s dry-run failed (Invalid)" in flux.condition(app, "Ready")["message"]
    assert (await flux.live("ConfigMap", "a"))["data"] == {"k": "v"}
    assert (await flux.live("Secret", "s"))["metadata"]["uid"] == before["metadata"]["uid"]
    await flux.publish(config_map("a", k="new"), secret(True, {f"{PREFIX}/force": "enabled"}, k="new"))
    await flux.ready()
    after = await flux.live("Secret", "s")
    assert base64.b64decode(after["data"]["k"]) == b"new"
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    assert (await flux.live("ConfigMap", "a"))["data"] == {"k": "new"}


@pytest.mark.case("kustomize-34")
async def test_one_mistake_holds_up_its_stage_but_not_the_stage_before(flux, config_map):
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"{flux.namespace}-more"}}
    ten = [config_map(name) for name in (*(f"good-{index}" for index in range(9)), "Bad_Name")]
    for each in ten:
        each["metadata"]["namespace"] = flux.namespace
    await flux.publish(definition(flux), namespace, *ten)
    # With a target namespace kustomize would rename the Namespace.
    await flux.kustomization(targetNamespace=None)
    app = await flux.fails("ReconciliationFailed", f"ConfigMap/{flux.namespace}/Bad_Name dry-run failed")
    done = f"\nNamespace/{flux.namespace}-more created"
    assert done in flux.condition(app, "Ready")["message"]
    assert done in (await flux.event("Bad_Name dry-run failed"))["message"]
    assert await flux.names() == []
    assert await flux.live("Namespace", f"{flux.namespace}-more")
    name = definition(flux)["metadata"]["name"]
    assert await flux.live("CustomResourceDefinition.apiextensions.k8s.io", name)
    (entry,) = app["status"]["history"]
    assert entry["lastReconciledStatus"] == "ReconciliationFailed"
    await flux.publish()
    await flux.ready()
    await flux.gone("CustomResourceDefinition.apiextensions.k8s.io", name)


def definition(flux):
    group = f"{flux.namespace}.test.example.com"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"widgets.{group}"},
        "spec": {
            "group": group,
            "names": {"kind": "Widget", "plural": "widgets"},
            "scope": "Namespaced",
            "versions": [version],
        },
    }


@pytest.mark.case("kustomize-35")
async def test_a_definition_and_its_object_go_in_one_pass(flux):
    crd = definition(flux)
    widget = {
        "apiVersion": f"{crd['spec']['group']}/v1",
        "kind": "Widget",
        "metadata": {"name": "w"},
        "spec": {"size": 1},
    }
    await flux.publish(widget, crd)
    await flux.sources_seen()
    await flux.kustomization()
    app = await flux.ready()
    (entry,) = app["status"]["history"]
    assert (entry["lastReconciledStatus"], entry["totalReconciliations"]) == ("ReconciliationSucceeded", 1)
    assert (await flux.live(f"Widget.{crd['spec']['group']}", "w"))["spec"] == {"size": 1}
    await flux.publish()
    app = await flux.ready()
    assert flux.inventory(app) == []
    await flux.gone("CustomResourceDefinition.apiextensions.k8s.io", crd["metadata"]["name"])


@pytest.mark.case("kustomize-36")
async def test_a_pass_without_changes_writes_nothing(flux, cluster):
    def written():
        """Requests of all clients that create or change PodTemplates; nobody else uses that kind."""
        lines = cluster.get("/metrics").decode().splitlines()
        return sorted(
            line
            for line in lines
            if line.startswith("apiserver_request_total{")
            and 'resource="podtemplates"' in line
            and 'dry_run=""' in line
            and any(f'verb="{verb}"' in line for verb in ("APPLY", "PATCH", "POST", "PUT"))
        )

    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "a", "image": "a:1"}]}}
    names = ("one", "two")
    await flux.publish(
        *(
            {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": n}, "template": template}
            for n in names
        )
    )
    await flux.sources_seen()
    await flux.kustomization()
    await flux.ready()
    before = [(await flux.live("PodTemplate", name))["metadata"]["resourceVersion"] for name in names]
    requests = written()
    assert requests
    app = await flux.reconcile()
    assert app["status"]["history"][0]["totalReconciliations"] == 2
    assert [(await flux.live("PodTemplate", n))["metadata"]["resourceVersion"] for n in names] == before
    assert written() == requests


@pytest.mark.case("kustomize-37")
async def test_colons_of_role_names_are_written_as_two_underscores(flux):
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "rules": []}
    await flux.publish(role | {"metadata": {"name": "system:foo"}})
    await flux.kustomization(targetNamespace=None)
    app = await flux.ready()
    assert flux.inventory(app) == ["_system__foo_rbac.authorization.k8s.io_ClusterRole"]
    await flux.publish()
    await flux.ready()
    assert await flux.live("ClusterRole.rbac.authorization.k8s.io", "system:foo") is None


@pytest.mark.case("kustomize-50")
async def test_an_ignored_field_keeps_its_live_value(flux, deployment):
    rule = {"paths": ["/spec/replicas"], "target": {"kind": "Deployment"}}
    await flux.publish(deployment(replicas=0))
    await flux.kustomization(ignore=[rule])
    await flux.ready()
    scaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web"},
        "spec": {
            "maxReplicas": 5,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        },
    }
    await flux.create(scaler)
    await flux.edit("Deployment.apps", "web", {"spec": {"replicas": 3}}, "autoscaler", "scale")
    await flux.publish(deployment(replicas=0, image="web:2"))
    await flux.ready()
    web = await flux.live("Deployment.apps", "web")
    assert web["spec"]["template"]["spec"]["containers"][0]["image"] == "web:2"
    assert web["spec"]["replicas"] == 3


async def test_an_ignored_object_stays_as_it_is(flux, deployment):
    await flux.publish(deployment(replicas=0))
    await flux.kustomization(ignore=[{"paths": [""], "target": {"kind": "Deployment"}}])
    await flux.ready()
    await flux.edit("Deployment.apps", "web", {"spec": {"replicas": 3}})
    await flux.publish(deployment(replicas=0, image="web:2"))
    await flux.ready()
    web = await flux.live("Deployment.apps", "web")
    assert web["spec"]["template"]["spec"]["containers"][0]["image"] != "web:2"
    assert web["spec"]["replicas"] == 3


async def test_all_mistakes_are_told_at_once_and_keep_secrets(flux, config_map):
    await flux.publish(config_map("Bad_1"), config_map("Bad_2"), secret(False, hidden="visible-password"))
    await flux.kustomization()
    app = await flux.fails("ReconciliationFailed", "Bad_1 dry-run failed")
    assert "Bad_2 dry-run failed" in flux.condition(app, "Ready")["message"]
    assert await flux.live("Secret", "s") is None
    assert "visible-password" not in flux.process.log.read_text()
