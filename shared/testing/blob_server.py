"""A small server that speaks as much of Azure's Blob Storage as is needed to list and download."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import Final
from xml.sax.saxutils import escape

from aiohttp import web

from shared.testing.loopback import LoopbackServer

_DETAILS: Final = "\nRequestId:1\nTime:2026-01-01T00:00:00Z"


@dataclass
class BlobServer(LoopbackServer):
    """One container in memory; `log` has method, path and kind of every request in order."""

    container: str = "manifests"
    blobs: dict[str, bytes] = field(default_factory=dict)
    query: str = ""
    """The signature of a query that lets in; without it or an account everybody may come in."""
    account: str = ""
    """Whose key lets in."""
    refusal: str = ""
    """Refuse all downloads with this text."""
    page: int = 5000
    """How many blobs are in a page of a list."""
    tls: ssl.SSLContext | None = None
    log: list[str] = field(default_factory=list)
    port: int = 0
    _states: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    _changes: int = 0

    @property
    def url(self) -> str:
        """The address of the account."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def etag(self, name: str) -> str:
        """The state of a blob, as lists have it."""
        content = self.blobs[name]
        known = self._states.get(name)
        if known is None or known[0] != content:
            self._changes += 1
            self._states[name] = known = (content, f"0x8DC{self._changes:012X}")
        return known[1]

    def application(self) -> web.Application:
        """What is served."""
        application = web.Application()
        application.router.add_get("/{container}", self._list)
        application.router.add_get("/{container}/{name:.*}", self._download)
        return application

    async def _list(self, request: web.Request) -> web.Response:
        self.log.append(f"LIST {request.query.get('prefix', '')}".rstrip())
        refused = self._refused(request)
        if refused is not None:
            return refused
        size = min(self.page, int(request.query.get("maxresults", self.page)))
        start = int(request.query.get("marker") or 0)
        prefix = request.query.get("prefix", "")
        names = sorted(name for name in self.blobs if name.startswith(prefix))
        marker = str(start + size) if start + size < len(names) else ""
        blobs = "".join(
            f"<Blob><Name>{escape(name)}</Name><Properties><Etag>{self.etag(name)}</Etag>"
            f"<Content-Length>{len(self.blobs[name])}</Content-Length><BlobType>BlockBlob</BlobType>"
            "</Properties></Blob>"
            for name in names[start : start + size]
        )
        text = (
            f'<?xml version="1.0" encoding="utf-8"?><EnumerationResults ContainerName="{self.container}">'
            f"<Blobs>{blobs}</Blobs><NextMarker>{marker}</NextMarker></EnumerationResults>"
        )
        return web.Response(text=text, content_type="application/xml")

    async def _download(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        self.log.append(f"GET {name}")
        refused = self._refused(request) or self._missing(name)
        if refused is not None:
            return refused
        content, etag = self.blobs[name], f'"{self.etag(name)}"'
        if request.headers.get("If-Match", etag) != etag:
            return error(412, "ConditionNotMet", "The condition is not met.")
        headers = {"ETag": etag, "x-ms-blob-type": "BlockBlob"}
        wanted = request.headers.get("x-ms-range") or request.headers.get("Range")
        if wanted is None:
            return web.Response(body=content, headers=headers)
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        start, end = int(first), min(int(last or len(content)), len(content) - 1)
        if start >= len(content):
            return error(416, "InvalidRange", "The range is not valid.")
        headers["Content-Range"] = f"bytes {start}-{end}/{len(content)}"
        return web.Response(status=206, body=content[start : end + 1], headers=headers)

    def _missing(self, name: str) -> web.Response | None:
        if name not in self.blobs:
            return error(404, "BlobNotFound", "The specified blob does not exist.")
        return error(403, "AuthorizationFailure", self.refusal) if self.refusal else None

    def _refused(self, request: web.Request) -> web.Response | None:
        given = request.headers.get("Authorization", "")
        if self.query and request.query.get("sig") != self.query:
            said = f"Server failed to authenticate the request to {self.url}?sig={request.query.get('sig')}"
            return error(403, "AuthenticationFailed", said)
        if self.account and not given.startswith(f"SharedKey {self.account}:"):
            return error(403, "AuthenticationFailed", "Server failed to authenticate the request.")
        if request.match_info["container"] != self.container:
            return error(404, "ContainerNotFound", "The specified container does not exist.")
        return None


def error(status: int, code: str, message: str) -> web.Response:
    """An error as Azure says it."""
    text = f"<Error><Code>{code}</Code><Message>{escape(message + _DETAILS)}</Message></Error>"
    return web.Response(
        status=status, text=text, content_type="application/xml", headers={"x-ms-error-code": code}
    )
