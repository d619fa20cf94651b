"""`notification.toolkit.fluxcd.io/v1`: Receivers, and the references that Alerts share with them."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from shared.api.meta import CustomResource, LocalObjectReference, ReconciledSpec, ReconciledStatus
from shared.api.model import Duration, Rule, Served, WireModel

GROUP: Final = "notification.toolkit.fluxcd.io"
CATEGORIES: Final = ("all", "fluxcd", "fluxcd-notifications")
#: In place of a name: all objects of the kind in the namespace.
ANY: Final = "*"

_Name = Annotated[str, Field(min_length=1, max_length=253)]


class CrossNamespaceObjectReference(WireModel):
    """Objects of one kind in one namespace: one by its name, or all of them."""

    api_version: str | None = None
    """API version of the objects."""
    kind: Literal[
        "Bucket",
        "GitRepository",
        "Kustomization",
        "HelmRelease",
        "HelmChart",
        "HelmRepository",
        "ImageRepository",
        "ImagePolicy",
        "ImageUpdateAutomation",
        "OCIRepository",
        "ArtifactGenerator",
        "ExternalArtifact",
    ]
    """Kind of the objects."""
    name: _Name
    """Name of the object, or `*` for all."""
    namespace: _Name | None = None
    """Namespace of the objects, by default that of the referring object; there is no wildcard."""
    match_labels: dict[str, str] | None = None
    """Labels that the objects must have."""


class ReceiverType(StrEnum):
    """Who calls a Receiver: this decides how a call is verified and read."""

    GENERIC = "generic"
    GENERIC_HMAC = "generic-hmac"
    GENERIC_OIDC = "generic-oidc"
    GITHUB = "github"
    GITLAB = "gitlab"
    BITBUCKET = "bitbucket"
    HARBOR = "harbor"
    DOCKERHUB = "dockerhub"
    QUAY = "quay"
    GCR = "gcr"
    NEXUS = "nexus"
    ACR = "acr"
    CDEVENTS = "cdevents"


class ReceiverResource(CrossNamespaceObjectReference):
    """Objects that a call asks to reconcile."""

    filter: str | None = None
    """CEL expression over `res`, `req` and, with `generic-oidc`, `claims`; only objects for which it is true
    are reconciled, and only if `resourceFilter` is true as well."""


class OIDCVariable(WireModel):
    """A name for an expression that several validations need."""

    name: str
    """Name below `vars`."""
    expression: str
    """CEL expression over `claims` and the variables before this one."""


class OIDCValidation(WireModel):
    """What has to be true of the claims of a token."""

    expression: str
    """CEL expression over `claims` and `vars` that has to be true."""
    message: str
    """What the caller is told where it is not."""


class OIDCProvider(WireModel):
    """An issuer of tokens, and whose tokens of it are accepted."""

    issuer_url: Annotated[str, Field(alias="issuerURL", pattern=r"^https?://")]
    """Address of the issuer, equal to the claim `iss` of its tokens."""
    audience: str | None = None
    """Audience that a token has to be for, by default `notification-controller`."""
    variables: tuple[OIDCVariable, ...] | None = None
    """Expressions with a name, in order."""
    validations: Annotated[tuple[OIDCValidation, ...], Field(min_length=1)]
    """All of them have to be true; a valid signature says nothing about who the caller is."""


class ReceiverSpec(ReconciledSpec):
    """Who may call, and what a call asks to reconcile."""

    type: ReceiverType
    """Who calls; decides how a call is verified and read."""
    interval: Annotated[Duration, Served("10m")] = timedelta(minutes=10)
    """How often the Secret is looked at."""
    events: tuple[str, ...] | None = None
    """Events that are answered, for example `push` of GitHub; by default all."""
    resources: tuple[ReceiverResource, ...]
    """What a call asks to reconcile."""
    resource_filter: str | None = None
    """CEL expression over `res`, `req` and, with `generic-oidc`, `claims`; only objects for which it is true
    are reconciled."""
    secret_ref: LocalObjectReference | None = None
    """Secret with the `token` that calls are verified with; for `gcr` with `email` and `audience` as well."""
    oidc_providers: (
        Annotated[
            tuple[OIDCProvider, ...],
            Field(
                json_schema_extra={
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["issuerURL"],
                }
            ),
        ]
        | None
    ) = None
    """Issuers whose tokens are accepted by a `generic-oidc` receiver."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "self.type != 'generic-oidc' || (has(self.oidcProviders) && size(self.oidcProviders) > 0)",
            "generic-oidc receivers must define at least one oidcProvider",
            lambda self: self.type != ReceiverType.GENERIC_OIDC or bool(self.oidc_providers),
        ),
        Rule(
            "self.type == 'generic-oidc' || !has(self.oidcProviders) || size(self.oidcProviders) == 0",
            "oidcProviders can only be set when type is generic-oidc",
            lambda self: self.type == ReceiverType.GENERIC_OIDC or not self.oidc_providers,
        ),
        Rule(
            "self.type != 'generic-oidc' || !has(self.secretRef)",
            "secretRef cannot be set when type is generic-oidc",
            lambda self: self.type != ReceiverType.GENERIC_OIDC or self.secret_ref is None,
        ),
        Rule(
            "self.type == 'generic-oidc' || has(self.secretRef)",
            "secretRef is required when type is not generic-oidc",
            lambda self: self.type == ReceiverType.GENERIC_OIDC or self.secret_ref is not None,
        ),
    )


class ReceiverStatus(ReconciledStatus):
    """Where the Receiver can be called."""

    webhook_path: str | None = None
    """Path of the calls, below the address of the webhook server."""


class Receiver(CustomResource):
    """Takes calls of Git hosts, registries and pipelines, and asks for reconciliations."""

    GROUP: ClassVar[str] = GROUP
    VERSION: ClassVar[str] = "v1"
    KIND: ClassVar[str] = "Receiver"
    PLURAL: ClassVar[str] = "receivers"
    CATEGORIES: ClassVar[tuple[str, ...]] = CATEGORIES

    spec: ReceiverSpec
    """Who may call, and what a call asks to reconcile."""
    status: ReceiverStatus = ReceiverStatus(observed_generation=-1)
    """Where it can be called."""
