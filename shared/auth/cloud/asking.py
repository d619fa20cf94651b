"""Questions to the services that give tokens: small, soon answered, and secret."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import aiohttp
from yarl import URL

from shared.auth.secrets import Proxy, SecretError
from shared.auth.through import ProxyRefused, exchange
from shared.auth.tls import TlsMaterial, ssl_context
from shared.http import trouble
from shared.lang.json import JsonError, JsonObject, loads_object

_SECONDS: Final = 10.0
_LARGEST: Final = 1 << 20
_CHUNK: Final = 1 << 16


class CloudError(Exception):
    """Nobody gives a token; may be shown to anybody."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: bytes = field(repr=False)
    where: str
    """Who answered, for messages."""

    def json(self) -> JsonObject:
        """The answer as an object.

        Raises:
            CloudError: it is a refusal, or no object.
        """
        self.check()
        try:
            return loads_object(self.body)
        except JsonError:
            raise CloudError(f"{self.where} answers with something that is no JSON object") from None

    def check(self) -> None:
        """Refuses answers that are refusals.

        Raises:
            CloudError: it is one.
        """
        if not 200 <= self.status < 300:
            raise CloudError(f"{self.where} answers with status code {self.status}")


class Asker:
    """Asks services."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        """Nothing is sent yet."""
        self._session = session

    async def ask(
        self,
        method: str,
        url: URL,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | Mapping[str, str] | None = None,
        proxy: Proxy | None = None,
        tls: TlsMaterial | None = None,
    ) -> Answer:
        """One request, without following redirects; a mapping is sent as a form.

        Raises:
            CloudError: nobody answers in time.
        """
        context = await self._context(tls)
        form = {"Content-Type": "application/x-www-form-urlencoded"} if isinstance(body, Mapping) else {}
        data = aiohttp.FormData(dict(body))() if isinstance(body, Mapping) else body
        try:
            async with (
                asyncio.timeout(_SECONDS),
                exchange(
                    self._session,
                    proxy,
                    method,
                    url,
                    {**form, **(headers or {})},
                    data=data,
                    ssl=context or True,
                    timeout=aiohttp.ClientTimeout(total=None),
                ) as answer,
            ):
                return Answer(answer.status, await _read(answer), f"{url.host}")
        except TimeoutError:
            raise CloudError(f"{url.host} does not answer within {_SECONDS:.0f} seconds") from None
        except ProxyRefused as error:
            raise CloudError(str(error)) from None
        except (aiohttp.ClientError, ssl.SSLError, OSError, ValueError) as error:
            raise CloudError(trouble(error, url)) from None

    @staticmethod
    async def _context(tls: TlsMaterial | None) -> ssl.SSLContext | None:
        if not tls:
            return None
        try:
            return await asyncio.to_thread(ssl_context, tls, system=True)
        except SecretError as error:
            raise CloudError(str(error)) from None


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    data = bytearray()
    async for piece in answer.content.iter_chunked(_CHUNK):
        data += piece
        if len(data) > _LARGEST:
            raise CloudError(f"{answer.url.host} answers with more than {_LARGEST} bytes")
    return bytes(data)
