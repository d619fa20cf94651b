"""Signatures: whether the commit and the tag that were fetched are signed by keys that the user trusts.

What was verified is remembered together with its artifact, by a fingerprint of the keys and the tag object:
other keys or another tag are a reason to look again, although the revision is the same. The fingerprint is
in the status, and in memory for clusters whose CRD doesn't know the field.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, TypeAlias

from shared.api.source_v1 import GitRepository, GitRepositoryRef
from shared.auth import Secrets, SecretUnavailable
from shared.events import Severity
from shared.git import Commit, Selected
from shared.git.signatures import PublicKeys, SignatureRefused, verify_signature
from shared.git.signed import Signed
from shared.lang.bounded import remember
from shared.runtime.outcome import Failure, Stalled
from shared.runtime.turn import Turn
from shared.status.conditions import FALSE, TRUE
from source_controller.artifacts import FETCH_FAILED, OUTDATED, VERIFIED, CommonReason
from source_controller.git_repository.conditions import INCLUDE_UNAVAILABLE, Reason

Mode: TypeAlias = Literal["HEAD", "Tag", "TagAndHEAD"]

_MODE: Final = "sourceVerificationMode"
_KEYS: Final = "observedVerificationKeys"
_TAGS: Final = "refs/tags/"
_REMEMBERED: Final = 4096


@dataclass(frozen=True, slots=True)
class Trust:
    """What has to be signed, and by whom; without a mode nothing has to be."""

    mode: Mode | None = None
    keys: PublicKeys = field(default_factory=PublicKeys)

    @property
    def of_tag(self) -> bool:
        """Whether the tag has to be signed."""
        return self.mode in {"Tag", "TagAndHEAD"}

    @property
    def of_commit(self) -> bool:
        """Whether the commit has to be signed."""
        return self.mode in {"HEAD", "TagAndHEAD"}

    def reference(self, ref: GitRepositoryRef | None) -> GitRepositoryRef | None:
        """What has to be resolved: a tag also where its commit is pinned, because its object is needed."""
        if ref is not None and ref.name and ref.commit and self.of_tag:
            return ref.model_copy(update={"commit": None})
        return ref

    def fingerprint(self, head: Selected) -> str:
        """A name for these keys and, where it has to be signed, for the tag object."""
        tag = (head.tag or "") if self.of_tag else ""
        return f"sha256:{hashlib.sha256(f'{self.keys.fingerprint} {tag}'.encode()).hexdigest()}"


class Verifier:
    """Reads keys, checks signatures, and knows what was checked before."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        #: Objects by their uid -> the revision of the artifact, and the fingerprint it was checked with.
        self._checked: OrderedDict[str, tuple[str, str]] = OrderedDict()

    async def trust(self, obj: GitRepository, turn: Turn[GitRepository]) -> Trust | Stalled:
        """What the object demands; `Stalled` when that can't be.

        Raises:
            Failure: the Secret with the keys can't be read; it may come later.
        """
        conditions = turn.draft.conditions
        if conditions.status(VERIFIED) == FALSE:
            conditions.remove(VERIFIED)
        wanted = obj.spec.verify
        if wanted is None:
            conditions.remove(VERIFIED)
            turn.draft[_MODE] = turn.draft[_KEYS] = None
            return Trust()
        mode: Mode = "HEAD" if wanted.mode == "head" else wanted.mode
        if mode != "HEAD" and not _names_tag(obj.spec.ref):
            text = "cannot verify tag object's signature if a tag reference is not specified"
            conditions.set(VERIFIED, FALSE, Reason.INVALID_VERIFICATION_MODE, text)
            return Stalled(Reason.INVALID_VERIFICATION_MODE, text)
        try:
            _, data = await self._secrets.read(obj.namespace, wanted.secret_ref.name)
        except SecretUnavailable as error:
            text = f"public keys secret error: {error}"
            raise _refused(turn, CommonReason.VERIFICATION_ERROR, text) from error
        return Trust(mode, PublicKeys.of(data))

    def holds(self, trust: Trust, obj: GitRepository, head: Selected, turn: Turn[GitRepository]) -> bool:
        """Whether the current artifact, if it is of this head, was verified as it is demanded now."""
        if trust.mode is None:
            return True
        before = obj.status.source_verification_mode
        fingerprint = trust.fingerprint(head)
        known = fingerprint == obj.status.observed_verification_keys
        return (
            turn.draft.conditions.holds(VERIFIED)
            and before in {trust.mode, "TagAndHEAD"}
            and (known or self._checked.get(obj.metadata.uid) == (head.revision, fingerprint))
        )

    async def verify(
        self, trust: Trust, obj: GitRepository, head: Selected, commit: Commit, turn: Turn[GitRepository]
    ) -> None:
        """Checks what was fetched, and says so.

        Raises:
            Failure: a signature is missing or isn't one of the trusted keys; it may come later.
        """
        if trust.mode is None:
            return
        lines = []
        if trust.of_tag:
            lines.append(await self._tag(trust, obj, head, commit, turn))
        if trust.of_commit:
            name = f"commit '{commit.hash}'"

            def bad_commit(why: str) -> Failure:
                text = f"signature verification of {name} failed: {why}"
                return _refused(turn, Reason.INVALID_COMMIT_SIGNATURE, text)

            key = await _verified(commit.signed, trust.keys, "commit", turn.clock.now(), bad_commit)
            lines.append(f"{name} with key '{key}'")
        text = "".join(["verified signature of", *(f"\n\t- {line}" for line in lines)])
        turn.draft.conditions.set(VERIFIED, TRUE, CommonReason.SUCCEEDED, text)
        turn.event(Severity.TRACE, CommonReason.SUCCEEDED, text)
        turn.log.info(text)

    def record(self, trust: Trust, obj: GitRepository, head: Selected, turn: Turn[GitRepository]) -> None:
        """Remembers that the artifact which was just stored had been verified."""
        if trust.mode is None:
            return
        fingerprint = trust.fingerprint(head)
        turn.draft[_MODE] = trust.mode
        turn.draft[_KEYS] = fingerprint
        remember(self._checked, obj.metadata.uid, (head.revision, fingerprint), _REMEMBERED)

    @staticmethod
    async def _tag(
        trust: Trust, obj: GitRepository, head: Selected, commit: Commit, turn: Turn[GitRepository]
    ) -> str:
        """What is to be said of a tag that is signed."""
        name = head.reference.removeprefix(_TAGS)
        shown = f"tag '{name}@{commit.tag}'" if commit.tag else f"tag '{name}'"
        pinned = obj.spec.ref.commit if obj.spec.ref else None
        if pinned and pinned != commit.hash:
            text = f"cannot verify signature of {shown} since it does not lead to commit '{pinned}'"
            raise _refused(turn, Reason.INVALID_GIT_OBJECT, text)
        if commit.signed_tag is None or not commit.signed_tag.signature:
            text = f"cannot verify signature of {shown} since it is not signed"
            raise _refused(turn, Reason.INVALID_GIT_OBJECT, text)

        def bad_tag(why: str) -> Failure:
            text = f"signature verification of {shown} failed: {why}"
            return _refused(turn, Reason.INVALID_TAG_SIGNATURE, text)

        key = await _verified(commit.signed_tag, trust.keys, "tag", turn.clock.now(), bad_tag)
        return f"{shown} with key '{key}'"


async def _verified(
    signed: Signed, keys: PublicKeys, what: str, now: datetime, refused: Callable[[str], Failure]
) -> str:
    try:
        return await asyncio.to_thread(verify_signature, signed, keys, what, now)
    except SignatureRefused as error:
        raise refused(str(error)) from error


def _names_tag(ref: GitRepositoryRef | None) -> bool:
    """Whether what wins in a reference is a tag."""
    if ref is None:
        return False
    if ref.name:
        return ref.name.startswith(_TAGS)
    return not ref.commit and bool(ref.tag or ref.semver)


def _refused(turn: Turn[GitRepository], reason: str, text: str) -> Failure:
    """The content can't be trusted: what was fetched is of no use, what is stored stays."""
    conditions = turn.draft.conditions
    conditions.remove(FETCH_FAILED, INCLUDE_UNAVAILABLE, OUTDATED)
    conditions.set(VERIFIED, FALSE, reason, text)
    return Failure(reason, text)
