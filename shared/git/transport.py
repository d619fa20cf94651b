"""The ways to a remote, by the scheme of its address."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import aiohttp

from shared.git.bridge import HttpBridge, open_bridge
from shared.git.errors import GitError
from shared.git.http import SERVICE, Endpoint
from shared.git.refs import Advertisement, list_refs
from shared.git.remote import Remote
from shared.git.ssh import SshAlgorithms
from shared.git.ssh.transport import SshTransport


class Bridge(Protocol):
    """An address on loopback that libgit2 talks to; somebody stands in for the remote there."""

    url: str
    error: GitError | None
    """Why the remote didn't answer, if it didn't."""

    def cut(self) -> None:
        """Drop every connection at once: whoever waits in libgit2 gets an error and returns."""


class Transport(Protocol):
    """Everything that is asked of one remote."""

    async def list_refs(self, prefixes: Sequence[str]) -> Advertisement:
        """The references that start with any of the prefixes; no prefix means all.

        Raises:
            RemoteError: one of its family says why not.
        """

    def bridge(self, service: str = SERVICE) -> AbstractAsyncContextManager[Bridge]:
        """A way for libgit2 to reach a service of the remote; it is closed with the block."""


class HttpTransport:
    """Everything that is asked of one remote over HTTP(S)."""

    def __init__(self, remote: Remote, session: aiohttp.ClientSession) -> None:
        """Nothing is sent yet."""
        self._endpoint = Endpoint(session, remote)

    async def list_refs(self, prefixes: Sequence[str]) -> Advertisement:
        """See `Transport`."""
        return await list_refs(self._endpoint, prefixes)

    def bridge(self, service: str = SERVICE) -> AbstractAsyncContextManager[HttpBridge]:
        """See `Transport`."""
        return open_bridge(self._endpoint, service)


def transport_to(remote: Remote, session: aiohttp.ClientSession, ssh: SshAlgorithms) -> Transport:
    """How this remote is reached."""
    if remote.login is not None:
        return SshTransport(remote, ssh)
    return HttpTransport(remote, session)
