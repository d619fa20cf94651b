"""A server that speaks S3 on loopback, and objects put into its buckets; with keys, TLS and faults on demand.

What answers is moto's server; in front of it a small one counts requests, looks at signatures, and plays
faults that the other won't have on demand.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import http.client
import os
import re
import ssl
import sys
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote
from xml.sax.saxutils import escape

from aiohttp import ClientSession, web
from yarl import URL

from localcluster.ports import free_ports
from shared.testing.loopback import LoopbackServer
from shared.testing.server_process import running

_PATIENCE: Final = 60
_SAFE: Final = "/-_.~"
_AUTHORIZATION: Final = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request, "
    r"SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})"
)
_OWNER: Final = {
    "Authorization": "AWS4-HMAC-SHA256 Credential=owner/20200101/us-east-1/s3/aws4_request, "
    "SignedHeaders=host, Signature=0"
}
"""Who passed the gate may read everything."""
_DROPPED: Final = frozenset({"host", "transfer-encoding", "connection", "content-encoding"})


@contextmanager
def run_bucket_server(folder: Path) -> Iterator[BucketServer]:
    """A process with buckets in memory, until the block ends."""
    port = free_ports(1)[0]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    environment = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONDONTWRITEBYTECODE": "1"}
    server = BucketServer(f"127.0.0.1:{port}")
    with running(command, environment, folder / "buckets.log", server.ping):
        yield server


@dataclass(frozen=True, slots=True)
class BucketServer:
    """Makes buckets and puts objects into them."""

    host: str

    def ping(self) -> None:
        """Asks for an answer; OSError is none."""
        self._send("GET", "/moto-api/")

    def create(self, bucket: str, region: str = "") -> None:
        """Makes a bucket."""
        inside = f"<LocationConstraint>{region}</LocationConstraint>"
        body = f"<CreateBucketConfiguration>{inside}</CreateBucketConfiguration>" if region else ""
        self._send("PUT", f"/{bucket}", body.encode())

    def put(self, bucket: str, key: str, content: str | bytes, **headers: str) -> str:
        """Puts an object; its ETag, without quotes."""
        data = content.encode() if isinstance(content, str) else content
        # A client for people would tidy up keys with dots and slashes.
        host, port = self.host.split(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=_PATIENCE)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request("PUT", f"/{bucket}/{quote(key, safe=_SAFE)}", data, named | _OWNER)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise RuntimeError(f"no object {key!r}: {answer.status}")
            return str(answer.headers["ETag"]).strip('"')
        finally:
            connection.close()

    def remove(self, bucket: str, key: str) -> None:
        """Removes an object."""
        self._send("DELETE", f"/{bucket}/{quote(key, safe=_SAFE)}")

    def _send(self, method: str, path: str, data: bytes | None = None) -> bytes:
        headers = {"Content-Type": "application/xml"} | _OWNER
        request = urllib.request.Request(f"http://{self.host}{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:
            return bytes(answer.read())


@dataclass(slots=True)
class Request:
    """One request and what became of it; `path` has no query, `headers` have names in lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    status: int = 0


Fault = Callable[[web.Request], web.StreamResponse | None]


@dataclass
class BucketGate(LoopbackServer):
    """A server in front of buckets; `log` has every request in order."""

    server: BucketServer
    keys: tuple[str, str] | None = None
    """Who may come in, by access and secret key; without them everybody may."""
    token: str = ""
    """What comes along with keys that are only good for a while."""
    tls: ssl.SSLContext | None = None
    fault: Fault | None = None
    """Answers in place of the buckets when it wants to."""
    hold: asyncio.Event | None = None
    """While set to an event, requests wait for it: a server that hangs."""
    cut: bool = False
    """Break off answers after half of their bytes."""
    log: list[Request] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by every request."""
    port: int = 0
    _session: ClientSession | None = None

    @property
    def host(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"

    @property
    def sent(self) -> list[str]:
        """Method, path, and what tells kinds of requests apart, in order."""
        kinds = ("list-type", "location")
        found = []
        for each in self.log:
            kind = next((name for name in kinds if name in each.query), "")
            found.append(f"{each.method} {each.path}" + (f"?{kind}" if kind else ""))
        return found

    def application(self) -> web.Application:
        """What is served."""
        application = web.Application(client_max_size=1 << 30)
        application.router.add_route("*", "/{path:.*}", self._answer)
        return application

    async def __aenter__(self) -> Self:
        """Listen on loopback."""
        self._session = ClientSession(auto_decompress=False)
        await super().__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening."""
        await super().__aexit__(kind, error, trace)
        if self._session is not None:
            await self._session.close()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        path = request.raw_path.partition("?")[0]
        seen = Request(request.method, path, dict(request.query), headers)
        self.log.append(seen)
        self.asked.set()
        if self.hold is not None:
            await self.hold.wait()
        answer = self.fault(request) if self.fault else None
        answer = answer or self._refusal(seen, request)
        if answer is None:
            answer = await self._passed_on(request)
        seen.status = answer.status
        return answer

    def _refusal(self, seen: Request, request: web.Request) -> web.Response | None:
        if self.keys is None:
            return None
        given = _AUTHORIZATION.fullmatch(seen.headers.get("authorization", ""))
        if given is None:
            return refusal("AccessDenied", "Access Denied")
        if given[1] != self.keys[0] or seen.headers.get("x-amz-security-token", "") != self.token:
            return refusal("InvalidAccessKeyId", "The key is not known here.")
        if signature(given, seen, request.raw_path.partition("?")[2], self.keys[1]) != given[5]:
            return refusal("SignatureDoesNotMatch", "The signature is not the one of the key.")
        return None

    async def _passed_on(self, request: web.Request) -> web.StreamResponse:
        if self._session is None:
            raise RuntimeError("the gate is not open")
        wanted = ("Range", "If-Match", "Content-Type")
        headers = {name: request.headers[name] for name in wanted if name in request.headers} | _OWNER
        url = URL(f"http://{self.server.host}{request.raw_path}", encoded=True)
        async with self._session.request(
            request.method, url, headers=headers, data=await request.read(), allow_redirects=False
        ) as found:
            kept = {name: value for name, value in found.headers.items() if name.lower() not in _DROPPED}
            if "Content-Encoding" in found.headers:
                kept["Content-Encoding"] = found.headers["Content-Encoding"]
            response = web.StreamResponse(status=found.status, headers=kept)
            await response.prepare(request)
            if request.method == "HEAD":
                return response
            with contextlib.suppress(ConnectionError):
                async for piece in found.content.iter_chunked(1 << 16):
                    await response.write(piece[: len(piece) // 2] if self.cut else piece)
                    if self.cut and request.transport is not None:
                        request.transport.abort()
                        return response
                await response.write_eof()
            return response


def refusal(code: str, message: str, status: int = 403) -> web.Response:
    """An error as S3 says it."""
    text = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    return web.Response(status=status, text=text, content_type="application/xml")


def page(keys: Iterable[str], following: str = "") -> web.Response:
    """A page of a listing; each key is its own ETag. `following` is the token of the next page."""
    entries = "".join(
        f"<Contents><Key>{escape(quote(key))}</Key><ETag>&quot;{escape(key)}&quot;</ETag></Contents>"
        for key in keys
    )
    more = f"<NextContinuationToken>{escape(following)}</NextContinuationToken>" if following else ""
    text = (
        '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><EncodingType>url</EncodingType>'
        f"<IsTruncated>{str(bool(following)).lower()}</IsTruncated>{more}{entries}</ListBucketResult>"
    )
    return web.Response(text=text, content_type="application/xml")


def signature(given: re.Match[str], seen: Request, query: str, secret: str) -> str:
    """What the signature of a request has to be, by the rules of Signature Version 4."""
    _, day, region, names, _ = given.groups()
    fields = "".join(f"{name}:{' '.join(seen.headers[name].split())}\n" for name in names.split(";"))
    pairs = sorted(pair if "=" in pair else f"{pair}=" for pair in query.split("&") if pair)
    body = seen.headers["x-amz-content-sha256"]
    canonical = "\n".join([seen.method, seen.path, "&".join(pairs), fields, names, body])
    scope = f"{day}/{region}/s3/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join(["AWS4-HMAC-SHA256", seen.headers["x-amz-date"], scope, digest])
    key = f"AWS4{secret}".encode()
    for part in (day, region, "s3", "aws4_request", text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key.hex()


def sts_answer(keys: Mapping[str, str]) -> web.Response:
    """Temporary keys as MinIO gives them to accounts of LDAP."""
    inside = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in keys.items())
    text = (
        '<AssumeRoleWithLDAPIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
        f"<AssumeRoleWithLDAPIdentityResult><Credentials>{inside}</Credentials>"
        "</AssumeRoleWithLDAPIdentityResult></AssumeRoleWithLDAPIdentityResponse>"
    )
    return web.Response(text=text, content_type="text/xml")
