"""The choice of SSH algorithms; asyncssh is only loaded where somebody has chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

_KERBEROS: Final = b"gss-"


@dataclass(frozen=True, slots=True)
class SshAlgorithms:
    """What may be used, the preferred first; empty leaves it to the library and to the known hosts."""

    key_exchange: tuple[str, ...] = ()
    host_key: tuple[str, ...] = ()

    @classmethod
    def checked(cls, key_exchange: tuple[str, ...], host_key: tuple[str, ...]) -> Self:
        """All of them are known; each text may hold several, with commas between them.

        Raises:
            ValueError: one isn't; names it, and those that are.
        """
        key_exchange, host_key = _split(key_exchange), _split(host_key)
        if key_exchange or host_key:
            from asyncssh.kex import get_kex_algs  # noqa: PLC0415 - see above
            from asyncssh.public_key import (  # noqa: PLC0415
                get_certificate_algs,
                get_public_key_algs,
            )

            _check("key exchange", key_exchange, get_kex_algs())
            _check("host key", host_key, [*get_certificate_algs(), *get_public_key_algs()])
        return cls(key_exchange, host_key)


def _split(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(part.strip() for text in texts for part in text.split(",") if part.strip())


def _check(what: str, wanted: tuple[str, ...], known: list[bytes]) -> None:
    names = [name.decode() for name in known if not name.startswith(_KERBEROS)]
    for name in wanted:
        if name not in names:
            raise ValueError(f"unknown {what} algorithm '{name}', known are {', '.join(names)}")
