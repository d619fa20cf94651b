"""A real registry on loopback, and images put into it; with a login, TLS and a proxy for faults on demand.

The registry itself is the distribution project's; in front of it a small server counts requests and plays
faults that a real one won't have on demand.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gzip
import io
import os
import ssl
import tarfile
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from aiohttp import ClientSession, web

from localcluster import programs
from localcluster.ports import free_ports
from shared.lang import json
from shared.lang.digest import Digest
from shared.oci.manifest import OCI_INDEX, OCI_MANIFEST
from shared.testing.loopback import LoopbackServer
from shared.testing.server_process import running

LAYER: Final = "application/vnd.cncf.flux.content.v1.tar+gzip"
CONFIG: Final = "application/vnd.cncf.flux.config.v1+json"
CHART_LAYER: Final = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
CHART_CONFIG: Final = "application/vnd.cncf.helm.config.v1+json"

_PATIENCE: Final = 20


@contextmanager
def run_registry(folder: Path) -> Iterator[RegistryStore]:
    """A registry that keeps its content below a directory, until the block ends."""
    port = free_ports(1)[0]
    config = {
        "version": "0.1",
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "registry")}, "delete": {"enabled": True}},
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    file = folder / "registry.yml"
    file.write_bytes(json.dumps(config))
    environment = {"PATH": os.environ.get("PATH", os.defpath), "OTEL_TRACES_EXPORTER": "none"}
    command = [str(programs.path("registry")), "serve", str(file)]
    store = RegistryStore(f"127.0.0.1:{port}")
    with running(command, environment, folder / "registry.log", store.ping):
        yield store


@dataclass(frozen=True, slots=True)
class RegistryStore:
    """Puts images into a registry."""

    host: str

    def ping(self) -> None:
        """Asks for an answer; OSError is none."""
        self._send("GET", "/v2/")

    def push(
        self,
        repository: str,
        tag: str,
        files: Mapping[str, str | bytes] | None = None,
        *,
        layers: list[tuple[str, bytes]] | None = None,
        annotations: Mapping[str, str] | None = None,
        config: tuple[str, bytes] = (CONFIG, b"{}"),
    ) -> Digest:
        """An image of one layer with files, or of these layers (media type and bytes); its digest."""
        found = layers if layers is not None else [(LAYER, packed(files or {}))]
        manifest = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": self.describe(repository, *config),
            "layers": [self.describe(repository, *layer) for layer in found],
            "annotations": dict(annotations or {}),
        }
        return self.put(repository, tag, OCI_MANIFEST, manifest)

    def push_index(self, repository: str, tag: str, images: Mapping[str, Digest]) -> Digest:
        """An index of images by `os/architecture`; its digest."""
        manifests = []
        for platform, digest in images.items():
            system, _, architecture = platform.partition("/")
            size = len(
                self._send("GET", f"/v2/{repository}/manifests/{digest}", headers={"Accept": OCI_MANIFEST})
            )
            described = {"mediaType": OCI_MANIFEST, "digest": str(digest), "size": size}
            manifests.append(described | {"platform": {"os": system, "architecture": architecture}})
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}
        return self.put(repository, tag, OCI_INDEX, index)

    def remove(self, repository: str, digest: Digest) -> None:
        """Remove a manifest and its tags."""
        self._send("DELETE", f"/v2/{repository}/manifests/{digest}")

    def describe(self, repository: str, media_type: str, data: bytes) -> dict[str, Any]:
        """Put a blob there; its descriptor."""
        digest = Digest.of(data)
        place = self._upload(repository)
        separator = "&" if "?" in place else "?"
        self._send(
            "PUT", f"{place}{separator}digest={digest}", data, {"Content-Type": "application/octet-stream"}
        )
        return {"mediaType": media_type, "digest": str(digest), "size": len(data)}

    def _upload(self, repository: str) -> str:
        request = urllib.request.Request(
            f"http://{self.host}/v2/{repository}/blobs/uploads/", b"", method="POST"
        )
        with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:
            return str(answer.headers["Location"])

    def put(self, repository: str, tag: str, media_type: str, manifest: Mapping[str, Any]) -> Digest:
        """Put a manifest there; its digest. The tag may be empty."""
        data = json.dumps(manifest)
        name = tag or str(Digest.of(data))
        self._send("PUT", f"/v2/{repository}/manifests/{name}", data, {"Content-Type": media_type})
        return Digest.of(data)

    def _send(
        self, method: str, path: str, data: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> bytes:
        url = path if path.startswith("http") else f"http://{self.host}{path}"
        request = urllib.request.Request(url, data, dict(headers or {}), method=method)
        with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:
            return bytes(answer.read())


def packed(files: Mapping[str, str | bytes], links: Mapping[str, str] | None = None) -> bytes:
    """A gzip-compressed tar archive with files and symbolic links."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            archive.addfile(info)
    return gzip.compress(out.getvalue(), mtime=0)


@dataclass(slots=True)
class Request:
    """One request and what became of it."""

    method: str
    path: str
    headers: dict[str, str]
    status: int = 0


Fault = Callable[[web.Request], web.StreamResponse | None]


@dataclass
class Gate(LoopbackServer):
    """A server in front of a registry; `log` has every request in order."""

    store: RegistryStore
    basic: tuple[str, str] | None = None
    """Who may come in, asked for directly."""
    bearer: tuple[str, str] | None = None
    """Who gets a token; without one of the two everybody may come in."""
    tls: ssl.SSLContext | None = None
    fault: Fault | None = None
    """Answers in place of the registry when it wants to."""
    cut_after: int = 0
    """Break off the answer with a blob after so many bytes."""
    hold: asyncio.Event | None = None
    """While set to an event, requests wait for it: a registry that hangs."""
    log: list[Request] = field(default_factory=list)
    tokens: int = 0
    """How many tokens were given."""
    port: int = 0
    _session: ClientSession | None = None

    @property
    def host(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"

    def url(self, repository: str) -> str:
        """The address of a repository."""
        return f"oci://{self.host}/{repository}"

    def seen(self, method: str, part: str = "") -> int:
        """How many requests had this method, and this in their path."""
        return sum(1 for request in self.log if request.method == method and part in request.path)

    def docker_config(self, username: str, password: str) -> str:
        """A Docker configuration that logs in here."""
        auth = base64.b64encode(f"{username}:{password}".encode()).decode()
        return json.dumps({"auths": {self.host: {"auth": auth}}}).decode()

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
        seen = Request(request.method, request.path_qs, dict(request.headers))
        self.log.append(seen)
        if self.hold is not None:
            await self.hold.wait()
        answer = self.fault(request) if self.fault else None
        answer = answer or self._refusal(request)
        if answer is None:
            answer = await self._passed_on(request)
        seen.status = answer.status
        return answer

    def _refusal(self, request: web.Request) -> web.StreamResponse | None:
        given = request.headers.get("Authorization", "")
        if self.basic and given != _basic(self.basic):
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="test"'})
        if not self.bearer:
            return None
        if request.path == "/token":
            if given != _basic(self.bearer):
                return web.Response(status=401)
            self.tokens += 1
            return web.json_response({"token": f"token-{self.tokens}", "expires_in": 300})
        if not given.startswith("Bearer token-"):
            scheme = "https" if self.tls else "http"
            challenge = (
                f'Bearer realm="{scheme}://{self.host}/token",service="test",scope="repository:x:pull"'
            )
            return web.Response(status=401, headers={"WWW-Authenticate": challenge})
        return None

    async def _passed_on(self, request: web.Request) -> web.StreamResponse:
        if self._session is None:
            raise RuntimeError("the gate is not open")
        accept = {"Accept": request.headers["Accept"]} if "Accept" in request.headers else {}
        url = f"http://{self.store.host}{request.path_qs}"
        async with self._session.request(request.method, url, headers=accept) as found:
            known = ("Content-Type", "Docker-Content-Digest", "Link", "Content-Length")
            headers = {name: found.headers[name] for name in known if name in found.headers}
            response = web.StreamResponse(status=found.status, headers=headers)
            await response.prepare(request)
            if request.method == "HEAD":
                return response
            sent = 0
            with contextlib.suppress(ConnectionError):
                async for piece in found.content.iter_chunked(1 << 16):
                    if self.cut_after and "/blobs/" in request.path and sent + len(piece) > self.cut_after:
                        if request.transport is not None:
                            request.transport.abort()
                        return response
                    sent += len(piece)
                    await response.write(piece)
                await response.write_eof()
            return response


def _basic(pair: tuple[str, str]) -> str:
    return "Basic " + base64.b64encode(":".join(pair).encode()).decode()
