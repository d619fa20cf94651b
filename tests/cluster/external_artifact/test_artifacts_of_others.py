"""ExternalArtifacts belong to whoever writes them; source-controller lets them be."""

import json
import subprocess

import pytest

from localcluster import programs
from shared.kube.resources import Resource
from shared.testing.source import Sources, connected, run_source

GROUP = "source.toolkit.fluxcd.io"
EXTERNAL = Resource(GROUP, "v1", "externalartifacts", "ExternalArtifact")
LABEL = "external"
STATUS = {
    "artifact": {
        "digest": f"sha256:{'0' * 64}",
        "lastUpdateTime": "2026-01-02T03:04:05Z",
        "path": "externalartifact/a/b/c.tar.gz",
        "revision": "latest@sha256:0",
        "url": "http://example.com/c.tar.gz",
    },
    "conditions": [
        {
            "type": "Ready",
            "status": "True",
            "reason": "Succeeded",
            "message": "made elsewhere",
            "lastTransitionTime": "2026-01-02T03:04:05Z",
        }
    ],
}


@pytest.fixture(scope="module")
def suite(cluster, tmp_path_factory):
    with run_source(cluster, tmp_path_factory.mktemp("external"), LABEL) as suite:
        yield suite


def kubectl(cluster, *arguments):
    command = [str(programs.path("kubectl")), "--kubeconfig", str(cluster.kubeconfig), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.mark.case("source-o57")
async def test_source_controller_lets_them_be(cluster, namespace, suite):
    reference = {"kind": "OCIRepository", "name": "origin"}
    async with connected(cluster) as client:
        process = suite.process
        external = Sources(client, namespace, EXTERNAL, process, label=LABEL, defaults={})
        await external.create("app", sourceRef=reference)
        git = Resource(GROUP, "v1", "gitrepositories", "GitRepository")
        spec = {"interval": "1h", "url": "ssh://git@127.0.0.1/none"}
        neighbour = Sources(client, namespace, git, process, label=LABEL, defaults=spec)
        await neighbour.create("other")
        # Whoever had anything to say about the one that was there first would have said it by now.
        await neighbour.until(lambda obj: bool((obj or {}).get("status", {}).get("conditions")), "other")
        obj = await external.get("app")
        assert "finalizers" not in obj["metadata"]
        assert not obj.get("status")
        patch = json.dumps({"status": STATUS})
        kubectl(
            cluster,
            *("patch", "externalartifact", "app", "-n", namespace),
            *("--subresource=status", "--type=merge", "-p", patch),
        )
        header, row = kubectl(cluster, "get", "ea", "-n", namespace).splitlines()
        assert header.split() == ["NAME", "AGE", "READY", "STATUS", "SOURCE"]
        assert row.split()[2:] == ["True", "made", "elsewhere", "origin"]
        assert not (suite.storage / "externalartifact").exists()
