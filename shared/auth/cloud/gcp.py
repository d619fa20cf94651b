"""Google Cloud: tokens of the machine or of a ServiceAccount."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from yarl import URL

from shared.auth.cloud.accounts import Account
from shared.auth.cloud.asking import Asker, CloudError
from shared.auth.cloud.aws import Login
from shared.auth.cloud.jwt import jwt, rsa_key
from shared.auth.secrets import Proxy, SecretError
from shared.lang.json import JsonObject, dumps, loads_object
from shared.observe.clock import Clock

_SCOPES: Final = (
    "https://www.googleapis.com/auth/cloud-platform",
    "https://www.googleapis.com/auth/userinfo.email",
)
_REGISTRY: Final = re.compile(r"(((.+\.)?gcr\.io)|(.+-docker\.pkg\.dev)|(docker\.s3nsregistry\.fr))")
_USER: Final = "oauth2accesstoken"
_EMAIL: Final = "iam.gke.io/gcp-service-account"
_EMAIL_FORM: Final = re.compile(r"[a-zA-Z0-9-]{1,100}@[a-zA-Z0-9-]{1,100}\.iam\.gserviceaccount\.com")
_PROVIDER: Final = "gcp.auth.fluxcd.io/workload-identity-provider"
_PROVIDER_FORM: Final = re.compile(
    r"projects/\d{1,30}/locations/global/workloadIdentityPools/[^/]{1,100}/providers/[^/]{1,100}", re.ASCII
)
_TOKENS: Final = "https://oauth2.googleapis.com/token"
_STS: Final = "https://sts.googleapis.com/v1/token"
_IAM: Final = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/"
_METADATA: Final = "metadata.google.internal"
_KEY_FILE: Final = "GOOGLE_APPLICATION_CREDENTIALS"


@dataclass(frozen=True, slots=True)
class GcpToken:
    """What stands for an identity for a while."""

    token: str = field(repr=False)
    expires_at: datetime = field(kw_only=True)

    @property
    def login(self) -> Login:
        """For a registry."""
        return Login(_USER, self.token, expires_at=self.expires_at)


@dataclass(frozen=True, slots=True)
class _Exchange:
    """How a token of Kubernetes becomes one of Google."""

    asked_for: str
    """Audience of the token of Kubernetes."""
    audience: str
    email: str


class Gcp:
    """Asks Google; `sts` and `iam` are where tokens are exchanged."""

    def __init__(
        self,
        asker: Asker,
        clock: Clock,
        environment: Mapping[str, str] = os.environ,
        *,
        sts: str = _STS,
        iam: str = _IAM,
    ) -> None:
        """Nothing is sent yet."""
        self._asker = asker
        self._clock = clock
        self._environment = environment
        self._sts = sts
        self._iam = iam
        self._cluster: tuple[str, str, str] | None = None

    async def machine_token(self, *, proxy: Proxy | None = None) -> GcpToken:
        """A token of the controller: of its key file, or of the machine below it.

        Raises:
            CloudError: nobody gives one.
        """
        file = self._environment.get(_KEY_FILE, "")
        if file:
            return await self._of_key(file, proxy)
        answer = await self._metadata("instance/service-accounts/default/token")
        return self._token(answer, "the metadata server")

    async def exchange(self, account: Account) -> _Exchange:
        """What a token of a ServiceAccount has to be for, and what becomes of it.

        Raises:
            CloudError: its annotations are wrong, or nobody knows the cluster.
        """
        email, provider = account.annotations.get(_EMAIL, ""), account.annotations.get(_PROVIDER, "")
        if email and not _EMAIL_FORM.fullmatch(email):
            raise CloudError(f"invalid {_EMAIL} annotation: '{email}'. must match ^{_EMAIL_FORM.pattern}$")
        if provider and not _PROVIDER_FORM.fullmatch(provider):
            raise CloudError(
                f"invalid {_PROVIDER} annotation: '{provider}'. must match ^{_PROVIDER_FORM.pattern}$"
            )
        if provider:
            audience = f"//iam.googleapis.com/{provider}"
            return _Exchange(audience, audience, email)
        project, location, name = await self._where()
        pool = f"{project}.svc.id.goog"
        cluster = (
            f"https://container.googleapis.com/v1/projects/{project}/locations/{location}/clusters/{name}"
        )
        return _Exchange(pool, f"identitynamespace:{pool}:{cluster}", email)

    async def account_token(self, exchange: _Exchange, token: str, *, proxy: Proxy | None = None) -> GcpToken:
        """A token of the identity that a ServiceAccount stands for, for a token of it.

        Raises:
            CloudError: Google refuses.
        """
        form = {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "audience": exchange.audience,
            "scope": " ".join(_SCOPES),
            "requested_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "subject_token": token,
        }
        answer = await self._asker.ask("POST", URL(self._sts), body=form, proxy=proxy)
        found = self._token(answer.json(), answer.where)
        return await self._impersonated(exchange.email, found, proxy) if exchange.email else found

    async def _impersonated(self, email: str, token: GcpToken, proxy: Proxy | None) -> GcpToken:
        url = URL(f"{self._iam}{email}:generateAccessToken")
        headers = {"Authorization": f"Bearer {token.token}", "Content-Type": "application/json"}
        body = dumps({"scope": _SCOPES, "lifetime": "3600s"})
        answer = await self._asker.ask("POST", url, headers=headers, body=body, proxy=proxy)
        found = answer.json()
        text = found.get("accessToken")
        try:
            ends = datetime.fromisoformat(str(found.get("expireTime")))
        except ValueError:
            ends = self._clock.now()
        if not isinstance(text, str) or not text.isprintable() or ends.tzinfo is None:
            raise CloudError(f"{answer.where} gives no token for '{email}'")
        return GcpToken(text, expires_at=ends)

    async def _of_key(self, file: str, proxy: Proxy | None) -> GcpToken:
        """A token for the key of an account in a file."""

        try:
            text = await asyncio.to_thread(Path(file).read_bytes)
        except OSError as error:
            raise CloudError(f"the file of {_KEY_FILE} can't be used") from error
        return await self.key_token(text, f"the file of {_KEY_FILE}", proxy=proxy)

    async def key_token(self, text: bytes, where: str, *, proxy: Proxy | None = None) -> GcpToken:
        """A token for the key of a service account, as it is downloaded, or for the credentials of a user.

        `where` they are, for messages.

        Raises:
            CloudError: it is neither, or Google gives no token.
        """

        def read() -> tuple[URL, dict[str, str]]:
            found = loads_object(text)
            url = URL(str(found.get("token_uri") or _TOKENS))
            match found.get("type"):
                case "service_account":
                    return url, self._assertion(found, url)
                case "authorized_user":
                    parts = ("client_id", "client_secret", "refresh_token")
                    return url, {"grant_type": "refresh_token"} | {part: str(found[part]) for part in parts}
            raise CloudError(f"{where} has to be the key of a service account, or the credentials of a user")

        try:
            url, form = await asyncio.to_thread(read)
        except (ValueError, KeyError, SecretError) as error:
            raise CloudError(f"{where} can't be used") from error
        answer = await self._asker.ask("POST", url, body=form, proxy=proxy)
        return self._token(answer.json(), answer.where)

    def _assertion(self, found: JsonObject, url: URL) -> dict[str, str]:
        """What a service account says of itself, signed by its key."""
        key = rsa_key(str(found.get("private_key") or "").encode(), "private_key")
        now = int(self._clock.now().timestamp())
        claims = {
            "iss": found.get("client_email"),
            "scope": " ".join(_SCOPES),
            "aud": str(url),
            "iat": now,
            "exp": now + 3600,
        }
        return {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": jwt(claims, key)}

    async def _where(self) -> tuple[str, str, str]:
        """Project, location and name of the cluster, which don't change."""
        if self._cluster is None:
            paths = (
                "project/project-id",
                "instance/attributes/cluster-location",
                "instance/attributes/cluster-name",
            )
            project, location, name = [await self._text(path) for path in paths]
            self._cluster = project, location, name
        return self._cluster

    async def _text(self, path: str) -> str:
        answer = await self._asker.ask("GET", self._metadata_url(path), headers={"Metadata-Flavor": "Google"})
        answer.check()
        text = answer.body.decode(errors="replace").strip()
        if not text:
            raise CloudError(f"the metadata server does not know {path}")
        return text

    async def _metadata(self, path: str) -> JsonObject:
        url = self._metadata_url(path).with_query({"scopes": ",".join(_SCOPES)})
        return (await self._asker.ask("GET", url, headers={"Metadata-Flavor": "Google"})).json()

    def _metadata_url(self, path: str) -> URL:
        host = self._environment.get("GCE_METADATA_HOST") or _METADATA
        return URL(f"http://{host}/computeMetadata/v1/{path}")

    def _token(self, answer: JsonObject, where: str) -> GcpToken:
        token = answer.get("access_token")
        try:
            life = timedelta(seconds=int(answer.get("expires_in") or 0))
        except (TypeError, ValueError):
            life = timedelta()
        if not isinstance(token, str) or not token.isprintable() or not token:
            raise CloudError(f"{where} gives no token")
        return GcpToken(token, expires_at=self._clock.now() + life)


def check_registry(host: str) -> None:
    """Refuses hosts that are no registries of Google.

    Raises:
        CloudError: it is none.
    """
    if not _REGISTRY.fullmatch(host):
        raise CloudError(f"invalid GCP registry: '{host}'. must match ^{_REGISTRY.pattern}$")
