"""A connection to an SSH host, whose trouble comes out in the words of `shared.git.errors`.

Only what the remote says counts: no configuration, agent, key or known host of the machine is looked at.
"""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Final

from shared.auth import SOCKS5, ProxyRefused, connect_through
from shared.git.errors import AuthenticationRequired, InvalidRemote, RemoteError, RemoteTimeout
from shared.git.ssh.algorithms import SshAlgorithms
from shared.git.ssh.known_hosts import PORT, HostKeys

if TYPE_CHECKING:
    import asyncssh

    from shared.git.remote import Remote

_HANDSHAKE: Final = "ssh: handshake failed"
_NOBODY: Final = {"LOGNAME": "headrace", "HOME": "/nonexistent"}
"""asyncssh asks for the local user, whom a container may not have; no remote is told."""


@asynccontextmanager
async def connect(remote: Remote, algorithms: SshAlgorithms) -> AsyncIterator[asyncssh.SSHClientConnection]:
    """A connection that is logged in; it is dropped with the block.

    Raises:
        RemoteError: the host can't be reached, isn't the one that is known, or doesn't let us in.
    """
    for name, value in _NOBODY.items():
        os.environ.setdefault(name, value)
    import asyncssh  # noqa: PLC0415 - loaded with the first SSH remote

    if remote.login is None or not remote.url.host:
        raise InvalidRemote("an SSH remote needs a host and a login")
    host, port = remote.url.host, remote.url.port or PORT
    known = remote.login.hosts.of(host, port)
    way = await _socket(remote, host, port)
    verdict: list[str] = []
    with telling(remote, known, verdict):
        connection = await asyncssh.connect(
            host,
            port,
            sock=way,
            client_factory=lambda: _judge(known, verdict),
            username=remote.login.user,
            client_keys=[remote.login.key],
            known_hosts=(known.keys, known.authorities, known.revoked, (), (), (), ()),
            kex_algs=algorithms.key_exchange,
            server_host_key_algs=algorithms.host_key,
            preferred_auth="publickey",
            agent_path=None,
            config=None,
            x509_trusted_certs=None,
            gss_host=None,
            compression_algs=None,
        )
    try:
        yield connection
    finally:
        connection.abort()
        await connection.wait_closed()


def _judge(known: HostKeys, verdict: list[str]) -> asyncssh.SSHClient:
    """Says no to keys that aren't known, and why."""
    import asyncssh  # noqa: PLC0415 - see above

    class Judge(asyncssh.SSHClient):
        def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
            del host, addr, port
            verdict.append(_why(known, key))
            return False

        validate_host_ca_key = validate_host_public_key

    return Judge()


def _why(known: HostKeys, shown: asyncssh.SSHKey) -> str:
    if not known.keys and not known.authorities:
        return f"key is unknown: 'known_hosts' has no key of {known.name}, it shows {_short(shown)}"
    expected = ", ".join(_short(key) for key in (*known.keys, *known.authorities))
    return f"key mismatch: {known.name} shows {_short(shown)}, 'known_hosts' has {expected}"


def _short(key: asyncssh.SSHKey) -> str:
    return f"{key.get_algorithm()} {key.get_fingerprint()}"


async def _socket(remote: Remote, host: str, port: int) -> socket.socket | None:
    """A connection through the proxy, where there is one."""
    if remote.proxy is None:
        return None
    scheme = remote.proxy.address.scheme
    if scheme != SOCKS5:
        raise InvalidRemote(f"SSH can't go through a proxy of scheme '{scheme}', use a socks5 proxy")
    try:
        return await connect_through(remote.proxy, host, port)
    except ProxyRefused as error:
        raise RemoteError(str(error)) from error


@contextmanager
def telling(remote: Remote, known: HostKeys | None = None, verdict: Sequence[str] = ()) -> Iterator[None]:
    """Trouble of a connection in words; what is known of the host, and was found, is for the handshake."""
    import asyncssh  # noqa: PLC0415 - see above

    at = f"{remote.url.host}:{remote.url.port or PORT}"
    try:
        yield
    except asyncssh.HostKeyNotVerifiable as error:
        why = verdict[-1] if verdict else error.reason
        raise RemoteError(f"{_HANDSHAKE}: knownhosts: {why}") from None
    except asyncssh.KeyExchangeFailed as error:
        keys = ", ".join(_short(key) for key in known.keys) if known else ""
        hint = f"; 'known_hosts' has {keys}" if keys else ""
        raise RemoteError(f"{_HANDSHAKE}: ssh: no common algorithm: {plain(error.reason)}{hint}") from None
    except asyncssh.PermissionDenied:
        user = remote.login.user if remote.login else ""
        raise AuthenticationRequired(
            f"{_HANDSHAKE}: ssh: unable to authenticate: {at} does not accept the key of user '{user}'"
        ) from None
    except asyncssh.ChannelOpenError as error:
        raise RemoteError(f"{at} opens no channel: {plain(error.reason)}") from None
    except asyncssh.ConnectionLost:
        raise RemoteError(f"{at} ended the connection") from None
    except asyncssh.DisconnectError as error:
        raise RemoteError(f"{at} ended the connection: {plain(error.reason)}") from None
    except asyncssh.Error as error:
        raise RemoteError(f"talking to {at} failed: {plain(error.reason)}") from None
    except socket.gaierror:
        raise RemoteError(f"the host {remote.url.host} can't be resolved") from None
    except (BrokenPipeError, ConnectionResetError):
        raise RemoteError(f"{at} ended the connection") from None
    except TimeoutError:
        raise RemoteTimeout("context deadline exceeded") from None
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else "no connection"
        raise RemoteError(f"can't connect to {at}: {why}") from None


def plain(text: str) -> str:
    """What a remote says, on one line that isn't too long."""
    return " ".join(text[:300].split())
