"""Bucket: content in an object store."""

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
from shared.api.source_v1.common import Provider, Source, SourceStatus


class BucketSTS(WireModel):
    """Where temporary credentials come from."""

    provider: Literal["aws", "ldap"]
    """Who gives them."""
    endpoint: Annotated[str, Field(pattern=r"^(http|https)://.*$")]
    """Address of the service that gives them."""
    secret_ref: LocalObjectReference | None = None
    """Secret with `username` and `password` for the service."""
    cert_secret_ref: LocalObjectReference | None = None
    """Secret with `ca.crt`, and perhaps `tls.crt` and `tls.key`, for the service."""


class BucketSpec(ReconciledSpec):
    """The bucket and what to take from it."""

    provider: Annotated[Provider, Served()] = Provider.GENERIC
    """Whose object store it is; `generic` is any that speaks S3."""
    bucket_name: str
    """Name of the bucket."""
    endpoint: str
    """Address of the object store: host and port, or for Azure the URL of the account."""
    sts: BucketSTS | None = None
    """Where temporary credentials come from."""
    insecure: StrictBool = False
    """Allow plain HTTP."""
    region: str | None = None
    """Region of the bucket."""
    prefix: str | None = None
    """Only objects whose keys start like this are taken; they keep it."""
    secret_ref: LocalObjectReference | None = None
    """Secret with credentials: `accesskey` and `secretkey` for S3, or those of the provider."""
    service_account_name: str | None = None
    """ServiceAccount whose workload identity the provider knows."""
    cert_secret_ref: LocalObjectReference | None = None
    """Secret with `ca.crt`, and perhaps `tls.crt` and `tls.key`."""
    proxy_secret_ref: LocalObjectReference | None = None
    """Secret with the `address` of a proxy, and perhaps `username` and `password`."""
    interval: Duration
    """How often the bucket is listed."""
    timeout: Annotated[ShortDuration, Served("60s")] = timedelta(seconds=60)
    """Limit for listing the bucket and fetching what is in it."""
    ignore: str | None = None
    """Patterns in the format of `.gitignore` for objects that are left out of the artifact; they come after
    those of the bucket's own `.sourceignore`, and none are built in."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "self.provider == 'aws' || self.provider == 'generic' || !has(self.sts)",
            "STS configuration is only supported for the 'aws' and 'generic' Bucket providers",
            lambda self: self.provider in {Provider.AWS, Provider.GENERIC} or self.sts is None,
        ),
        Rule(
            "self.provider != 'aws' || !has(self.sts) || self.sts.provider == 'aws'",
            "'aws' is the only supported STS provider for the 'aws' Bucket provider",
            lambda self: self.provider != Provider.AWS or self.sts is None or self.sts.provider == "aws",
        ),
        Rule(
            "self.provider != 'generic' || !has(self.sts) || self.sts.provider == 'ldap'",
            "'ldap' is the only supported STS provider for the 'generic' Bucket provider",
            lambda self: self.provider != Provider.GENERIC or self.sts is None or self.sts.provider == "ldap",
        ),
        Rule(
            "!has(self.sts) || self.sts.provider != 'aws' || !has(self.sts.secretRef)",
            "spec.sts.secretRef is not required for the 'aws' STS provider",
            lambda self: self.sts is None or self.sts.provider != "aws" or self.sts.secret_ref is None,
        ),
        Rule(
            "!has(self.sts) || self.sts.provider != 'aws' || !has(self.sts.certSecretRef)",
            "spec.sts.certSecretRef is not required for the 'aws' STS provider",
            lambda self: self.sts is None or self.sts.provider != "aws" or self.sts.cert_secret_ref is None,
        ),
        Rule(
            "self.provider != 'generic' || !has(self.serviceAccountName)",
            "ServiceAccountName is not supported for the 'generic' Bucket provider",
            lambda self: self.provider != Provider.GENERIC or self.service_account_name is None,
        ),
        Rule(
            "!has(self.secretRef) || !has(self.serviceAccountName)",
            "cannot set both .spec.secretRef and .spec.serviceAccountName",
            lambda self: self.secret_ref is None or self.service_account_name is None,
        ),
    )


class BucketStatus(SourceStatus):
    """What was fetched last, and from which spec."""

    url: str | None = None
    """Address of the latest artifact, whatever its revision."""
    observed_ignore: str | None = None
    """Ignore patterns of the current artifact."""


class Bucket(Source):
    """Packs the objects of a bucket into an artifact, again and again as they change."""

    KIND: ClassVar[str] = "Bucket"
    PLURAL: ClassVar[str] = "buckets"
    COLUMNS: ClassVar[tuple[Column, ...]] = (Column("Endpoint", ".spec.endpoint"), AGE, READY, STATUS)

    spec: BucketSpec
    """The bucket and what to take from it."""
    status: BucketStatus = BucketStatus(observed_generation=-1)
    """What was fetched last."""
