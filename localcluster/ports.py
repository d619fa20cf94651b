"""Free ports of the loopback interface.

They are not among those that the system gives to outgoing connections: one of these could take a port between
the moment it is found free and the moment a server listens on it.
"""

from __future__ import annotations

import secrets
import socket
from typing import Final

HOST = "127.0.0.1"

_LOWEST: Final = 15_000
_HIGHEST: Final = 32_000
_TRIES: Final = 1_000


def free_ports(count: int) -> list[int]:
    """Ports that are free now; all are held open until all are found, so that they differ.

    Chance comes from the system: whoever seeds the usual one would find the same ports as everybody.

    Raises:
        OSError: there are no free ports.
    """
    held: list[socket.socket] = []
    try:
        for _ in range(_TRIES):
            if len(held) == count:
                break
            each = socket.socket()
            try:
                each.bind((HOST, _LOWEST + secrets.randbelow(_HIGHEST - _LOWEST)))
            except OSError:
                each.close()
            else:
                held.append(each)
        if len(held) < count:
            raise OSError(f"no {count} free ports between {_LOWEST} and {_HIGHEST} on {HOST}")
        return [each.getsockname()[1] for each in held]
    finally:
        for each in held:
            each.close()
