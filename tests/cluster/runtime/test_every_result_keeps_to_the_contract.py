"""Both controllers, and objects that end in every way there is; the witness sees each status on the way."""

import asyncio

import pytest

from localcluster import programs
from localcluster.ports import HOST, free_ports
from shared.kube import Connection, KubeClient
from shared.testing.git_server import GitServer
from shared.testing.git_upstream import Upstream
from shared.testing.objects import Objects

KUSTOMIZATION = "Kustomization.kustomize.toolkit.fluxcd.io"
REPOSITORY = "GitRepository.source.toolkit.fluxcd.io"
OWN = "test.headrace.io/contract"
MANIFESTS = {
    "good/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
    "refused/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: Bad_Name}\n",
    "unset/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\ndata: {k: '${size}'}\n",
}
REPOSITORIES = {
    "good": ({}, "Succeeded"),
    "suspended": ({"suspend": True}, "Suspended"),
    "no-branch": ({"ref": {"branch": "none"}}, "GitOperationFailed"),
    "no-secret": ({"secretRef": {"name": "none"}}, "AuthenticationFailed"),
    "no-include": ({"include": [{"repository": {"name": "none"}}]}, "NotFound"),
    "no-keys": ({"verify": {"secretRef": {"name": "keys"}}}, "VerificationError"),
    "no-tag": ({"verify": {"mode": "Tag", "secretRef": {"name": "keys"}}}, "InvalidVerificationMode"),
    "unsupported": ({"provider": "github"}, "InvalidProviderConfiguration"),
}
KUSTOMIZATIONS = {
    "good": ({"path": "good", "wait": True}, "ReconciliationSucceeded"),
    "suspended": ({"suspend": True}, "Suspended"),
    "no-source": ({"sourceRef": {"kind": "GitRepository", "name": "none"}}, "ArtifactFailed"),
    "no-path": ({"path": "none"}, "ArtifactFailed"),
    "no-dependency": ({"dependsOn": [{"name": "none"}]}, "DependencyNotReady"),
    "unset": ({"path": "unset", "postBuild": {"substitute": {"other": "x"}}}, "BuildFailed"),
    "refused": ({"path": "refused"}, "ReconciliationFailed"),
    "unhealthy": (
        {
            "path": "good",
            "timeout": "3s",
            "healthChecks": [{"apiVersion": "v1", "kind": "Pod", "name": "none"}],
        },
        "HealthCheckFailed",
    ),
    "unreadable": (
        {"wait": True, "healthCheckExprs": [{"apiVersion": "v1", "kind": "Pod", "current": "foo."}]},
        "InvalidCELExpression",
    ),
}


@pytest.fixture
def controllers(suite, namespace, tmp_path):
    """Both controllers, for objects of this namespace alone."""
    port = free_ports(1)[0]
    own = [f"--watch-label-selector={OWN}={namespace}", "--min-retry-delay=200ms"]
    source = [f"--storage-path={tmp_path}", f"--storage-addr={HOST}:{port}", *own]
    kustomize = [f"--kustomize-binary={programs.ensure('kustomize')}", *own]
    processes = [
        suite.controller("source_controller", "source-controller", source, "contract-source"),
        suite.controller("kustomize_controller", "kustomize-controller", kustomize, "contract-kustomize"),
    ]
    for process in processes:
        process.start()
    yield processes
    for process in processes:
        process.kill()


@pytest.fixture
async def remote(tmp_path):
    upstream = Upstream(tmp_path)
    upstream.commit(MANIFESTS)
    async with GitServer(tmp_path) as server:
        yield server.url(upstream.path)


@pytest.fixture
async def objects(cluster, namespace, controllers, remote):
    """All of them, created at once."""
    connection = await Connection.load(cluster.kubeconfig)
    objects = Objects(KubeClient(connection), namespace)
    made = {}
    for name, (spec, _) in REPOSITORIES.items():
        usual = {"interval": "1h", "url": remote, "ref": {"branch": "main"}}
        made[REPOSITORY, name] = await create(objects, REPOSITORY, name, usual | spec)
    for name, (spec, _) in KUSTOMIZATIONS.items():
        usual = {"interval": "1h", "retryInterval": "1s", "prune": True, "targetNamespace": namespace}
        usual["sourceRef"] = {"kind": "GitRepository", "name": "good"}
        made[KUSTOMIZATION, name] = await create(objects, KUSTOMIZATION, name, usual | spec)
    yield objects, made
    for kind, name in made:
        if await objects.live(kind, name) is not None:
            await objects.edit(kind, name, {"metadata": {"finalizers": None}})
            await objects.delete(kind, name)
    await connection.close()


async def create(objects, kind, name, spec):
    short, _, group = kind.partition(".")
    labels = {OWN: objects.namespace}
    metadata = {"name": name, "labels": labels}
    obj = {"apiVersion": f"{group}/v1", "kind": short, "metadata": metadata, "spec": spec}
    return await objects.create(obj)


@pytest.mark.case("runtime-9")
async def test_no_finished_turn_of_any_kind_breaks_a_rule(witness, objects):
    objects, made = objects

    async def finished(kind, name, reason):
        seen = await asyncio.to_thread(witness.finished, made[kind, name], reason)
        assert seen, (kind, name, await objects.live(kind, name))

    for name, (_, reason) in REPOSITORIES.items():
        await finished(REPOSITORY, name, reason)
    for name, (_, reason) in KUSTOMIZATIONS.items():
        await finished(KUSTOMIZATION, name, reason)

    # From good to bad, from bad to good, and to the end.
    await objects.edit(REPOSITORY, "good", {"spec": {"ref": {"branch": "none"}}})
    await finished(REPOSITORY, "good", "GitOperationFailed")
    await objects.edit(REPOSITORY, "no-branch", {"spec": {"ref": {"branch": "main"}}})
    await finished(REPOSITORY, "no-branch", "Succeeded")
    await objects.edit(KUSTOMIZATION, "good", {"spec": {"path": "none"}})
    await finished(KUSTOMIZATION, "good", "ArtifactFailed")
    for name in ("no-path", "unreadable", "suspended"):
        healed = {"path": "good", "healthCheckExprs": None, "suspend": False}
        await objects.edit(KUSTOMIZATION, name, {"spec": healed})
        await finished(KUSTOMIZATION, name, "ReconciliationSucceeded")
    for kind, name in ((KUSTOMIZATION, "no-path"), (REPOSITORY, "no-branch")):
        await objects.delete(kind, name)
        await objects.gone(kind, name)

    assert witness.take_broken() == []
