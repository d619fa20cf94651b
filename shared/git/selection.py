"""Which commit of a remote is meant: from `spec.ref` and a list of references to one selected commit.

Of several fields the first wins in the order commit, name, tag, semver, branch; nothing at all means the
branch `master`. Everything here is pure but the last tie of versions: tags that differ in build metadata
alone are decided by the dates of their commits, which a callback fetches.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeAlias

from shared.api.source_v1 import GitRepositoryRef
from shared.git.errors import CommitNotFound, InvalidReference, ReferenceNotFound, VersionNotFound
from shared.git.refs import Advertisement, Hash, Ref, is_hash
from shared.lang.revision import Revision
from shared.lang.semver import Constraint, SemverError, Version

if TYPE_CHECKING:
    from shared.git.objects import Commit

DEFAULT_BRANCH: Final = "master"

_BRANCHES: Final = "refs/heads/"
_TAGS: Final = "refs/tags/"
_PEELED: Final = "^{}"
_FORBIDDEN: Final = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|//|@\{")


@dataclass(frozen=True, slots=True)
class Selected:
    """The commit that is meant, and how to get it."""

    commit: Hash
    reference: str
    """The reference to fetch; for a pinned commit where its history may be, empty for any branch."""
    name: str
    """What the revision calls it; empty for a commit alone."""
    tag: Hash | None = None
    """The object of an annotated tag."""
    pinned: bool = False
    """The commit was named by its hash."""

    @property
    def revision(self) -> str:
        """The revision of an artifact of this commit."""
        return str(Revision.of_commit(self.commit, self.name))

    @property
    def target(self) -> Hash:
        """The object that the reference names."""
        return self.tag or self.commit

    def arrived(self, commit: Commit) -> Selected:
        """The same reference with the commit that came, in case it moved since it was listed."""
        if commit.hash == self.commit:
            return self
        return replace(self, commit=commit.hash, tag=commit.tag)


Committed: TypeAlias = Callable[[Selected], Awaitable[datetime]]


def prefixes(ref: GitRepositoryRef | None) -> tuple[str, ...]:
    """What has to be listed of a remote to select; nothing at all for a commit by its hash."""
    ref = ref or GitRepositoryRef()
    if ref.commit:
        return ()
    if ref.name:
        return (_valid(ref.name).removesuffix(_PEELED),)
    if ref.tag:
        return (_valid(_TAGS + ref.tag),)
    if ref.semver:
        return (_TAGS,)
    return (_valid(_BRANCHES + (ref.branch or DEFAULT_BRANCH)),)


async def select(ref: GitRepositoryRef | None, found: Advertisement, committed: Committed) -> Selected:
    """The commit that is meant.

    Raises:
        ReferenceNotFound, VersionNotFound, CommitNotFound: the remote doesn't have it.
        InvalidReference: the text of the reference can't name anything.
    """
    ref = ref or GitRepositoryRef()
    if ref.commit:
        return _by_commit(ref, ref.commit)
    if ref.name:
        return _by_name(ref.name, found)
    if ref.tag:
        return _by_reference(_TAGS + ref.tag, ref.tag, found)
    if ref.semver:
        return await _newest(candidates(ref.semver, found), committed)
    branch = ref.branch or DEFAULT_BRANCH
    return _by_reference(_BRANCHES + branch, branch, found)


def candidates(expression: str, found: Advertisement) -> list[Selected]:
    """The tags with the highest version that a constraint allows; several if they are equal in rank.

    Raises:
        InvalidReference: the constraint is none.
        VersionNotFound: no tag matches it.
    """
    try:
        constraint = Constraint.parse(expression)
    except SemverError as error:
        raise InvalidReference(f"semver parse error: {error}") from error
    best: list[tuple[Version, str]] = []
    for name in sorted(found.refs):
        version = _version(name)
        if version is None or not constraint.check(version):
            continue
        if not best or version > best[0][0]:
            best = [(version, name)]
        elif version == best[0][0]:
            best.append((version, name))
    if not best:
        raise VersionNotFound(f"no match found for semver: {expression}")
    return [_selected(name, name.removeprefix(_TAGS), found.refs[name]) for _, name in best]


def _version(reference: str) -> Version | None:
    if not reference.startswith(_TAGS):
        return None
    try:
        return Version.parse_tag(reference.removeprefix(_TAGS))
    except SemverError:
        return None


async def _newest(tied: list[Selected], committed: Committed) -> Selected:
    if len(tied) == 1:
        return tied[0]
    dated = [(await committed(selected), selected.name, selected) for selected in tied]
    return max(dated, key=lambda row: row[:2])[2]


def _by_commit(ref: GitRepositoryRef, commit: str) -> Selected:
    if not is_hash(commit):
        raise CommitNotFound(f"unable to resolve commit object for '{commit}': object not found")
    if ref.name:
        reference, name = _valid(ref.name).removesuffix(_PEELED), ref.name
    elif ref.branch:
        reference, name = _valid(_BRANCHES + ref.branch), ref.branch
    else:
        reference = name = ""
    return Selected(Hash(commit), reference, name, pinned=True)


def _by_name(name: str, found: Advertisement) -> Selected:
    reference = _valid(name).removesuffix(_PEELED)
    if reference not in found.refs:
        raise CommitNotFound(f"unable to resolve ref '{name}' to a specific commit")
    return _selected(reference, name, found.refs[reference])


def _by_reference(reference: str, name: str, found: Advertisement) -> Selected:
    if reference not in found.refs:
        raise ReferenceNotFound(f'couldn\'t find remote ref "{reference}"')
    return _selected(reference, name, found.refs[reference])


def _selected(reference: str, name: str, ref: Ref) -> Selected:
    return Selected(ref.target, reference, name, ref.hash if ref.peeled else None)


def _valid(name: str) -> str:
    """A reference that can go into a refspec and means just itself there."""
    if name.startswith("/") or name.endswith("/"):
        raise InvalidReference(f"ref {name} is invalid; Git refs cannot begin or end with a slash '/'")
    if _FORBIDDEN.search(name.removesuffix(_PEELED)):
        raise InvalidReference(
            f"ref {name!r} is invalid; Git refs have no blanks, no '..' and none of ~^:?*[\\"
        )
    return name
