"""What can go wrong between a repository and us, as texts that may be shown to anybody.

GitError
  InvalidRemote             the address or the credentials can't be used: nothing was sent
  NotFastForward            a reference of the remote has moved on meanwhile
  RemoteError               the remote can't be reached, refuses, or talks nonsense
    RepositoryNotFound
    AuthenticationRequired
    AuthorizationFailed
    RemoteTimeout
    PushRefused             it does not take what was pushed
  ReferenceNotFound         the remote has no such branch, tag, reference, or no matching version
  CommitNotFound
  EmptyRepository           the remote has no commit at all
  InvalidReference          what the user wrote can't name anything
  RepositoryCorrupt         our own copy is damaged; it is thrown away before its next use
"""

from __future__ import annotations

from datetime import timedelta
from typing import Self


class GitError(Exception):
    """A Git operation didn't succeed."""

    retry_after: timedelta | None = None
    """How long the remote wants to be left alone, if it said so."""

    def during(self, what: str) -> Self:
        """The same error, told with what was being done."""
        told = type(self)(f"{what}: {self}")
        told.retry_after = self.retry_after
        return told


class InvalidRemote(GitError):
    """The address or the credentials can't be used."""


class RemoteError(GitError):
    """The remote can't be reached, refuses, or doesn't speak Git."""


class RepositoryNotFound(RemoteError):
    """The remote has no such repository, or doesn't let us know about it."""


class AuthenticationRequired(RemoteError):
    """The remote wants to know who we are, or doesn't believe it."""


class AuthorizationFailed(RemoteError):
    """The remote knows who we are and says no."""


class RemoteTimeout(RemoteError):
    """The remote didn't answer in time."""


class PushRefused(RemoteError):
    """The remote does not take what was pushed, for example because of a hook or a protected branch."""


class NotFastForward(GitError):
    """A reference of the remote has commits that are not in what was pushed."""


class ReferenceNotFound(GitError):
    """The remote has no such reference."""


class VersionNotFound(GitError):
    """No tag of the remote is a version that was asked for."""


class CommitNotFound(GitError):
    """The remote has no such commit where it was looked for."""


class EmptyRepository(GitError):
    """The remote has no commit at all."""


class InvalidReference(GitError):
    """What the user wrote can't name anything."""


class RepositoryCorrupt(GitError):
    """Our own copy of the repository is damaged."""
