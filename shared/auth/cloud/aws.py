"""AWS: credentials of the machine or of a ServiceAccount, and what registries and CodeCommit want of them."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any, Final

from yarl import URL

from shared.auth.cloud.accounts import Account
from shared.auth.cloud.asking import Asker, CloudError
from shared.auth.registry import RegistryLogin
from shared.auth.secrets import BasicAuth, Proxy
from shared.lang.json import dumps
from shared.lang.xml import XmlRefused, texts
from shared.observe.clock import Clock

AUDIENCE: Final = "sts.amazonaws.com"

_REGISTRY: Final = re.compile(
    r"([0-9+]*).dkr[.-]ecr(?:-fips)?\.([^/.]*)\."
    r"(amazonaws\.com[.cn]*|amazonaws\.eu|sc2s\.sgov\.gov|c2s\.ic\.gov|cloud\.adc-e\.uk|"
    r"csp\.hci\.ic\.gov|on\.aws)"
)
_PUBLIC: Final = "public.ecr.aws"
_PUBLIC_REGION: Final = "us-east-1"
_ROLE: Final = "eks.amazonaws.com/role-arn"
_ROLE_ARN: Final = re.compile(r"arn:aws[\w-]*:iam::[0-9]{1,30}:role/.{1,200}", re.ASCII)
_ENDPOINT: Final = re.compile(r"https://(?:.+\.)?sts(?:-fips)?(?:\.[^.]+)?(?:\.vpce)?\.amazonaws\.com")
_CODECOMMIT: Final = re.compile(r"git-codecommit(?:-fips)?\.([^.]+)\.amazonaws\.com(?:\.cn)?")
_TOLD: Final = ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration", "Code")
_SIGNED_LIFE: Final = timedelta(minutes=15)
_FOREVER: Final = timedelta(hours=1)
"""Keys that don't say when they end are asked for again by then."""


@dataclass(frozen=True, slots=True)
class AwsKeys:
    """What requests are signed with."""

    access_key: str
    secret_key: str = field(repr=False)
    token: str = field(default="", repr=False)
    expires_at: datetime = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Login:
    """A user and a password for a while."""

    username: str
    password: str = field(repr=False)
    expires_at: datetime = field(kw_only=True)

    @property
    def registry(self) -> RegistryLogin:
        """For a registry."""
        return RegistryLogin(self.username, self.password)

    @property
    def basic(self) -> BasicAuth:
        """For HTTP."""
        return BasicAuth(self.username, self.password)


class Aws:
    """Asks AWS; `environment` names endpoints in the way that all AWS tools know."""

    def __init__(self, asker: Asker, clock: Clock, environment: Mapping[str, str] = os.environ) -> None:
        """Nothing is sent yet."""
        self._asker = asker
        self._clock = clock
        self._environment = environment
        self._lock = Lock()
        self._session: Any = None

    async def machine_keys(self) -> AwsKeys:
        """The keys that environment, files, and the services of the machine give.

        Raises:
            CloudError: nobody gives any.
        """
        return await asyncio.to_thread(self._machine_keys)

    async def account_keys(
        self, account: Account, token: str, region: str, *, endpoint: str = "", proxy: Proxy | None = None
    ) -> AwsKeys:
        """The keys of the role that a ServiceAccount stands for, for a token of it.

        Raises:
            CloudError: it stands for none, or AWS refuses.
        """
        role = role_of(account)
        if not region:
            raise CloudError(
                "an AWS region is required for authenticating with a service account. "
                "please configure one in the object spec"
            )
        form = {
            "Action": "AssumeRoleWithWebIdentity",
            "Version": "2011-06-15",
            "RoleArn": role,
            "RoleSessionName": f"{account.name}.{account.namespace}.{region}.fluxcd.io"[:64],
            "WebIdentityToken": token,
        }
        answer = await self._asker.ask("POST", self._sts(region, endpoint), body=form, proxy=proxy)
        try:
            found = texts(answer.body, _TOLD)
        except XmlRefused as error:
            raise CloudError(f"the answer of {answer.where} can't be used: {error}") from error
        if answer.status != 200:
            raise CloudError(
                f"{answer.where} refuses the role '{role}': {found.get('Code') or answer.status}"
            )
        access, secret = found.get("AccessKeyId"), found.get("SecretAccessKey")
        if not access or not secret:
            raise CloudError(f"{answer.where} gives no keys for the role '{role}'")
        expires = _time(found.get("Expiration", "")) or self._clock.now() + _FOREVER
        return AwsKeys(access, secret, found.get("SessionToken", ""), expires_at=expires)

    async def registry_login(self, host: str, keys: AwsKeys, *, proxy: Proxy | None = None) -> Login:
        """The login for a registry.

        Raises:
            CloudError: AWS gives none.
        """
        region = registry_region(host)
        public = host == _PUBLIC
        service = "ecr-public" if public else "ecr"
        target = "SpencerFrontendService" if public else "AmazonEC2ContainerRegistry_V20150921"
        url = self.endpoint("ECR_PUBLIC" if public else "ECR") or URL(
            f"https://api.{service}.{region}.{suffix(region)}/"
        )
        headers = {
            "content-type": "application/x-amz-json-1.1",
            "host": _authority(url),
            "x-amz-date": self._clock.now().strftime("%Y%m%dT%H%M%SZ"),
            "x-amz-target": f"{target}.GetAuthorizationToken",
        }
        if keys.token:
            headers["x-amz-security-token"] = keys.token
        body = dumps({})
        headers["authorization"] = authorization("POST", url, headers, body, keys, region, service)
        answer = (await self._asker.ask("POST", url, headers=headers, body=body, proxy=proxy)).json()
        data = answer.get("authorizationData")
        first = data if isinstance(data, dict) else data[0] if isinstance(data, list) and data else {}
        try:
            pair = base64.b64decode(str(first.get("authorizationToken")), validate=True).decode()
            user, colon, password = pair.partition(":")
            expires = datetime.fromtimestamp(float(first["expiresAt"]), UTC)
        except (KeyError, TypeError, ValueError):
            colon = ""
        if not colon:
            raise CloudError(f"{url.host} gives no login for '{host}'")
        return Login(user, password, expires_at=expires)

    def git_login(self, url: URL, keys: AwsKeys) -> Login:
        """The login for a repository in CodeCommit: a signature over its address.

        Raises:
            CloudError: it isn't there.
        """
        region = codecommit_region(url)
        now = self._clock.now()
        stamp = now.strftime("%Y%m%dT%H%M%S")
        canonical = f"GIT\n{url.raw_path}\n\nhost:{_authority(url)}\n\nhost\n"
        proof = signature(canonical, stamp, keys, region, "codecommit")
        user = f"{keys.access_key}%{keys.token}" if keys.token else keys.access_key
        return Login(user, f"{stamp}Z{proof}", expires_at=min(now + _SIGNED_LIFE, keys.expires_at))

    def _machine_keys(self) -> AwsKeys:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - takes long to load
        from botocore.session import Session  # noqa: PLC0415

        with self._lock:
            try:
                if self._session is None:
                    self._session = Session()
                found = self._session.get_credentials()
                frozen = found.get_frozen_credentials() if found else None
            except (BotoCoreError, ClientError) as error:
                raise CloudError(f"{type(error).__name__}: {error}"[:500]) from None
        if frozen is None:
            raise CloudError(
                "no credentials found, use spec.secretRef or give the controller an identity of AWS"
            )
        ends = getattr(found, "_expiry_time", None) or self._clock.now() + _FOREVER
        return AwsKeys(frozen.access_key, frozen.secret_key, frozen.token or "", expires_at=ends)

    def _sts(self, region: str, endpoint: str) -> URL:
        if endpoint and not _ENDPOINT.fullmatch(endpoint):
            raise CloudError(f"invalid STS endpoint: '{endpoint}'. must match ^{_ENDPOINT.pattern}$")
        return (
            URL(endpoint)
            if endpoint
            else self.endpoint("STS") or URL(f"https://sts.{region}.{suffix(region)}/")
        )

    def endpoint(self, service: str) -> URL | None:
        """Where the environment says that a service is."""
        text = self._environment.get(f"AWS_ENDPOINT_URL_{service}") or self._environment.get(
            "AWS_ENDPOINT_URL"
        )
        return URL(text) if text else None


def registry_region(host: str) -> str:
    """The region of a registry.

    Raises:
        CloudError: it is none of AWS.
    """
    if host == _PUBLIC:
        return _PUBLIC_REGION
    found = _REGISTRY.search(host)
    if found is None:
        raise CloudError(f"invalid AWS registry: '{host}'. must match {_REGISTRY.pattern}")
    return found[2]


def codecommit_region(url: URL) -> str:
    """The region of a repository in CodeCommit.

    Raises:
        CloudError: it isn't there.
    """
    if url.scheme != "https":
        raise CloudError("AWS CodeCommit authentication requires an HTTPS Git URL")
    found = _CODECOMMIT.fullmatch(url.host or "")
    if found is None:
        raise CloudError(f"invalid AWS CodeCommit Git URL: {_authority(url)}")
    return found[1]


def role_of(account: Account) -> str:
    """The role that a ServiceAccount stands for.

    Raises:
        CloudError: it stands for none.
    """
    role = account.annotations.get(_ROLE, "")
    if not _ROLE_ARN.fullmatch(role):
        raise CloudError(f"invalid {_ROLE} annotation: '{role}'. must match ^{_ROLE_ARN.pattern}$")
    return role


def authorization(
    method: str, url: URL, headers: Mapping[str, str], body: bytes, keys: AwsKeys, region: str, service: str
) -> str:
    """The header that signs a request (AWS Signature Version 4); names of headers are in lower case."""
    names = sorted(headers)
    listed = "".join(f"{name}:{headers[name].strip()}\n" for name in names)
    signed = ";".join(names)
    digest = hashlib.sha256(body).hexdigest()
    canonical = f"{method}\n{url.raw_path}\n{url.raw_query_string}\n{listed}\n{signed}\n{digest}"
    stamp = headers["x-amz-date"]
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    proof = signature(canonical, stamp, keys, region, service)
    who = f"Credential={keys.access_key}/{scope}"
    return f"AWS4-HMAC-SHA256 {who}, SignedHeaders={signed}, Signature={proof}"


def signature(canonical: str, stamp: str, keys: AwsKeys, region: str, service: str) -> str:
    """The signature of a request in its canonical form."""
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{keys.secret_key}".encode()
    for part in (stamp[:8], region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()


def suffix(region: str) -> str:
    """The domain of the services of a region."""
    return "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"


def _authority(url: URL) -> str:
    return f"{url.host}" if url.is_default_port() else f"{url.host}:{url.port}"


def _time(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None
