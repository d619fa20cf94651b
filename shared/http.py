"""What all users of HTTP need beyond aiohttp."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

import aiohttp
from yarl import URL

REDIRECTS: Final = frozenset((301, 302, 303, 307, 308))
CONNECT_SECONDS: Final = 30

_SHORTEST_WAIT: Final = timedelta(seconds=1)
_LONGEST_WAIT: Final = timedelta(hours=1)


class UnsafeRedirect(Exception):
    """A redirect that is not to be followed; str() says where it leads to."""


def hang_up(response: aiohttp.ClientResponse) -> None:
    """Ends the connection of an answer that nobody reads to its end; nothing happens if it was read whole.

    Closing a TLS connection politely waits for the other side, up to 30 s after whoever read has gone.
    """
    connection = response.connection
    if connection is not None and connection.transport is not None:
        connection.transport.abort()


def is_address(host: str) -> bool:
    """Whether a host, perhaps with a port, can be asked at all: no part too long, no port too high."""
    try:
        name = URL(f"https://{host}").origin().host or ""
        return bool(name.encode("idna"))
    except ValueError:
        return False


def redirected(url: URL, response: aiohttp.ClientResponse) -> URL:
    """Where an answer leads to, without user info; never from https to anything else.

    Raises:
        UnsafeRedirect: nobody should go there.
    """
    try:
        target = url.join(URL(response.headers.get("Location", ""), encoded=True)).with_user(None)
    except ValueError:
        raise UnsafeRedirect("a malformed address") from None
    if not is_address(target.authority):
        raise UnsafeRedirect("a malformed address")
    if target.scheme not in ("http", "https") or (url.scheme == "https" and target.scheme != "https"):
        raise UnsafeRedirect("an address that is not safe to follow")
    return target


def asked_to_wait(response: aiohttp.ClientResponse) -> timedelta | None:
    """How long a server that is asked too often, or isn't there for a while, wants to be left alone.

    Between a second and an hour; None if it doesn't say.
    """
    told = response.headers.get("Retry-After", "")
    if response.status not in (429, 503) or not told:
        return None
    if told.isdecimal() and len(told) < 10:
        wait = timedelta(seconds=int(told))
    else:
        try:
            wait = parsedate_to_datetime(told) - datetime.now(UTC)
        except (TypeError, ValueError):
            return None
    return min(max(wait, _SHORTEST_WAIT), _LONGEST_WAIT)


def is_untrusted(error: BaseException) -> bool:
    """Whether it was the certificate of the other side that ended a request."""
    return isinstance(error, aiohttp.ClientConnectorCertificateError | ssl.SSLCertVerificationError)


def is_cut(error: BaseException) -> bool:
    """Whether a connection that was open ended before the answer did."""
    if isinstance(error, aiohttp.ClientConnectorError | ConnectionRefusedError):
        return False
    return isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientPayloadError | ConnectionError)


def trouble(error: BaseException, url: URL) -> str:
    """Trouble of the network in words, without what the parts around it may have put in."""
    at = f"{url.host}:{url.port}"
    match error:
        case _ if is_untrusted(error):
            why = getattr(getattr(error, "certificate_error", error), "verify_message", "")
            words = f"the certificate of {at} is not trusted: {why or 'unknown reason'}"
        case _ if is_cut(error):
            words = f"{at} ended the connection"
        case aiohttp.ClientConnectorDNSError():
            words = f"the host {url.host} can't be resolved"
        case aiohttp.ClientProxyConnectionError() | aiohttp.ClientHttpProxyError():
            words = "the proxy can't be reached or refuses"
        case aiohttp.ClientSSLError():
            words = f"{at} doesn't speak TLS as we do"
        case aiohttp.ClientConnectorError() | ConnectionRefusedError():
            words = f"can't connect to {at}: {error.strerror or 'no connection'}"
        case _:
            words = f"talking to {at} failed: {type(error).__name__}"
    return words
