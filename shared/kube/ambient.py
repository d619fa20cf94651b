"""The API server of the process itself: named by a kubeconfig of its operator, or by the pod it runs in.

The loading is kubernetes_asyncio's, so everything works that kubectl's users expect, files and rotating
tokens included. What users of a cluster hand in never comes here.
"""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import Any

from yarl import URL

from shared.kube.endpoint import Access, ConnectionConfigError, wire_config
from shared.kube.slim import Configuration, config
from shared.lang.json import JsonObject
from shared.proxies import Direct, OneProxy, ProxyChoice


class AmbientEndpoint:
    """What a configuration of kubernetes_asyncio says."""

    def __init__(self, configuration: Any) -> None:
        self._configuration = configuration
        self.server: str = configuration.host.rstrip("/")

    @property
    def server_name(self) -> str | None:
        """TLS server name where it differs from the URL's host."""
        name: str | None = getattr(self._configuration, "tls_server_name", None)
        return name

    @property
    def ways(self) -> ProxyChoice:
        """The proxy of the kubeconfig."""
        proxy: str | None = self._configuration.proxy
        return OneProxy(URL(proxy)) if proxy else Direct()

    def tls(self) -> ssl.SSLContext:
        """Trust and certificate of the configuration; reads files."""
        context = ssl.create_default_context(cafile=self._configuration.ssl_ca_cert)
        if self._configuration.cert_file:
            context.load_cert_chain(self._configuration.cert_file, self._configuration.key_file)
        if not self._configuration.verify_ssl:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if getattr(self._configuration, "disable_strict_ssl_verification", False):
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context

    async def headers(self) -> dict[str, str]:
        """Authentication headers, refreshed when the credentials rotate."""
        token = await self._configuration.get_api_key_with_prefix("BearerToken")
        if token:
            return {"Authorization": token}
        if self._configuration.username and self._configuration.password:
            return {"Authorization": self._configuration.get_basic_auth_token()}
        return {}

    async def access(self) -> Access:
        """The same as a kubeconfig."""
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
        for key, value in (("tls-server-name", self.server_name), ("proxy-url", configuration.proxy)):
            if value:
                cluster[key] = value
        headers = await self.headers()
        kind, _, token = headers.get("Authorization", "").partition(" ")
        if kind == "Bearer":
            user["token"] = token
        elif kind:
            user |= {"username": configuration.username, "password": configuration.password}
        return Access(wire_config(cluster, user), tuple(files))

    def refused(self) -> None:
        """Nothing is kept that could be renewed."""


async def load(kubeconfig: Path | None = None, context: str | None = None) -> AmbientEndpoint:
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
    return AmbientEndpoint(configuration)
