"""The keys by which hosts are known: a file in the format of OpenSSH's `known_hosts`, and nothing else.

A host at another port than 22 is only known as `[host]:port`. Lines with keys that nobody understands here
are skipped, as OpenSSH does; a line that isn't one at all is an error, which never quotes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from shared.auth import SecretError

if TYPE_CHECKING:
    import asyncssh

PORT: Final = 22


@dataclass(frozen=True, slots=True)
class HostKeys:
    """What is known of one host."""

    name: str
    """As its lines in the file call it."""
    keys: tuple[asyncssh.SSHKey, ...]
    authorities: tuple[asyncssh.SSHKey, ...]
    revoked: tuple[asyncssh.SSHKey, ...]


class KnownHosts:
    """All lines of one file."""

    def __init__(self, lines: asyncssh.SSHKnownHosts) -> None:
        """See `parse`."""
        self._lines = lines

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a file.

        Raises:
            SecretError: names the line that is none.
        """
        import asyncssh  # noqa: PLC0415 - loaded with the first SSH remote

        lines = asyncssh.SSHKnownHosts()
        for number, line in enumerate(data.decode(errors="replace").splitlines(), start=1):
            try:
                lines.load(line)
            except ValueError:
                raise SecretError(
                    f"invalid 'ssh' auth option: line {number} of 'known_hosts' is not "
                    "'[@marker] hosts key-type key'"
                ) from None
        return cls(lines)

    def of(self, host: str, port: int) -> HostKeys:
        """The lines for a host and port."""
        name = host if port == PORT else f"[{host}]:{port}"
        keys, authorities, revoked, *_ = self._lines.match(name, "", None)
        return HostKeys(name, tuple(keys), tuple(authorities), tuple(revoked))
