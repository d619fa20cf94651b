"""Where helm-controller differs from helm because it should.

The decision on client-side releases (docs/adr) has the reasons. Smaller differences are named
where they show: in `test_hooks_are_the_same.py` and `shared.testing.helm_twins`.
"""

import uuid

import pytest

from shared.testing.definitions import define

THING = """
apiVersion: {{ .Values.group }}/v1
kind: Thing
metadata: {name: mine}
spec: {size: 1, colour: {{ .Values.colour | default "red" }}}
"""
PORTS = """
apiVersion: v1
kind: Service
metadata: {name: app}
spec:
  ports:
    - {name: tcp, port: 53, protocol: TCP, targetPort: {{ .Values.tcp }}}
    - {name: udp, port: 53, protocol: UDP, targetPort: {{ .Values.udp }}}
"""
SECRET = """
apiVersion: v1
kind: Secret
metadata: {name: app}
stringData: {{ .Values.content | toJson }}
"""


@pytest.fixture
def things(cluster):
    """The group of a custom kind."""
    group = f"g{uuid.uuid4().hex[:6]}.example.com"
    definition = f"""
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
      schema: {{openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}
"""
    define(cluster, definition)
    yield group
    cluster.kubectl("delete", "crd", f"things.{group}")


async def test_custom_objects_become_what_the_chart_says(twins, chart, cluster, things):
    twins.more_kinds = (f"Thing.{things}",)
    await twins.publish(chart({"thing.yaml": THING}))
    values = {"group": things}
    await twins.install("--server-side=false", values=values, install={"serverSideApply": False})
    for namespace in (twins.namespace, twins.ours.namespace):
        patch = '{"spec": {"size": 9, "theirs": true}}'
        cluster.kubectl(
            "patch", f"things.{things}", "mine", "--namespace", namespace, "--type=merge", "--patch", patch
        )
    await twins.upgrade(2, values={**values, "colour": "blue"})
    ours, theirs = await twins.objects()
    mine = f"Thing.{things}/mine"
    assert ours[mine]["spec"] == {"size": 1, "colour": "blue", "theirs": True}
    assert theirs[mine]["spec"] == {"size": 9, "colour": "blue", "theirs": True}


async def test_ports_of_one_number_keep_their_protocols(twins, chart):
    await twins.publish(chart({"service.yaml": PORTS}))
    await twins.install(
        "--server-side=false", values={"tcp": 1, "udp": 2}, install={"serverSideApply": False}
    )
    await twins.upgrade(2, values={"tcp": 3, "udp": 4})
    ours, theirs = await twins.objects()
    wanted = {("TCP", 3), ("UDP", 4)}
    assert {(port["protocol"], port["targetPort"]) for port in ours["Service/app"]["spec"]["ports"]} == wanted
    assert {
        (port["protocol"], port["targetPort"]) for port in theirs["Service/app"]["spec"]["ports"]
    } != wanted


@pytest.mark.parametrize("server_side", [True, False])
async def test_text_that_a_secret_no_longer_has_goes(twins, chart, server_side):
    await twins.publish(chart({"secret.yaml": SECRET}))
    way = f"--server-side={str(server_side).lower()}"
    await twins.install(
        way, values={"content": {"a": "1", "b": "2"}}, install={"serverSideApply": server_side}
    )
    await twins.upgrade(2, values={"content": {"a": "1"}})
    ours, theirs = await twins.objects()
    assert set(ours["Secret/app"]["data"]) == {"a"}
    assert set(theirs["Secret/app"]["data"]) == {"a", "b"}
