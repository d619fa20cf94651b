"""How to reach and authenticate at an API server: kubeconfig, in-cluster account, TLS.

The loading is kubernetes_asyncio's; what comes out is a `Connection` that owns one HTTP session, which
every client of the process shares. Credentials stay in headers of requests and never appear in `repr` or
messages.
"""

from __future__ import annotations

import os
import socket
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp
from aiohttp.connector import AddrInfoType

from shared.kube.errors import KubeError
from shared.kube.slim import Configuration, config
from shared.lang.json import JsonObject

_READ_BUFFER: Final = 2**20
_QUIET_SECONDS: Final = 15
_PROBE_SECONDS: Final = 5
_PROBES: Final = 3
#: How long the other end may leave what was sent without a sign.
_LOST_MILLISECONDS: Final = (_QUIET_SECONDS + _PROBE_SECONDS * _PROBES) * 1000


class ConnectionConfigError(KubeError):
    """The process has no usable way to reach an API server."""


@dataclass(frozen=True, slots=True)
class Access:
    """A kubeconfig in wire form, and the files that it refers to."""

    document: JsonObject = field(repr=False)
    files: tuple[Path, ...]


class Connection:
    """Base URL, credentials and the HTTP session of one API server."""

    def __init__(self, configuration: Any) -> None:
        self._configuration = configuration
        self.server: str = configuration.host.rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    @classmethod
    async def load(cls, kubeconfig: Path | None = None, context: str | None = None) -> Connection:
        """From a kubeconfig (argument or $KUBECONFIG) or, without one, from the pod's service account.

        Raises:
            ConnectionConfigError: neither is there, or the file is not usable.
        """
        configuration = Configuration()
        path = kubeconfig or (Path(os.environ["KUBECONFIG"]) if os.environ.get("KUBECONFIG") else None)
        try:
            if path is not None:
                await config.load_kube_config(
                    config_file=str(path),
                    context=context,
                    client_configuration=configuration,
                    persist_config=False,
                )
            else:
                config.load_incluster_config(client_configuration=configuration)
        except Exception as error:
            source = f"kubeconfig {path}" if path else "the pod's service account"
            raise ConnectionConfigError(
                f"no connection to a cluster from {source}: {error}; set KUBECONFIG or run inside a pod"
            ) from error
        return cls(configuration)

    @property
    def session(self) -> aiohttp.ClientSession:
        """The shared session, opened on first use inside the running loop."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    ssl=self._tls(), limit=0, keepalive_timeout=60, socket_factory=_watchful_socket
                ),
                read_bufsize=_READ_BUFFER,
                auto_decompress=True,
            )
        return self._session

    async def headers(self) -> dict[str, str]:
        """Authentication headers, refreshed when the credentials rotate."""
        token = await self._configuration.get_api_key_with_prefix("BearerToken")
        if token:
            return {"Authorization": token}
        if self._configuration.username and self._configuration.password:
            return {"Authorization": self._configuration.get_basic_auth_token()}
        return {}

    @property
    def server_name(self) -> str | None:
        """TLS server name where it differs from the URL's host."""
        name: str | None = getattr(self._configuration, "tls_server_name", None)
        return name

    @property
    def proxy(self) -> str | None:
        """Proxy URL from the kubeconfig."""
        proxy: str | None = self._configuration.proxy
        return proxy

    async def kubeconfig(self) -> Access:
        """How other programs get to the same server with the same rights; holds credentials."""
        configuration = self._configuration
        cluster: JsonObject = {"server": self.server}
        user: JsonObject = {}
        files: list[Path] = []
        if not configuration.verify_ssl:
            cluster["insecure-skip-tls-verify"] = True
        for holder, key, path in (
            (cluster, "certificate-authority", configuration.ssl_ca_cert),
            (user, "client-certificate", configuration.cert_file),
            (user, "client-key", configuration.key_file),
        ):
            if path:
                holder[key] = str(path)
                files.append(Path(holder[key]))
        for key, value in (("tls-server-name", self.server_name), ("proxy-url", self.proxy)):
            if value:
                cluster[key] = value
        headers = await self.headers()
        kind, _, token = headers.get("Authorization", "").partition(" ")
        if kind == "Bearer":
            user["token"] = token
        elif kind:
            user |= {"username": configuration.username, "password": configuration.password}
        document: JsonObject = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "it", "cluster": cluster}],
            "users": [{"name": "it", "user": user}],
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
            "current-context": "it",
        }
        return Access(document, tuple(files))

    async def close(self) -> None:
        """Closes the session; clients of this connection are unusable afterwards."""
        if self._session is None:
            return
        if self._session.connector is not None:
            # Nobody waits for the good-byes of TLS: what was asked is answered, or isn't wanted any more.
            await self._session.connector.close(abort_ssl=True)
        await self._session.close()

    def _tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self._configuration.ssl_ca_cert)
        if self._configuration.cert_file:
            context.load_cert_chain(self._configuration.cert_file, self._configuration.key_file)
        if not self._configuration.verify_ssl:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if getattr(self._configuration, "disable_strict_ssl_verification", False):
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context


def _watchful_socket(address: AddrInfoType) -> socket.socket:
    """A socket that breaks within half a minute when the other end is gone without a word.

    Most of the time a watch has nothing to read, so without probes it would go on waiting for a server whose
    node or load balancer has died.
    """
    family, kind, protocol, _, _ = address
    opened = socket.socket(family=family, type=kind, proto=protocol)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", _QUIET_SECONDS),
        ("TCP_KEEPINTVL", _PROBE_SECONDS),
        ("TCP_KEEPCNT", _PROBES),
        ("TCP_USER_TIMEOUT", _LOST_MILLISECONDS),
    ):
        # Not every system that this is developed on has all of them.
        option = getattr(socket, name, None)
        if option is not None:
            opened.setsockopt(socket.IPPROTO_TCP, option, value)
    return opened
