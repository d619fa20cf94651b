"""What all users of HTTP need beyond aiohttp."""

from __future__ import annotations

import aiohttp


def hang_up(response: aiohttp.ClientResponse) -> None:
    """Ends the connection of an answer that nobody reads to its end; nothing happens if it was read whole.

    Closing a TLS connection politely waits for the other side, up to 30 s after whoever read has gone.
    """
    connection = response.connection
    if connection is not None and connection.transport is not None:
        connection.transport.abort()
