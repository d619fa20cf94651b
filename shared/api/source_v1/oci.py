"""OCIRepository: content in a registry."""

from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StrictBool

from shared.api.meta import (
    AGE,
    READY,
    STATUS,
    Column,
    LocalObjectReference,
    ReconciledSpec,
)
from shared.api.model import Duration, Served, ShortDuration, WireModel
from shared.api.source_v1.common import Provider, SignatureVerification, Source, SourceStatus


class OCIRepositoryRef(WireModel):
    """What to pull; of several fields the first wins in the order digest, semver, tag."""

    digest: str | None = None
    """Digest of the image, as `sha256:<hex>`."""
    semver: str | None = None
    """Range of versions; the tag with the highest one in it is pulled."""
    semver_filter: str | None = None
    """Regular expression for the tags that the range looks at."""
    tag: str | None = None
    """Tag to pull, by default `latest`."""


class OCILayerSelector(WireModel):
    """Which layer of the image is the content, and what becomes of it."""

    media_type: str | None = None
    """Media type of the layer; the first one that has it is taken, by default the first of all."""
    operation: Literal["extract", "copy"] | None = None
    """Whether the layer is unpacked, which is the default, or stored as it is."""


class OCISignatureVerification(SignatureVerification):
    """Which signature an artifact has to carry, and by whom."""

    trusted_root_secret_ref: LocalObjectReference | None = None
    """Secret with the `trusted_root.json` of a Sigstore of one's own."""


class OCIRepositorySpec(ReconciledSpec):
    """The repository in a registry and what to take from it."""

    url: Annotated[str, Field(pattern=r"^oci://.*$")]
    """Address of the repository, without tag and digest."""
    ref: OCIRepositoryRef | None = None
    """What to pull, by default the tag `latest`."""
    layer_selector: OCILayerSelector | None = None
    """Which layer is the content, by default the first one."""
    provider: Annotated[Provider, Served()] = Provider.GENERIC
    """Who gives the credentials for the registry."""
    secret_ref: LocalObjectReference | None = None
    """Secret of the type `kubernetes.io/dockerconfigjson` with credentials."""
    verify: OCISignatureVerification | None = None
    """Check a signature before the content is used."""
    service_account_name: str | None = None
    """ServiceAccount whose image pull secrets are used, and whose workload identity a provider knows."""
    cert_secret_ref: LocalObjectReference | None = None
    """Secret with `ca.crt`, and perhaps `tls.crt` and `tls.key`."""
    proxy_secret_ref: LocalObjectReference | None = None
    """Secret with the `address` of a proxy, and perhaps `username` and `password`."""
    interval: Duration
    """How often the registry is asked."""
    timeout: Annotated[ShortDuration, Served("60s")] = timedelta(seconds=60)
    """Limit for each step that talks to the registry."""
    ignore: str | None = None
    """Patterns in the format of `.gitignore` for files that are left out of the artifact; they replace
    the built-in ones."""
    insecure: StrictBool = False
    """Allow plain HTTP, and without `certSecretRef` certificates of anybody."""


class OCIRepositoryStatus(SourceStatus):
    """What was pulled last, and from which spec."""

    url: str | None = None
    """Address of the latest artifact, whatever its revision."""
    observed_ignore: str | None = None
    """Ignore patterns of the current artifact."""
    observed_layer_selector: OCILayerSelector | None = None
    """Layer selector of the current artifact."""


class OCIRepository(Source):
    """Packs what an image in a registry holds into an artifact, again and again as it changes."""

    KIND: ClassVar[str] = "OCIRepository"
    PLURAL: ClassVar[str] = "ocirepositories"
    SHORT_NAMES: ClassVar[tuple[str, ...]] = ("ocirepo",)
    COLUMNS: ClassVar[tuple[Column, ...]] = (Column("URL", ".spec.url"), READY, STATUS, AGE)

    spec: OCIRepositorySpec
    """The repository and what to take from it."""
    status: OCIRepositoryStatus = OCIRepositoryStatus(observed_generation=-1)
    """What was pulled last."""
