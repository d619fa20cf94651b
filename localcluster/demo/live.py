"""Follows the cluster while the demo runs: conditions of our objects as they change, and events about
changes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Final

from localcluster.demo.screen import Screen
from shared.api.helm_v2 import HelmRelease
from shared.api.image_v1 import ImagePolicy, ImageRepository, ImageUpdateAutomation
from shared.api.kustomize_v1 import Kustomization
from shared.api.source_v1 import GitRepository, OCIRepository
from shared.kube import KubeClient
from shared.kube.informer import Informer
from shared.kube.resources import ObjectKey
from shared.kube.store import Change
from shared.lang.json import JsonObject

_KINDS: Final = (
    GitRepository,
    OCIRepository,
    Kustomization,
    HelmRelease,
    ImageRepository,
    ImagePolicy,
    ImageUpdateAutomation,
)
#: What is done to a release, step by step; the condition Ready only tells how it ended.
_STEPS: Final = frozenset({"UpgradeFailed", "RollbackSucceeded", "RollbackFailed"})
_PATIENCE: Final = 120.0


class Stuck(Exception):
    """What should have happened did not happen in time."""


@dataclass(frozen=True, slots=True)
class Report:
    """What an object says about itself."""

    ready: str
    reason: str
    message: str
    revision: str
    generation: int
    observed: int
    handled: str

    @classmethod
    def of(cls, obj: JsonObject) -> Report:
        """From an object in wire form."""
        status = obj.get("status") or {}
        conditions = {condition["type"]: condition for condition in status.get("conditions") or ()}
        ready = conditions.get("Ready") or {}
        artifact = (status.get("artifact") or {}).get("revision")
        revision = status.get("lastAppliedRevision") or artifact or status.get("lastAttemptedRevision") or ""
        return cls(
            ready.get("status") or "Unknown",
            ready.get("reason") or "",
            ready.get("message") or "waiting for its first turn",
            revision,
            obj["metadata"].get("generation") or 0,
            status.get("observedGeneration") or 0,
            status.get("lastHandledReconcileAt") or "",
        )


@dataclass(frozen=True, slots=True)
class Told:
    """An event: what it is about, and what it says."""

    subject: str
    reason: str
    message: str
    count: int

    @classmethod
    def of(cls, obj: JsonObject) -> Told:
        """From an Event in wire form."""
        about = obj.get("involvedObject") or {}
        subject = f"{about.get('kind')}/{about.get('namespace')}/{about.get('name')}"
        return cls(subject, obj.get("reason") or "", obj.get("message") or "", obj.get("count") or 1)


class Live:
    """Informers on our kinds and on events; prints what they tell and lets the story wait for it."""

    def __init__(self, client: KubeClient, screen: Screen) -> None:
        self._screen = screen
        self._changed = asyncio.Event()
        self._reports = {
            model.KIND: Informer(client, model.GROUP, model.KIND, Report.of, optional=True)
            for model in _KINDS
        }
        for kind, informer in self._reports.items():
            informer.subscribe(self._printer(kind))
        self._events = Informer(client, "", "Event", Told.of)
        self._events.subscribe(self._tell)

    def jobs(self) -> list[Callable[[], Coroutine[None, None, None]]]:
        """What has to run in the background."""
        return [self._events.run, *(informer.run for informer in self._reports.values())]

    def report(self, kind: str, namespace: str, name: str) -> Report | None:
        """What an object said last."""
        return self._reports[kind].store.header(ObjectKey(namespace, name))

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Waits until something is so.

        Raises:
            Stuck: it is not so in time; names `what`.
        """
        try:
            async with asyncio.timeout(_PATIENCE):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise Stuck(f"waited {_PATIENCE:.0f} s in vain for: {what}") from None

    def _printer(self, kind: str) -> Callable[[Change[Report]], None]:
        def show(change: Change[Report]) -> None:
            self._changed.set()
            old, new = change.old, change.new
            if new is None:
                self._screen.event(f"{kind}/{change.key}", "gone")
            elif old is None or (old.ready, old.message) != (new.ready, new.message):
                self._screen.state(f"{kind}/{change.key}", new.ready, new.message)

        return show

    def _tell(self, change: Change[Told]) -> None:
        self._changed.set()
        new = change.new
        if new is None or change.initial:
            return
        if new.subject.startswith("Kustomization/") and new.reason == "Progressing":
            lines = [line for line in new.message.splitlines() if _is_change(line)]
            self._screen.event(new.subject, "\n".join(lines))
        elif new.subject.startswith("HelmRelease/") and new.reason in _STEPS:
            self._screen.event(new.subject, f"{new.reason}: {new.message.splitlines()[0]}")


def _is_change(line: str) -> bool:
    return line.endswith((" created", " configured", " deleted"))
