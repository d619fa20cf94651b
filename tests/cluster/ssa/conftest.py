"""A client of a real API server that counts its requests, and a rollout as one controller would run it."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from shared.kube import Connection, KubeClient
from shared.ssa import Applied, ApplyOptions, Policies, Rollout, SharedWatches, Takeover, by_hand
from shared.ssa.watches import Pace

PREFIX = "kustomize.toolkit.fluxcd.io"
OWNER = {f"{PREFIX}/name": "apps", f"{PREFIX}/namespace": "gitops"}
MANAGER = "kustomize-controller"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


class CountingClient(KubeClient):
    """Counts requests by method, dry-runs apart."""

    def __init__(self, connection):
        super().__init__(connection)
        self.asked = Counter()

    async def request(self, method, path, **options):
        dry = "dry " if (options.get("params") or {}).get("dryRun") else ""
        self.asked[f"{dry}{method}"] += 1
        return await super().request(method, path, **options)


class Ssa:
    """Everything a test needs in one namespace."""

    def __init__(self, client, watches, namespace):
        self.client = client
        self.watches = watches
        self.namespace = namespace
        self.options = ApplyOptions(
            MANAGER,
            Policies(PREFIX),
            owner_labels=OWNER,
            takeover=Takeover(
                MANAGER, by_hand(MANAGER), annotations=("kubectl.kubernetes.io/last-applied-configuration",)
            ),
        )

    def make(self, kind="ConfigMap", name="a", api_version="v1", annotations=None, **body):
        metadata = {"name": name, "namespace": self.namespace, "labels": OWNER}
        if annotations:
            metadata["annotations"] = {f"{PREFIX}/{key}": value for key, value in annotations.items()}
        return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **body}

    async def run(self, *objects, expected=frozenset(), **changed):
        """Applies, and gives the change lines and what was applied."""
        self.client.asked.clear()
        applied = Applied()
        rollout = Rollout(self.client, self.watches, replace(self.options, **changed))
        await rollout.run(objects, applied, expected=expected)
        return applied

    async def live(self, kind="ConfigMap", name="a", group=""):
        resource = await self.client.discovery.find(group, kind)
        return await self.client.get(resource, self.namespace, name)

    async def edit(self, patch, manager, kind="ConfigMap", name="a", group="", subresource=""):
        resource = await self.client.discovery.find(group, kind)
        return await self.client.merge_patch(
            resource, self.namespace, name, patch, manager=manager, subresource=subresource
        )


@pytest.fixture
async def ssa(cluster, namespace):
    connection = await Connection.load(Path(cluster.kubeconfig))
    try:
        async with SharedWatches(Pace(linger=timedelta(0))) as watches:
            yield Ssa(CountingClient(connection), watches, namespace)
            assert len(watches) == 0
    finally:
        await connection.close()
