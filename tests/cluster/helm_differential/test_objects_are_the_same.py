"""Whatever is installed and upgraded: helm and helm-controller leave the same objects and records."""

import pytest

from shared.testing.helm_twins import HelmRefused, assert_equal

WORKLOAD = """
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
  labels: {app: demo, chart: {{ .Chart.Name }}-{{ .Chart.Version }}}
spec:
  replicas: 0
  {{- with .Values.strategy }}
  strategy: {type: {{ . }}}
  {{- end }}
  selector: {matchLabels: {app: demo}}
  template:
    metadata: {labels: {app: demo}}
    spec:
      containers:
        - name: main
          image: "main:{{ .Values.tag }}"
          ports: [{containerPort: 80}{{ if .Values.metrics }}, {containerPort: 9090, name: metrics}{{ end }}]
          env:
            {{- range $key, $value := .Values.env }}
            - {name: {{ $key }}, value: {{ $value | quote }}}
            {{- end }}
          volumeMounts: [{name: data, mountPath: /data}]
        {{- if .Values.sidecar }}
        - {name: sidecar, image: "sidecar:1"}
        {{- end }}
      volumes:
        - name: data
          {{- if .Values.volume }}
          configMap: {name: {{ .Release.Name }}}
          {{- else }}
          emptyDir: {}
          {{- end }}
"""
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: {{ .Release.Name }}}
spec:
  selector: {app: demo}
  ports:
    - {name: http, port: 80}
    {{- if .Values.metrics }}
    - {name: metrics, port: 9090}
    {{- end }}
"""
CONFIG = """
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}}
data:
  {{- range $key, $value := .Values.data }}
  {{ $key }}: {{ $value | quote }}
  {{- end }}
  upgrade: {{ .Release.IsUpgrade | quote }}
  revision: {{ .Release.Revision | quote }}
"""
ACCOUNT = """
apiVersion: v1
kind: ServiceAccount
metadata: {name: {{ .Release.Name }}}
imagePullSecrets: [{name: one}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: {{ .Release.Name }}}
rules: [{apiGroups: [""], resources: [pods], verbs: [get, list]}]
---
apiVersion: v1
kind: Secret
metadata: {name: {{ .Release.Name }}}
data: {password: {{ .Values.password | b64enc }}}
"""
#: The server refuses it: there is no such port.
REFUSED = """
apiVersion: v1
kind: Service
metadata: {name: refused}
spec: {ports: [{port: 99999}]}
"""
UNKNOWN_FIELD = """
apiVersion: v1
kind: ConfigMap
metadata: {name: app}
colour: blue
"""
PLAIN = {"workload.yaml": WORKLOAD, "service.yaml": SERVICE, "config.yaml": CONFIG, "account.yaml": ACCOUNT}
VALUES = {
    "tag": "1",
    "password": "secret",
    "metrics": True,
    "sidecar": True,
    "env": {"A": "1", "B": "2", "C": "3"},
    "data": {"one": "1", "two": "2"},
}


async def test_an_installation(twins, chart, how):
    await twins.publish(chart(PLAIN))
    flags, spec = how
    await twins.install(*flags, values=VALUES, **spec)
    await twins.assert_alike()


async def test_what_is_no_longer_wanted_goes(twins, chart, how, again, server_side):
    await twins.publish(chart(PLAIN))
    flags, spec = how
    await twins.install(*flags, values=VALUES, **spec)
    less = {**VALUES, "metrics": None, "sidecar": None, "env": {"C": "3", "B": "4"}, "data": {"two": "3"}}
    await twins.upgrade(2, *again, values=less)
    await twins.assert_alike()
    # Server-side nobody can change to it: the server keeps the details of the strategy before.
    strategy = None if server_side else "Recreate"
    await twins.upgrade(3, *again, values={**less, "strategy": strategy, "volume": True, "tag": "2"})
    await twins.assert_alike()


async def test_what_others_changed_meanwhile(twins, chart, how, again, cluster):
    await twins.publish(chart(PLAIN))
    flags, spec = how
    await twins.install(*flags, values=VALUES, **spec)
    for namespace in (twins.namespace, twins.ours.namespace):
        for patch in (
            '{"metadata": {"labels": {"theirs": "stays"}, "annotations": {"theirs": "stays"}}}',
            '{"spec": {"template": {"spec": {"containers": [{"name": "injected", "image": "injected:1"}]}}}}',
            '{"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "main:by-hand"}]}}}}',
        ):
            cluster.kubectl("patch", "deployment", "app", "--namespace", namespace, "--patch", patch)
        cluster.kubectl("delete", "service", "app", "--namespace", namespace)
    await twins.upgrade(2, *again, values={**VALUES, "env": {"A": "1"}, "sidecar": None})
    await twins.assert_alike()
    ours, _ = await twins.objects()
    containers = ours["Deployment.apps/app"]["spec"]["template"]["spec"]["containers"]
    assert sorted((each["name"], each["image"]) for each in containers) == [
        ("injected", "injected:1"),
        ("main", "main:1"),
    ]


async def test_an_object_less_and_one_more(twins, chart, how, again):
    await twins.publish(chart(PLAIN))
    flags, spec = how
    await twins.install(*flags, values=VALUES, **spec)
    kept = SERVICE.replace("metadata: {", 'metadata: {annotations: {"helm.sh/resource-policy": keep}, ')
    more = CONFIG.replace("{name: {{ .Release.Name }}}", "{name: more}")
    await twins.publish(
        chart({"config.yaml": CONFIG, "service.yaml": kept, "more.yaml": more}, version="1.1.0")
    )
    await twins.upgrade(2, *again, values=VALUES)
    await twins.assert_alike()
    await twins.publish(chart({"config.yaml": CONFIG}, version="1.2.0"))
    await twins.upgrade(3, *again, values=VALUES)
    await twins.assert_alike()
    assert "Service/app" in (await twins.objects())[0]


async def test_a_change_of_the_way(twins, chart, how, server_side, cluster):
    await twins.publish(chart(PLAIN))
    flags, spec = how
    await twins.install(*flags, values=VALUES, **spec)
    for namespace in (twins.namespace, twins.ours.namespace):
        patch = '{"metadata": {"labels": {"theirs": "stays"}}}'
        cluster.kubectl("patch", "deployment", "app", "--namespace", namespace, "--patch", patch)
    less = {**VALUES, "sidecar": None, "data": {"two": "2"}}
    if server_side:
        await twins.upgrade(2, "--server-side=false", values=less, upgrade={"serverSideApply": "disabled"})
    else:
        await twins.upgrade(
            2,
            "--server-side=true",
            "--force-conflicts",
            values=less,
            upgrade={"serverSideApply": "enabled"},
        )
    await twins.assert_alike()


async def test_a_replacement(twins, chart, cluster):
    await twins.publish(chart(PLAIN))
    await twins.install("--server-side=false", values=VALUES, install={"serverSideApply": False})
    for namespace in (twins.namespace, twins.ours.namespace):
        patch = '{"metadata": {"labels": {"theirs": "goes"}}}'
        cluster.kubectl("patch", "deployment", "app", "--namespace", namespace, "--patch", patch)
        cluster.kubectl("delete", "configmap", "app", "--namespace", namespace)
    await twins.upgrade(2, "--force-replace", values={**VALUES, "sidecar": None}, upgrade={"force": True})
    await twins.assert_alike()
    assert "theirs" not in (await twins.objects())[0]["Deployment.apps/app"]["metadata"]["labels"]


async def test_a_failed_upgrade_that_is_cleaned_up(twins, chart, how, again):
    await twins.publish(chart({"config.yaml": CONFIG}))
    flags, spec = how
    await twins.install(*flags, values=VALUES, **spec, upgrade={"cleanupOnFail": True})
    more = CONFIG.replace("{name: {{ .Release.Name }}}", "{name: more}")
    templates = {"config.yaml": CONFIG, "more.yaml": more, "refused.yaml": REFUSED}
    await twins.publish(chart(templates, version="2.0.0"))
    with pytest.raises(HelmRefused):
        twins.upgrade_theirs("--cleanup-on-fail", *again, values=VALUES)
    await twins.want(suspend=False)
    await twins.ours.states("Released", "UpgradeFailed")
    assert_equal(*await twins.objects())
    assert list((await twins.objects())[0]) == ["ConfigMap/app"]


@pytest.mark.parametrize("validated", [True, False])
async def test_fields_that_the_server_does_not_know(twins, chart, how, server_side, validated):
    """Server-side they are refused in any case; client-side the server drops them, whatever is said."""
    await twins.publish(chart({"config.yaml": UNKNOWN_FIELD}))
    flags, spec = how
    if not validated:
        flags.append("--disable-openapi-validation")
        spec["install"]["disableOpenAPIValidation"] = True
    if not server_side:
        await twins.install(*flags, **spec)
        await twins.assert_alike()
        return
    with pytest.raises(HelmRefused, match="colour"):
        await twins.install(*flags)
    await twins.ours.release("app", labels=twins.labels, **spec)
    await twins.ours.states("Released", "InstallFailed", "colour")
