"""What a HelmRelease says when its release does not become healthy."""

import base64
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from shared.lang import json
from shared.testing.tls import Authority

SECRET = "correct-horse-battery"
QUOTA = {
    "apiVersion": "v1",
    "kind": "ResourceQuota",
    "metadata": {"name": "none"},
    "spec": {"hard": {"pods": "0"}},
}
JOB = """
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-hook
  annotations:
    helm.sh/hook: pre-install
    POLICY
spec:
  backoffLimit: 0
  template: {spec: {restartPolicy: Never, containers: [{name: main, image: "main:1"}]}}
"""
POD = """
apiVersion: v1
kind: Pod
metadata:
  name: {{ .Release.Name }}-hook
  annotations:
    helm.sh/hook: EVENT
    POLICY
spec:
  restartPolicy: Never
  nodeName: NODE
  tolerations: [{operator: Exists}]
  containers: [{name: main, image: "main:1"}]
"""


def warning(namespace, kind, name, message, reason="Broken"):
    """A Warning event as a controller of the cluster reports it."""
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": "warning-"},
        "involvedObject": {"kind": kind, "name": name, "namespace": namespace},
        "type": "Warning",
        "reason": reason,
        "message": message,
        "lastTimestamp": "2026-01-01T00:00:00Z",
    }


async def quota(releases):
    """Lets no pod be made in the namespace; returns when that is known."""
    await releases.create(QUOTA)
    await releases.until("ResourceQuota", "none", lambda obj: "hard" in obj.get("status", {}))


async def test_what_objects_say_and_what_is_said_of_them(releases, deployment_template):
    await quota(releases)
    await releases.chart(deployment_template, values={"replicas": 1})
    await releases.release(timeout="10s")
    obj = await releases.fails("InstallFailed", "Last warnings:", seconds=40)
    message = releases.condition(obj, "Ready")["message"]
    head, said, warnings = message.split("\n\n")
    where = f"{releases.namespace}/app"
    assert head.endswith(f"timeout waiting for: [Deployment/{where} status: 'InProgress']")
    assert said.startswith(f"Not ready:\nDeployment/{where}: ")
    assert f"ReplicaSet/{where}-" in warnings
    assert 'FailedCreate: Error creating: pods "app-' in warnings
    assert "exceeded quota: none" in warnings
    (record,) = releases.helm_history()
    assert record["description"] == f'Release "app" failed: {head.partition(": ")[2]}'
    event = await releases.event("exceeded quota: none", "app")
    assert "Last Helm logs:" in event["message"]


async def test_nothing_of_secrets_is_told(releases, deployment_template):
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "values"}}
    await releases.create({**secret, "stringData": {"values.yaml": f"password: {SECRET}"}})
    about = f"it does not like {SECRET}, nor {SECRET}"
    resource = await releases.resource("Event")
    event = warning(releases.namespace, "ReplicaSet", "app-bcdfg", about)
    path = resource.path(releases.namespace)
    await releases.client.request("POST", path, body=json.dumps(event))
    await releases.chart(deployment_template, values={"replicas": 1})
    await releases.release(timeout="2s", valuesFrom=[{"kind": "Secret", "name": "values"}])
    obj = await releases.fails("InstallFailed", "it does not like *****, nor *****")
    texts = [
        json.dumps(obj["status"]).decode(),
        *await releases.events("app"),
        releases.process.log.read_text(),
    ]
    assert not [text for text in texts if SECRET in text or encoded(SECRET) in text]


def encoded(text):
    return base64.b64encode(text.encode()).decode()


async def test_templates_that_fail_with_a_secret_in_their_words(releases):
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "values"}}
    await releases.create({**secret, "stringData": {"values.yaml": f"password: {SECRET}"}})
    await releases.chart({"bad.yaml": '{{ fail (printf "not %s" .Values.password) }}'})
    await releases.release(valuesFrom=[{"kind": "Secret", "name": "values"}])
    obj = await releases.fails("InstallFailed", "not *****")
    assert SECRET not in json.dumps(obj).decode()


async def test_secrets_in_all_ways_of_writing(releases):
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "values"}}
    values = {"password": "Pa\\ss'word-1", "pin": "1234", "number": 12345678}
    await releases.create({**secret, "stringData": {"values.yaml": json.dumps(values).decode()}})
    schema = {"properties": {"password": {"pattern": "^z$"}, "number": {"maximum": 5}}}
    await releases.chart({}, files={"values.schema.json": json.dumps(schema).decode()})
    await releases.release(valuesFrom=[{"kind": "Secret", "name": "values"}])
    obj = await releases.fails("InstallFailed", "'*****' does not match")
    assert "got *****" in releases.condition(obj, "Ready")["message"]
    words = "(quote .password) (toJson .password) (b64enc (cat .password .pin)) .pin .number (int64 .number)"
    template = f'{{{{ with .Values }}}}{{{{ fail (printf "%s|%s|%s|%s|%v|%d" {words}) }}}}{{{{ end }}}}'
    await releases.chart({"bad.yaml": template}, version="1.0.1")
    obj = await releases.fails("InstallFailed", '"*****"|"*****"|*****')
    message = releases.condition(obj, "Ready")["message"]
    assert "word" not in message
    assert message.endswith("|*****|*****|*****")


async def test_differences_that_can_not_be_told(releases, deployment_template):
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "values"}}
    await releases.create({**secret, "stringData": {"values.yaml": f"label: {SECRET}\nreplicas: 0"}})
    template = deployment_template["deployment.yaml"].replace("app: {{ .Release.Name }}", "app: LABEL")
    await releases.chart({"deployment.yaml": template.replace("LABEL", "{{ .Values.label }}")})
    await releases.release(
        valuesFrom=[{"kind": "Secret", "name": "values"}], driftDetection={"mode": "enabled"}
    )
    await releases.upgraded(1)
    live = await releases.live("Deployment.apps", "app")
    await releases.delete("Deployment.apps", "app")
    for labels in live["spec"]["selector"]["matchLabels"], live["spec"]["template"]["metadata"]["labels"]:
        labels["app"] = "other"
    metadata = {"name": "app", "labels": live["metadata"]["labels"]}
    await releases.create({**live, "metadata": metadata, "status": {}})
    await releases.reconcile()
    obj = await releases.fails("StateError", "Deployment/")
    assert "*****" in releases.condition(obj, "Ready")["message"]
    texts = [json.dumps(obj["status"]).decode(), releases.process.log.read_text()]
    assert not [text for text in texts if SECRET in text]


@pytest.mark.parametrize(
    ("manifest", "told"),
    [
        (
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, labels: [b]}}",
            "metadata.labels must be a map",
        ),
        ("{apiVersion: v1, kind: List, items: [null]}", "each document needs apiVersion and kind"),
        ("{apiVersion: v1, kind: ConfigMap, metadata: {generateName: a-}}", "ConfigMap has no metadata.name"),
    ],
)
async def test_templates_that_give_no_objects(releases, manifest, told):
    await releases.chart({"bad.yaml": manifest})
    await releases.release()
    await releases.fails("InstallFailed", f": demo/templates/bad.yaml: {told}")
    assert await releases.records() == []


async def test_more_integers_than_helm_can_be_given(releases, config_map_template):
    many = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "many"}}
    await releases.create({**many, "data": {"many": f"{{{','.join(['1'] * 300_000)}}}"}})
    await releases.chart(config_map_template)
    reference = {"kind": "ConfigMap", "name": "many", "valuesKey": "many", "targetPath": "many"}
    await releases.release(valuesFrom=[reference])
    await releases.fails("InstallFailed", "spec.valuesFrom sets more integers by targetPath than")


@pytest.mark.parametrize("levels", [201, 600, 3000])
async def test_values_of_too_many_levels(releases, config_map_template, cluster, levels):
    await releases.chart(config_map_template)
    await releases.release(suspend=True)
    values = '{"a":' * levels + "1" + "}" * levels
    patch = f'{{"spec":{{"suspend":false,"values":{values}}}}}'
    cluster.kubectl("patch", "helmrelease", "app", "-n", releases.namespace, "--type=merge", "-p", patch)
    await releases.fails("ValuesError", "spec.values is nested deeper than 200 levels")
    await releases.release("other")
    await releases.ready("other")


async def test_a_message_has_its_bounds(releases, deployment_template):
    many = "---".join(
        deployment_template["deployment.yaml"].replace("name: {{ .Release.Name }}", f"name: app-{number}")
        for number in range(20)
    )
    resource = await releases.resource("Event")
    path = resource.path(releases.namespace)
    for number in range(20):
        event = warning(releases.namespace, "ReplicaSet", f"app-{number}-bcdfg", f"{number} " + "long " * 190)
        await releases.client.request("POST", path, body=json.dumps(event))
    await releases.chart({"all.yaml": many}, values={"replicas": 1})
    await releases.release(timeout="2s")
    obj = await releases.fails("InstallFailed", "Last warnings:")
    message = releases.condition(obj, "Ready")["message"]
    assert len(message) < 4400
    assert message.count("status: 'InProgress'") == 20
    assert message.count("Broken: ") <= 5


async def test_a_tenant_who_may_not_read_events(releases, deployment_template, cluster):
    cluster.kubectl("create", "serviceaccount", "tenant", "-n", releases.namespace)
    resources = "--resource=deployments.apps,secrets,replicasets.apps,pods"
    cluster.kubectl("create", "role", "tenant", "-n", releases.namespace, "--verb=*", resources)
    cluster.kubectl(
        "create", "rolebinding", "tenant", "-n", releases.namespace, "--role=tenant",
        f"--serviceaccount={releases.namespace}:tenant",
    )  # fmt: skip
    await quota(releases)
    await releases.chart(deployment_template, values={"replicas": 1})
    await releases.release(timeout="10s", serviceAccountName="tenant")
    obj = await releases.fails("InstallFailed", "Not ready:", seconds=40)
    assert "Last warnings" not in releases.condition(obj, "Ready")["message"]


async def test_a_hook_that_can_not_run(releases, config_map_template):
    await quota(releases)
    await releases.chart({**config_map_template, "job.yaml": JOB.replace("POLICY", "")})
    await releases.release(timeout="10s")
    obj = await releases.fails(
        "InstallFailed", "failed pre-install: hook pre-install demo/templates/job.yaml failed", seconds=40
    )
    message = releases.condition(obj, "Ready")["message"]
    assert f"Job/{releases.namespace}/app-hook FailedCreate: " in message


@pytest.fixture
def node(cluster, releases):
    """Something that serves logs as a node does; its name."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = b"".join(b"line %d of the log\n" % number for number in range(100))
            wanted = int(self.path.partition("tailLines=")[2].partition("&")[0] or 100)
            body = b"".join(body.splitlines(keepends=True)[-wanted:])
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    name = f"node-{releases.namespace}"
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = Authority().server_context().wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        cluster.kubectl(
            "create",
            "-f",
            "-",
            stdin=json.dumps({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}).decode(),
        )
        status = {
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": server.server_port}},
        }
        patch = json.dumps({"status": status}).decode()
        cluster.kubectl("patch", "node", name, "--subresource=status", "--type=merge", "-p", patch)
        yield name
        cluster.kubectl("delete", "node", name, "--wait=false")
        server.shutdown()
        thread.join()


async def failed(releases, policy, node, event="pre-install"):
    """The message after a pod of a hook failed."""
    pod = POD.replace("POLICY", policy).replace("NODE", node).replace("EVENT", event)
    await releases.chart({"pod.yaml": pod})
    await releases.release(test={"enable": event == "test"})
    await releases.until("Pod", "app-hook", lambda obj: obj is not None)
    await releases.edit("Pod", "app-hook", {"status": {"phase": "Failed"}}, "kubelet", "status")
    reason = "TestFailed" if event == "test" else "InstallFailed"
    return releases.condition(await releases.fails(reason), "Ready")["message"]


async def test_a_hook_whose_log_is_to_be_told(releases, node):
    message = await failed(releases, "helm.sh/hook-output-log-policy: hook-failed, hook-succeeded", node)
    tail = message.partition(f"Last lines of Pod/{releases.namespace}/app-hook (main):\n")[2].splitlines()
    assert tail == [f"line {number} of the log" for number in range(90, 100)]
    assert "pod failed" in message


async def test_a_log_is_not_told_unless_that_is_wanted(releases, node):
    message = await failed(releases, "", node)
    assert "pod failed" in message
    assert "of the log" not in message


async def test_a_failed_test_tells_its_log_on_demand(releases, node):
    message = await failed(releases, "helm.sh/hook-output-log-policy: hook-failed", node, event="test")
    assert message.startswith(f"Helm test failed for release {releases.namespace}/app.v1")
    assert message.endswith("line 99 of the log")
