"""Git without a checkout: list references, fetch what is new, read files straight from objects.

HTTP and HTTPS are spoken by `shared.git.http`, SSH by `shared.git.ssh`. A transport is two things: a way to
list references, and a bridge that libgit2 can be pointed at.
"""

from shared.git.client import Checkout, GitClient, Workspace
from shared.git.errors import (
    AuthenticationRequired,
    AuthorizationFailed,
    CommitNotFound,
    EmptyRepository,
    GitError,
    InvalidReference,
    InvalidRemote,
    NotFastForward,
    PushRefused,
    ReferenceNotFound,
    RemoteError,
    RemoteTimeout,
    RepositoryCorrupt,
    RepositoryNotFound,
    VersionNotFound,
)
from shared.git.objects import Commit, GitTree, Signature, TreeEntry
from shared.git.remote import Remote
from shared.git.selection import Selected
from shared.git.ssh import EncryptedIdentity, SshAlgorithms
from shared.git.writing import CommitDraft

__all__ = [
    "AuthenticationRequired",
    "AuthorizationFailed",
    "Checkout",
    "Commit",
    "CommitDraft",
    "CommitNotFound",
    "EmptyRepository",
    "EncryptedIdentity",
    "GitClient",
    "GitError",
    "GitTree",
    "InvalidReference",
    "InvalidRemote",
    "NotFastForward",
    "PushRefused",
    "ReferenceNotFound",
    "Remote",
    "RemoteError",
    "RemoteTimeout",
    "RepositoryCorrupt",
    "RepositoryNotFound",
    "Selected",
    "Signature",
    "SshAlgorithms",
    "TreeEntry",
    "VersionNotFound",
    "Workspace",
]
