"""source.toolkit.fluxcd.io/v1."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Final, Literal

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from shared.api import wire
from shared.api.meta import (
    Artifact,
    Condition,
    CustomResource,
    Duration,
    LocalReference,
    ShortDuration,
    WireModel,
)
from shared.api.model import INT64

_ACCOUNT_RULE: Final[JsonDict] = {
    "message": "serviceAccountName can only be set when provider is 'azure' or 'aws'",
    "rule": (
        "!has(self.serviceAccountName) || "
        "(has(self.provider) && (self.provider == 'azure' || self.provider == 'aws'))"
    ),
}


class GitRef(WireModel):
    """What to check out; commit beats name, name beats tag, tag beats semver, semver beats branch."""

    branch: str | None = Field(None, description="Branch; default is master.")
    tag: str | None = Field(None, description="Tag.")
    semver: str | None = Field(None, description="Range of versions; the highest tag in it is taken.")
    name: str | None = Field(None, description="Full name of a reference, for example refs/pull/1/head.")
    commit: str | None = Field(
        None, description="Commit; with a branch it is looked for in that branch only."
    )


class GitVerification(WireModel):
    """Which signatures must be good."""

    mode: Literal["head", "HEAD", "Tag", "TagAndHEAD"] | None = Field(
        "HEAD", description="What must be signed: the commit (HEAD), the tag, or both."
    )
    secret_ref: LocalReference = Field(description="Secret with the public keys of trusted authors.")


class GitInclude(WireModel):
    """Another repository whose files become part of the artifact."""

    repository: LocalReference = Field(description="GitRepository in the same namespace.")
    from_path: str | None = Field(None, description="Directory or file to include; default is everything.")
    to_path: str | None = Field(None, description="Where to put it; default is the name of the repository.")


class GitRepositorySpec(WireModel):
    """Which repository to follow, and how."""

    model_config = ConfigDict(json_schema_extra={"x-kubernetes-validations": [_ACCOUNT_RULE]})

    url: str = Field(
        pattern=r"^(http|https|ssh)://.*$", description="URL of the repository, over HTTP(S) or SSH."
    )
    interval: Duration = Field(description="How often to look for a new revision.")
    timeout: ShortDuration | None = Field(
        timedelta(seconds=60), description="Limit of all git operations of one reconciliation."
    )
    ref: GitRef | None = Field(None, description="What to check out; default is the branch master.")
    secret_ref: LocalReference | None = Field(
        None,
        description=(
            "Secret with credentials: username and password or bearerToken, ca.crt, tls.crt and tls.key "
            "for HTTPS; identity and known_hosts for SSH."
        ),
    )
    provider: Literal["generic", "aws", "azure", "github"] | None = Field(
        None, description="How to log in; default is generic, with the credentials of the Secret."
    )
    service_account_name: str | None = Field(
        None, description="Account in the same namespace to log in with at the provider."
    )
    verify: GitVerification | None = Field(None, description="Signatures to verify.")
    proxy_secret_ref: LocalReference | None = Field(
        None, description="Secret with address, username and password of a proxy."
    )
    ignore: str | None = Field(
        None,
        description="Files to leave out of the artifact, as lines of .sourceignore; replaces the defaults.",
    )
    suspend: bool | None = Field(None, description="Stops reconciliation.")
    recurse_submodules: bool | None = Field(None, description="Checks out submodules as well.")
    include: list[GitInclude] | None = Field(None, description="Repositories to include in the artifact.")
    sparse_checkout: list[str] | None = Field(None, description="Directories to check out; default is all.")


class GitRepositoryStatus(WireModel):
    """What was observed and stored."""

    observed_generation: int | None = Field(
        None, description="Generation that was last dealt with.", json_schema_extra=INT64
    )
    conditions: list[Condition] | None = Field(None, description="State of the object.")
    artifact: Artifact | None = Field(None, description="The last artifact stored.")
    included_artifacts: list[Artifact] | None = Field(
        None, description="Artifacts of the included repositories."
    )
    observed_ignore: str | None = Field(None, description="Ignore rules of the current artifact.")
    observed_recurse_submodules: bool | None = Field(
        None, description="Whether the current artifact has submodules."
    )
    observed_include: list[GitInclude] | None = Field(None, description="Includes of the current artifact.")
    observed_sparse_checkout: list[str] | None = Field(
        None, description="Sparse checkout of the current artifact."
    )
    source_verification_mode: str | None = Field(None, description="What was last verified.")
    last_handled_reconcile_at: str | None = Field(None, description="The last reconcile request dealt with.")


class GitRepository(CustomResource):
    """Produces an artifact from a revision of a Git repository."""

    GROUP: ClassVar[str] = wire.SOURCE_GROUP
    VERSION: ClassVar[str] = "v1"
    KIND: ClassVar[str] = "GitRepository"
    PLURAL: ClassVar[str] = "gitrepositories"
    SHORT_NAMES: ClassVar[tuple[str, ...]] = ("gitrepo",)
    CATEGORIES: ClassVar[tuple[str, ...]] = ("all", "fluxcd", "fluxcd-sources")
    COLUMNS: ClassVar[tuple[tuple[str, str, str], ...]] = (
        ("URL", ".spec.url", "string"),
        ("Age", ".metadata.creationTimestamp", "date"),
        ("Ready", '.status.conditions[?(@.type=="Ready")].status', "string"),
        ("Status", '.status.conditions[?(@.type=="Ready")].message', "string"),
    )

    spec: GitRepositorySpec = Field(description="Which repository to follow, and how.")
    status: GitRepositoryStatus | None = Field(None, description="What was observed and stored.")
