"""A suite with a shard, installed by its chart: each process gets the arguments of a Deployment, and its
rights.
"""

from contextlib import ExitStack

import pytest

from localcluster import programs
from localcluster.ports import free_ports
from shared.lang import json
from shared.testing.controllers import ControllerProcess
from shared.testing.git_server import serve_in_thread
from shared.testing.git_upstream import Upstream

KEY = "sharding.fluxcd.io/key"
VALUES = {
    "global": {"shards": ["red"]},
    "source-controller": {"watchAllNamespaces": False},
    "kustomize-controller": {"watchAllNamespaces": False},
}
VERSIONS = {
    "GitRepository": "source.toolkit.fluxcd.io/v1",
    "Kustomization": "kustomize.toolkit.fluxcd.io/v1",
}


def config_map(name):
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n"


class ShardedSuite:
    """The suite in one namespace; no node runs its Deployments, so processes stand in for them."""

    def __init__(self, cluster, namespace, folder):
        self.cluster = cluster
        self.namespace = namespace
        self._folder = folder

    def start(self, name, controller, *arguments):
        """Runs what a Deployment would run; `arguments` are for being outside of a pod."""
        spec = self._get("deployment", name)["spec"]["template"]["spec"]
        given = [
            each.replace("$(RUNTIME_NAMESPACE)", self.namespace) for each in spec["containers"][0]["args"]
        ]
        process = ControllerProcess(
            controller.replace("-", "_"),
            self.cluster.kubeconfig_for(self.namespace, spec["serviceAccountName"]),
            self._folder,
            arguments=[*given, *arguments],
            namespace=self.namespace,
            name=name,
        )
        process.start()
        return process

    def create(self, kind, name, shard, **spec):
        """Makes an object of a shard, or of none."""
        # The first label is what controllers of other tests in this cluster keep off.
        labels = {"test.headrace.io/own": self.namespace} | ({KEY: shard} if shard else {})
        metadata = {"name": name, "namespace": self.namespace, "labels": labels}
        obj = {"apiVersion": VERSIONS[kind], "kind": kind, "metadata": metadata}
        obj["spec"] = {"interval": "1h", **spec}
        self.cluster.kubectl("apply", "-f", "-", stdin=json.dumps(obj).decode())

    def ready(self, kind, name):
        """Waits for an object to be ready; gives it."""
        where = ("-n", self.namespace)
        self.cluster.kubectl(*where, "wait", "--for=condition=Ready", "--timeout=40s", f"{kind}/{name}")
        return self._get(kind, name)

    def remove(self, *kinds):
        """Deletes all objects of some kinds, one kind after the other, and waits until they are gone."""
        for kind in kinds:
            self.cluster.kubectl("-n", self.namespace, "delete", kind, "--all", "--timeout=40s")

    def leases(self):
        """Names of leases."""
        listed = json.loads(self.cluster.kubectl("-n", self.namespace, "get", "leases", "-o", "json"))
        return [each["metadata"]["name"] for each in listed["items"]]

    def _get(self, kind, name):
        return json.loads(self.cluster.kubectl("-n", self.namespace, "get", kind, name, "-o", "json"))


@pytest.fixture
def sharded(cluster, namespace, suite, program, tmp_path):
    where = ("-n", namespace, "--kubeconfig", str(cluster.kubeconfig))
    chart = str(suite.charts / "headrace")
    values = json.dumps(VALUES).decode()
    program("helm", "install", "sharded", chart, *where, "--take-ownership", "-f", "-", stdin=values)
    yield ShardedSuite(cluster, namespace, tmp_path)
    program("helm", "uninstall", "sharded", *where)


@pytest.fixture
def url(tmp_path):
    upstream = Upstream(tmp_path)
    upstream.commit({f"{name}/map.yaml": config_map(f"from-{name}") for name in ("app", "app-red")})
    with serve_in_thread(tmp_path) as server:
        yield server.url(upstream.path)


def test_objects_of_a_shard_pass_through_the_controllers_of_that_shard_alone(sharded, url, tmp_path):
    with ExitStack() as stack:
        for suffix, shard in (("", ""), ("-red", "red")):
            port = free_ports(1)[0]
            storage = tmp_path / f"storage{suffix}"
            storage.mkdir()
            source = sharded.start(
                f"source-controller{suffix}", "source-controller",
                f"--storage-path={storage}", f"--storage-addr=127.0.0.1:{port}",
            )  # fmt: skip
            stack.callback(source.kill)
            kustomize = sharded.start(
                f"kustomize-controller{suffix}", "kustomize-controller",
                f"--kustomize-binary={programs.path('kustomize')}",
                f"--source-controller-localhost=127.0.0.1:{port}",
            )  # fmt: skip
            stack.callback(kustomize.kill)
            name = f"app{suffix}"
            sharded.create("GitRepository", name, shard, url=url, ref={"branch": "main"})
            reference = {"kind": "GitRepository", "name": name}
            space = sharded.namespace
            sharded.create(
                "Kustomization", name, shard, sourceRef=reference, prune=True, targetNamespace=space
            )

        for name, server in (("app", "source-controller"), ("app-red", "source-controller-red")):
            artifact = sharded.ready("gitrepository", name)["status"]["artifact"]
            assert artifact["url"].startswith(f"http://{server}.{sharded.namespace}.svc.cluster.local./")
            assert (
                sharded.ready("kustomization", name)["status"]["lastAppliedRevision"] == artifact["revision"]
            )
        for each in (tmp_path / "storage", tmp_path / "storage-red"):
            assert len({archive.parent for archive in each.rglob("*.tar.gz")}) == 1
        assert len(set(sharded.leases())) == 4
        # The controllers have to be there for it.
        sharded.remove("kustomizations", "gitrepositories")
