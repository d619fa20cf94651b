"""Charts with all that charts can have: what helm makes of them, helm-controller does."""

import base64
import operator
import uuid

import pytest

from shared.lang import json
from shared.testing.helm_twins import assert_equal
from shared.testing.objects import Objects
from shared.testing.patience import eventually

CONFIG = """
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}-{{ .Chart.Name }}}
data:
  values: {{ .Values | toJson | quote }}
  release: {{ .Release.Revision | quote }}
"""
NOTES = """
{{ .Release.Name }} is revision {{ .Release.Revision }}.
{{ if .Release.IsUpgrade }}It was upgraded.{{ end }}
"""


def definition(group, *, more=""):
    return f"""
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: things.{group}}}
spec:
  group: {group}
  names: {{plural: things, singular: thing, kind: Thing, listKind: ThingList}}
  scope: Namespaced
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              properties:
                size: {{type: integer}}
                list: {{type: array, items: {{type: string}}}}
                map: {{type: object, additionalProperties: {{type: string}}}}
                {more}
"""


def subchart(name, **more):
    return {
        f"charts/{name}/Chart.yaml": f"apiVersion: v2\nname: {name}\nversion: 0.1.0\n",
        f"charts/{name}/values.yaml": "own: default\nexports: {data: {exported: yes-please}}\nport: 80\n",
        f"charts/{name}/templates/config.yaml": CONFIG,
        **{f"charts/{name}/{path}": text for path, text in more.items()},
    }


async def test_notes(twins, chart, how, again):
    await twins.publish(chart({"config.yaml": CONFIG, "NOTES.txt": NOTES}))
    flags, spec = how
    await twins.install(*flags, **spec)
    await twins.assert_alike()
    await twins.upgrade(2, *again, values={"a": 1})
    await twins.assert_alike()
    assert "It was upgraded" in twins.said()[0]["notes"]


async def test_values_of_all_types(twins, chart, how):
    values = "list: [1, 2]\nmap: {a: 1, b: 2}\nnothing: null\nremoved: 1\nnumber: 1.5\nbig: 12345678901\n"
    await twins.publish(chart({"config.yaml": CONFIG}, values=values))
    flags, spec = how
    mine = {
        "list": [],
        "map": {"b": None, "c": {"d": "2024-01-01", "e": "1e3", "f": "yes"}},
        "removed": None,
        "number": 0.1,
        "text": "line\nline\n",
        "empty": {},
        "flag": False,
    }
    await twins.install(*flags, values=mine, **spec)
    await twins.assert_alike()


async def test_subcharts(twins, chart, how, again):
    metadata = """
dependencies:
  - {name: always, version: 0.1.0, import-values: [data, {child: own, parent: fromChild}]}
  - {name: asked, version: 0.1.0, condition: asked.enabled}
  - {name: tagged, version: 0.1.0, tags: [back]}
  - {name: twice, version: 0.1.0, alias: first}
  - {name: twice, version: 0.1.0, alias: second, condition: second.enabled}
"""
    more = {**subchart("always"), **subchart("asked"), **subchart("tagged"), **subchart("twice")}
    values = "asked: {enabled: false}\ntags: {back: false}\nsecond: {enabled: true}\nglobal: {shared: 1}\n"
    await twins.publish(chart({"config.yaml": CONFIG}, values=values, more=more, metadata=metadata))
    flags, spec = how
    await twins.install(*flags, values={"first": {"own": "mine"}}, **spec)
    await twins.assert_alike()
    assert set((await twins.objects())[0]) == {
        f"ConfigMap/app-{name}" for name in ("demo", "always", "first", "second")
    }
    await twins.upgrade(
        2, *again, values={"asked": {"enabled": True}, "tags": {"back": True}, "second": {"enabled": False}}
    )
    await twins.assert_alike()


async def test_lookups(twins, chart, how, again, cluster):
    looks = """
{{- $found := lookup "v1" "ConfigMap" .Release.Namespace "elsewhere" }}
apiVersion: v1
kind: ConfigMap
metadata: {name: found}
data:
  value: {{ dig "data" "value" "nothing" $found | quote }}
  kinds: {{ .Capabilities.APIVersions.Has "apps/v1/Deployment" | quote }}
  version: {{ .Capabilities.KubeVersion.Version | quote }}
  helm: {{ .Capabilities.HelmVersion.Version | quote }}
"""
    for namespace in (twins.namespace, twins.ours.namespace):
        cluster.kubectl("create", "configmap", "elsewhere", "--from-literal=value=1", "-n", namespace)
    await twins.publish(chart({"looks.yaml": looks}))
    flags, spec = how
    await twins.install(*flags, **spec)
    await twins.assert_alike()
    assert (await twins.objects())[0]["ConfigMap/found"]["data"]["value"] == "1"


async def test_custom_kinds_and_their_definitions(twins, chart, how, again, cluster):
    group = f"g{uuid.uuid4().hex[:6]}.example.com"
    twins.more_kinds = (f"Thing.{group}",)
    thing = f"""
apiVersion: {group}/v1
kind: Thing
metadata: {{name: mine}}
spec: {{{{ .Values.spec | toJson }}}}
"""
    await twins.publish(chart({"thing.yaml": thing}, more={"crds/things.yaml": definition(group)}))
    flags, spec = how
    try:
        first = {"size": 1, "list": ["a", "b"], "map": {"x": "1", "y": "2"}}
        await twins.install(*flags, values={"spec": first}, **spec)
        await twins.assert_alike()
        second = {"list": ["b"], "map": {"y": "3"}}
        await twins.upgrade(2, *again, values={"spec": second})
        await twins.assert_alike()
        await twins.uninstall()
        assert await twins.objects() == ({}, {})
        assert cluster.kubectl("get", "crd", f"things.{group}", "-o", "name")
    finally:
        cluster.kubectl("delete", "crd", f"things.{group}", "--ignore-not-found")


async def test_definitions_among_the_templates(twins, chart, how, again, cluster):
    group = f"g{uuid.uuid4().hex[:6]}.example.com"
    template = definition("{{ .Values.group }}", more="{{ .Values.more }}: {type: string}")
    kind = f"things.{{}}.{group}"
    await twins.publish(chart({"things.yaml": template}))
    flags, spec = how
    found = []
    try:
        for version, more in ((1, "first"), (2, "second")):
            values = {"group": f"theirs.{group}", "more": more}
            if version == 1:
                twins.install_theirs(*flags, values=values)
                values["group"] = f"ours.{group}"
                await twins.ours.release("app", labels=twins.labels, values=values, **spec)
            else:
                twins.upgrade_theirs(*again, values=values)
                await twins.want(values={**values, "group": f"ours.{group}"})
            await twins.ours.upgraded(version)
            for owner in ("ours", "theirs"):
                text = cluster.kubectl("get", "crd", kind.format(owner), "-o", "json")
                found.append(json.loads(text)["spec"]["versions"])
    finally:
        for owner in ("ours", "theirs"):
            cluster.kubectl("delete", "crd", kind.format(owner), "--ignore-not-found")
    assert found[0] == found[1]
    assert found[2] == found[3] != found[0]


async def test_objects_that_are_there_already(twins, chart, how, again, cluster):
    for namespace in (twins.namespace, twins.ours.namespace):
        cluster.kubectl("create", "configmap", "app-demo", "--from-literal=theirs=1", "-n", namespace)
    await twins.publish(chart({"config.yaml": CONFIG}))
    flags, spec = how
    await twins.install(*flags, **spec)
    assert (await twins.objects())[0]["ConfigMap/app-demo"]["data"]["theirs"] == "1"
    await twins.assert_alike()
    for namespace in (twins.namespace, twins.ours.namespace):
        cluster.kubectl("create", "configmap", "more", "--from-literal=theirs=1", "-n", namespace)
    more = CONFIG.replace("{{ .Release.Name }}-{{ .Chart.Name }}", "more")
    await twins.publish(chart({"config.yaml": CONFIG, "more.yaml": more}, version="1.1.0"))
    await twins.upgrade(2, *again)
    await twins.assert_alike()


async def test_large_values(twins, chart, how):
    """As large as an object of the API can be; they fit into a record because they are compressed."""
    await twins.publish(chart({"config.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"}))
    flags, spec = how
    blocks = [base64.b64encode(bytes([number % 251]) * 600).decode() for number in range(1200)]
    await twins.install(*flags, values={"blocks": blocks}, **spec)
    await twins.assert_alike()


async def test_what_belongs_to_nobody_else_is_uninstalled(twins, chart, how, cluster):
    kept = CONFIG.replace("metadata: {", 'metadata: {annotations: {"helm.sh/resource-policy": keep}, ')
    more = CONFIG.replace("{{ .Release.Name }}-{{ .Chart.Name }}", "more")
    await twins.publish(chart({"kept.yaml": kept, "more.yaml": more}))
    flags, spec = how
    await twins.install(*flags, **spec)
    await twins.uninstall()
    assert_equal(*await twins.objects())
    assert list((await twins.objects())[0]) == ["ConfigMap/app-demo"]


@pytest.mark.parametrize("cascade", ["background", "foreground", "orphan"])
async def test_ways_of_deletion(twins, chart, cascade):
    workload = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: app}
spec:
  replicas: 0
  selector: {matchLabels: {app: demo}}
  template: {metadata: {labels: {app: demo}}, spec: {containers: [{name: main, image: "main:1"}]}}
"""
    await twins.publish(chart({"workload.yaml": workload}))
    await twins.install("--server-side=true", uninstall={"deletionPropagation": cascade})
    await twins.uninstall(f"--cascade={cascade}")
    assert_equal(*await twins.objects())
    for namespace in (twins.namespace, twins.ours.namespace):
        there = Objects(twins.ours.client, namespace)
        if cascade == "orphan":
            assert await there.names("ReplicaSet.apps")
        else:
            await eventually(lambda there=there: there.names("ReplicaSet.apps"), operator.not_)
