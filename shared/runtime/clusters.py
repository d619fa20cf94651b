"""Connections to the other clusters that objects name in `spec.kubeConfig`.

Whoever leads to the same API server with the same credentials shares a connection, found by a digest of all
that makes it up. One that nobody uses is closed after a while. Work in a cluster takes slots of that
cluster, so a cluster that answers slowly or not at all holds up nobody else.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import TracebackType
from typing import Any, Self

from shared.api.meta import KubeConfigReference
from shared.auth.cloud import User
from shared.auth.remote import ClusterIdentities
from shared.kube.client import KubeClient
from shared.observe.clock import Clock
from shared.runtime.cluster import Cluster, ClusterPolicy, ClusterTrouble
from shared.runtime.cluster_leads import ClusterNotNamed, ClusterUnusable, Leads
from shared.runtime.turn import Turn

__all__ = ["ClusterNotNamed", "ClusterPolicy", "ClusterUnusable", "Clusters"]


class Clusters:
    """All other clusters; entered once, by whoever builds the application."""

    def __init__(
        self, client: KubeClient, identities: ClusterIdentities, policy: ClusterPolicy, clock: Clock
    ) -> None:
        """`client` reads Secrets and ConfigMaps, as the controller itself."""
        self._leads = Leads(client, identities, policy.allowed, clock)
        self._policy = policy
        self._clock = clock
        #: By digest; those that nobody uses are in the order in which they were left.
        self._clusters: dict[str, Cluster] = {}
        self._closing: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        for digest in list(self._clusters):
            self._drop(digest)
        await asyncio.gather(*self._closing, return_exceptions=True)

    def __len__(self) -> int:
        """How many are known."""
        return len(self._clusters)

    @asynccontextmanager
    async def entered(
        self, reference: KubeConfigReference, user: User, turn: Turn[Any]
    ) -> AsyncIterator[KubeClient]:
        """The client for the cluster that a reference leads to; the block is the part of the turn there.

        Raises:
            ClusterUnusable: it can't be worked in, or nothing leads there (`ClusterNotNamed`).
        """
        lead = await self._leads.read(reference, user)
        with self._known(lead.digest) as cluster:
            async with turn.elsewhere(cluster.slots):
                try:
                    opened = await turn.park(cluster.enter(lead.opening), yields=False)
                except ClusterTrouble as error:
                    raise lead.unusable(error) from error
                try:
                    yield opened.client
                finally:
                    await opened.leave()

    @contextmanager
    def _known(self, digest: str) -> Iterator[Cluster]:
        """The cluster of a digest, which stays for as long as the block lasts and a while longer."""
        cluster = self._clusters.get(digest)
        if cluster is None:
            cluster = self._clusters[digest] = Cluster(self._policy, self._clock)
        if cluster.timer is not None:
            cluster.timer.cancel()
            cluster.timer = None
        cluster.users += 1
        try:
            yield cluster
        finally:
            cluster.users -= 1
            if not cluster.users:
                self._left(digest, cluster)

    def _left(self, digest: str, cluster: Cluster) -> None:
        if self._clusters.get(digest) is not cluster:
            self._close(cluster)
            return
        self._clusters[digest] = self._clusters.pop(digest)
        idle = self._policy.idle.total_seconds()
        cluster.timer = asyncio.get_running_loop().call_later(idle, self._drop, digest)
        unused = [key for key, each in self._clusters.items() if not each.users]
        for surplus in unused[: max(len(unused) - self._policy.idle_at_most, 0)]:
            self._drop(surplus)

    def _drop(self, digest: str) -> None:
        cluster = self._clusters.pop(digest)
        if cluster.timer is not None:
            cluster.timer.cancel()
        if not cluster.users:
            self._close(cluster)

    def _close(self, cluster: Cluster) -> None:
        task = asyncio.create_task(cluster.retire(), name="close cluster")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
