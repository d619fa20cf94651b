"""From a push to a real Git host to the status of its commit there, with real controllers all the way."""

import asyncio

import pytest

from localcluster.ports import HOST, free_ports
from shared.testing.flux import GIT_REPOSITORY, Flux

LABEL = "test.headrace.io/pushes"
GOOD = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n"
BAD = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: Not A Name\n"


@pytest.fixture
async def flux(cluster, namespace, artifacts, suite):
    process = Flux.shared_process(suite)
    async with Flux.connected(cluster.kubeconfig, namespace, artifacts, suite, process) as flux:
        yield flux


@pytest.fixture
def source(suite, tmp_path):
    """A source-controller for this test."""
    (tmp_path / "artifacts").mkdir()
    address = f"{HOST}:{free_ports(1)[0]}"
    process = suite.controller(
        "source_controller",
        "source-controller",
        [
            f"--storage-path={tmp_path / 'artifacts'}",
            f"--storage-addr={address}",
            f"--storage-adv-addr={address}",
            f"--watch-label-selector={LABEL}=yes",
        ],
        name="source-of-pushes",
    )
    process.start()
    yield process
    assert process.stop() == 0, process.tail()


async def test_each_commit_has_a_status(world, flux, source, gitea):
    token = gitea.account("pusher", "write:repository")
    gitea.repository("pusher", "fleet")
    good = gitea.commit("pusher", "fleet", "a.yaml", GOOD)
    address = f"{gitea.url}/pusher/fleet"
    await world.secret("token", token=token)
    provider = await world.provider("status", type="gitea", address=address, secretRef={"name": "token"})
    await world.alert(provider="status")
    repository = flux.git_repository("fleet")
    repository["metadata"]["labels"] = {LABEL: "yes"}
    repository["spec"] = {"interval": "1h", "url": address, "ref": {"branch": "main"}}

    async def status(commit):
        def read():
            return gitea.statuses("pusher", "fleet", commit)

        (newest, *_) = await asyncio.to_thread(gitea.until, read, bool)
        return newest

    with flux.own(f"--events-addr={world.server.url}"):
        await flux.create(repository)
        await flux.kustomization("app", source="fleet", labels=flux.mine)
        first = await status(good)
        assert (first["status"], first["description"]) == ("success", "reconciliation succeeded")
        assert first["context"] == f"kustomization/app/{provider['metadata']['uid'].partition('-')[0]}"
        bad = gitea.commit("pusher", "fleet", "b.yaml", BAD)
        asked = {"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": "now"}}}
        await flux.edit(GIT_REPOSITORY, "fleet", asked)
        second = await status(bad)
        assert (second["status"], second["description"]) == ("failure", "reconciliation failed")
        assert second["context"] == first["context"]
    # Nobody finalises it any more.
    await flux.edit(GIT_REPOSITORY, "fleet", {"metadata": {"finalizers": None}})
