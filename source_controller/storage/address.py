"""The address of the artifact server as it stands in the URLs of artifacts."""

from __future__ import annotations

import os
import socket


def advertised_address(advertised: str, listening: str) -> str:
    """The address to put before paths: as configured, or made from the address that is listened on.

    Raises:
        ValueError: the address that is listened on can't be read.
    """
    if advertised:
        return advertised.rstrip("/")
    host, colon, port = listening.rpartition(":")
    if not colon or not port.isdigit():
        raise ValueError(f"--storage-addr: {listening!r} is not host:port or :port")
    if not host:
        host = "localhost"
    elif host == "0.0.0.0":  # noqa: S104 - compared, not listened on
        host = os.environ.get("HOSTNAME") or socket.gethostname()
    return f"{host}:{port}"


def artifact_url(address: str, path: str) -> str:
    """The URL of an artifact; an address that names a scheme keeps it."""
    prefix = address if address.startswith(("http://", "https://")) else f"http://{address}"
    return f"{prefix}/{path}"
