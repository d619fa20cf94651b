"""The keys of issuers: found by discovery, kept, and asked for again when a token names an unknown one.

Whoever can send a token can make us look for keys, so every issuer is asked by one request at a time, with a
pause in between, and what it may answer is limited in size and time. Nothing else keeps us from asking: after
any number of bad tokens a new key counts once the pause is over.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import aiohttp
from yarl import URL

from notification_controller.receivers.jose import BadToken, KeySet, Token, supported
from notification_controller.receivers.webhook import Unauthenticated
from shared.http import REDIRECTS, UnsafeRedirect, redirected, trouble
from shared.lang.bounded import remember
from shared.lang.json import JsonError, JsonObject, loads_object
from shared.locks import Locks
from shared.observe.clock import Clock

_BYTES: Final = 1 << 20
_HOPS: Final = 5
_MOST: Final = 256
_MAX_AGE: Final = re.compile(r"(?:^|[\s,])max-age=(\d{1,9})", re.IGNORECASE)


class NoKeys(Exception):
    """The keys of an issuer can't be had; str() says why."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long keys are kept and how often an issuer is asked, in seconds."""

    kept: float = 3600.0
    least: float = 60.0
    most: float = 24 * 3600.0
    #: Between two questions, whatever the answer to the first one was.
    pause: float = 30.0
    #: For one document.
    answer: float = 5.0


@dataclass(frozen=True, slots=True)
class _Known:
    """The last answer of an issuer."""

    keys: KeySet | None
    algorithms: Sequence[str]
    problem: str
    asked_at: float
    until: float


class Issuers:
    """Verifies tokens with the keys of their issuers."""

    def __init__(self, http: aiohttp.ClientSession, clock: Clock, patience: Patience | None = None) -> None:
        self._http = http
        self._clock = clock
        self._patience = patience or Patience()
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._locks: Locks[str] = Locks()

    async def verify(self, token: Token, issuer: str, *, keys_at: str = "") -> None:
        """Whether an issuer has signed a token; `keys_at` is where its keys are if it can't be discovered.

        Raises:
            Unauthenticated: it has not, or its keys can't be had.
        """
        known = self._known.get(issuer)
        if known is None or self._clock.monotonic() >= known.until:
            known = await self._ask(issuer, keys_at, known)
        if _signed(known, token):
            return
        if not self._resting(known):
            # Perhaps it has new keys.
            known = await self._ask(issuer, keys_at, known)
            if _signed(known, token):
                return
        if known.keys is None:
            raise Unauthenticated(
                f"the keys of the issuer {issuer!r} can't be had: {known.problem}",
                told="the keys of the issuer can't be had",
            )
        raise Unauthenticated("the token is not signed by a key of its issuer")

    def _resting(self, known: _Known) -> bool:
        return self._clock.monotonic() - known.asked_at < self._patience.pause

    async def _ask(self, issuer: str, keys_at: str, seen: _Known | None) -> _Known:
        """The keys as they are now; those who waited meanwhile take what the first of them got."""
        async with self._locks.hold(issuer):
            known = self._known.get(issuer)
            if known is not None and (known is not seen or self._resting(known)):
                return known
            now = self._clock.monotonic()
            try:
                keys, algorithms, kept = await self._fetch(issuer, keys_at)
                fresh = _Known(keys, algorithms, "", now, now + kept)
            except NoKeys as error:
                # The old keys are better than none while the issuer is away, but not for ever.
                old = known if known and now < known.until + self._patience.most else None
                fresh = _Known(
                    old.keys if old else None,
                    old.algorithms if old else (),
                    str(error),
                    now,
                    old.until if old else now + self._patience.pause,
                )
            remember(self._known, issuer, fresh, _MOST)
            return fresh

    async def _fetch(self, issuer: str, keys_at: str) -> tuple[KeySet, Sequence[str], float]:
        algorithms = supported(None)
        if not keys_at:
            document, _ = await self._document(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
            if document.get("issuer") != issuer:
                raise NoKeys("its discovery document names another issuer")
            keys_at = _address_of_keys(issuer, document)
            algorithms = supported(document.get("id_token_signing_alg_values_supported"))
        document, kept = await self._document(keys_at)
        try:
            return KeySet.of(document), algorithms, kept
        except BadToken as error:
            raise NoKeys(str(error)) from None

    async def _document(self, address: str) -> tuple[JsonObject, float]:
        """A JSON document, and how many seconds it may be kept."""
        try:
            url = URL(address)
        except ValueError:
            raise NoKeys("its address is malformed") from None
        try:
            async with asyncio.timeout(self._patience.answer):
                body, kept = await self._get(url)
        except UnsafeRedirect as error:
            raise NoKeys(f"it redirects to {error}") from None
        except TimeoutError:
            raise NoKeys(f"it did not answer within {self._patience.answer:g}s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise NoKeys(trouble(error, url)) from None
        try:
            return loads_object(body), kept
        except JsonError as error:
            raise NoKeys(f"its answer is no document: {error}") from None

    async def _get(self, url: URL) -> tuple[bytes, float]:
        for _ in range(_HOPS):
            async with self._http.get(url, allow_redirects=False) as response:
                if response.status in REDIRECTS:
                    url = redirected(url, response)
                    continue
                if response.status != 200:
                    raise NoKeys(f"it answered {response.status}")
                body = bytearray()
                async for chunk in response.content.iter_any():
                    body += chunk
                    if len(body) > _BYTES:
                        raise NoKeys(f"its answer has more than {_BYTES} bytes")
                return bytes(body), self._kept(response.headers)
        raise NoKeys("it redirects too often")

    def _kept(self, headers: Mapping[str, str]) -> float:
        said = _MAX_AGE.search(headers.get("Cache-Control") or "")
        wanted = float(said[1]) if said else self._patience.kept
        return min(max(wanted, self._patience.least), self._patience.most)


def _signed(known: _Known, token: Token) -> bool:
    return known.keys is not None and known.keys.signed(token, known.algorithms)


def _address_of_keys(issuer: str, document: JsonObject) -> str:
    address = document.get("jwks_uri")
    secure = issuer.startswith("https://")
    if not isinstance(address, str) or not address.startswith(
        "https://" if secure else ("http://", "https://")
    ):
        raise NoKeys("its discovery document names no safe address of its keys")
    return address
