"""One namespace in which a controller rolls out artifacts that tests publish."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar, Self

from shared.kube import Connection, KubeClient
from shared.testing.artifact_server import ArtifactServer
from shared.testing.controllers import ControllerProcess, Suite
from shared.testing.objects import Objects
from shared.testing.patience import eventually


class Rollouts(Objects):
    """What tests of kustomize-controller and of helm-controller have in common."""

    finalised: ClassVar[tuple[str, str]]
    """The kind whose objects hold a finalizer, and the label of those whose controller may be gone."""

    def __init__(
        self,
        client: KubeClient,
        namespace: str,
        artifacts: ArtifactServer,
        suite: Suite,
        process: ControllerProcess,
    ) -> None:
        super().__init__(client, namespace)
        self.artifacts = artifacts
        self.process = process
        self._suite = suite
        self._requests = itertools.count(1)

    async def turns(self, at_least: int, name: str = "app") -> None:
        """Waits until the process has finished that many turns of an object."""

        async def count() -> int:
            return await asyncio.to_thread(self.count_of_turns, name)

        await eventually(count, lambda found: found >= at_least)

    def count_of_turns(self, name: str = "app") -> int:
        """How many turns of an object the process has finished; adding the finalizer is none."""
        kind = self.finalised[0].partition(".")[0]
        labels = f'kind="{kind}",name="{name}",namespace="{self.namespace}"'
        lines = self.process.metrics().splitlines()
        counts = [line for line in lines if f"_duration_seconds_count{{{labels}}}" in line]
        return int(float(counts[0].split()[-1])) if counts else 0

    @classmethod
    @asynccontextmanager
    async def connected(
        cls,
        kubeconfig: Path,
        namespace: str,
        artifacts: ArtifactServer,
        suite: Suite,
        process: ControllerProcess,
    ) -> AsyncIterator[Self]:
        """One with a connection of its own; leaves no object behind that nobody would finalise."""
        connection = await Connection.load(kubeconfig)
        try:
            rollouts = cls(KubeClient(connection), namespace, artifacts, suite, process)
            yield rollouts
            kind, label = cls.finalised
            resource = await rollouts.resource(kind)
            for obj in (await rollouts.client.list(resource, namespace, label_selector=label))["items"]:
                await rollouts.edit(kind, obj["metadata"]["name"], {"metadata": {"finalizers": None}})
        finally:
            await connection.close()
