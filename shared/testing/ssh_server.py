"""A real Git server over SSH: a loopback listener that runs git's programs for who shows a known key."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
import socket
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import asyncssh

from shared.testing.git_upstream import git_environment

_COMMANDS: Final = {"git-upload-pack": "upload-pack", "git-receive-pack": "receive-pack"}


@dataclass(slots=True)
class SshServer:
    """Serves all repositories below a directory; `commands` has every command in order."""

    root: Path
    host_key: asyncssh.SSHKey | tuple[asyncssh.SSHKey, asyncssh.SSHCertificate] = field(
        default_factory=lambda: asyncssh.generate_private_key("ssh-ed25519")
    )
    """By which the server is known; with a certificate for it if wanted."""
    user_key: asyncssh.SSHKey = field(default_factory=lambda: asyncssh.generate_private_key("ssh-ed25519"))
    users: set[str] = field(default_factory=lambda: {"git"})
    only_version_0: bool = False
    """Behave like a server that takes no environment."""
    hold: asyncio.Event | None = None
    """While set to an event, commands wait for it: a remote that hangs."""
    held: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once a command waits."""
    commands: list[str] = field(default_factory=list)
    logins: int = 0
    """How often somebody got in."""
    refusal: str = ""
    """Say this instead of running anything."""
    break_after: int = 0
    """Drop the connection after so many bytes of one answer."""
    sent: int = 0
    """Bytes that upload-pack has said."""
    port: int = 0
    algorithms: dict[str, list[str]] = field(default_factory=dict)
    """What to restrict, as asyncssh calls it: `kex_algs`, `server_host_key_algs`."""
    _acceptor: asyncssh.SSHAcceptor | None = None

    async def __aenter__(self) -> Self:
        """Listen on loopback."""
        server = self

        class Gate(asyncssh.SSHServer):
            def begin_auth(self, username: str) -> bool:
                del username
                return True

            def public_key_auth_supported(self) -> bool:
                return True

            def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
                return username in server.users and key == server.user_key.convert_to_public()

            def auth_completed(self) -> None:
                server.logins += 1

        self._acceptor = await asyncssh.listen(
            "127.0.0.1",
            self.port,
            server_factory=Gate,
            server_host_keys=[self.host_key],
            process_factory=self._run,
            encoding=None,
            agent_forwarding=False,
            **self.algorithms,
        )
        self.port = self._acceptor.get_port()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening; conversations under way are dropped."""
        if self._acceptor is not None:
            self._acceptor.close()
            await self._acceptor.wait_closed()

    def url(self, path: str = "app.git", user: str = "git") -> str:
        """The address of a repository."""
        return f"ssh://{f'{user}@' if user else ''}127.0.0.1:{self.port}/{path}"

    def known_hosts(self, key: asyncssh.SSHKey | None = None, *, marker: str = "", host: str = "") -> str:
        """The line for this server, or for another key, marker or pattern of hosts."""
        own = self.host_key[0] if isinstance(self.host_key, tuple) else self.host_key
        public = (key or own).export_public_key().decode().strip()
        return f"{f'{marker} ' if marker else ''}{host or f'[127.0.0.1]:{self.port}'} {public}\n"

    def identity(self, passphrase: str | None = None, form: str = "openssh") -> str:
        """The private key of the user, encrypted on demand, in a format that asyncssh knows."""
        return self.user_key.export_private_key(form, passphrase=passphrase).decode()

    def secret_texts(self) -> dict[str, str]:
        """The texts of a Secret that gets in."""
        return {"identity": self.identity(), "known_hosts": self.known_hosts()}

    def secret(self, **other: str) -> dict[str, bytes]:
        """The data of such a Secret, with other values or more."""
        return {key: value.encode() for key, value in (self.secret_texts() | other).items()}

    async def _run(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        command = process.command or ""
        self.commands.append(command)
        if self.hold is not None:
            self.held.set()
            await self.hold.wait()
        program, path = [*shlex.split(command), "", ""][:2]
        if self.refusal or program not in _COMMANDS:
            process.stderr.write(f"{self.refusal or 'command not found'}\n".encode())
            process.exit(1)
            return
        environment = git_environment()
        protocol = process.env.get("GIT_PROTOCOL", "")
        if protocol and not self.only_version_0:
            environment["GIT_PROTOCOL"] = protocol
        child = await asyncio.create_subprocess_exec(
            "git",
            _COMMANDS[program],
            str(self.root / path.lstrip("/")),
            env=environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        await self._connect(process, child)

    async def _connect(
        self, process: asyncssh.SSHServerProcess[bytes], child: asyncio.subprocess.Process
    ) -> None:
        if child.stdin is None or child.stdout is None or child.stderr is None:
            raise RuntimeError("upload-pack was started without pipes")
        feeding = asyncio.create_task(_feed(process, child.stdin), name="feed-upload-pack")
        try:
            said = 0
            while piece := await child.stdout.read(1 << 16):
                said += len(piece)
                self.sent += len(piece)
                process.stdout.write(piece)
                await process.stdout.drain()
                if 0 < self.break_after < said:
                    process.channel.get_connection().get_extra_info("socket").shutdown(socket.SHUT_RDWR)
                    return
            process.stderr.write(await child.stderr.read())
            process.exit(await child.wait())
        except (ConnectionError, asyncssh.Error):
            pass  # the client has hung up
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
            if child.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child.pid, signal.SIGKILL)
            await asyncio.gather(
                child.stdout.read(), child.stderr.read()
            )  # up to their ends: that closes them
            await child.wait()


async def _feed(process: asyncssh.SSHServerProcess[bytes], stdin: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError, asyncssh.Error):
        while piece := await process.stdin.read(1 << 16):
            stdin.write(piece)
            await stdin.drain()
    stdin.close()
