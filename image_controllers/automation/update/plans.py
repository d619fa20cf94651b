"""What an automation is about to do in Git: where it begins, where it pushes to, who signs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from image_controllers.automation.update import message
from shared.api.decode import InvalidObject, decode
from shared.api.image_v1 import CommitSpec, GitSpec, ImageUpdateAutomation, SigningKey
from shared.api.source_v1 import GitRepository, GitRepositoryRef
from shared.auth import Secrets, SecretUnavailable
from shared.auth.cloud import User
from shared.git import InvalidRemote, Remote, Selected
from shared.git.configured import AccessRefused, ConfiguredRemotes, UnusableApp
from shared.git.refs import Hash
from shared.git.selection import DEFAULT_BRANCH
from shared.git.signing import (
    EncryptedKey,
    SeveralKeys,
    UnusableKey,
    WrongPassphrase,
    by_openpgp,
    by_ssh,
)
from shared.git.writing import Sign
from shared.kube.informer import Informer
from shared.kube.resources import ObjectKey
from shared.lang.gotmpl import Template
from shared.runtime.header import Header

_BRANCHES: Final = "refs/heads/"
_NO_BRANCH: Final = (
    "push spec not provided, and cannot be inferred from .spec.git.checkout.ref or GitRepository .spec.ref"
)


class NoPlan(Exception):
    """Something that the automation needs is not there or can't be used; that may change later."""


class InvalidSource(Exception):
    """Only an edit of the automation or of its source helps."""


class SourceForbidden(Exception):
    """The source is in another namespace, and may not be."""


@dataclass(frozen=True, slots=True)
class Target:
    """A reference of the remote, and the commit that it gets."""

    commit: Hash
    reference: str
    force: bool = False

    def __str__(self) -> str:
        """As a refspec."""
        return f"{'+' if self.force else ''}{self.commit}:{self.reference}"


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that is known before the remote is asked."""

    remote: Remote
    ref: GitRepositoryRef | None
    branch: str
    """Where the commit is pushed to."""
    switches: bool
    """Whether that is another branch than the one that is checked out."""
    refspec: str
    options: tuple[str, ...]
    commit: CommitSpec
    template: Template
    sign: Sign | None

    @property
    def reference(self) -> str:
        """The branch by its full name."""
        return f"{_BRANCHES}{self.branch}"

    def targets(self, made: Hash, start: Selected, *, force: bool, continues: bool) -> list[Target]:
        """What is pushed, one after the other, for a commit and the place that was checked out.

        With `force` what is there may be overwritten; a branch that the commit continues never is.

        Raises:
            NoPlan: the refspec names something that is not there.
        """
        force = force and self.switches
        targets = [Target(made, self.reference, force and not continues)]
        if self.refspec:
            source, _, reference = self.refspec.removeprefix("+").partition(":")
            known = {start.reference: start.commit, self.reference: made, "HEAD": made}
            if source not in known:
                raise NoPlan(f"spec.git.push.refspec: '{source}' is not what is pushed, use {self.reference}")
            asked = self.refspec.startswith("+")
            further = Target(known[source], reference or source, force or asked)
            if (further.commit, further.reference) != (made, self.reference):
                targets.append(further)
        return targets


class Plans:
    """Reads what automations need."""

    def __init__(
        self,
        repositories: Informer[Header],
        remotes: ConfiguredRemotes,
        secrets: Secrets,
        *,
        cross_namespace: bool,
    ) -> None:
        self._repositories = repositories
        self._remotes = remotes
        self._secrets = secrets
        self._cross_namespace = cross_namespace

    async def of(self, obj: ImageUpdateAutomation) -> Plan:
        """The plan of an automation.

        Raises:
            SourceForbidden, InvalidSource, NoPlan: see there.
            ParseError: the template of the message is none.
            IdentityRefused, InvalidProvider: the source can't be opened as it is.
        """
        git = obj.spec.git
        if git is None:
            text = "necessitates field .spec.git: invalid source configuration"
            raise InvalidSource(f"source kind 'GitRepository' {text}")
        repository = self._repository(obj)
        ref = git.checkout.ref if git.checkout else repository.spec.ref
        branch = (git.push.branch if git.push else None) or (ref.branch if ref else None)
        if not branch:
            raise NoPlan(_NO_BRANCH)
        try:
            remote = await self._remotes.open(repository, User(obj.KIND, obj.namespace, obj.name))
        except (AccessRefused, InvalidRemote, UnusableApp) as error:
            raise NoPlan(str(error)) from error
        return Plan(
            remote,
            ref,
            branch,
            branch != (ref.branch if ref else DEFAULT_BRANCH),
            (git.push.refspec if git.push else None) or "",
            _options(git),
            git.commit,
            await asyncio.to_thread(message.read, git.commit.message_template),
            await self._signer(obj, git.commit.signing_key),
        )

    def _repository(self, obj: ImageUpdateAutomation) -> GitRepository:
        key = source_of(obj)
        if key.namespace != obj.namespace and not self._cross_namespace:
            raise SourceForbidden(
                f"can't access 'GitRepository/{key}', cross-namespace references have been blocked"
            )
        raw = self._repositories.store.get(key)
        if raw is None:
            raise NoPlan(f"referenced git repository does not exist: GitRepository '{key}' not found")
        try:
            return decode(GitRepository, raw)
        except InvalidObject as error:
            raise NoPlan(f"GitRepository '{key}': {error}") from error

    async def _signer(self, obj: ImageUpdateAutomation, key: SigningKey | None) -> Sign | None:
        if key is None:
            return None
        name = key.secret_ref.name
        try:
            _, data = await self._secrets.read(obj.namespace, name)
        except SecretUnavailable as error:
            raise NoPlan(f"could not find signing key secret '{name}': {error}") from error
        ssh = key.type == "ssh"
        entry, password = ("identity", "password") if ssh else ("git.asc", "passphrase")
        if entry not in data:
            article = "an" if ssh else "a"
            raise NoPlan(f"signing key secret '{name}' does not contain {article} '{entry}' key")
        passphrase = data[password].decode(errors="replace") if password in data else None
        try:
            return await asyncio.to_thread(by_ssh if ssh else by_openpgp, data[entry], passphrase)
        except UnusableKey as error:
            raise NoPlan(_unusable(error, name, password)) from error


def source_of(obj: ImageUpdateAutomation) -> ObjectKey:
    """The GitRepository that an automation names."""
    named = obj.spec.source_ref
    return ObjectKey(named.namespace or obj.namespace, named.name)


def _options(git: GitSpec) -> tuple[str, ...]:
    options = (git.push.options if git.push else None) or {}
    return tuple(f"{key}={value}" for key, value in sorted(options.items()))


def _unusable(error: UnusableKey, secret: str, password: str) -> str:
    match error:
        case SeveralKeys():
            return (
                f"multiple entities read from secret '{secret}', could not determine which signing key to use"
            )
        case EncryptedKey():
            return (
                f"can not use passphrase protected signing key without '{password}' field present in secret "
                f"{secret}"
            )
        case WrongPassphrase():
            return f"could not decrypt private key of the signing key present in secret {secret}: {error}"
    return f"could not read signing key from secret '{secret}': {error}"
