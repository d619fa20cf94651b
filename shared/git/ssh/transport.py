"""Listing, fetching and pushing over SSH: a program of git runs on the remote, and we or libgit2 talk to it.

For libgit2 the bridge is a server of the `git://` protocol on 127.0.0.1. It only answers who names an
unguessable path, valid for one fetch or push, and passes everything on, both ways as it comes.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from shared.git.errors import AuthorizationFailed, GitError, InvalidRemote, RemoteError, RepositoryNotFound
from shared.git.http import SERVICE
from shared.git.refs import Advertisement, list_refs
from shared.git.ssh.algorithms import SshAlgorithms
from shared.git.ssh.connection import connect, plain, telling

if TYPE_CHECKING:
    import asyncssh

    from shared.git.remote import Remote

_CHUNK: Final = 1 << 16
_LONGEST_COMPLAINT: Final = 4096
_LONGEST_REQUEST: Final = 4096
_MISSING: Final = ("not found", "not be found", "does not exist", "not appear to be a git repository")


class SshTransport:
    """Everything that is asked of one remote over SSH."""

    def __init__(self, remote: Remote, algorithms: SshAlgorithms) -> None:
        """Nothing is sent yet."""
        self._remote = remote
        self._algorithms = algorithms

    async def list_refs(self, prefixes: Sequence[str]) -> Advertisement:
        """See `shared.git.refs.list_refs`."""
        async with (
            connect(self._remote, self._algorithms) as connection,
            _program(connection, self._remote, version=2) as process,
        ):
            return await list_refs(_Conversation(process), prefixes)

    @asynccontextmanager
    async def bridge(self, service: str = SERVICE) -> AsyncIterator[SshBridge]:
        """A way for libgit2 to reach a service of the remote; it is closed with the block."""
        async with connect(self._remote, self._algorithms) as connection:
            bridge = SshBridge(connection, self._remote, service)
            try:
                await bridge.open()
                yield bridge
            finally:
                await bridge.close()


class SshBridge:
    """One open bridge."""

    def __init__(self, connection: asyncssh.SSHClientConnection, remote: Remote, service: str) -> None:
        """See `SshTransport.bridge`."""
        self._connection = connection
        self._remote = remote
        self._service = service
        self._path = secrets.token_urlsafe(32)
        self._server: asyncio.Server | None = None
        self._talks: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self.url = ""
        self.error: GitError | None = None
        """Why the remote didn't answer, if it didn't."""
        self.received = 0
        """Bytes of all answers of the remote."""

    async def open(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"git://127.0.0.1:{port}/{self._path}"

    def cut(self) -> None:
        """Drop every connection at once: whoever waits in libgit2 gets an error and returns."""
        if self._server is not None:
            self._server.close()
        for writer in self._talks.values():
            writer.transport.abort()

    async def close(self) -> None:
        """Stop listening."""
        self.cut()
        talks = list(self._talks)
        for talk in talks:
            talk.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.create_task(self._talk(reader, writer), name="bridge to an SSH remote")
        self._talks[talk] = writer
        talk.add_done_callback(self._talks.pop)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if await _asked_for(reader) != f"{self._service} /{self._path}":
                return
            async with _program(self._connection, self._remote, service=self._service) as process:
                await self._pass_on(process, reader, writer)
        except GitError as error:
            self.error = error
            writer.transport.abort()  # a pack that ends early must not look complete
        finally:
            writer.close()

    async def _pass_on(
        self, process: _Program, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Both ways, piece by piece, until one side ends."""
        asking = asyncio.create_task(_ask(process, reader), name="questions to an SSH remote")
        try:
            while piece := await process.read(_CHUNK):
                self.received += len(piece)
                writer.write(piece)
                try:
                    await writer.drain()
                except ConnectionError:
                    return  # the end of libgit2 isn't the remote's fault
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)


async def _asked_for(reader: asyncio.StreamReader) -> str:
    """The command in the first frame of the `git://` protocol; empty when it is none."""
    try:
        length = int(await reader.readexactly(4), 16)
        if not 4 < length <= _LONGEST_REQUEST:
            return ""
        frame = await reader.readexactly(length - 4)
    except (ValueError, asyncio.IncompleteReadError, ConnectionError):
        return ""
    return frame.partition(b"\0")[0].decode(errors="replace").rstrip("\n")


async def _ask(process: _Program, reader: asyncio.StreamReader) -> None:
    """What libgit2 says, until it has nothing more to say."""
    with contextlib.suppress(ConnectionError, GitError):  # the other way knows why
        while piece := await reader.read(_CHUNK):
            await process.write(piece)
        process.end()


class _Program:
    """A program of git that runs on the remote."""

    def __init__(
        self,
        connection: asyncssh.SSHClientConnection,
        process: asyncssh.SSHClientProcess[bytes],
        remote: Remote,
    ) -> None:
        self._connection = connection
        self._process = process
        self._remote = remote
        self._complaint = b""
        self._listening = asyncio.create_task(self._listen(), name="complaints of an SSH remote")
        self._silent = True

    async def read(self, most: int) -> bytes:
        """Some bytes; none at the end."""
        with telling(self._remote):
            piece = await self._process.stdout.read(most)
        await self._check(piece)
        return piece

    async def readexactly(self, count: int) -> bytes:
        """So many bytes, or `asyncio.IncompleteReadError`."""
        try:
            with telling(self._remote):
                piece = await self._process.stdout.readexactly(count)
        except asyncio.IncompleteReadError as error:
            await self._check(error.partial)
            raise
        await self._check(piece)
        return piece

    async def write(self, data: bytes) -> None:
        """Send, and wait until the remote can take more."""
        with telling(self._remote):
            self._process.stdin.write(data)
            await self._process.stdin.drain()

    def end(self) -> None:
        """Nothing more will be sent."""
        with telling(self._remote):
            self._process.stdin.write_eof()

    async def close(self) -> None:
        """Let go of it; the remote ends the program."""
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)
        self._process.close()

    async def _check(self, piece: bytes) -> None:
        """A program that ends without a word didn't run, and tells why on its other stream."""
        if piece:
            self._silent = False
        elif self._connection.is_closed():
            raise RemoteError(f"{self._remote.url.host} ended the connection")
        elif self._silent:
            await asyncio.gather(self._listening, return_exceptions=True)
            raise _refusal(plain(self._complaint.decode(errors="replace")))

    async def _listen(self) -> None:
        while piece := await self._process.stderr.read(_CHUNK):
            self._complaint = (self._complaint + piece)[:_LONGEST_COMPLAINT]


def _refusal(complaint: str) -> RemoteError:
    said = complaint.lower()
    if any(words in said for words in _MISSING):
        return RepositoryNotFound(f"repository not found: {complaint}")
    if "denied" in said:
        return AuthorizationFailed(f"authorization failed: {complaint}")
    return RemoteError(f"the remote says: {complaint}" if complaint else "the remote ended without a word")


@asynccontextmanager
async def _program(
    connection: asyncssh.SSHClientConnection, remote: Remote, *, version: int = 0, service: str = SERVICE
) -> AsyncIterator[_Program]:
    environment = {"GIT_PROTOCOL": f"version={version}"} if version else {}
    with telling(remote):
        process = await connection.create_process(_command(remote, service), env=environment, encoding=None)
    running = _Program(connection, process, remote)
    try:
        yield running
    finally:
        await running.close()


def _command(remote: Remote, service: str) -> str:
    """As git itself asks, quoted for the shell of the remote."""
    path = remote.url.path
    if not path.isprintable():
        raise InvalidRemote("the path of an SSH url must be printable")
    if path.startswith("/~"):
        path = path[1:]
    quoted = path.replace("'", "'\\''").replace("!", "'\\!'")
    return f"{service} '{quoted}'"


class _Conversation:
    """Listing references, in the terms of `list_refs`: one stream has all answers, one after the other."""

    def __init__(self, process: _Program) -> None:
        self.content = process

    @asynccontextmanager
    async def advertisement(self, *, version: int = 0) -> AsyncIterator[_Conversation]:
        """What the remote says first, in the version that the program was started for."""
        del version
        yield self

    @asynccontextmanager
    async def upload_pack(self, body: bytes, *, version: int = 0) -> AsyncIterator[_Conversation]:
        """What it answers."""
        del version
        await self.content.write(body)
        yield self
