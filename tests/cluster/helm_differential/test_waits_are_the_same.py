"""What helm waits for with `--wait=legacy`, helm-controller waits for with `waitStrategy: legacy`."""

import pytest

from shared.testing.helm_twins import HelmRefused

LEGACY = {"waitStrategy": {"name": "legacy"}}


def workload(kind, strategy, more=""):
    return f"""
apiVersion: apps/v1
kind: {kind}
metadata: {{name: app}}
spec:
  {more}
  selector: {{matchLabels: {{app: demo}}}}
  {strategy}
  template: {{metadata: {{labels: {{app: demo}}}}, spec: {{containers: [{{name: main, image: "main:1"}}]}}}}
"""


CLAIM = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: app}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
"""
LOAD_BALANCER = """
apiVersion: v1
kind: Service
metadata: {name: app}
spec: {type: LoadBalancer, ports: [{port: 80}]}
"""
JOB = """
apiVersion: batch/v1
kind: Job
metadata: {name: app}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: main, image: "main:1"}]}}}
"""
# Nothing runs here: there is no node. What is ready has to be so by the rules alone.
READY = {
    "pods-that-may-be-missing": workload(
        "Deployment", "strategy: {rollingUpdate: {maxUnavailable: 1}}", "replicas: 1"
    ),
    "paused": workload("Deployment", "paused: true", "replicas: 1"),
    "daemon-set-without-nodes": workload("DaemonSet", ""),
    "stateful-set-of-none": workload("StatefulSet", "", "replicas: 0\n  serviceName: a"),
    "stateful-set-that-is-not-rolled": workload(
        "StatefulSet", "updateStrategy: {type: OnDelete}", "serviceName: a"
    ),
    "external-name": "{apiVersion: v1, kind: Service, metadata: {name: a}, "
    "spec: {type: ExternalName, externalName: a.invalid}}",
}
NOT_READY = {
    "pods-that-must-be-there": workload(
        "Deployment", "strategy: {rollingUpdate: {maxUnavailable: 0}}", "replicas: 1"
    ),
    "replica-set": workload("ReplicaSet", "", "replicas: 1"),
    "stateful-set": workload("StatefulSet", "", "serviceName: a"),
    "claim": CLAIM,
    "load-balancer": LOAD_BALANCER,
    "job": JOB,
}


@pytest.mark.parametrize("name", READY)
async def test_what_is_ready(twins, chart, name):
    await twins.publish(chart({"object.yaml": READY[name]}))
    await twins.install("--server-side=true", "--wait=legacy", **LEGACY)
    await twins.assert_alike()


@pytest.mark.parametrize("name", NOT_READY)
async def test_what_is_not_ready(twins, chart, name):
    await twins.publish(chart({"object.yaml": NOT_READY[name]}))
    with pytest.raises(HelmRefused):
        await twins.install("--wait=legacy", "--timeout=2s")
    await twins.ours.release("app", labels=twins.labels, timeout="2s", **LEGACY)
    await twins.ours.states("Released", "InstallFailed", "timeout waiting for")


async def test_jobs_that_nobody_waits_for(twins, chart):
    await twins.publish(chart({"job.yaml": JOB}))
    await twins.install(
        "--wait=legacy", "--wait-for-jobs=false", **LEGACY, install={"disableWaitForJobs": True}
    )
    await twins.uninstall()
    await twins.install("--wait=watcher", "--wait-for-jobs=false", install={"disableWaitForJobs": True})
