"""How events and webhooks get to notification-controller: Services, an Ingress or a Gateway."""

import pytest

from shared.lang import yaml

CHART = "notification-controller"


def by_name(objects, kind):
    return {obj["metadata"]["name"]: obj["spec"] for obj in objects if obj["kind"] == kind}


def ports_of(objects):
    (container,) = by_name(objects, "Deployment")[CHART]["template"]["spec"]["containers"]
    return {port["name"]: port["containerPort"] for port in container["ports"]}


def test_events_and_webhooks_have_a_service_each(helm):
    objects = helm.render(CHART)
    assert ports_of(objects) == {"http": 9090, "http-webhook": 9292, "http-prom": 8080, "healthz": 9440}
    services = by_name(objects, "Service")
    assert set(services) == {"notification-controller", "webhook-receiver"}
    for name, target in (("notification-controller", "http"), ("webhook-receiver", "http-webhook")):
        (port,) = services[name]["ports"]
        assert (port["name"], port["port"], port["targetPort"]) == ("http", 80, target)
        assert services[name]["selector"] == {"app": CHART}


def test_the_others_post_their_events_there(helm):
    address = "http://notification-controller.gitops.svc.cluster.local./"
    for chart in ("source-controller", "kustomize-controller", "helm-controller"):
        deployment = by_name(helm.render(chart), "Deployment")[chart]
        (container,) = deployment["template"]["spec"]["containers"]
        assert f"--events-addr={address}" in container["args"]


def test_webhooks_come_from_all_namespaces_and_events_from_one(helm):
    policies = by_name(helm.render(CHART), "NetworkPolicy")
    (webhooks,) = policies["notification-controller-webhooks"]["ingress"]
    assert webhooks == {
        "from": [{"namespaceSelector": {}}],
        "ports": [{"port": 9292, "protocol": "TCP"}],
    }
    inside, metrics = policies["notification-controller"]["ingress"]
    assert inside == {"from": [{"podSelector": {}}]}
    assert [port["port"] for port in metrics["ports"]] == [8080]


@pytest.mark.parametrize("kind", ["LoadBalancer", "NodePort"])
def test_webhooks_come_from_outside_where_the_service_does(helm, kind):
    values = {"receiver": {"service": {"type": kind}}}
    policies = by_name(helm.render(CHART, values=values), "NetworkPolicy")
    assert policies["notification-controller-webhooks"]["ingress"] == [
        {"ports": [{"port": 9292, "protocol": "TCP"}]}
    ]


@pytest.mark.parametrize("kind", ["ClusterIP", "LoadBalancer"])
def test_who_may_send_webhooks_can_be_named(helm, kind):
    sources = [{"ipBlock": {"cidr": "10.0.0.0/8"}}, {"namespaceSelector": {}}]
    values = {"receiver": {"service": {"type": kind}}, "networkPolicy": {"webhooksFrom": sources}}
    policies = by_name(helm.render(CHART, values=values), "NetworkPolicy")
    (webhooks,) = policies["notification-controller-webhooks"]["ingress"]
    assert webhooks["from"] == sources


def test_an_ingress_passes_on_nothing_but_webhooks(helm):
    assert not by_name(helm.render(CHART), "Ingress")
    ingress = {
        "create": True, "className": "nginx", "host": "hooks.example.com", "tlsSecret": "hooks-tls",
        "annotations": {"note": "yes"},
    }  # fmt: skip
    objects = helm.render(CHART, values={"receiver": {"ingress": ingress}})
    spec = by_name(objects, "Ingress")["webhook-receiver"]
    assert spec == yaml.load(
        """
        ingressClassName: nginx
        tls: [{secretName: hooks-tls, hosts: [hooks.example.com]}]
        rules:
          - host: hooks.example.com
            http:
              paths:
                - path: /hook/
                  pathType: Prefix
                  backend: {service: {name: webhook-receiver, port: {name: http}}}
        """
    )


def test_a_route_of_a_gateway_passes_on_nothing_but_webhooks(helm):
    assert not by_name(helm.render(CHART), "HTTPRoute")
    route = {"create": True, "parentRefs": [{"name": "public", "namespace": "edge"}], "hostnames": ["a.b"]}
    objects = helm.render(CHART, values={"receiver": {"httpRoute": route}})
    assert by_name(objects, "HTTPRoute")["webhook-receiver"] == yaml.load(
        """
        parentRefs: [{name: public, namespace: edge}]
        hostnames: [a.b]
        rules:
          - matches: [{path: {type: PathPrefix, value: /hook/}}]
            backendRefs: [{name: webhook-receiver, port: 80}]
        """
    )


def test_the_server_accepts_an_ingress(cluster, namespace, helm):
    values = {"receiver": {"ingress": {"create": True, "host": "hooks.example.com"}}}
    objects = [
        obj for obj in helm.render(CHART, values=values, namespace=namespace) if obj["kind"] == "Ingress"
    ]
    assert objects
    cluster.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", "-", stdin=yaml.dump(objects[0]))
