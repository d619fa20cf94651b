"""Flags and gates that change what happens to Kustomizations, each with a process of its own."""

import asyncio
import hashlib
import operator
import queue
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from shared.lang import json
from shared.testing.faulty_api import Answer, FaultyApi, Hold, Rule
from shared.testing.patience import eventually

LEASE = "Lease.coordination.k8s.io"


async def test_with_leader_election_it_works_with_the_rights_of_its_chart(flux, config_map):
    await flux.publish(config_map("a"))
    with flux.own("--enable-leader-election") as process:
        await flux.kustomization(labels=flux.mine)
        await flux.ready()
        assert await asyncio.to_thread(process.stop) == 0
    shard = hashlib.sha256(f"test.headrace.io/own={flux.namespace}".encode()).hexdigest()[:8]
    name = f"kustomize-controller-leader-election-{shard}"
    lease = await flux.client.get(await flux.resource(LEASE), "flux-system", name)
    assert not lease["spec"].get("holderIdentity")
    await flux.client.delete(await flux.resource(LEASE), "flux-system", name)


async def test_without_its_gate_a_wait_is_not_ended_by_a_new_revision(flux, config_map, job):
    first = await flux.publish(job())
    with flux.own("--feature-gates=CancelHealthCheckOnNewRevision=false"):
        await flux.kustomization(labels=flux.mine, wait=True, timeout="1h")
        await flux.progress("Running health checks")
        second = await flux.publish(config_map("a"))
        await flux.kustomization("other", labels=flux.mine)
        await flux.ready("other")
        await flux.finish("job")
        app = await flux.ready()
    assert [entry["metadata"]["revision"] for entry in app["status"]["history"]] == [
        second["revision"],
        first["revision"],
    ]


async def test_a_default_account_is_impersonated(flux, config_map):
    await flux.publish(config_map("a"))
    with flux.own("--default-service-account=nobody"):
        await flux.kustomization(labels=flux.mine)
        user = f"system:serviceaccount:{flux.namespace}:nobody"
        await flux.fails("ReconciliationFailed", f'User "{user}" cannot patch resource "configmaps"')


async def test_fields_of_further_managers_can_be_taken_over(flux, config_map):
    await flux.publish(config_map("a"))
    with flux.own("--override-manager=tool", "--override-manager=other-tool"):
        await flux.kustomization(labels=flux.mine)
        await flux.ready()
        await flux.edit("ConfigMap", "a", {"data": {"one": "1"}}, "tool")
        await flux.edit("ConfigMap", "a", {"data": {"two": "2"}}, "other-tool")
        await flux.edit("ConfigMap", "a", {"data": {"three": "3"}}, "third-tool")
        wanted = {"k": "v", "three": "3"}
        await flux.reconcile_until("ConfigMap", "a", lambda obj: obj["data"] == wanted)


async def test_kinds_can_be_applied_before_others(flux, config_map):
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "a"}}
    await flux.publish(config_map("a"), account)
    with flux.own("--custom-apply-stage-kinds=ConfigMap"):
        await flux.kustomization(labels=flux.mine)
        app = await flux.ready()
    assert flux.inventory(app) == [flux.id_of("ConfigMap", "a"), flux.id_of("ServiceAccount", "a")]


async def test_an_expression_can_come_on_top_of_the_usual_check(flux, config_map):
    await flux.publish(config_map("a"))
    with flux.own("--feature-gates=AdditiveCELDependencyCheck=true"):
        await flux.kustomization("base", labels=flux.mine, path="./nowhere")
        await flux.fails("ArtifactFailed", name="base")
        dependency = {"name": "base", "readyExpr": "dep.spec.prune"}
        await flux.kustomization(labels=flux.mine, dependsOn=[dependency])
        await flux.fails("DependencyNotReady", f"dependency '{flux.namespace}/base' is not ready")
        await flux.change("base", path=None)
        await flux.ready()


async def test_a_failed_object_need_not_end_the_wait_for_the_others(flux, config_map):
    await flux.publish(config_map("broken", state="broken"), config_map("slow", state="none"))
    check = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "current": "data.state == 'done'",
        "failed": "data.state == 'broken'",
    }
    with flux.own("--feature-gates=DisableFailFastBehavior=true"):
        spec = {"wait": True, "timeout": "1h", "retryInterval": "1h", "healthCheckExprs": [check]}
        await flux.kustomization(labels=flux.mine, **spec)
        app = await flux.progress("Running health checks")
        assert flux.condition(app, "Healthy")["status"] == "Unknown"
        await flux.edit("ConfigMap", "slow", {"data": {"state": "done"}})
        app = await flux.fails("HealthCheckFailed", "failed early due to stalled resources")
    assert "slow" not in flux.condition(app, "Ready")["message"]


async def test_all_fields_can_be_moved_to_the_version_of_the_manifest(flux):
    def scaler(version):
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
        return {
            "apiVersion": f"autoscaling/{version}",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "web"},
            "spec": {"maxReplicas": 3, "scaleTargetRef": target},
        }

    async def versions():
        live = await flux.live("HorizontalPodAutoscaler.autoscaling", "web")
        fields = live["metadata"]["managedFields"]
        # The status is written by Kubernetes, whenever it likes.
        return {entry["apiVersion"] for entry in fields if entry.get("subresource") != "status"}

    subject = f"HorizontalPodAutoscaler/{flux.namespace}/web"
    await flux.publish(scaler("v1"))
    with flux.own("--feature-gates=MigrateAPIVersion=true"):
        await flux.kustomization(labels=flux.mine)
        await flux.ready()
        assert await versions() == {"autoscaling/v1"}
        await flux.publish(scaler("v2"))
        await flux.ready()
        assert await versions() == {"autoscaling/v2"}
        await flux.event(f"{subject} configured")


@pytest.mark.parametrize("exported", [True, False])
async def test_each_object_has_a_series_that_tells_how_it_fares(flux, config_map, exported):
    artifact = await flux.publish(config_map("a"))
    with flux.own(f"--export-resource-metrics={str(exported).lower()}") as process:
        await flux.kustomization(labels=flux.mine)
        await flux.ready()
        await flux.turns(1)

        async def series():
            text = await asyncio.to_thread(process.metrics)
            return [line for line in text.splitlines() if line.startswith("gotk_resource_info{")]

        def told(found):
            labels = ('ready="True"', f'exported_namespace="{flux.namespace}"', artifact["revision"])
            return len(found) == 1 and all(label in found[0] for label in labels)

        await eventually(series, told if exported else operator.not_)


async def test_sources_can_be_read_past_the_cache(flux, config_map, cluster, tmp_path):
    await flux.publish(config_map("a"))
    with FaultyApi(cluster.kubeconfig, tmp_path) as api:
        api.disturb(Rule("WATCH", "/gitrepositories", Hold(forward=False)))
        with flux.own("--feature-gates=DirectSourceFetch=true", through=api.kubeconfig):
            await flux.kustomization(labels=flux.mine)
            await flux.ready()
            # The news don't arrive, but whoever asks hears of them.
            await flux.publish(config_map("b"))
            await flux.request()
            await flux.ready()
            assert await flux.names() == ["b"]
            await flux.change(sourceRef={"kind": "GitRepository", "name": "missing"})
            await flux.fails("ArtifactFailed", 'gitrepositories.source.toolkit.fluxcd.io "missing" not found')
            api.disturb(Rule("GET", "/gitrepositories/missing", Answer(403)))
            await flux.request()
            await flux.fails("ArtifactFailed", f"unable to get source '{flux.namespace}/missing': ")


async def test_changes_can_be_logged_by_what_became_of_objects(flux, config_map):
    await flux.publish(config_map("a"), config_map("b"))
    with flux.own("--feature-gates=GroupChangeLog=true"):
        await flux.kustomization(labels=flux.mine)
        await flux.ready()
        outputs = [line["output"] for line in flux.log() if "output" in line]
    subjects = [f"ConfigMap/{flux.namespace}/{name}" for name in "ab"]
    assert outputs == [{"created": subjects}]


async def test_bases_on_other_machines_can_be_forbidden(flux):
    root = "resources: ['https://git.invalid/base.git?ref=main']\n"
    await flux.publish(files={"kustomization.yaml": root})
    with flux.own("--no-remote-bases"):
        await flux.kustomization(labels=flux.mine)
        await flux.fails("BuildFailed", "git.invalid/base")


@pytest.fixture
def receiver():
    """A receiver of events; gives its address and what was posted so far."""
    posted = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            posted.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(202)
            self.end_headers()

        def log_message(self, *said):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}/", posted
        server.shutdown()
        serving.join()


@pytest.mark.case("runtime-24")
async def test_events_are_posted_with_revision_and_own_annotations(flux, config_map, receiver):
    address, posted = receiver
    artifact = await flux.publish(config_map("a"))
    with flux.own(f"--events-addr={address}"):
        annotations = {"event.toolkit.fluxcd.io/team": "a", "other": "b"}
        await flux.kustomization(labels=flux.mine, annotations=annotations)
        await flux.ready()
        changed = await asyncio.to_thread(posted.get, timeout=20)
        finished = await asyncio.to_thread(posted.get, timeout=20)
    common = {
        "kustomize.toolkit.fluxcd.io/revision": artifact["revision"],
        "event.toolkit.fluxcd.io/team": "a",
    }
    assert (changed["severity"], changed["metadata"]) == ("info", common)
    assert changed["message"] == f"ConfigMap/{flux.namespace}/a created"
    assert changed["reportingController"] == "kustomize-controller"
    involved = changed["involvedObject"]
    assert (involved["kind"], involved["namespace"], involved["name"]) == (
        "Kustomization",
        flux.namespace,
        "app",
    )
    assert finished["reason"] == "ReconciliationSucceeded"
    assert finished["metadata"] == common | {"kustomize.toolkit.fluxcd.io/commit_status": "update"}


@pytest.mark.case("runtime-1")
async def test_a_fresh_object_has_not_been_observed(flux, config_map):
    fresh = await flux.kustomization(labels=flux.mine)
    assert fresh["status"] == {"observedGeneration": -1}
    assert (await flux.create(flux.git_repository("fresh")))["status"] == {"observedGeneration": -1}
