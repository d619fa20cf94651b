"""The event loop of a controller: asyncio's own, with threads of their own for names of hosts.

A name can take a minute to be found out about, and asyncio looks for it in the few threads that everything
else which must not hold up the loop is done in. A handful of hosts whose name servers are silent would stop
all of that.
"""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

#: Far more than hosts whose names are looked up at a time: sessions ask for one host once only, and remember.
_LOOKUPS: Final = 64


class Loop(asyncio.SelectorEventLoop):
    """A loop whose lookups wait for nobody else, and nobody for them."""

    def __init__(self) -> None:
        super().__init__()
        self._lookups = ThreadPoolExecutor(_LOOKUPS, thread_name_prefix="lookup")

    async def getaddrinfo(
        self,
        host: bytes | str | None,
        port: bytes | str | int | None,
        *,
        family: int = 0,
        type: int = 0,  # noqa: A002 - the name that asyncio gives it
        proto: int = 0,
        flags: int = 0,
    ) -> Any:
        """The addresses of a host."""
        return await self.run_in_executor(
            self._lookups, socket.getaddrinfo, host, port, family, type, proto, flags
        )

    def close(self) -> None:
        """Ends the loop; lookups that have not begun are dropped."""
        self._lookups.shutdown(wait=False, cancel_futures=True)
        super().close()
