"""GitHub Apps: a private key says who the app is, and GitHub gives a token for one of its installations."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Self, TypeAlias

from yarl import URL

from shared.auth.cloud.asking import Asker, CloudError
from shared.auth.cloud.jwt import jwt, rsa_key
from shared.auth.secrets import Proxy, SecretData, SecretError
from shared.auth.tls import TlsMaterial
from shared.observe.clock import Clock

APP_ID: Final = "githubAppID"
USER: Final = "x-access-token"

_OWNER: Final = "githubAppInstallationOwner"
_INSTALLATION: Final = "githubAppInstallationID"
_KEY: Final = "githubAppPrivateKey"
_BASE: Final = "githubAppBaseURL"
_PUBLIC: Final = "https://api.github.com/"
_BACK: Final = timedelta(seconds=30)
_LIFE: Final = timedelta(minutes=2)

_Ask: TypeAlias = Callable[[str, str], Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class InstallationToken:
    """What an installation logs in with."""

    token: str = field(repr=False)
    expires_at: datetime = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class GitHubApp:
    """An app, and the installation of it that counts."""

    app_id: int
    installation: int
    owner: str
    base: URL
    fingerprint: str
    """The same for the same app, and of no use for anything else."""
    key: Any = field(repr=False)

    @classmethod
    def read(cls, data: SecretData) -> Self:
        """From the data of a Secret; takes a while, so call it in a thread.

        Raises:
            SecretError: something is missing or can't be used; names the key.
        """
        app_id, installation = _number(data, APP_ID), _number(data, _INSTALLATION)
        owner, pem = _text(data, _OWNER), data.get(_KEY, b"")
        if not app_id:
            raise SecretError(f"app ID must be provided to use github app authentication ('{APP_ID}')")
        if bool(owner) == bool(installation):
            which = "only one of app" if owner else "app"
            raise SecretError(
                f"{which} installation owner or ID must be provided to use github app authentication "
                f"('{_OWNER}', '{_INSTALLATION}')"
            )
        if not pem:
            raise SecretError(f"private key must be provided to use github app authentication ('{_KEY}')")
        if owner and not all(char.isalnum() or char in "-_." for char in owner):
            raise SecretError(f"'{_OWNER}' is not the name of an owner")
        base = _base(_text(data, _BASE) or _PUBLIC)
        parts = (str(app_id), owner, str(installation), str(base), hashlib.sha256(pem).hexdigest())
        fingerprint = hashlib.sha256("\0".join(parts).encode()).hexdigest()
        return cls(app_id, installation, owner, base, fingerprint, rsa_key(pem, _KEY))

    async def token(
        self, asker: Asker, clock: Clock, *, proxy: Proxy | None, tls: TlsMaterial
    ) -> InstallationToken:
        """A token of the installation.

        Raises:
            CloudError: GitHub gives none.
        """
        ask = await self._as_app(asker, clock, proxy, tls)
        number = self.installation or await self._installed(ask)
        answer = await ask("POST", f"app/installations/{number}/access_tokens")
        token, expires = answer.get("token"), answer.get("expires_at")
        try:
            ends = datetime.fromisoformat(str(expires))
        except ValueError:
            ends = None
        if not isinstance(token, str) or not token.isprintable() or ends is None or ends.tzinfo is None:
            raise CloudError(f"{self.base.host} gives no token for installation {number}")
        return InstallationToken(token, expires_at=ends)

    async def slug(self, asker: Asker, clock: Clock, *, proxy: Proxy | None, tls: TlsMaterial) -> str:
        """The name of the app in addresses; what it writes is written by `<slug>[bot]`.

        Raises:
            CloudError: GitHub doesn't tell.
        """
        ask = await self._as_app(asker, clock, proxy, tls)
        slug = (await ask("GET", "app")).get("slug")
        if not isinstance(slug, str) or not slug:
            raise CloudError(f"{self.base.host} does not tell the slug of app {self.app_id}")
        return slug

    async def _as_app(self, asker: Asker, clock: Clock, proxy: Proxy | None, tls: TlsMaterial) -> _Ask:
        """Asks as the app itself, for a moment."""
        proof = await asyncio.to_thread(jwt, self._claims(clock.now()), self.key)
        headers = {"Authorization": f"Bearer {proof}", "Accept": "application/vnd.github+json"}

        async def ask(method: str, path: str) -> Mapping[str, Any]:
            url = self.base.join(URL(path))
            return (await asker.ask(method, url, headers=headers, proxy=proxy, tls=tls)).json()

        return ask

    async def _installed(self, ask: _Ask) -> int:
        """The installation at an owner, be that an organization or a user."""
        told: list[str] = []
        for kind, name in (("orgs", "organization"), ("users", "user")):
            try:
                number = (await ask("GET", f"{kind}/{self.owner}/installation")).get("id")
            except CloudError as error:
                told.append(f"failed to find {name} installation: {error}")
                continue
            if isinstance(number, int):
                return number
            told.append(f"failed to find {name} installation: the answer has no id")
        raise CloudError(", ".join(told))

    def _claims(self, now: datetime) -> dict[str, Any]:
        issued = now.replace(microsecond=0) - _BACK
        return {
            "iat": int(issued.timestamp()),
            "exp": int((issued + _LIFE).timestamp()),
            "iss": str(self.app_id),
        }


def _base(text: str) -> URL:
    try:
        url = URL(text if text.endswith("/") else f"{text}/")
        host = url.host
    except ValueError:
        host = None
    if not host or url.scheme not in ("http", "https"):
        raise SecretError(f"'{_BASE}' is not a URL with a host and one of the schemes http and https")
    return url.with_user(None).with_query(None).with_fragment(None)


def _text(data: SecretData, key: str) -> str:
    return data.get(key, b"").decode(errors="replace").strip()


def _number(data: SecretData, key: str) -> int:
    text = _text(data, key)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0
