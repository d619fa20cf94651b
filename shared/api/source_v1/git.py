"""GitRepository: content in a Git repository."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StrictBool

from shared.api.meta import (
    AGE,
    READY,
    STATUS,
    Artifact,
    Column,
    LocalObjectReference,
    ReconciledSpec,
)
from shared.api.model import Duration, Rule, Served, ShortDuration, WireModel
from shared.api.source_v1.common import Source, SourceStatus


class GitProvider(StrEnum):
    """Who gives the credentials for a remote."""

    GENERIC = "generic"
    AWS = "aws"
    AZURE = "azure"
    GITHUB = "github"


class GitRepositoryRef(WireModel):
    """What to check out; of several fields the first wins in the order commit, name, tag, semver, branch."""

    branch: str | None = None
    """Branch to follow, by default `master`."""
    tag: str | None = None
    """Tag to check out."""
    semver: str | None = None
    """Range of versions; the tag with the highest one in it is checked out."""
    name: str | None = None
    """Full name of a reference, for example `refs/pull/420/head`."""
    commit: str | None = None
    """Hash of a commit; looked for in the branch if one is given."""


class GitRepositoryVerification(WireModel):
    """Which signatures a checkout has to carry, and by whom."""

    mode: Annotated[Literal["head", "HEAD", "Tag", "TagAndHEAD"], Served()] = "HEAD"
    """What has to be signed: the commit, the tag, or both."""
    secret_ref: LocalObjectReference
    """Secret with the public keys of trusted authors."""


class GitRepositoryInclude(WireModel):
    """Content of another repository that becomes part of this one's artifact."""

    repository: LocalObjectReference
    """GitRepository whose artifact is taken."""
    from_path: str | None = None
    """Directory in the included artifact, by default all of it."""
    to_path: str | None = None
    """Directory to put it into, by default the name of the included repository."""


class GitRepositorySpec(ReconciledSpec):
    """The repository and what to take from it."""

    url: Annotated[str, Field(pattern=r"^(http|https|ssh)://.*$")]
    """Address of the repository, over HTTP, HTTPS or SSH."""
    interval: Duration
    """How often the repository is looked at."""
    timeout: Annotated[ShortDuration, Served("60s")] = timedelta(seconds=60)
    """Limit for talking to the repository and checking it out."""
    ref: GitRepositoryRef | None = None
    """What to check out, by default the branch `master`."""
    secret_ref: LocalObjectReference | None = None
    """Secret with credentials: `username` and `password` or `bearerToken` for HTTP, `identity` and
    `known_hosts` for SSH, `ca.crt`, `tls.crt` and `tls.key` for TLS."""
    provider: GitProvider | None = None
    """Who gives the credentials, by default `generic`: the Secret alone."""
    service_account_name: str | None = None
    """ServiceAccount whose workload identity is used to get credentials from the provider."""
    verify: GitRepositoryVerification | None = None
    """Check signatures before the content is used."""
    proxy_secret_ref: LocalObjectReference | None = None
    """Secret with the `address` of a proxy, and perhaps `username` and `password`."""
    ignore: str | None = None
    """Patterns in the format of `.gitignore` for files that are left out of the artifact; they replace
    the built-in ones."""
    recurse_submodules: StrictBool = False
    """Check out submodules too."""
    include: tuple[GitRepositoryInclude, ...] | None = None
    """Other repositories whose content is put into the artifact."""
    sparse_checkout: tuple[str, ...] | None = None
    """Directories to check out, by default all."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "!has(self.serviceAccountName) || (has(self.provider) && self.provider in ['aws', 'azure'])",
            "serviceAccountName can only be set when provider is 'azure' or 'aws'",
            lambda self: (
                self.service_account_name is None or self.provider in {GitProvider.AWS, GitProvider.AZURE}
            ),
        ),
    )


class GitRepositoryStatus(SourceStatus):
    """What was fetched last, and from which spec; the observed fields change together with the artifact."""

    included_artifacts: tuple[Artifact, ...] | None = None
    """Artifacts of the included repositories, in the order of the includes."""
    observed_ignore: str | None = None
    """Ignore patterns of the current artifact."""
    observed_recurse_submodules: StrictBool = False
    """Whether the current artifact has submodules."""
    observed_include: tuple[GitRepositoryInclude, ...] | None = None
    """Includes of the current artifact."""
    observed_sparse_checkout: tuple[str, ...] | None = None
    """Directories that the current artifact was limited to."""
    source_verification_mode: Literal["HEAD", "Tag", "TagAndHEAD"] | None = None
    """What was verified of the current artifact."""
    observed_verification_keys: str | None = None
    """Fingerprint of the keys that it was verified with, and of the tag object if that had to be signed."""


class GitRepository(Source):
    """Packs what a Git repository holds into an artifact, again and again as it changes."""

    KIND: ClassVar[str] = "GitRepository"
    PLURAL: ClassVar[str] = "gitrepositories"
    SHORT_NAMES: ClassVar[tuple[str, ...]] = ("gitrepo",)
    COLUMNS: ClassVar[tuple[Column, ...]] = (Column("URL", ".spec.url"), AGE, READY, STATUS)

    spec: GitRepositorySpec
    """The repository and what to take from it."""
    status: GitRepositoryStatus = GitRepositoryStatus(observed_generation=-1)
    """What was fetched last."""
