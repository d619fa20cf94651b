"""Runs the hooks of a release for one event, one after the other by weight and name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from helm_controller.cluster.hook_logs import last_lines
from helm_controller.cluster.objects import MANAGER, ClusterError, Placed, placed, refusal
from helm_controller.cluster.waiting import Waiting
from helm_controller.release.manifest import ManifestError, stored_documents, taken_apart
from helm_controller.release.model import SERVER_SIDE, Hook, HookRun, Release
from helm_controller.release.times import stamp
from shared.kube.client import KubeClient
from shared.kube.errors import KubeError, NotFound
from shared.lang.json import JsonObject
from shared.observe.clock import Clock
from shared.ssa import ObjectId, normalised

BEFORE: Final = "before-hook-creation"
SUCCEEDED: Final = "hook-succeeded"
FAILED: Final = "hook-failed"
_DEFINITION: Final = "CustomResourceDefinition"

Store = Callable[[Release], Awaitable[Release]]


class HookFailed(Exception):
    """A hook failed; `release` is the record with what is known of its hooks."""

    def __init__(self, release: Release, message: str) -> None:
        super().__init__(message)
        self.release = release


@dataclass(frozen=True, slots=True)
class Hooks:
    """Runs hooks with the rights of a client; the record is stored at each start."""

    client: KubeClient
    waiting: Waiting
    clock: Clock
    store: Store

    async def run(
        self, release: Release, event: str, timeout: timedelta, only: Callable[[Hook], bool] | None = None
    ) -> Release:
        """Runs all hooks of an event; the first failure ends the series.

        Raises:
            HookFailed: a hook failed, or could not be made.
        """
        chosen = [hook for hook in release.hooks if event in hook.events and (only is None or only(hook))]
        done: list[Hook] = []
        for hook in sorted(chosen, key=lambda hook: (hook.weight, hook.name)):
            release, problem = await self._one(release, hook, event, timeout)
            if problem:
                await self._clean([hook], release, FAILED, timeout)
                await self._clean(done, release, SUCCEEDED, timeout)
                raise HookFailed(release, problem)
            done.append(hook)
        await self._clean(done, release, SUCCEEDED, timeout)
        return release

    async def _one(self, release: Release, hook: Hook, event: str, timeout: timedelta) -> tuple[Release, str]:
        """The record after a hook ran, and what went wrong."""
        started = stamp(self.clock.now())
        objects: list[Placed] = []
        try:
            objects = await placed(self.client, hook_objects(hook), release.namespace)
            if BEFORE in policies(hook):
                await self._delete(objects, timeout)
            release = await self.store(_with_run(release, hook, HookRun(started, "", "Running")))
            made = await self._create(objects, server_side=release.apply_method == SERVER_SIDE)
            await self.waiting.until_run(made, timeout)
        except ClusterError as error:
            problem = f"hook {event} {hook.path} failed: {error}"
            if FAILED in hook.output_log_policies:
                said = await last_lines(self.client, objects)
                problem = f"{problem}\n\n{said}" if said else problem
            run = HookRun(started, stamp(self.clock.now()), "Failed")
            return _with_run(release, hook, run), problem
        return _with_run(release, hook, HookRun(started, stamp(self.clock.now()), "Succeeded")), ""

    async def _create(self, objects: Iterable[Placed], *, server_side: bool) -> dict[ObjectId, JsonObject]:
        made = {}
        for each in objects:
            try:
                made[each.id] = await self._made(each, server_side=server_side)
            except KubeError as error:
                raise refusal("unable to create the hook", each, error) from error
        return made

    async def _made(self, each: Placed, *, server_side: bool) -> JsonObject:
        obj = normalised(each.obj)
        if not server_side:
            return await self.client.create(each.resource, obj, manager=MANAGER)
        return await self.client.apply(each.resource, obj, manager=MANAGER, force=False, strict=True)

    async def _clean(self, hooks: Iterable[Hook], release: Release, policy: str, timeout: timedelta) -> None:
        """Deletes hooks that are to be deleted after such an end; a refusal leaves them."""
        for hook in reversed(list(hooks)):
            if policy not in policies(hook):
                continue
            try:
                await self._delete(await placed(self.client, hook_objects(hook), release.namespace), timeout)
            except ClusterError:
                continue

    async def _delete(self, objects: Iterable[Placed], timeout: timedelta) -> None:
        uids: dict[ObjectId, str] = {}
        for each in objects:
            if each.kind == _DEFINITION:
                continue
            try:
                live = await self.client.get(each.resource, each.id.namespace or None, each.id.name)
                await self.client.delete(each.resource, each.id.namespace or None, each.id.name)
                uids[each.id] = str(live["metadata"]["uid"])
            except NotFound:
                continue
            except KubeError as error:
                raise refusal("unable to delete the hook", each, error) from error
        await self.waiting.until_gone(uids, timeout)


def policies(hook: Hook) -> tuple[str, ...]:
    """When a hook's objects are deleted."""
    return hook.delete_policies or (BEFORE,)


def hook_objects(hook: Hook) -> list[JsonObject]:
    """The objects in a hook's manifest; those in a list one by one.

    Raises:
        ClusterError: the manifest can't be read, or an object has no name.
    """
    try:
        return [
            part.obj
            for document in stored_documents(hook.manifest, hook.path)
            for part in taken_apart(document)
        ]
    except ManifestError as error:
        raise ClusterError(str(error)) from error


def _with_run(release: Release, hook: Hook, run: HookRun) -> Release:
    """The record with a run of a hook; the policy that was followed is written down, as Helm does."""
    ran = replace(hook, last_run=run, delete_policies=policies(hook))
    same = (hook.path, hook.kind, hook.name)
    hooks = tuple(ran if (each.path, each.kind, each.name) == same else each for each in release.hooks)
    return replace(release, hooks=hooks)
