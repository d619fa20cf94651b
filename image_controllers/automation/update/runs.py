"""One run over a repository: check out -> edit -> commit -> push; again where somebody else was faster.

A commit that is on its branch is never made twice: where a further reference was not to be had, the next run
goes on with that one.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from image_controllers.automation.update import message
from image_controllers.automation.update.files import Files, Update
from image_controllers.automation.update.plans import Plan, Target
from image_controllers.automation.update.policies import Choices
from shared.api.image_v1 import ImageUpdateAutomation
from shared.api.source_v1 import GitRepositoryRef
from shared.git import (
    Commit,
    CommitDraft,
    CommitNotFound,
    EmptyRepository,
    GitClient,
    GitError,
    NotFastForward,
    ReferenceNotFound,
    RemoteError,
    Selected,
    Workspace,
)
from shared.git.threads import run_in_thread
from shared.kube.resources import ObjectKey
from shared.lang.gotmpl import TemplateError
from shared.lang.revision import Revision
from shared.locks import Locks

_TRIES: Final = 4
_PAUSE: Final = 0.5


class CheckoutFailed(Exception):
    """The remote can't be read; `error` says why."""

    def __init__(self, error: GitError) -> None:
        super().__init__(str(error))
        self.error = error


class PushFailed(Exception):
    """Nothing was committed, or it can't be pushed; `error` is what Git says, if it was Git."""

    def __init__(self, text: str, error: GitError | None = None) -> None:
        super().__init__(text)
        self.error = error


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run did; without `commit` there was nothing to do."""

    update: Update
    choices: Choices
    """What the policies had chosen when the files were looked at."""
    revision: str
    """At which revision of the source the files are right now."""
    commit: Commit | None = None


@dataclass(frozen=True, slots=True)
class _Unfinished:
    """A commit that is on its branch, but not yet wherever else it is wanted."""

    commit: Commit
    place: tuple[str, str, str]
    left: Sequence[Target]


class Runs:
    """Runs automations; those that push to one branch run one after the other."""

    def __init__(self, git: GitClient, files: Files, *, all_branches: bool, force: bool) -> None:
        """Another branch to push to is worked on from its own head with `all_branches`. Without it the
        branch begins anew each time, which takes `force`.
        """
        self._git = git
        self._files = files
        self._all_branches = all_branches
        self._force = force
        self._lanes: Locks[tuple[str, str]] = Locks()
        self._unfinished: dict[ObjectKey, _Unfinished] = {}

    async def head(self, plan: Plan, since: float | None = None) -> Selected:
        """Where the source is now; only lists references.

        Raises:
            CheckoutFailed: the remote can't be read.
        """
        return await self._resolve(plan, plan.ref, since)

    async def run(
        self,
        obj: ImageUpdateAutomation,
        plan: Plan,
        choose: Callable[[], Choices],
        now: Callable[[], datetime],
        since: float | None,
    ) -> Outcome:
        """The whole run; `choose` tells what policies have chosen, and is asked as late as possible.

        Raises:
            CheckoutFailed: the remote can't be read.
            NoSuchPath: there is nothing to look at.
            EditFailed: a file would not be what it should be.
            RemovedField: the template of the message uses a field that is gone.
            NoPlan: the refspec names something that is not there.
            PushFailed: the commit can't be made or pushed.
        """
        async with self._lanes.hold((str(plan.remote.url), plan.branch)):
            for attempt in range(1, _TRIES + 1):
                try:
                    return await self._once(obj, plan, choose, now, since)
                except NotFastForward as error:
                    if attempt == _TRIES:
                        raise PushFailed(f"failed to push to remote: {error}", error) from error
                since = None
                await asyncio.sleep(_PAUSE * attempt * random.uniform(0.5, 1.0))
        raise AssertionError

    def forget(self, key: ObjectKey) -> None:
        """An automation is gone."""
        self._unfinished.pop(key, None)

    async def _once(
        self,
        obj: ImageUpdateAutomation,
        plan: Plan,
        choose: Callable[[], Choices],
        now: Callable[[], datetime],
        since: float | None,
    ) -> Outcome:
        start = await self.head(plan, since)
        base = await self._base(plan, start)
        there = await self._overwritten(plan)
        async with self._work(plan, base) as workspace:
            base = base.arrived(workspace.checkout.commit)
            if base.reference == start.reference:
                start = base
            choices = choose()
            update = await run_in_thread(
                None,
                lambda _: self._files.update(
                    workspace.checkout.tree, obj.spec.update.path or "", choices.value_of
                ),
            )
            commit = await self._commit(obj, plan, workspace, update, now()) if update.files else None
            if commit is not None and not self._is_there(obj, commit, there):
                continues = self._all_branches or base.reference == plan.reference
                targets = plan.targets(commit.hash, start, force=self._force, continues=continues)
                await self._push(obj, plan, workspace, commit, targets)
                pushed = Revision.of_commit(commit.hash, plan.branch)
                return Outcome(update, choices, revision_of(start) if plan.switches else str(pushed), commit)
        return Outcome(update, choices, revision_of(start), await self._finish(obj, plan))

    async def _base(self, plan: Plan, start: Selected) -> Selected:
        """What the work is done on: the branch to push to, where it is another one and exists."""
        if not (plan.switches and self._all_branches):
            return start
        try:
            return await self._git.resolve(plan.remote, GitRepositoryRef(branch=plan.branch))
        except ReferenceNotFound:
            return start
        except GitError as error:
            raise CheckoutFailed(error) from error

    async def _overwritten(self, plan: Plan) -> Commit | None:
        """What is on a branch that begins anew."""
        if not plan.switches or self._all_branches:
            return None
        try:
            head = await self._git.resolve(plan.remote, GitRepositoryRef(branch=plan.branch))
            async with self._git.fetch(plan.remote, head) as checkout:
                return checkout.commit
        except ReferenceNotFound:
            return None
        except GitError as error:
            raise CheckoutFailed(error) from error

    def _is_there(self, obj: ImageUpdateAutomation, commit: Commit, there: Commit | None) -> bool:
        """Whether the branch that the commit is for has its files already, on top of the same commit."""
        return (
            there is not None
            and (there.tree, there.parents) == (commit.tree, commit.parents)
            and _key(obj) not in self._unfinished
        )

    async def _resolve(self, plan: Plan, ref: GitRepositoryRef | None, since: float | None) -> Selected:
        try:
            return await self._git.resolve(plan.remote, ref, since=since)
        except EmptyRepository as error:
            raise CheckoutFailed(RemoteError("remote repository is empty")) from error
        except GitError as error:
            raise CheckoutFailed(error) from error

    @asynccontextmanager
    async def _work(self, plan: Plan, base: Selected) -> AsyncIterator[Workspace]:
        entered = False
        try:
            async with self._git.work(plan.remote, base) as workspace:
                entered = True
                yield workspace
        except NotFastForward:
            raise
        except GitError as error:
            if entered:
                raise PushFailed(str(error), error) from error
            raise CheckoutFailed(error) from error

    async def _commit(
        self, obj: ImageUpdateAutomation, plan: Plan, workspace: Workspace, update: Update, when: datetime
    ) -> Commit:
        try:
            text = await asyncio.to_thread(
                message.rendered,
                plan.template,
                obj.namespace,
                obj.name,
                update.changes,
                plan.commit.message_template_values or {},
            )
        except TemplateError as error:
            raise PushFailed(f"failed to run template from spec: {error}") from error
        author = plan.commit.author
        draft = CommitDraft(author.name or "", author.email, when, text, plan.sign)
        return await workspace.commit(update.files, draft)

    async def _push(
        self,
        obj: ImageUpdateAutomation,
        plan: Plan,
        workspace: Workspace,
        commit: Commit,
        targets: Sequence[Target],
    ) -> None:
        """To one target after the other. What is left of them when one fails is remembered.

        Raises:
            NotFastForward: the branch has moved on: the work has to be done on top of it.
            PushFailed: anything else.
        """
        left = targets
        try:
            async with asyncio.timeout(plan.remote.timeout.total_seconds() if plan.remote.timeout else None):
                while left:
                    await workspace.push([str(left[0])], plan.options)
                    left = left[1:]
                    if left:
                        self._unfinished[_key(obj)] = _Unfinished(commit, _place(plan), left)
        except GitError as error:
            if isinstance(error, NotFastForward) and left is targets and left[0].reference == plan.reference:
                raise
            raise PushFailed(f"failed to push to remote: {error}", error) from error
        except TimeoutError:
            raise PushFailed("failed to push to remote: context deadline exceeded") from None
        self.forget(_key(obj))

    async def _finish(self, obj: ImageUpdateAutomation, plan: Plan) -> Commit | None:
        """The last commit, if only now it is everywhere; one that is gone, or no more wanted, is let go.

        Nothing is overwritten any more: whatever is there by now, perhaps on top of that commit, is newer.
        """
        unfinished = self._unfinished.get(_key(obj))
        if unfinished is None:
            return None
        if unfinished.place == _place(plan):
            left = [replace(target, force=False) for target in unfinished.left]
            wanted = Selected(left[0].commit, plan.reference, plan.branch, pinned=True)
            try:
                async with self._work(plan, wanted) as workspace:
                    await self._push(obj, plan, workspace, unfinished.commit, left)
                return unfinished.commit
            except NotFastForward:
                pass
            except (CheckoutFailed, PushFailed) as error:
                if not isinstance(error.error, (CommitNotFound, ReferenceNotFound, NotFastForward)):
                    raise
        self.forget(_key(obj))
        return None


def _key(obj: ImageUpdateAutomation) -> ObjectKey:
    return ObjectKey(obj.namespace, obj.name)


def _place(plan: Plan) -> tuple[str, str, str]:
    return str(plan.remote.url), plan.branch, plan.refspec


def revision_of(selected: Selected) -> str:
    """The revision of a source; a reference by its full name is told without what stands before its name."""
    parts = selected.name.split("/", 2)
    named = parts[0] == "refs" and len(parts) == 3
    return str(Revision.of_commit(selected.commit, parts[2] if named else selected.name))
