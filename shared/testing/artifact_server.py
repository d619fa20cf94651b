"""A loopback server of artifacts, in place of the source controller's storage.

It packs files as the source controller does and serves them. Per artifact it can be told to misbehave, and
it knows how often each one was asked for. It runs in threads, so that it serves tests of any event loop.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import threading
from collections import Counter
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self

from shared.lang.json import JsonObject

_HOST: Final = "127.0.0.1"
_WHEN: Final = "2026-01-01T00:00:00Z"

Files = Mapping[str, str | bytes]


class ArtifactServer:
    """Serves what was published for as long as the block lasts."""

    def __init__(self) -> None:
        self._bodies: dict[str, bytes] = {}
        self._asked: Counter[str] = Counter()
        self._answered = threading.Condition()
        self._server = ThreadingHTTPServer((_HOST, 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="artifacts")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def publish(self, files: Files, revision: str = "") -> JsonObject:
        """Packs the files; gives the artifact as `status.artifact` of a source holds it.

        Without a revision one is made from the content.
        """
        body = archive(files)
        digest = hashlib.sha256(body).hexdigest()
        path = f"/{digest[:12]}-{len(self._bodies)}.tar.gz"
        self._bodies[path] = body
        return {
            "digest": f"sha256:{digest}",
            "lastUpdateTime": _WHEN,
            "path": path.removeprefix("/"),
            "revision": revision or f"main@sha1:{digest[:40]}",
            "size": len(body),
            "url": f"http://{_HOST}:{self._server.server_port}{path}",
        }

    def withhold(self, artifact: JsonObject) -> None:
        """Answers 404 for the artifact from now on."""
        del self._bodies[f"/{artifact['path']}"]

    def falsify(self, artifact: JsonObject, files: Files) -> None:
        """Serves other files than the digest of the artifact promises."""
        self._bodies[f"/{artifact['path']}"] = archive(files)

    def asked_for(self, artifact: JsonObject) -> int:
        """How often the artifact was asked for."""
        return self._asked[f"/{artifact['path']}"]

    def wait_asked(self, artifact: JsonObject, times: int, timeout: float = 20.0) -> None:
        """Waits until the artifact was asked for that often; blocks its thread.

        Raises:
            TimeoutError: it was not.
        """
        with self._answered:
            if not self._answered.wait_for(lambda: self.asked_for(artifact) >= times, timeout):
                raise TimeoutError(f"{artifact['url']} was asked for {self.asked_for(artifact)} times")

    def _answer(self, path: str) -> bytes | None:
        with self._answered:
            self._asked[path] += 1
            self._answered.notify_all()
        return self._bodies.get(path)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        answer = self._answer

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                body = answer(self.path)
                self.send_response(404 if body is None else 200)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is inherited
                """Says nothing."""

        return Handler


def archive(files: Files) -> bytes:
    """A tar.gz of files by name; the same files give the same bytes."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        for name, text in sorted(files.items()):
            content = text.encode() if isinstance(text, str) else text
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            tar.addfile(entry, io.BytesIO(content))
    return gzip.compress(plain.getvalue(), mtime=0)
