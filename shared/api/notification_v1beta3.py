"""`notification.toolkit.fluxcd.io/v1beta3`: which events are told (Alert), and to whom (Provider).

Both are static: nothing of what happens to them is written into them, and their definitions have no status.
"""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from shared.api.meta import LocalObjectReference, ReconciledSpec, StaticResource
from shared.api.model import Duration, Rule, Served, ShortDuration
from shared.api.notification_v1 import ANY, CATEGORIES, GROUP, CrossNamespaceObjectReference

__all__ = [
    "ANY",
    "COMMENTS",
    "COMMIT_STATUS",
    "DEFAULT_TIMEOUT",
    "GROUP",
    "Alert",
    "AlertSpec",
    "CrossNamespaceObjectReference",
    "Provider",
    "ProviderSpec",
    "ProviderType",
]

DEFAULT_TIMEOUT: Final = timedelta(seconds=15)

_Text = Annotated[str, Field(max_length=2048)]


class ProviderType(StrEnum):
    """A service, and the way in which it is told."""

    SLACK = "slack"
    DISCORD = "discord"
    MSTEAMS = "msteams"
    ROCKET = "rocket"
    GENERIC = "generic"
    GENERIC_HMAC = "generic-hmac"
    GITHUB = "github"
    GITLAB = "gitlab"
    GITEA = "gitea"
    GITEA_COMMENT = "giteapullrequestcomment"
    BITBUCKET_SERVER = "bitbucketserver"
    BITBUCKET = "bitbucket"
    AZURE_DEVOPS = "azuredevops"
    GOOGLE_CHAT = "googlechat"
    GOOGLE_PUBSUB = "googlepubsub"
    WEBEX = "webex"
    SENTRY = "sentry"
    AZURE_EVENT_HUB = "azureeventhub"
    TELEGRAM = "telegram"
    LARK = "lark"
    MATRIX = "matrix"
    OPSGENIE = "opsgenie"
    ALERTMANAGER = "alertmanager"
    GRAFANA = "grafana"
    GITHUB_DISPATCH = "githubdispatch"
    GITHUB_COMMENT = "githubpullrequestcomment"
    GITLAB_COMMENT = "gitlabmergerequestcomment"
    PAGERDUTY = "pagerduty"
    DATADOG = "datadog"
    NATS = "nats"
    ZULIP = "zulip"
    OTEL = "otel"
    ZOOM = "zoom"
    INCIDENT_IO = "incident.io"


COMMIT_STATUS: Final = frozenset(
    {
        ProviderType.GITHUB,
        ProviderType.GITLAB,
        ProviderType.GITEA,
        ProviderType.BITBUCKET_SERVER,
        ProviderType.BITBUCKET,
        ProviderType.AZURE_DEVOPS,
    }
)
"""Types that set the status of a commit."""

COMMENTS: Final = frozenset(
    {ProviderType.GITHUB_COMMENT, ProviderType.GITEA_COMMENT, ProviderType.GITLAB_COMMENT}
)
"""Types that comment on a pull or merge request."""


class AlertSpec(ReconciledSpec):
    """Which events are told, to whom, and with what added."""

    provider_ref: LocalObjectReference
    """Provider in the same namespace that events go to."""
    event_sources: tuple[CrossNamespaceObjectReference, ...]
    """Objects whose events are told; an event has to be of one of them."""
    event_severity: Annotated[Literal["info", "error"], Served()] = "info"
    """`info` for all events, `error` for errors alone."""
    inclusion_list: tuple[str, ...] | None = None
    """Regular expressions (RE2); the message of an event has to match one of them."""
    exclusion_list: tuple[str, ...] | None = None
    """Regular expressions (RE2); an event whose message matches one of them is not told."""
    event_metadata: dict[str, str] | None = None
    """Metadata that is added to each event; what the controller of the object has set wins."""
    summary: Annotated[str, Field(max_length=255)] | None = None
    """Becomes the metadata `summary`; deprecated, `eventMetadata` does the same."""


class Alert(StaticResource):
    """Tells a Provider of events."""

    GROUP: ClassVar[str] = GROUP
    VERSION: ClassVar[str] = "v1beta3"
    KIND: ClassVar[str] = "Alert"
    PLURAL: ClassVar[str] = "alerts"
    CATEGORIES: ClassVar[tuple[str, ...]] = CATEGORIES

    spec: AlertSpec
    """Which events are told, to whom, and with what added."""


class ProviderSpec(ReconciledSpec):
    """A service, where it is and how to log in to it."""

    type: ProviderType
    """The service, and the way in which it is told."""
    interval: Duration | None = None
    """Ignored; deprecated."""
    channel: _Text | None = None
    """Channel, room, topic or whatever the service calls it."""
    username: _Text | None = None
    """Name under which messages appear, or to log in with."""
    address: _Text | None = None
    """Where the service is: a URL for most types, for some the name of a project or of a hub."""
    timeout: ShortDuration | None = None
    """Limit for one delivery with all its retries, by default 15s."""
    proxy: Annotated[str, Field(max_length=2048, pattern=r"^(http|https)://.*$")] | None = None
    """Address of a proxy; deprecated, `proxySecretRef` can hold a login as well."""
    proxy_secret_ref: LocalObjectReference | None = None
    """Secret with the `address` of a proxy, and perhaps `username` and `password`."""
    secret_ref: LocalObjectReference | None = None
    """Secret with credentials: `token`, `username` and `password`, `headers`, `address`; what is needed
    depends on the type."""
    cert_secret_ref: LocalObjectReference | None = None
    """Secret with `ca.crt` to trust in place of the system's authorities, and perhaps a client certificate in
    `tls.crt` and `tls.key`."""
    service_account_name: str | None = None
    """ServiceAccount whose workload identity is used, for azureeventhub, azuredevops and googlepubsub."""
    commit_status_expr: str | None = None
    """CEL expression over `event`, `alert` and `provider` that gives the context of a commit status."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "self.type == 'github' || self.type == 'gitlab' || self.type == 'gitea' || "
            "self.type == 'bitbucketserver' || self.type == 'bitbucket' || self.type == 'azuredevops' || "
            "!has(self.commitStatusExpr)",
            "spec.commitStatusExpr is only supported for the 'github', 'gitlab', 'gitea', "
            "'bitbucketserver', 'bitbucket', 'azuredevops' provider types",
            lambda self: self.commit_status_expr is None or self.type in COMMIT_STATUS,
        ),
    )


class Provider(StaticResource):
    """A service that is told of events, and how to log in to it."""

    GROUP: ClassVar[str] = GROUP
    VERSION: ClassVar[str] = "v1beta3"
    KIND: ClassVar[str] = "Provider"
    PLURAL: ClassVar[str] = "providers"
    CATEGORIES: ClassVar[tuple[str, ...]] = CATEGORIES

    spec: ProviderSpec
    """A service, where it is and how to log in to it."""

    @property
    def timeout(self) -> timedelta:
        """How long one delivery may take, with all its retries."""
        return self.spec.timeout if self.spec.timeout is not None else DEFAULT_TIMEOUT
