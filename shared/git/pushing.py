"""Sending commits: every reference has to be confirmed by the server, or it counts as refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Event
from typing import Final

from shared.git.errors import GitError, NotFastForward, PushRefused, RemoteError
from shared.git.libgit2 import open_repository
from shared.git.threads import Stopped

_LONGEST_SPEECH: Final = 4096
#: How libgit2 and servers say that somebody else was faster.
_OVERTAKEN: Final = (
    "non-fast-forward",
    "non-fastforwardable",
    "not present locally",
    "fetch first",
    "failed to update ref",
    "cannot lock ref",
    "reference already exists",
)


def push(directory: Path, url: str, refspecs: Sequence[str], options: Sequence[str], stop: Event) -> None:
    """Send what refspecs name to a bridge; blocks.

    Raises:
        NotFastForward, PushRefused, RemoteError: see `BareRepository.push`.
    """
    import pygit2  # noqa: PLC0415 - loaded with the first repository

    confirmed: dict[str, str | None] = {}
    said: list[str] = []

    class Watching(pygit2.RemoteCallbacks):
        def push_update_reference(self, refname: str, message: str | None) -> None:
            confirmed[refname] = message

        def sideband_progress(self, string: str) -> None:
            if stop.is_set():
                raise Stopped
            if sum(map(len, said)) < _LONGEST_SPEECH:
                said.append(string)

    try:
        with open_repository(directory) as repository:
            remote = repository.remotes.create_anonymous(url)
            remote.push(
                list(refspecs),
                callbacks=Watching(),
                proxy=None,
                push_options=list(options) or None,
            )
    except Stopped:
        raise
    except (pygit2.GitError, ValueError, KeyError) as error:
        raise _told(str(error).replace(url, "the remote")) from error
    for refspec in refspecs:
        target = refspec.removeprefix("+").partition(":")[2] or refspec.removeprefix("+")
        problem = confirmed.get(target, "the server did not confirm it")
        if problem is not None:
            raise _refused(target, problem, "".join(said))


def _told(text: str) -> GitError:
    return NotFastForward(text) if _is_overtaken(text) else RemoteError(text)


def _refused(reference: str, problem: str, said: str) -> GitError:
    text = f"{reference}: {problem}"
    if _is_overtaken(problem):
        return NotFastForward(text)
    words = " ".join(said[:_LONGEST_SPEECH].split())
    return PushRefused(f"{text}: {words}" if words else text)


def _is_overtaken(text: str) -> bool:
    return any(words in text.lower() for words in _OVERTAKEN)
