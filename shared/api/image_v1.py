"""`image.toolkit.fluxcd.io/v1`: which tags images have, which one is chosen, and where it is written to."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field, StrictBool

from shared.api.meta import (
    AGE,
    READY,
    STATUS,
    Column,
    CustomResource,
    LocalObjectReference,
    ReconciledSpec,
    ReconciledStatus,
)
from shared.api.model import Duration, Rule, Served, ShortDuration, Time, WireModel
from shared.api.source_v1 import GitRepositoryRef, Provider

GROUP: Final = "image.toolkit.fluxcd.io"
CATEGORIES: Final = ("all", "fluxcd", "fluxcd-images")
#: Tags that are signatures are no images.
EXCLUDED: Final = (r"^.*\.sig$",)
_ATOMIC: Final = Field(json_schema_extra={"x-kubernetes-list-type": "atomic"})
MESSAGE: Final = "Update from image update automation"


class _Image(CustomResource):
    """What the kinds of this group have in common."""

    GROUP: ClassVar[str] = GROUP
    VERSION: ClassVar[str] = "v1"
    CATEGORIES: ClassVar[tuple[str, ...]] = CATEGORIES


class ScanResult(WireModel):
    """What the last scan found."""

    revision: str | None = None
    """Changes whenever the list of tags does."""
    tag_count: int
    """How many tags there are, without those that are excluded."""
    scan_time: Time | None = None
    """When the scan ended."""
    latest_tags: tuple[str, ...] | None = None
    """The first ten tags in descending order of their letters."""


class NamespaceSelector(WireModel):
    """Namespaces by their labels."""

    match_labels: dict[str, str] | None = None
    """Labels that a namespace must have; none match every namespace."""


class AccessFrom(WireModel):
    """From where an object may be referred to."""

    namespace_selectors: tuple[NamespaceSelector, ...]
    """One of them has to match the namespace of the referring object."""


class ImageRepositorySpec(ReconciledSpec):
    """The repository in a registry, and how it is reached."""

    image: str
    """Name of the repository, without scheme, tag and digest."""
    interval: Duration
    """Time between two scans."""
    timeout: ShortDuration | None = None
    """Limit for login and scan together, by default the interval."""
    secret_ref: LocalObjectReference | None = None
    """Secret of the type `kubernetes.io/dockerconfigjson` with credentials."""
    proxy_secret_ref: LocalObjectReference | None = None
    """Secret with the `address` of a proxy, and perhaps `username` and `password`."""
    service_account_name: Annotated[str, Field(max_length=253)] | None = None
    """ServiceAccount whose image pull secrets are used, and whose workload identity a provider knows."""
    cert_secret_ref: LocalObjectReference | None = None
    """Secret with `ca.crt`, and perhaps `tls.crt` and `tls.key`."""
    access_from: AccessFrom | None = None
    """From which other namespaces ImagePolicies may refer to this repository; by default from none."""
    exclusion_list: Annotated[tuple[str, ...], Field(max_length=25), Served()] = EXCLUDED
    """Regular expressions; tags in which one of them is found are left out."""
    provider: Annotated[Provider, Served()] = Provider.GENERIC
    """Who gives the credentials for the registry."""
    insecure: StrictBool = False
    """Allow plain HTTP."""


class ImageRepositoryStatus(ReconciledStatus):
    """What was found last."""

    canonical_image_name: str | None = None
    """Name of the repository with everything that it leaves unsaid."""
    last_scan_result: ScanResult | None = None
    """What the last scan found."""
    observed_exclusion_list: tuple[str, ...] | None = None
    """What was left out of the last scan."""


class ImageRepository(_Image):
    """Lists the tags of a repository of images, again and again."""

    KIND: ClassVar[str] = "ImageRepository"
    PLURAL: ClassVar[str] = "imagerepositories"
    SHORT_NAMES: ClassVar[tuple[str, ...]] = ("imgrepo", "imagerepo")
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("Image", ".spec.image"),
        Column("Tags", ".status.lastScanResult.tagCount"),
        READY,
        STATUS,
        Column("Last scan", ".status.lastScanResult.scanTime", priority=1),
        AGE,
    )

    spec: ImageRepositorySpec
    """The repository, and how it is reached."""
    status: ImageRepositoryStatus = ImageRepositoryStatus(observed_generation=-1)
    """What was found last."""


class ImageRepositoryReference(WireModel):
    """An ImageRepository."""

    name: str
    """Name of the ImageRepository."""
    namespace: str | None = None
    """Namespace of the ImageRepository, by default that of the ImagePolicy."""


class SemVerPolicy(WireModel):
    """Choose by semantic version."""

    range: str
    """Range of versions; the tag with the highest one in it is chosen."""


class Order(StrEnum):
    """Which end of an order is chosen."""

    ASC = "asc"
    DESC = "desc"


class AlphabeticalPolicy(WireModel):
    """Choose by the letters."""

    order: Annotated[Order, Served()] = Order.ASC
    """`asc` chooses the last one in the order of the letters, `desc` the first one."""


class NumericalPolicy(WireModel):
    """Choose by number."""

    order: Annotated[Order, Served()] = Order.ASC
    """`asc` chooses the largest number, `desc` the smallest one."""


class ImagePolicyChoice(WireModel):
    """How one of the tags is chosen; of several fields the first wins."""

    semver: SemVerPolicy | None = None
    """Choose by semantic version."""
    alphabetical: AlphabeticalPolicy | None = None
    """Choose by the letters."""
    numerical: NumericalPolicy | None = None
    """Choose by number; every tag that takes part has to be one."""


class FilterTags(WireModel):
    """Which tags take part, and what of them is compared."""

    pattern: str | None = None
    """Regular expression; tags in which it is not found take no part."""
    extract: str | None = None
    """What is compared, with groups of the pattern as `$name` or `$1`; by default the whole tag."""


class DigestReflectionPolicy(StrEnum):
    """When the digest of the chosen image is looked up."""

    ALWAYS = "Always"
    IF_NOT_PRESENT = "IfNotPresent"
    NEVER = "Never"


class ImagePolicySpec(ReconciledSpec):
    """Which tag is chosen of which repository."""

    image_repository_ref: ImageRepositoryReference
    """Repository whose tags are looked at."""
    policy: ImagePolicyChoice
    """How one of the tags is chosen."""
    filter_tags: FilterTags | None = None
    """Which tags take part, by default all."""
    digest_reflection_policy: Annotated[DigestReflectionPolicy, Served()] = DigestReflectionPolicy.NEVER
    """Whether the digest of the chosen image is looked up: never, once per choice, or again and again."""
    interval: Duration | None = None
    """How often the digest is looked up, with `digestReflectionPolicy: Always`."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "!has(self.interval) || "
            "(has(self.digestReflectionPolicy) && self.digestReflectionPolicy == 'Always')",
            "spec.interval is only accepted when spec.digestReflectionPolicy is set to 'Always'",
            lambda self: self.interval is None or self.refreshes,
        ),
        Rule(
            "has(self.interval) || "
            "!has(self.digestReflectionPolicy) || self.digestReflectionPolicy != 'Always'",
            "spec.interval must be set when spec.digestReflectionPolicy is set to 'Always'",
            lambda self: (
                self.interval is not None
                or self.digest_reflection_policy is not DigestReflectionPolicy.ALWAYS
            ),
        ),
    )

    @property
    def refreshes(self) -> bool:
        """Whether the digest is looked up again and again."""
        return self.digest_reflection_policy is DigestReflectionPolicy.ALWAYS

    @property
    def refresh(self) -> timedelta:
        """How often the digest is looked up; an interval of zero is one of ten minutes."""
        return self.interval or timedelta(minutes=10)


class ImageRef(WireModel):
    """An image by its parts."""

    name: str
    """Name of the repository, as the ImageRepository has it."""
    tag: str
    """The chosen tag."""
    digest: str | None = None
    """What the tag pointed at when it was looked up."""

    def __str__(self) -> str:
        """`<name>:<tag>[@<digest>]`"""
        return f"{self.name}:{self.tag}" + (f"@{self.digest}" if self.digest else "")


class ImagePolicyStatus(ReconciledStatus):
    """What was chosen last."""

    latest_ref: ImageRef | None = None
    """The choice."""
    observed_previous_ref: ImageRef | None = None
    """The choice before that one."""


class ImagePolicy(_Image):
    """Chooses one of the tags of an ImageRepository."""

    KIND: ClassVar[str] = "ImagePolicy"
    PLURAL: ClassVar[str] = "imagepolicies"
    SHORT_NAMES: ClassVar[tuple[str, ...]] = ("imgpol", "imagepol")
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("Image", ".status.latestRef.name"),
        Column("Tag", ".status.latestRef.tag"),
        READY,
        STATUS,
        AGE,
    )

    spec: ImagePolicySpec
    """Which tag is chosen of which repository."""
    status: ImagePolicyStatus = ImagePolicyStatus(observed_generation=-1)
    """What was chosen last."""


class SourceReference(WireModel):
    """The GitRepository that says where the files are."""

    api_version: str | None = None
    """API version of the source; it is not looked at."""
    kind: Annotated[Literal["GitRepository"], Served()] = "GitRepository"
    """Kind of the source."""
    name: str
    """Name of the source."""
    namespace: str | None = None
    """Namespace of the source, by default that of the ImageUpdateAutomation."""


class GitCheckout(WireModel):
    """What is checked out."""

    ref: GitRepositoryRef
    """Reference that the work starts from, by default that of the source."""


class CommitUser(WireModel):
    """Who makes the commits."""

    name: str | None = None
    """Name."""
    email: str
    """Address."""


class SigningKey(WireModel):
    """What commits are signed with."""

    secret_ref: LocalObjectReference
    """Secret with the key: `git.asc` and perhaps `passphrase`, or `identity` and perhaps `password`."""
    type: Literal["gpg", "ssh"] | None = None
    """Kind of the key, by default `gpg`."""


class CommitSpec(WireModel):
    """What commits look like."""

    author: CommitUser
    """Who makes them."""
    signing_key: SigningKey | None = None
    """What they are signed with."""
    message_template: str | None = None
    """Template of the message in the language of Go's `text/template`."""
    message_template_values: dict[str, str] | None = None
    """What the template finds in `.Values`."""


class PushSpec(WireModel):
    """Where commits are pushed to."""

    branch: str | None = None
    """Branch, by default the one that is checked out; it is made if it does not exist."""
    refspec: str | None = None
    """What is pushed besides the branch."""
    options: dict[str, str] | None = None
    """Options for the server."""


class GitSpec(WireModel):
    """What is checked out, committed and pushed."""

    checkout: GitCheckout | None = None
    """What is checked out, by default what the source says."""
    commit: CommitSpec
    """What commits look like."""
    push: PushSpec | None = None
    """Where commits are pushed to, by default to the branch that is checked out."""


class SelectorRequirement(WireModel):
    """A condition on one label."""

    key: str
    """Key of the label."""
    operator: str
    """`In`, `NotIn`, `Exists` or `DoesNotExist`."""
    values: Annotated[tuple[str, ...], _ATOMIC] | None = None
    """Values, for the first two of them."""


class LabelSelector(WireModel):
    """Objects by their labels; all conditions have to hold."""

    match_labels: dict[str, str] | None = None
    """Labels with their values."""
    match_expressions: (
        Annotated[
            tuple[SelectorRequirement, ...], Field(json_schema_extra={"x-kubernetes-list-type": "atomic"})
        ]
        | None
    ) = None
    """Further conditions."""


class UpdateStrategy(WireModel):
    """How and where files are changed."""

    strategy: Annotated[Literal["Setters"], Served()] = "Setters"
    """How files are changed: at the markers in them."""
    path: str | None = None
    """Folder or file that is looked at, by default the whole repository."""


class ImageUpdateAutomationSpec(ReconciledSpec):
    """Which files get which images, and how the change is committed."""

    source_ref: SourceReference
    """Where the files are."""
    git: GitSpec | None = None
    """What is checked out, committed and pushed."""
    interval: Duration
    """How often the repository is looked at."""
    policy_selector: (
        Annotated[LabelSelector, Field(json_schema_extra={"x-kubernetes-map-type": "atomic"})] | None
    ) = None
    """Which ImagePolicies of the namespace take part, by default all."""
    update: Annotated[UpdateStrategy, Served()] = UpdateStrategy()
    """How and where files are changed."""


class ImageUpdateAutomationStatus(ReconciledStatus):
    """What was pushed last."""

    last_automation_run_time: Time | None = None
    """When the last attempt began."""
    last_push_commit: str | None = None
    """Hash of the commit that was pushed last."""
    last_push_time: Time | None = None
    """When it was pushed."""
    observed_policies: dict[str, ImageRef] | None = None
    """What the policies had chosen when the files were last right."""
    observed_source_revision: str | None = None
    """Revision of the source at which the files were last right."""


class ImageUpdateAutomation(_Image):
    """Writes chosen images into a Git repository where markers ask for them."""

    KIND: ClassVar[str] = "ImageUpdateAutomation"
    PLURAL: ClassVar[str] = "imageupdateautomations"
    SHORT_NAMES: ClassVar[tuple[str, ...]] = ("iua", "imgupd", "imgauto")
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        READY,
        STATUS,
        Column("Last run", ".status.lastAutomationRunTime", priority=1),
        AGE,
    )

    spec: ImageUpdateAutomationSpec
    """Which files get which images, and how the change is committed."""
    status: ImageUpdateAutomationStatus = ImageUpdateAutomationStatus(observed_generation=-1)
    """What was pushed last."""
