"""A real Git server over HTTP(S): a loopback listener in front of `git http-backend`.

Used by tests inside their event loop (`async with GitServer(root)`), by synchronous code in a thread of its
own (`with serve_in_thread(root)`), and by hand:

    python -m shared.testing.git_server DIRECTORY --port 8080
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import binascii
import contextlib
import os
import signal
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import BasicAuth, web

from shared.testing.git_upstream import git_environment
from shared.testing.loopback import LoopbackServer

_CHUNK = 1 << 16


@dataclass(slots=True)
class Exchange:
    """One request and what became of it."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    status: int = 0
    received: int = 0
    """Bytes of the request's body."""
    sent: int = 0
    """Bytes of the answer's body."""


@dataclass(slots=True)
class Access:
    """Who may read; without either, everybody."""

    basic: tuple[str, str] | None = None
    bearer: str = ""
    forbidden: bool = False
    """Answer 403 to those who have logged in."""

    def status_for(self, authorization: str) -> int:
        """200, 401 or 403 for the value of an Authorization header."""
        allowed = not self.basic and not self.bearer
        with contextlib.suppress(ValueError, binascii.Error):
            if self.basic and authorization.lower().startswith("basic "):
                base64.b64decode(authorization[6:], validate=True)
                login = BasicAuth.decode(authorization)
                allowed = (login.login, login.password) == self.basic
        if self.bearer:
            allowed = allowed or authorization == f"Bearer {self.bearer}"
        if not allowed:
            return 401
        return 403 if self.forbidden else 200


@dataclass
class GitServer(LoopbackServer):
    """Serves all repositories below a directory; `log` has every request in order."""

    root: Path
    port: int = 0
    access: Access = field(default_factory=Access)
    tls: ssl.SSLContext | None = None
    only_version_0: bool = False
    """Behave like a server that has never heard of protocol version 2."""
    hold: asyncio.Event | None = None
    """While set to an event, requests wait for it: a remote that hangs."""
    held: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once a request waits."""
    redirect_to: str = ""
    """Base address that `info/refs` requests are sent away to."""
    log: list[Exchange] = field(default_factory=list)

    def application(self) -> web.Application:
        """What is served."""
        application = web.Application(client_max_size=1 << 30)
        application.router.add_route("*", "/{path:.*}", self._answer)
        return application

    def url(self, path: str = "app.git", login: str = "") -> str:
        """The address of a repository, with `user:password` in it if wanted."""
        scheme = "https" if self.tls else "http"
        return f"{scheme}://{f'{login}@' if login else ''}127.0.0.1:{self.port}/{path}"

    def sent(self) -> int:
        """Bytes of all answers so far."""
        return sum(exchange.sent for exchange in self.log)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        exchange = Exchange(request.method, request.path, request.query_string, dict(request.headers))
        self.log.append(exchange)
        if self.hold is not None:
            self.held.set()
            await self.hold.wait()
        exchange.status = self.access.status_for(request.headers.get("Authorization", ""))
        if exchange.status != 200:
            challenge = {"WWW-Authenticate": 'Basic realm="git"'} if exchange.status == 401 else {}
            return web.Response(status=exchange.status, headers=challenge, text="go away\n")
        if self.redirect_to and request.path.endswith("/info/refs"):
            exchange.status = 302
            target = f"{self.redirect_to}{request.path}?{request.query_string}"
            return web.Response(status=302, headers={"Location": target})
        return await self._backend(request, exchange)

    async def _backend(self, request: web.Request, exchange: Exchange) -> web.StreamResponse:
        """Run the CGI program of git; bodies are streamed both ways."""
        process = await asyncio.create_subprocess_exec(
            "git",
            "http-backend",
            env=self._cgi_environment(request),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("git http-backend was started without pipes")
        feeding = asyncio.create_task(_feed(request, process.stdin, exchange), name="feed-git-backend")
        try:
            response = await _head(process.stdout)
            exchange.status = response.status
            await response.prepare(request)
            while chunk := await process.stdout.read(_CHUNK):
                await response.write(chunk)
                exchange.sent += len(chunk)
            await response.write_eof()
        except ConnectionError:
            _kill(process)  # the client has hung up
        except BaseException:
            _kill(process)
            raise
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
            await process.wait()
        return response

    def _cgi_environment(self, request: web.Request) -> dict[str, str]:
        environment = git_environment() | {
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": request.method,
            "PATH_INFO": request.path,
            "QUERY_STRING": request.query_string,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "REMOTE_USER": "git",
            "REMOTE_ADDR": "127.0.0.1",
        }
        protocol = request.headers.get("Git-Protocol", "")
        if protocol and not self.only_version_0:
            environment["GIT_PROTOCOL"] = protocol
        # aiohttp has taken Content-Encoding and chunking away already.
        if request.headers.get("Content-Length") and not request.headers.get("Content-Encoding"):
            environment["CONTENT_LENGTH"] = request.headers["Content-Length"]
        return environment


def _kill(process: asyncio.subprocess.Process) -> None:
    """Not by `process.kill`, which reaps the child behind the back of the event loop."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)


async def _feed(request: web.Request, stdin: asyncio.StreamWriter, exchange: Exchange) -> None:
    with contextlib.suppress(ConnectionError):
        async for chunk in request.content.iter_chunked(_CHUNK):
            exchange.received += len(chunk)
            stdin.write(chunk)
            await stdin.drain()
        stdin.close()


async def _head(stdout: asyncio.StreamReader) -> web.StreamResponse:
    response = web.StreamResponse()
    while line := (await stdout.readline()).strip().decode("latin-1"):
        name, _, value = line.partition(":")
        if name.lower() == "status":
            response.set_status(int(value.split()[0]))
        else:
            response.headers[name] = value.strip()
    return response


@contextlib.contextmanager
def serve_in_thread(root: Path, *, port: int = 0, access: Access | None = None) -> Iterator[GitServer]:
    """A server for code without an event loop; it runs in a thread until the block ends."""
    loop = asyncio.new_event_loop()
    server = GitServer(root, port, access or Access())
    thread = threading.Thread(target=loop.run_forever, name="git-server", daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result(10)
        try:
            yield server
        finally:
            asyncio.run_coroutine_threadsafe(server.__aexit__(None, None, None), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _serve(root: Path, port: int) -> None:
    async with GitServer(root, port) as server:
        print(server.url(""), flush=True)
        await asyncio.Event().wait()


def main() -> None:
    """Serve a directory until interrupted; the address is the first line printed."""
    parser = argparse.ArgumentParser(prog="python -m shared.testing.git_server", description=main.__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--port", type=int, default=0)
    arguments = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(arguments.directory.resolve(), arguments.port))


if __name__ == "__main__":
    main()
