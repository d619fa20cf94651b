"""An API server as a connection needs to know it: where it is, whom to trust, and who logs in."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from shared.kube.errors import KubeError
from shared.lang.json import JsonObject
from shared.proxies import ProxyChoice


class ConnectionConfigError(KubeError):
    """There is no usable way to an API server."""


@dataclass(frozen=True, slots=True)
class Access:
    """A kubeconfig in wire form, and the files that it refers to."""

    document: JsonObject = field(repr=False)
    files: tuple[Path, ...] = ()


class Endpoint(Protocol):
    """An API server and an identity there; credentials stay in what these methods give."""

    @property
    def server(self) -> str:
        """Base URL, without a slash at its end."""

    @property
    def server_name(self) -> str | None:
        """TLS server name where it differs from the URL's host."""

    @property
    def ways(self) -> ProxyChoice:
        """The proxies on the way."""

    def tls(self) -> ssl.SSLContext:
        """Whom to trust, and what to show."""

    async def headers(self) -> dict[str, str]:
        """Authentication headers, fresh ones when the credentials rotate."""

    async def access(self) -> Access:
        """How other programs get to the same server with the same rights; holds credentials."""

    def refused(self) -> None:
        """The server did not take the credentials."""


def wire_config(cluster: JsonObject, user: JsonObject) -> JsonObject:
    """A kubeconfig with one context."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "it", "cluster": cluster}],
        "users": [{"name": "it", "user": user}],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "current-context": "it",
    }
