"""A bucket of Google Cloud Storage, for one turn, by its JSON interface.

The library for logins is an extra of the package and loaded when first needed; it is the only part of
Google's that is used, and what it sends is carried by the HTTP client of the process.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any, Final
from urllib.parse import quote, urlencode

import aiohttp
from multidict import CIMultiDict

from shared.auth import Proxy, SecretData, SecretError
from shared.git.threads import run_in_thread
from shared.lang import json
from shared.lang.json import JsonObject, mapping, mappings
from source_controller.bucket.carrier import Answer, Carrier, Request, Target, plain_headers
from source_controller.bucket.s3 import check_name
from source_controller.bucket.store import ExtraMissing, ObjectGone, StoreError

SERVICE: Final = "https://storage.googleapis.com"

_SCOPE: Final = "https://www.googleapis.com/auth/devstorage.read_only"
_OF_A_LIST: Final = "kind,nextPageToken,items(name,etag,generation)"
_LONGEST: Final = 300
_KIND: Final = "service_account"


@dataclass(frozen=True, slots=True)
class GoogleAccess:
    """How a bucket is reached, and as whom: a service account by its key, or what surrounds the process."""

    bucket: str
    key: JsonObject | None = field(default=None, repr=False)
    proxy: Proxy | None = None
    service: str = SERVICE
    token: str = field(default="", repr=False)
    """What was given for a ServiceAccount; nothing else is asked then."""


def service_account(name: str, data: SecretData) -> JsonObject:
    """The key in a Secret.

    Raises:
        SecretError: it isn't there, or is none.
    """
    if "serviceaccount" not in data:
        raise SecretError(f"invalid '{name}' secret data: required fields 'serviceaccount'")
    try:
        key = json.loads(data["serviceaccount"])
    except ValueError:
        key = None
    if not isinstance(key, dict) or key.get("type") != _KIND:
        raise SecretError(
            f"invalid '{name}' secret data: the value of 'serviceaccount' is not the key of a service "
            "account in JSON"
        )
    return key


@asynccontextmanager
async def open_google(session: aiohttp.ClientSession, access: GoogleAccess) -> AsyncIterator[GoogleStore]:
    """A bucket for one turn.

    Raises:
        ExtraMissing: it can't be read with what is installed.
        StoreError: the login can't be used, or gives nothing.
    """
    carrier = Carrier(session, None, access.proxy)

    def work(stop: Event) -> str:
        del stop  # requests end by themselves
        return _token(access, carrier)

    token = await run_in_thread(None, work, carrier.stop)
    yield GoogleStore(access, carrier, token)


class GoogleStore:
    """One bucket; see `ObjectStore`."""

    def __init__(self, access: GoogleAccess, carrier: Carrier, token: str) -> None:
        """See `open_google`."""
        self._access = access
        self._carrier = carrier
        self._headers = {"Authorization": f"Bearer {token}"}
        self._generations: dict[str, str] = {}

    async def exists(self) -> bool:
        """Whether the bucket is there."""
        check_name(self._access.bucket)
        answer = await self._ask("", fields="name")
        if answer.status == 404:
            return False
        _object(answer)
        return True

    async def read(self, key: str, limit: int) -> bytes:
        """A small object."""
        found = io.BytesIO()
        target = _Limited(found, limit)
        await self._media(key, "", target)
        return found.getvalue()

    async def listing(self, prefix: str) -> AsyncIterator[dict[str, str]]:
        """Keys and ETags, a page at a time."""
        query = {"prefix": prefix, "fields": _OF_A_LIST, "maxResults": "1000"}
        while True:
            found = _object(await self._ask("/o", **query))
            page = {str(each["name"]): each for each in mappings(found.get("items")) if each.get("name")}
            self._generations |= {key: str(each.get("generation") or "") for key, each in page.items()}
            yield {key: str(each.get("etag") or "") for key, each in page.items()}
            follows = str(found.get("nextPageToken") or "")
            if not follows:
                return
            if follows == query.get("pageToken"):
                raise StoreError("the list of objects goes on, but the store doesn't say where")
            query["pageToken"] = follows

    async def download(self, key: str, etag: str, file: Path) -> str:
        """Writes an object into a file as it was listed, or else as it is now; its ETag."""
        with await asyncio.to_thread(file.open, "wb", 0) as target:
            try:
                await self._media(key, self._generations.get(key, ""), target)
                return etag
            except ObjectGone:
                found = await self._now(key)
                await self._media(key, str(found.get("generation") or ""), target)
                return str(found.get("etag") or "")

    async def _now(self, key: str) -> JsonObject:
        """The object in the state that it is in now."""
        answer = await self._ask(f"/o/{quote(key, safe='')}", fields="etag,generation")
        if answer.status == 404 and not await self.exists():
            raise StoreError(f"bucket '{self._access.bucket}' not found")
        return _object(answer)

    async def _media(self, key: str, generation: str, target: Target) -> None:
        state = {"generation": generation} if generation else {}
        answer = await self._ask(f"/o/{quote(key, safe='')}", target, alt="media", **state)
        if answer.status >= 300:
            _object(answer)

    async def _ask(self, path: str, target: Target | None = None, /, **query: str) -> Answer:
        url = f"{self._access.service}/storage/v1/b/{quote(self._access.bucket, safe='')}{path}"
        return await self._carrier.ask(Request("GET", f"{url}?{urlencode(query)}", self._headers), target)


class _Limited:
    """Takes in a few bytes."""

    def __init__(self, found: io.BytesIO, limit: int) -> None:
        self._found = found
        self._limit = limit

    def write(self, piece: bytes, /) -> None:
        if self._found.tell() + len(piece) > self._limit:
            raise StoreError(f"it has more than {self._limit} bytes")
        self._found.write(piece)


def _object(answer: Answer) -> JsonObject:
    """The answer as JSON; errors come out in words."""
    try:
        found = mapping(json.loads(answer.body))
    except ValueError:
        found = {}
    if answer.status == 200 and found:
        return found
    said = str(mapping(found.get("error")).get("message") or "").partition("\n")[0][:_LONGEST]
    text = f"{answer.status}: {said}" if said else str(answer.status)
    if answer.status == 404:
        raise ObjectGone(text)
    if answer.status == 200:
        raise StoreError("the answer isn't one of Google Cloud Storage")
    if answer.status in (401, 403):
        text += " (check the Secret of spec.secretRef, and who may read the bucket)"
    raise StoreError(text)


def _token(access: GoogleAccess, carrier: Carrier) -> str:
    """What the service account or the surroundings give; blocks."""
    if access.token:
        return access.token
    library = _loaded()
    send = _Sender(carrier)
    try:
        if access.key is not None:
            make = library.oauth2.service_account.Credentials.from_service_account_info
            found = make(access.key, scopes=[_SCOPE])
        else:
            found, _ = library.auth.default(scopes=[_SCOPE], request=send)
        found.refresh(send)
    except library.auth.exceptions.GoogleAuthError as error:
        said = str(error.args[0] if error.args else "").partition("\n")[0][:_LONGEST]
        raise StoreError(f"failed to log in: {said}") from None
    except ValueError:
        raise StoreError("the value of 'serviceaccount' is not a key that can be used") from None
    return str(found.token)


def _loaded() -> Any:
    """The library for logins."""
    try:
        import google.auth.exceptions  # noqa: PLC0415 - see the module
        import google.oauth2.service_account  # noqa: PLC0415
    except ImportError:
        raise ExtraMissing from None
    return google


@dataclass(frozen=True, slots=True)
class _Taken:
    """An answer as the library for logins wants it."""

    status: int
    headers: CIMultiDict[str]
    data: bytes


class _Sender:
    """Sends what the library for logins asks for."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **_: Any,
    ) -> _Taken:
        data = body.encode() if isinstance(body, str) else body
        try:
            answer = self._carrier.send(Request(method, url, plain_headers(headers or {}), data), timeout)
        except StoreError as error:
            raise _loaded().auth.exceptions.TransportError(str(error)) from None
        return _Taken(answer.status, CIMultiDict(answer.headers), answer.body)
