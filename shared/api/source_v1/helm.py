"""HelmRepository and HelmChart: charts, and where they come from."""

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
from shared.api.model import Duration, Rule, Served, ShortDuration, WireModel
from shared.api.source_v1.common import Provider, SignatureVerification, Source, SourceStatus


class AccessFromSelector(WireModel):
    """Namespaces by their labels."""

    match_labels: dict[str, str] | None = None
    """Labels that a namespace has to have."""


class AccessFrom(WireModel):
    """Who else may refer to the object."""

    namespace_selectors: tuple[AccessFromSelector, ...]
    """Namespaces from which it may be referred to; one of them has to match."""


class HelmRepositorySpec(ReconciledSpec):
    """The repository of charts."""

    url: Annotated[str, Field(pattern=r"^(http|https|oci)://.*$")]
    """Address of the repository: of its `index.yaml` without the file name, or of a registry."""
    type: Literal["default", "oci"] | None = None
    """Whether charts are in an index, which is the default, or in a registry."""
    secret_ref: LocalObjectReference | None = None
    """Secret with `username` and `password`; for a registry also one of the type
    `kubernetes.io/dockerconfigjson`."""
    cert_secret_ref: LocalObjectReference | None = None
    """Secret with `ca.crt`, and perhaps `tls.crt` and `tls.key`."""
    pass_credentials: StrictBool = False
    """Send the credentials to other hosts, too, when the index refers to them."""
    interval: Duration | None = None
    """How often the index is looked at, by default every minute."""
    insecure: StrictBool = False
    """Allow plain HTTP to a registry."""
    timeout: ShortDuration | None = None
    """Limit for each download, by default a minute."""
    access_from: AccessFrom | None = None
    """Who else may refer to the object; nobody looks at it yet."""
    provider: Annotated[Provider, Served()] = Provider.GENERIC
    """Who gives the credentials for a registry."""


class HelmRepositoryStatus(SourceStatus):
    """The index that was fetched last; a registry has no status."""

    url: str | None = None
    """Address of the latest index, whatever its revision."""


class HelmRepository(Source):
    """Keeps the index of a repository of Helm charts."""

    KIND: ClassVar[str] = "HelmRepository"
    PLURAL: ClassVar[str] = "helmrepositories"
    SHORT_NAMES: ClassVar[tuple[str, ...]] = ("helmrepo",)
    COLUMNS: ClassVar[tuple[Column, ...]] = (Column("URL", ".spec.url"), AGE, READY, STATUS)

    spec: HelmRepositorySpec
    """The repository."""
    status: HelmRepositoryStatus = HelmRepositoryStatus(observed_generation=-1)
    """The index that was fetched last."""


class ChartSourceReference(WireModel):
    """Where a chart comes from, in the same namespace."""

    api_version: str | None = None
    """API version of the source; nobody reads it."""
    kind: Literal["HelmRepository", "GitRepository", "Bucket"]
    """Kind of the source."""
    name: str
    """Name of the source."""


class HelmChartSpec(ReconciledSpec):
    """The chart and what becomes of it."""

    chart: str
    """Name of the chart in its HelmRepository, or path of a directory or package in another source."""
    version: Annotated[str, Served()] = "*"
    """Range of versions; charts of a GitRepository or Bucket have the one that they have."""
    source_ref: ChartSourceReference
    """Where the chart comes from."""
    interval: Duration
    """How often the source is looked at."""
    reconcile_strategy: Annotated[Literal["ChartVersion", "Revision"], Served()] = "ChartVersion"
    """What makes a new artifact: a new version of the chart, or any new revision of its source."""
    values_files: tuple[str, ...] | None = None
    """Files with values that are merged, in their order, into the default values of the chart."""
    ignore_missing_values_files: StrictBool = False
    """Skip files with values that aren't there."""
    verify: SignatureVerification | None = None
    """Check a signature before the chart is used; only for charts in a registry."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "!has(self.verify) || self.sourceRef.kind == 'HelmRepository'",
            "spec.verify is only supported when spec.sourceRef.kind is 'HelmRepository'",
            lambda self: self.verify is None or self.source_ref.kind == "HelmRepository",
        ),
    )


class HelmChartStatus(SourceStatus):
    """What was packaged last, and from what."""

    observed_source_artifact_revision: str | None = None
    """Revision of the source that the chart was last made from."""
    observed_chart_name: str | None = None
    """Name of the chart in the current artifact."""
    observed_values_files: tuple[str, ...] | None = None
    """Files with values that were merged, where some were allowed to be missing."""
    url: str | None = None
    """Address of the latest package, whatever its version."""


class HelmChart(Source):
    """Packages a Helm chart of some source, again and again as it changes."""

    KIND: ClassVar[str] = "HelmChart"
    PLURAL: ClassVar[str] = "helmcharts"
    SHORT_NAMES: ClassVar[tuple[str, ...]] = ("hc",)
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("Chart", ".spec.chart"),
        Column("Version", ".spec.version"),
        Column("Source Kind", ".spec.sourceRef.kind"),
        Column("Source Name", ".spec.sourceRef.name"),
        AGE,
        READY,
        STATUS,
    )

    spec: HelmChartSpec
    """The chart."""
    status: HelmChartStatus = HelmChartStatus(observed_generation=-1)
    """What was packaged last."""


DEFAULT_TIMEOUT = timedelta(seconds=60)
"""Limit for each download of a HelmRepository that doesn't say one."""
DEFAULT_INTERVAL = timedelta(minutes=1)
"""How often a HelmRepository that doesn't say so is looked at."""
