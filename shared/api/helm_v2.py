"""`helm.toolkit.fluxcd.io/v2`: charts that are installed, upgraded and kept as releases of Helm."""

import hashlib
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import Field, StrictBool, StrictInt

from shared.api.applied import CommonMetadata, IgnoreRule, Image, Inventory, Patch
from shared.api.meta import (
    AGE,
    READY,
    STATUS,
    Column,
    CustomHealthCheck,
    CustomResource,
    DependencyReference,
    KubeConfigReference,
    LocalObjectReference,
    ReconciledSpec,
    ReconciledStatus,
)
from shared.api.model import Duration, Int64, Rule, Served, Time, WireModel

GROUP: Final = "helm.toolkit.fluxcd.io"
DEFAULT_TIMEOUT: Final = timedelta(minutes=5)
_RETRY_INTERVAL: Final = timedelta(minutes=5)
_MAX_HISTORY: Final = 5
_LONGEST_RELEASE_NAME: Final = 53

Name = Annotated[str, Field(min_length=1, max_length=253)]
Namespace = Annotated[str, Field(min_length=1, max_length=63)]
CRDPolicy = Literal["Skip", "Create", "CreateReplace"]
ApplyMode = Literal["enabled", "disabled", "auto"]


class ChartTemplateMetadata(WireModel):
    """Metadata for the HelmChart."""

    labels: dict[str, str] | None = None
    """Labels to set."""
    annotations: dict[str, str] | None = None
    """Annotations to set."""


class ChartTemplateSourceReference(WireModel):
    """The source of the chart."""

    api_version: str | None = None
    """API version of the source; ignored."""
    kind: Literal["HelmRepository", "GitRepository", "Bucket"]
    """Kind of the source."""
    name: Name
    """Name of the source."""
    namespace: Namespace | None = None
    """Namespace of the source, by default that of the HelmRelease."""


class ChartTemplateVerification(WireModel):
    """Which signature the chart has to carry."""

    provider: Annotated[Literal["cosign", "notation"], Served()] = "cosign"
    """What the signature was made with."""
    secret_ref: LocalObjectReference | None = None
    """Secret with the trusted keys or the trust policy."""


class ChartTemplateSpec(WireModel):
    """The spec of the HelmChart."""

    chart: Annotated[str, Field(min_length=1, max_length=2048)]
    """Name of the chart, or its path in the source."""
    version: Annotated[str, Served()] = "*"
    """Range of versions; charts of a GitRepository or Bucket have the one that they have."""
    source_ref: ChartTemplateSourceReference
    """Where the chart comes from."""
    interval: Duration | None = None
    """How often the source is looked at, by default as often as the release."""
    reconcile_strategy: Annotated[Literal["ChartVersion", "Revision"], Served()] = "ChartVersion"
    """What makes a new chart: a new version, or any new revision of its source."""
    values_files: tuple[str, ...] | None = None
    """Files with values that are merged, in their order, into the default values of the chart."""
    ignore_missing_values_files: StrictBool = False
    """Skip files with values that aren't there."""
    verify: ChartTemplateVerification | None = None
    """Check a signature before the chart is used."""


class ChartTemplate(WireModel):
    """A HelmChart that is made for this release alone."""

    metadata: ChartTemplateMetadata | None = None
    """Labels and annotations of the HelmChart."""
    spec: ChartTemplateSpec
    """The chart."""


class ChartReference(WireModel):
    """An object whose artifact is the chart."""

    api_version: str | None = None
    """API version of the object; ignored."""
    kind: Literal["OCIRepository", "HelmChart", "ExternalArtifact"]
    """Kind of the object."""
    name: Name
    """Name of the object."""
    namespace: Namespace | None = None
    """Namespace of the object, by default that of the HelmRelease."""


class DriftDetection(WireModel):
    """Whether the cluster is compared with the release, and what is done about differences."""

    mode: Literal["enabled", "warn", "disabled"] | None = None
    """`enabled` corrects differences, `warn` only tells of them; by default nothing is compared."""
    ignore: tuple[IgnoreRule, ...] | None = None
    """Fields in which the cluster may differ."""

    @property
    def detects(self) -> bool:
        """Whether the cluster is compared at all."""
        return self.mode in ("enabled", "warn")


class InstallStrategy(WireModel):
    """What follows a failed installation."""

    name: Literal["RemediateOnFailure", "RetryOnFailure"]
    """Whether a failure is remediated, or the release is tried again as it is."""
    retry_interval: Duration | None = None
    """How soon it is tried again, by default after five minutes."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "!has(self.retryInterval) || self.name != 'RemediateOnFailure'",
            ".retryInterval cannot be set when .name is 'RemediateOnFailure'",
            lambda self: self.retry_interval is None or self.name != "RemediateOnFailure",
        ),
    )


class UpgradeStrategy(WireModel):
    """What follows a failed upgrade."""

    name: Literal["RemediateOnFailure", "RetryOnFailure"]
    """Whether a failure is remediated, or the release is tried again as it is."""
    retry_interval: Duration | None = None
    """How soon it is tried again, by default after five minutes."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "!has(self.retryInterval) || self.name == 'RetryOnFailure'",
            ".retryInterval can only be set when .name is 'RetryOnFailure'",
            lambda self: self.retry_interval is None or self.name == "RetryOnFailure",
        ),
    )


class InstallRemediation(WireModel):
    """How failed installations are remediated: by uninstalling them."""

    retries: StrictInt = 0
    """How many more attempts there are; fewer than none means any number."""
    ignore_test_failures: StrictBool | None = None
    """Take failed tests for no failure, by default as `test.ignoreFailures` says."""
    remediate_last_failure: StrictBool | None = None
    """Remediate also when no attempt is left, by default not."""


class UpgradeRemediation(WireModel):
    """How failed upgrades are remediated."""

    retries: StrictInt = 0
    """How many more attempts there are; fewer than none means any number."""
    ignore_test_failures: StrictBool | None = None
    """Take failed tests for no failure, by default as `test.ignoreFailures` says."""
    remediate_last_failure: StrictBool | None = None
    """Remediate also when no attempt is left, by default if there were retries at all."""
    strategy: Literal["rollback", "uninstall"] | None = None
    """Whether to go back to the release before, which is the default, or to uninstall."""


class _Action(WireModel):
    """What installations and upgrades have in common."""

    timeout: Duration | None = None
    """Limit for each wait, by default `spec.timeout`."""
    disable_take_ownership: StrictBool = False
    """Refuse objects that exist and belong to nobody or to another release."""
    disable_wait: StrictBool = False
    """Don't wait until the objects are healthy."""
    disable_wait_for_jobs: StrictBool = False
    """Don't wait until Jobs are complete."""
    disable_hooks: StrictBool = False
    """Don't run hooks."""
    disable_open_api_validation: Annotated[StrictBool, Field(alias="disableOpenAPIValidation")] = False
    """Accepted and without effect: fields that the API server doesn't know are refused server-side, and
    dropped client-side."""
    disable_schema_validation: StrictBool = False
    """Accept values that the schema of the chart doesn't."""
    crds: CRDPolicy | None = None
    """What is done with the definitions that come with the chart, by default `Create`: those that exist
    are left alone."""


class Install(_Action):
    """How the release is installed."""

    strategy: InstallStrategy | None = None
    """What follows a failure, by default `RemediateOnFailure`."""
    remediation: InstallRemediation | None = None
    """How failures are remediated, by default not at all."""
    replace: StrictBool = False
    """Use a name again of which there is still the history of an uninstalled release."""
    skip_crds: Annotated[StrictBool, Field(alias="skipCRDs")] = False
    """Deprecated and ignored; see `crds`."""
    create_namespace: StrictBool = False
    """Create the target namespace where there is none."""
    server_side_apply: StrictBool | None = None
    """Use server-side apply, which is the default."""


class Upgrade(_Action):
    """How the release is upgraded."""

    strategy: UpgradeStrategy | None = None
    """What follows a failure, by default `RemediateOnFailure`."""
    remediation: UpgradeRemediation | None = None
    """How failures are remediated, by default not at all."""
    force: StrictBool = False
    """Replace objects in place of patching them; not with server-side apply."""
    preserve_values: StrictBool = False
    """Merge the values over those of the last release."""
    cleanup_on_fail: StrictBool = False
    """Delete what a failed upgrade created."""
    chart_name_change_strategy: Literal["InPlaceUpdate", "Reinstall"] | None = None
    """What a chart of another name means: an upgrade, or, by default, uninstalling first."""
    server_side_apply: ApplyMode | None = None
    """Whether to use server-side apply, by default `auto`: as the last release did."""


class TestFilter(WireModel):
    """A test of the chart."""

    __test__ = False

    name: Name
    """Name of the test."""
    exclude: StrictBool = False
    """Leave this test out, instead of running only those that are named."""


class Test(WireModel):
    """Whether and how tests of the chart are run."""

    __test__ = False

    enable: StrictBool = False
    """Run the tests after each installation and upgrade."""
    timeout: Duration | None = None
    """Limit for each test, by default `spec.timeout`."""
    ignore_failures: StrictBool = False
    """Take failed tests for no failure of the release."""
    filters: tuple[TestFilter, ...] | None = None
    """Which tests are run, by default all."""


class Rollback(WireModel):
    """How the release is rolled back."""

    timeout: Duration | None = None
    """Limit for each wait, by default `spec.timeout`."""
    disable_wait: StrictBool = False
    """Don't wait until the objects are healthy."""
    disable_wait_for_jobs: StrictBool = False
    """Don't wait until Jobs are complete."""
    disable_hooks: StrictBool = False
    """Don't run hooks."""
    recreate: StrictBool = False
    """Deprecated and without effect."""
    force: StrictBool = False
    """Replace objects in place of patching them; not with server-side apply."""
    cleanup_on_fail: StrictBool = False
    """Delete what a failed rollback created."""
    server_side_apply: ApplyMode | None = None
    """Whether to use server-side apply, by default `auto`: as the target of the rollback did."""


class Uninstall(WireModel):
    """How the release is uninstalled."""

    timeout: Duration | None = None
    """Limit for each wait, by default `spec.timeout`."""
    disable_hooks: StrictBool = False
    """Don't run hooks."""
    keep_history: StrictBool = False
    """Keep the records of the release."""
    disable_wait: StrictBool = False
    """Don't wait until the objects are gone."""
    deletion_propagation: Annotated[Literal["background", "foreground", "orphan"], Served()] = "background"
    """How objects are deleted that others belong to."""


class ValuesReference(WireModel):
    """A ConfigMap or Secret in the namespace of the HelmRelease with values."""

    kind: Literal["Secret", "ConfigMap"]
    """Kind of the object."""
    name: Name
    """Name of the object."""
    values_key: Annotated[str, Field(max_length=253, pattern=r"^[\-._a-zA-Z0-9]+$")] | None = None
    """Key of the object, by default `values.yaml`."""
    target_path: (
        Annotated[str, Field(max_length=250, pattern=r"^([a-zA-Z0-9_\-.\\\/]|\[[0-9]{1,5}\])+$")] | None
    ) = None
    """Where in the values the text goes, as with `helm --set`; without it the text is YAML to merge."""
    optional: StrictBool = False
    """Go on without the object or the key if there is none."""
    literal: StrictBool = False
    """Take the text for a string as it is; only with `targetPath`."""


class Kustomize(WireModel):
    """Changes that kustomize makes."""

    patches: tuple[Patch, ...] | None = None
    """Changes of objects."""
    images: tuple[Image, ...] | None = None
    """Replacements of images."""


class PostRenderer(WireModel):
    """A change of the rendered manifests."""

    kustomize: Kustomize | None = None
    """Changes that kustomize makes."""


class WaitStrategy(WireModel):
    """How is decided that the release is healthy."""

    name: Literal["poller", "legacy"]
    """`poller` looks at the status of each object, `legacy` at what Helm 3 looked at."""


class HelmReleaseSpec(ReconciledSpec):
    """The chart, its values, and how they become a release."""

    chart: ChartTemplate | None = None
    """A HelmChart to make for this release."""
    chart_ref: ChartReference | None = None
    """An object whose artifact is the chart."""
    interval: Duration
    """How often the release is looked at."""
    kube_config: KubeConfigReference | None = None
    """Another cluster to install to, by default the one of the HelmRelease."""
    release_name: Annotated[str, Field(min_length=1, max_length=53)] | None = None
    """Name of the release, by default composed of target namespace and name."""
    target_namespace: Namespace | None = None
    """Namespace of the release, by default that of the HelmRelease."""
    storage_namespace: Namespace | None = None
    """Namespace of Helm's records, by default that of the HelmRelease."""
    depends_on: tuple[DependencyReference, ...] | None = None
    """HelmReleases that have to be ready first."""
    timeout: Duration | None = None
    """Limit for each wait, by default five minutes."""
    max_history: StrictInt | None = None
    """How many revisions are kept, by default five; 0 means all."""
    service_account_name: Name | None = None
    """ServiceAccount on whose behalf everything is done."""
    persistent_client: StrictBool | None = None
    """Keep what is known of the cluster's kinds for the whole attempt, which is the default."""
    drift_detection: DriftDetection | None = None
    """Whether the cluster is compared with the release."""
    install: Install | None = None
    """How the release is installed."""
    upgrade: Upgrade | None = None
    """How the release is upgraded."""
    test: Test | None = None
    """Whether and how tests of the chart are run."""
    rollback: Rollback | None = None
    """How the release is rolled back."""
    uninstall: Uninstall | None = None
    """How the release is uninstalled."""
    values_from: tuple[ValuesReference, ...] | None = None
    """ConfigMaps and Secrets with values; later ones win."""
    values: Annotated[Any, Field(json_schema_extra={"x-kubernetes-preserve-unknown-fields": True})] = None
    """Values; they win over those from references, but for a targetPath into a map that is only here."""
    common_metadata: CommonMetadata | None = None
    """Labels and annotations for every object."""
    post_renderers: tuple[PostRenderer, ...] | None = None
    """Changes of the rendered manifests, one after the other."""
    post_render_strategy: Literal["nohooks", "combined", "separate"] | None = None
    """Whether hooks are changed, too: not at all, together with the rest (the default), or apart."""
    wait_strategy: WaitStrategy | None = None
    """How is decided that the release is healthy."""
    health_check_exprs: tuple[CustomHealthCheck, ...] | None = None
    """How the health of own kinds is read from their objects, and whether hooks have run to their end."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "(has(self.chart) && !has(self.chartRef)) || (!has(self.chart) && has(self.chartRef))",
            "either chart or chartRef must be set",
            lambda self: (self.chart is None) != (self.chart_ref is None),
        ),
    )


class TestHookStatus(WireModel):
    """How a test of the chart ended."""

    __test__ = False

    last_started: Time | None = None
    """When it began."""
    last_completed: Time | None = None
    """When it ended."""
    phase: str | None = None
    """How it ended."""


class ReleaseSnapshot(WireModel):
    """A revision of the release as the controller left it."""

    api_version: str | None = None
    """Version of the form that the digest is made of."""
    digest: str
    """Checksum of the record."""
    name: str
    """Name of the release."""
    namespace: str
    """Namespace of the release."""
    version: StrictInt
    """Revision of the release."""
    status: str
    """Helm's own status of the revision."""
    action: str | None = None
    """What was last done to the revision."""
    chart_name: str
    """Name of the chart."""
    chart_version: str
    """Version of the chart."""
    app_version: str | None = None
    """Version of what the chart installs."""
    config_digest: str
    """Checksum of the values."""
    first_deployed: Time
    """When the release was installed."""
    last_deployed: Time
    """When the revision was installed."""
    deleted: Time | None = None
    """When the release was uninstalled."""
    test_hooks: dict[str, TestHookStatus] | None = None
    """How the tests of the chart ended; absent before they ran."""
    oci_digest: str | None = None
    """Checksum of the artifact that the chart came from."""


class HelmReleaseStatus(ReconciledStatus):
    """What was tried and what is installed."""

    helm_chart: str | None = None
    """Namespace and name of the HelmChart that was made for the release."""
    storage_namespace: Namespace | None = None
    """Namespace of the records of the current release."""
    history: tuple[ReleaseSnapshot, ...] | None = None
    """Revisions, the newest first."""
    inventory: Inventory | None = None
    """Objects of the release."""
    last_attempted_generation: Int64 | None = None
    """Generation that was tried last."""
    last_attempted_revision: str | None = None
    """Version of the chart that was tried last."""
    last_attempted_revision_digest: str | None = None
    """Checksum of the artifact that was tried last."""
    last_attempted_config_digest: str | None = None
    """Checksum of the values that were tried last."""
    last_attempted_values_checksum: str | None = None
    """Deprecated."""
    last_attempted_release_action: Literal["install", "upgrade"] | None = None
    """What was tried last."""
    last_attempted_release_action_duration: str | None = None
    """How long that took."""
    last_release_revision: StrictInt | None = None
    """Deprecated."""
    failures: Int64 | None = None
    """How often anything failed since the last change."""
    install_failures: Int64 | None = None
    """How often the installation failed since the last change."""
    upgrade_failures: Int64 | None = None
    """How often the upgrade failed since the last change."""
    observed_post_renderers_digest: str | None = None
    """Checksum of the post-renderers of the last attempt."""
    observed_common_metadata_digest: str | None = None
    """Checksum of the common metadata of the last attempt."""
    last_handled_force_at: str | None = None
    """Value of the force request annotation that was answered last."""
    last_handled_reset_at: str | None = None
    """Value of the reset request annotation that was answered last."""


class HelmRelease(CustomResource):
    """Installs a Helm chart, upgrades it, and keeps it like that."""

    GROUP: ClassVar[str] = GROUP
    VERSION: ClassVar[str] = "v2"
    KIND: ClassVar[str] = "HelmRelease"
    PLURAL: ClassVar[str] = "helmreleases"
    SHORT_NAMES: ClassVar[tuple[str, ...]] = ("hr",)
    CATEGORIES: ClassVar[tuple[str, ...]] = ("all", "fluxcd", "fluxcd-appliers")
    COLUMNS: ClassVar[tuple[Column, ...]] = (AGE, READY, STATUS)

    spec: HelmReleaseSpec
    """What is wanted."""
    status: HelmReleaseStatus = HelmReleaseStatus(observed_generation=-1)
    """What is installed."""

    @property
    def timeout(self) -> timedelta:
        """Limit for each wait where an action has none of its own."""
        return DEFAULT_TIMEOUT if self.spec.timeout is None else self.spec.timeout

    @property
    def max_history(self) -> int:
        """How many revisions are kept; 0 means all."""
        return _MAX_HISTORY if self.spec.max_history is None else self.spec.max_history

    @property
    def long_release_name(self) -> str:
        """Name of the release as it is composed, at any length."""
        if self.spec.release_name:
            return self.spec.release_name
        if self.spec.target_namespace:
            return f"{self.spec.target_namespace}-{self.name}"
        return self.name

    @property
    def release_name(self) -> str:
        """Name of the release; one that is too long for Helm is cut and ends with a part of its checksum."""
        return shortened(self.long_release_name)

    @property
    def release_namespace(self) -> str:
        """Namespace of the release."""
        return self.spec.target_namespace or self.namespace

    @property
    def storage_namespace(self) -> str:
        """Namespace of Helm's records."""
        return self.spec.storage_namespace or self.namespace

    @property
    def chart_object(self) -> tuple[str, str]:
        """Namespace and name of the HelmChart that is made for the release; empty with a reference."""
        if self.spec.chart is None:
            return ("", "")
        namespace = self.spec.chart.spec.source_ref.namespace or self.namespace
        return (namespace, f"{self.namespace}-{self.name}")

    @property
    def install(self) -> Install:
        """How to install."""
        return self.spec.install or Install()

    @property
    def upgrade(self) -> Upgrade:
        """How to upgrade."""
        return self.spec.upgrade or Upgrade()

    @property
    def test(self) -> Test:
        """Whether and how to test."""
        return self.spec.test or Test()

    @property
    def rollback(self) -> Rollback:
        """How to roll back."""
        return self.spec.rollback or Rollback()

    @property
    def uninstall(self) -> Uninstall:
        """How to uninstall."""
        return self.spec.uninstall or Uninstall()

    @property
    def drift(self) -> DriftDetection:
        """Whether to compare the cluster."""
        return self.spec.drift_detection or DriftDetection()

    def limit(self, action: Install | Upgrade | Test | Rollback | Uninstall) -> timedelta:
        """Limit for each wait of an action."""
        return self.timeout if action.timeout is None else action.timeout


def shortened(name: str) -> str:
    """A name that Helm accepts, equal for equal names."""
    if len(name.encode()) <= _LONGEST_RELEASE_NAME:
        return name
    return f"{name[:40]}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"


def retry_interval(strategy: InstallStrategy | UpgradeStrategy) -> timedelta:
    """How soon a failed action is tried again."""
    return _RETRY_INTERVAL if strategy.retry_interval is None else strategy.retry_interval
