"""Clusters that clouds manage: where their API servers are, whom to trust, and the tokens of AWS for them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

from yarl import URL

from shared.auth.cloud.asking import Answer, Asker, CloudError
from shared.auth.cloud.aws import Aws, AwsKeys, authorization, signature, suffix
from shared.auth.cloud.azure import Azure, AzureToken
from shared.auth.cloud.gcp import GcpToken
from shared.lang.json import JsonObject, mapping
from shared.lang.yaml import YamlError, load
from shared.observe.clock import Clock

AKS_SCOPE: Final = "6dae42f8-4368-4678-94ff-3960e28e3630/.default"

_EKS: Final = re.compile(r"arn:aws[\w-]*:eks:([a-z0-9-]{1,100}):[0-9]{1,30}:cluster/([\w-]{1,200})", re.ASCII)
# They become paths of requests: no part may lead elsewhere.
_AKS: Final = re.compile(
    r"/subscriptions/[0-9a-f-]{36}/resourceGroups/[\w.()-]{0,199}[\w()-]/providers/Microsoft\.ContainerService"
    r"/managedClusters/[\w-]{1,200}",
    re.ASCII | re.IGNORECASE,
)
_GKE: Final = re.compile(
    r"projects/[a-z0-9.:-]{0,199}[a-z0-9]/locations/[a-z0-9-]{1,200}/clusters/[a-z0-9-]{1,200}", re.ASCII
)
_AKS_VERSION: Final = "2025-05-01"
_GKE_SERVICE: Final = "https://container.googleapis.com/v1/"
_TOKEN_LIFE: Final = timedelta(minutes=15)
_MARK: Final = "k8s-aws-v1."


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """Where an API server is, and whom to trust there."""

    address: str
    authorities: bytes


@dataclass(frozen=True, slots=True)
class ClusterToken:
    """What an API server of AWS takes for a while."""

    token: str = field(repr=False)
    expires_at: datetime


class ManagedClusters:
    """Asks the clouds about clusters."""

    def __init__(
        self,
        asker: Asker,
        clock: Clock,
        aws: Aws,
        azure: Azure,
        environment: Mapping[str, str] = os.environ,
        *,
        gke: str = _GKE_SERVICE,
    ) -> None:
        """Nothing is sent yet; `gke` is where clusters of Google are described."""
        self._asker = asker
        self._clock = clock
        self._aws = aws
        self._azure = azure
        self._environment = environment
        self._gke = gke

    async def eks(self, cluster: str, keys: AwsKeys) -> ClusterFacts:
        """A cluster of AWS, by its ARN.

        Raises:
            CloudError: there is none, or AWS does not tell.
        """
        region, name = parse_eks(cluster)
        url = (self._aws.endpoint("EKS") or URL(f"https://eks.{region}.{suffix(region)}")) / "clusters" / name
        headers = {"host": url.authority, "x-amz-date": self._stamp()}
        if keys.token:
            headers["x-amz-security-token"] = keys.token
        headers["authorization"] = authorization("GET", url, headers, b"", keys, region, "eks")
        answer = await self._asker.ask("GET", url, headers=headers)
        found = mapping(answer.json().get("cluster"))
        authority = mapping(found.get("certificateAuthority")).get("data")
        return ClusterFacts(_address(found.get("endpoint"), answer), _pem(authority, answer))

    def eks_token(self, cluster: str, keys: AwsKeys) -> ClusterToken:
        """A token for a cluster of AWS: a signed request that the cluster sends to find out who asks.

        Raises:
            CloudError: the name of the cluster is none.
        """
        region, name = parse_eks(cluster)
        stamp = self._stamp()
        ends = min(self._clock.now() + _TOKEN_LIFE, keys.expires_at)
        url = self._aws.endpoint("STS") or URL(f"https://sts.{region}.{suffix(region)}/")
        headers = {"host": url.authority, "x-k8s-aws-id": name}
        query = {
            "Action": "GetCallerIdentity",
            "Version": "2011-06-15",
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": f"{keys.access_key}/{stamp[:8]}/{region}/sts/aws4_request",
            "X-Amz-Date": stamp,
            "X-Amz-Expires": str(int(_TOKEN_LIFE.total_seconds())),
            "X-Amz-SignedHeaders": ";".join(sorted(headers)),
        }
        if keys.token:
            query["X-Amz-Security-Token"] = keys.token
        asked = "&".join(f"{_quoted(key)}={_quoted(query[key])}" for key in sorted(query))
        listed = "".join(f"{key}:{headers[key]}\n" for key in sorted(headers))
        empty = hashlib.sha256(b"").hexdigest()
        canonical = f"GET\n{url.raw_path}\n{asked}\n{listed}\n{query['X-Amz-SignedHeaders']}\n{empty}"
        proof = signature(canonical, stamp, keys, region, "sts")
        signed = f"{url.scheme}://{headers['host']}{url.raw_path}?{asked}&X-Amz-Signature={proof}"
        token = base64.urlsafe_b64encode(signed.encode()).rstrip(b"=").decode()
        return ClusterToken(_MARK + token, ends)

    def aks_manager_scope(self) -> str:
        """What a token has to be for to ask about clusters of Azure."""
        return f"{self._azure.resource_manager()}/.default"

    async def aks(self, cluster: str, address: str, token: AzureToken) -> ClusterFacts:
        """A cluster of Azure, by its resource id; with an address, the one of its ways that leads there.

        Raises:
            CloudError: there is none, or Azure does not tell.
        """
        if not _AKS.fullmatch(cluster):
            raise CloudError(f"invalid AKS cluster ID: '{cluster}'. must match ^{_AKS.pattern}$")
        url = URL(self._azure.resource_manager() + cluster)
        headers = {"Authorization": f"Bearer {token.token}"}
        query = {"api-version": _AKS_VERSION}
        answer = await self._asker.ask("GET", url.with_query(query), headers=headers)
        if not mapping(mapping(answer.json().get("properties")).get("aadProfile")):
            raise CloudError(f"AKS cluster {cluster} does not have Microsoft Entra ID integration enabled")
        answer = await self._asker.ask(
            "POST", (url / "listClusterUserCredential").with_query(query), headers=headers
        )
        ways = [_way(entry, answer) for entry in answer.json().get("kubeconfigs") or ()]
        for way in ways:
            if not address or _same(way.address, address):
                return way
        known = ", ".join(f"'{way.address}'" for way in ways)
        raise CloudError(f"AKS cluster {cluster} has no address '{address}', but [{known}]")

    async def gke(self, cluster: str, token: GcpToken) -> ClusterFacts:
        """A cluster of Google, by its resource name.

        Raises:
            CloudError: there is none, or Google does not tell.
        """
        if not _GKE.fullmatch(cluster):
            raise CloudError(f"invalid GKE cluster ID: '{cluster}'. must match ^{_GKE.pattern}$")
        headers = {"Authorization": f"Bearer {token.token}"}
        answer = await self._asker.ask("GET", URL(self._gke + cluster), headers=headers)
        found = answer.json()
        authority = mapping(found.get("masterAuth")).get("clusterCaCertificate")
        return ClusterFacts(_address(found.get("endpoint"), answer), _pem(authority, answer))

    def _stamp(self) -> str:
        return self._clock.now().strftime("%Y%m%dT%H%M%SZ")


def parse_eks(cluster: str) -> tuple[str, str]:
    """Region and name of a cluster of AWS.

    Raises:
        CloudError: the ARN is none.
    """
    found = _EKS.fullmatch(cluster)
    if found is None:
        raise CloudError(f"invalid EKS cluster ARN: '{cluster}'. must match ^{_EKS.pattern}$")
    return found[1], found[2]


def _address(value: object, answer: Answer) -> str:
    if not isinstance(value, str) or not value:
        raise CloudError(f"{answer.where} does not tell where the API server is; is the cluster ready?")
    return value if "://" in value else f"https://{value}"


def _pem(value: object, answer: Answer) -> bytes:
    try:
        found = base64.b64decode(str(value or ""), validate=True)
    except (binascii.Error, ValueError):
        found = b""
    if not found:
        raise CloudError(f"{answer.where} gives no certificate of the API server")
    return found


def _way(entry: Any, answer: Answer) -> ClusterFacts:
    """Address and trust of a kubeconfig that Azure gives; nothing else of it is used."""
    try:
        config = mapping(load(base64.b64decode(str(mapping(entry).get("value") or ""))))
    except (YamlError, binascii.Error, ValueError):
        raise CloudError(f"{answer.where} gives a kubeconfig that can't be read") from None
    clusters = config.get("clusters")
    first: JsonObject = mapping(clusters[0]) if isinstance(clusters, list) and clusters else {}
    cluster = mapping(first.get("cluster"))
    return ClusterFacts(
        _address(cluster.get("server"), answer), _pem(cluster.get("certificate-authority-data"), answer)
    )


def _same(one: str, other: str) -> bool:
    return _origin(one) == _origin(other)


def _origin(address: str) -> tuple[str | None, int | None]:
    url = URL(address if "://" in address else f"https://{address}")
    return url.host, url.port


def _quoted(text: str) -> str:
    return quote(text, safe="-_.~")
