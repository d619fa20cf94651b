"""The story of a GitRepository: storage -> includes -> remote head -> fetch -> signatures -> artifact."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Final

from shared.api.meta import Artifact
from shared.api.source_v1 import GitRepository
from shared.events import Severity
from shared.git import EmptyRepository, GitClient, GitError
from shared.git.submodules import Wanted, with_submodules
from shared.runtime.outcome import Done, Failure, Gone, Outcome, Stalled, Waiting
from shared.runtime.turn import Turn
from shared.status.conditions import FALSE, TRUE
from source_controller.artifacts import (
    FETCH_FAILED,
    VERIFIED,
    Before,
    CommonReason,
    Shelf,
    in_storage,
    outdated,
    stalled,
    tell,
)
from source_controller.git_repository.conditions import (
    FAILURES,
    INCLUDE_UNAVAILABLE,
    OWNED,
    Reason,
    stored,
)
from source_controller.git_repository.included import IncludeCycle, Included, Includes, NotAvailable
from source_controller.git_repository.observed import configuration_changed, includes_changed, observe
from source_controller.git_repository.publisher import Publisher
from source_controller.git_repository.remotes import Remotes
from source_controller.git_repository.sparse import leads_to
from source_controller.git_repository.verification import Verifier

_SUBJECT: Final = 50
_WAIT: Final = timedelta(seconds=30)


class GitRepositoryReconciler:
    """Keeps an artifact of what a GitRepository points at."""

    kind = GitRepository
    owned = OWNED

    def __init__(
        self,
        remotes: Remotes,
        includes: Includes,
        git: GitClient,
        shelf: Shelf,
        publisher: Publisher,
        verifier: Verifier,
        *,
        wait: timedelta = _WAIT,
        credentials_anywhere: bool = False,
    ) -> None:
        """`wait` is how long until the next look at an include that isn't there.

        With `credentials_anywhere` submodules on other hosts are reached as their parents are.
        """
        self._remotes = remotes
        self._git = git
        self._shelf = shelf
        self._publisher = publisher
        self._verifier = verifier
        self._includes = includes
        self._wait = wait
        self._anywhere = credentials_anywhere

    async def reconcile(self, obj: GitRepository, turn: Turn[GitRepository]) -> Outcome:
        """One pass; see the module. Includes that aren't there yet end it early."""
        conditions = turn.draft.conditions
        try:
            return await self._reconcile(obj, turn)
        except NotAvailable as missing:
            conditions.set(INCLUDE_UNAVAILABLE, TRUE, missing.reason, str(missing))
            turn.event(Severity.TRACE, missing.reason, str(missing))
            return Waiting(missing.reason, str(missing), self._wait)
        except IncludeCycle as cycle:
            conditions.remove(INCLUDE_UNAVAILABLE)
            return Stalled(Reason.INCLUDE_CYCLE, str(cycle))

    async def _reconcile(self, obj: GitRepository, turn: Turn[GitRepository]) -> Outcome:
        turn.progress("reconciliation in progress")
        before = _before(turn)
        current = await self._shelf.current(obj, turn)
        remote = await self._remotes.open(obj)
        if isinstance(remote, Stalled):
            return stalled(turn, remote.reason, remote.message)
        trust = await self._verifier.trust(obj, turn)
        if isinstance(trust, Stalled):
            return trust
        includes = await self._includes.resolve(obj)
        with _failures():
            head = await self._git.resolve(remote, trust.reference(obj.spec.ref), since=turn.asked_at)
            turn.revision = head.revision
            same = current is not None and not configuration_changed(obj, includes)
            verified = self._verifier.holds(trust, obj, head, turn)
            if current and current.revision == head.revision and same and verified:
                return self._unchanged(obj, current, before, turn)
            _announce(obj, includes, head.revision, current, turn)
            async with (
                self._git.fetch(remote, head) as bare,
                with_submodules(
                    self._git, remote, bare, _wanted_submodules(obj), anywhere=self._anywhere
                ) as checkout,
            ):
                head = head.arrived(checkout.commit)
                turn.revision = head.revision
                await self._verifier.verify(trust, obj, head, checkout.commit, turn)
                artifact = await self._publisher.publish(obj, current, head, checkout, includes)
        observe(obj, artifact, includes, turn.draft)
        self._verifier.record(trust, obj, head, turn)
        tell(artifact, before, _news(shortened(checkout.commit.subject)), turn)
        return _ready(obj, artifact, turn)

    async def finalize(self, obj: GitRepository, turn: Turn[GitRepository]) -> Outcome:
        """Removes what is stored of a deleted GitRepository."""
        await self._shelf.remove(obj, turn)
        return Gone()

    def _unchanged(
        self, obj: GitRepository, current: Artifact, before: Before, turn: Turn[GitRepository]
    ) -> Done:
        """The remote has nothing new: nothing was fetched, nothing is written but what time demands."""
        text = f"no changes since last reconciliation: observed revision '{current.revision}'"
        turn.event(Severity.TRACE, Reason.GIT_SUCCEEDED, text)
        tell(current, before, _news(current.revision), turn)
        return _ready(obj, current, turn)


def _before(turn: Turn[GitRepository]) -> Before:
    """Also the end of distrust is worth telling."""
    before = Before.of(turn, FAILURES)
    distrusted = turn.draft.conditions.status(VERIFIED) == FALSE
    return replace(before, failed=before.failed or distrusted)


def _news(what: str) -> str:
    return f"stored artifact for commit '{what}'"


def _announce(
    obj: GitRepository,
    includes: Sequence[Included],
    revision: str,
    current: Artifact | None,
    turn: Turn[GitRepository],
) -> None:
    """Says that there is something new, where something old is being served."""
    if current is None:
        return
    reason: str
    if current.revision != revision:
        reason, text = CommonReason.NEW_REVISION, f"new upstream revision '{revision}'"
    elif includes_changed(obj, includes):
        reason, text = Reason.INCLUDE_CHANGE, "included artifacts differ from last observed includes"
    else:
        return
    outdated(turn, text, reason)


def _ready(obj: GitRepository, artifact: Artifact, turn: Turn[GitRepository]) -> Done:
    return in_storage(turn, FAILURES, stored(artifact.revision), obj.spec.interval)


def _wanted_submodules(obj: GitRepository) -> Wanted | None:
    """Which submodules are part of the artifact, by their paths; None when none are."""
    paths = obj.spec.sparse_checkout or ()
    return (lambda path: leads_to(path, paths)) if obj.spec.recurse_submodules else None


@contextmanager
def _failures() -> Iterator[None]:
    """What can go wrong with a remote, as failures of the object."""
    prefix = "failed to checkout and determine revision"
    try:
        yield
    except EmptyRepository as error:
        raise Failure(Reason.EMPTY, "git repository is empty", condition=FETCH_FAILED) from error
    except GitError as error:
        raise Failure(
            Reason.GIT_FAILED, f"{prefix}: {error}", condition=FETCH_FAILED, retry_after=error.retry_after
        ) from error


def shortened(subject: str) -> str:
    """The first line of a commit message, 50 characters at most."""
    return subject if len(subject) <= _SUBJECT else subject[:_SUBJECT] + "..."
