"""Logging in at a registry: with a user and a password, or with a token from the service that it names."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from yarl import URL

from shared.auth import BasicAuth, RegistryLogin
from shared.http import asked_to_wait, is_address
from shared.lang import json
from shared.lang.bounded import remember
from shared.lang.json import mapping
from shared.observe.clock import Clock
from shared.oci.answers import read
from shared.oci.challenge import Challenge
from shared.oci.errors import LoginRefused, RegistryError
from shared.oci.repository import Repository
from shared.oci.transport import Access, Transport

_LARGEST_TOKEN: Final = 1 << 20
_MOST_TOKENS: Final = 4096
_SHORTEST: Final = 60.0
_LONGEST: Final = 86_400.0
_USED: Final = 0.8
"""The share of its life that a token is used for."""
_TOKEN: Final = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class _Header:
    text: str
    until: float


class Tokens:
    """What got in before, for the next requests; a poll of something unchanged is one request so."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.headers: OrderedDict[tuple[str, str, Access], _Header] = OrderedDict()


class Entrance:
    """Logs in at one repository with one login."""

    def __init__(self, tokens: Tokens, repository: Repository, access: Access, transport: Transport) -> None:
        self._tokens = tokens
        self._repository = repository
        self._access = access
        self._transport = transport
        self._key = (repository.host, repository.path, access)

    def known(self) -> str:
        """The header that can be sent without being asked; it may be empty."""
        found = self._tokens.headers.get(self._key)
        if found and found.until > self._tokens.clock.monotonic():
            return found.text
        login = self._access.login
        return f"Bearer {login.registry_token}" if login and login.registry_token else ""

    async def header(self, challenges: Iterable[str], scheme: str) -> str:
        """The header that a registry asks for, anew, by a scheme; it is known from then on.

        Raises:
            RegistryError: there is none.
        """
        self._tokens.headers.pop(self._key, None)
        login = self._access.login
        self._check_scheme(scheme)
        challenge = Challenge.of(challenges)
        if challenge is None:
            raise LoginRefused(f"{self._repository.host} refuses access without saying how to log in")
        if challenge.is_basic:
            if login is None or not login.username:
                raise LoginRefused(
                    f"authentication required: {self._repository.host} wants a user and a password"
                )
            found = _Header(BasicAuth(login.username, login.password).header, float("inf"))
        else:
            found = await self._token(challenge, login)
        remember(self._tokens.headers, self._key, found, _MOST_TOKENS)
        return found.text

    async def _token(self, challenge: Challenge, login: RegistryLogin | None) -> _Header:
        """A token from the service that a registry names."""
        realm = self._realm(challenge)
        query = {"scope": f"repository:{self._repository.path}:pull"}
        if challenge.service:
            query["service"] = challenge.service
        headers, form, method = {}, None, "GET"
        if login and login.identity_token:
            method = "POST"
            form = query | {
                "grant_type": "refresh_token",
                "refresh_token": login.identity_token,
                "client_id": "headrace",
            }
            query = {}
        elif login and login.username:
            headers["Authorization"] = BasicAuth(login.username, login.password).header
        asked = self._tokens.clock.monotonic()
        async with self._transport.send_to(method, realm.update_query(query), headers, form) as answer:
            if answer.status in (400, 401, 403):
                raise LoginRefused(f"authentication required: {realm.host} does not accept the login")
            if answer.status != 200:
                error = RegistryError(f"{realm.host} gives no token: unexpected status code {answer.status}")
                error.status, error.retry_after = answer.status, asked_to_wait(answer)
                raise error
            body = await read(answer, _LARGEST_TOKEN, "the token")
        token, life = _token_of(body, str(realm.host))
        return _Header(f"Bearer {token}", asked + life * _USED)

    def _realm(self, challenge: Challenge) -> URL:
        try:
            realm = URL(challenge.realm)
        except ValueError:
            realm = URL()
        if realm.scheme not in ("http", "https") or not is_address(realm.authority):
            raise RegistryError(f"{self._repository.host} names no address to get tokens from")
        self._check_scheme(realm.scheme)
        return realm.with_user(None)

    def _check_scheme(self, scheme: str) -> None:
        """A login is a secret, and what comes of it is one, too."""
        if scheme == "http" and self._access.keeps_login:
            raise LoginRefused(
                f"{self._repository.host} wants the login to be sent over plain HTTP; "
                "set spec.insecure to allow that"
            )


def _token_of(body: bytes, host: str) -> tuple[str, float]:
    """The token of an answer, and the seconds that it is good for."""
    try:
        found = mapping(json.loads(body))
    except json.JsonError as error:
        raise RegistryError(f"{host} gives no token: {error}") from error
    token = found.get("token") or found.get("access_token")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise RegistryError(f"{host} gives no token")
    life = found.get("expires_in")
    return token, min(max(float(life), _SHORTEST), _LONGEST) if isinstance(life, int | float) else _SHORTEST
