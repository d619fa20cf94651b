"""Kustomizations and their sources as tests of kustomize-controller speak of them.

Sources are written by hand: a GitRepository object whose artifact is served from loopback. After every wait
for the end of a turn the status is held against the kstatus contract.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from localcluster import programs
from shared.lang import yaml
from shared.lang.json import JsonObject
from shared.testing.artifact_server import Files
from shared.testing.controllers import ControllerProcess, Suite
from shared.testing.kstatus_contract import violations
from shared.testing.objects import Objects
from shared.testing.patience import PATIENCE, eventually
from shared.testing.rollouts import Rollouts

KUSTOMIZATION: Final = "Kustomization.kustomize.toolkit.fluxcd.io"
GIT_REPOSITORY: Final = "GitRepository.source.toolkit.fluxcd.io"

_OWN: Final = "test.headrace.io/own"
_PAUSE: Final = 0.1


class Flux(Rollouts):
    """One namespace in which kustomize-controller works."""

    finalised = (KUSTOMIZATION, _OWN)

    # Sources

    async def publish(
        self,
        *objects: JsonObject,
        files: Files | None = None,
        source: str = "app",
        namespace: str = "",
        metadata: Mapping[str, str] | None = None,
    ) -> JsonObject:
        """Makes a new artifact of objects or files and announces it; gives the artifact."""
        content = files if files is not None else {"manifests.yaml": yaml.dump_all(list(objects))}
        artifact = self.artifacts.publish(content)
        if metadata:
            artifact["metadata"] = dict(metadata)
        await self.announce(artifact, source, namespace)
        return artifact

    async def announce(self, artifact: JsonObject, source: str = "app", namespace: str = "") -> None:
        """Says in the status of a source that it has the artifact; makes the source if there is none."""
        there = Objects(self.client, namespace or self.namespace)
        if await there.live(GIT_REPOSITORY, source) is None:
            await there.create(self.git_repository(source))
        status = {"status": {"artifact": artifact}}
        await there.edit(GIT_REPOSITORY, source, status, "source-controller", "status")

    @staticmethod
    def git_repository(name: str = "app") -> JsonObject:
        """A source without artifact."""
        return {
            "apiVersion": "source.toolkit.fluxcd.io/v1",
            "kind": "GitRepository",
            "metadata": {"name": name},
            "spec": {"interval": "1h", "url": "https://git.invalid/app"},
        }

    async def sources_seen(self, labels: Mapping[str, str] | None = None) -> None:
        """Waits until the process has seen all sources, so that a Kustomization needs one turn: they come by
        one stream, in their order.
        """
        name = f"last-{next(self._requests)}"
        await self.publish(source=name)
        await self.kustomization(name, source=name, labels=labels)
        await self.ready(name)
        await self.remove(name)

    # Kustomizations

    async def kustomization(
        self,
        name: str = "app",
        *,
        source: str = "app",
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        **spec: Any,
    ) -> JsonObject:
        """Creates a Kustomization with the given fields of the spec."""
        defaults = {
            "interval": "1h",
            "retryInterval": "1s",
            "prune": True,
            "sourceRef": {"kind": "GitRepository", "name": source},
            "targetNamespace": self.namespace,
        }
        metadata = {"name": name, "labels": dict(labels or {}), "annotations": dict(annotations or {})}
        return await self.create(
            {
                "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
                "kind": "Kustomization",
                "metadata": metadata,
                "spec": defaults | spec,
            }
        )

    async def change(self, name: str = "app", **spec: Any) -> JsonObject:
        """Edits the spec of a Kustomization."""
        return await self.edit(KUSTOMIZATION, name, {"spec": spec})

    async def remove(self, name: str = "app") -> None:
        """Deletes a Kustomization and waits until it is gone."""
        await self.delete(KUSTOMIZATION, name)
        await self.gone(KUSTOMIZATION, name)

    async def ready(self, name: str = "app", *, seconds: float = PATIENCE) -> JsonObject:
        """Waits until a Kustomization is ready at its generation and at the revision of its source."""
        revision = await self._revision_for(name)

        def met(obj: JsonObject | None) -> bool:
            status = (obj or {}).get("status") or {}
            return (
                obj is not None
                and self.condition(obj, "Ready")["status"] == "True"
                and status["observedGeneration"] == obj["metadata"]["generation"]
                and status.get("lastAppliedRevision") == revision
            )

        return _sound(await self.until(KUSTOMIZATION, name, met, seconds))

    async def fails(
        self, reason: str, text: str = "", name: str = "app", *, seconds: float = PATIENCE
    ) -> JsonObject:
        """Waits until a Kustomization is not ready for a reason, with the text in its message."""

        def met(obj: JsonObject | None) -> bool:
            ready = self.condition(obj, "Ready")
            return (ready["status"], ready["reason"]) == ("False", reason) and text in ready["message"]

        return _sound(await self.until(KUSTOMIZATION, name, met, seconds))

    async def progress(self, text: str, name: str = "app") -> JsonObject:
        """Waits until a turn says what it is doing."""
        found = await self.until(
            KUSTOMIZATION, name, lambda obj: text in self.condition(obj, "Reconciling")["message"]
        )
        return found or {}

    async def request(self, name: str = "app") -> str:
        """Asks for a turn as `flux reconcile` does; gives the token that its status will show."""
        token = f"request-{next(self._requests)}"
        patch = {"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": token}}}
        await self.edit(KUSTOMIZATION, name, patch)
        return token

    async def reconcile(self, name: str = "app") -> JsonObject:
        """Asks for a turn, and gives the Kustomization as that turn left it."""
        token = await self.request(name)

        def met(obj: JsonObject | None) -> bool:
            return ((obj or {}).get("status") or {}).get("lastHandledReconcileAt") == token

        return _sound(await self.until(KUSTOMIZATION, name, met))

    async def reconcile_until(
        self,
        kind: str,
        name: str,
        met: Callable[[JsonObject | None], object],
        there: Objects | None = None,
    ) -> JsonObject | None:
        """Asks for turns until an object, here or elsewhere, is as wanted, and gives it: what somebody did to
        it is told to the controller by another stream than the request.
        """

        async def reconciled() -> JsonObject | None:
            await self.reconcile()
            return await (there or self).live(kind, name)

        return await eventually(reconciled, met)

    async def event(self, text: str, about: str = "app") -> JsonObject:
        """Waits for an Event about a Kustomization whose message contains the text."""
        return await super().event(text, about)

    async def events(self, about: str = "app") -> list[str]:
        """Messages of all Events about a Kustomization."""
        return await super().events(about)

    @staticmethod
    def inventory(obj: JsonObject | None) -> list[str]:
        """The ids in the inventory, in their order."""
        inventory = ((obj or {}).get("status") or {}).get("inventory") or {}
        return [entry["id"] for entry in inventory.get("entries") or ()]

    def id_of(self, kind: str, name: str, group: str = "") -> str:
        """The inventory id of an object in this namespace."""
        return f"{self.namespace}_{name}_{group}_{kind}"

    # Workloads without a node

    async def finish(self, job: str) -> None:
        """Lets the pod of a Job end well, as a node would report it."""
        pods = await self.resource("Pod")
        selector = f"batch.kubernetes.io/job-name={job}"
        async with asyncio.timeout(PATIENCE):
            while True:
                found = await self.client.list(pods, self.namespace, label_selector=selector)
                for pod in found["items"]:
                    done = {"status": {"phase": "Succeeded"}}
                    await self.edit("Pod", pod["metadata"]["name"], done, "kubelet", "status")
                    return
                await asyncio.sleep(_PAUSE)

    # The controller

    def log(self, name: str = "app") -> list[JsonObject]:
        """What the process has logged about a Kustomization."""
        lines = self.process.said()
        return [line for line in lines if (line.get("namespace"), line.get("name")) == (self.namespace, name)]

    @staticmethod
    def shared_process(suite: Suite) -> ControllerProcess:
        """The process that most tests share, not started; it leaves alone what belongs to `own`."""
        return _process(suite, f"--watch-label-selector=!{_OWN}")

    @contextmanager
    def own(self, *flags: str, through: Callable[[Path], Path] | None = None) -> Iterator[ControllerProcess]:
        """Another process, with flags, that works on Kustomizations with `labels=flux.mine` alone.

        `through` makes a kubeconfig that takes another way to the API server.
        """
        selector = f"--watch-label-selector={_OWN}={self.namespace}"
        process = _process(self._suite, selector, *flags, name=f"own-{self.namespace}", through=through)
        usual, self.process = self.process, process
        try:
            process.start()
            yield process
        finally:
            process.kill()
            self.process = usual

    @property
    def mine(self) -> dict[str, str]:
        """Labels of the Kustomizations that `own` works on."""
        return {_OWN: self.namespace}

    def in_vain(self, why: str) -> BaseException:
        """What ends a test that waited for nothing; tells what the process said last."""
        return super().in_vain(f"{why}\n{self.process.tail()}")

    async def _revision_for(self, name: str) -> str:
        obj = await self.live(KUSTOMIZATION, name)
        if obj is None:
            raise self.in_vain(f"there is no Kustomization {name!r}")
        reference = obj["spec"]["sourceRef"]
        there = Objects(self.client, reference.get("namespace") or self.namespace)
        found = await there.live(GIT_REPOSITORY, reference["name"])
        return str(found["status"]["artifact"]["revision"]) if found else ""


def _process(
    suite: Suite, *flags: str, name: str = "", through: Callable[[Path], Path] | None = None
) -> ControllerProcess:
    arguments = [f"--kustomize-binary={programs.ensure('kustomize')}", *flags]
    return suite.controller("kustomize_controller", "kustomize-controller", arguments, name, through)


def _sound(obj: JsonObject | None) -> JsonObject:
    """The object, whose status must keep to the contract."""
    assert obj is not None
    broken = violations(obj)
    assert broken == [], broken
    return obj
