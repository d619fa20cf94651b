"""The API server of another cluster, as a connection needs it. Nothing of it is ever written to a disk."""

from __future__ import annotations

import asyncio
import base64
import ssl
from dataclasses import replace

from yarl import URL

from shared.auth.remote.kubeconfig import KubeconfigError, Target
from shared.auth.remote.logins import FixedLogin, Login, PluginLogin
from shared.auth.secrets import BasicAuth, SecretError
from shared.auth.tls import TlsMaterial, ssl_context
from shared.kube.endpoint import Access, wire_config
from shared.lang.json import JsonObject
from shared.observe.clock import Clock
from shared.proxies import EnvironmentProxies, OneProxy, ProxyChoice


class RemoteEndpoint:
    """A target with a login."""

    def __init__(self, target: Target, login: Login, context: ssl.SSLContext) -> None:
        self._target = target
        self._login = login
        self._context = context
        self.server = target.server
        self.server_name = target.server_name
        #: What of the kubeconfig was not heeded, and may be why the server can't be reached.
        self.hints = target.hints
        self.ways: ProxyChoice = OneProxy(target.proxy) if target.proxy else EnvironmentProxies.read()

    @property
    def ended(self) -> bool:
        """Whether only a new connection can log in."""
        return self._login.ended

    def tls(self) -> ssl.SSLContext:
        """Whom to trust, and what to show."""
        return self._context

    async def headers(self) -> dict[str, str]:
        """Authentication headers.

        Raises:
            NoCredentials: nobody gives any.
        """
        return await self._login.headers()

    def refused(self) -> None:
        """The server did not take the credentials."""
        self._login.refused()

    async def access(self) -> Access:
        """A kubeconfig with everything in it."""
        target = self._target
        cluster = described(target)
        user: JsonObject = {}
        for key, data in (
            ("client-certificate-data", target.tls.certificate),
            ("client-key-data", target.tls.key),
        ):
            if data:
                user[key] = _encoded(data)
        if isinstance(target.credentials, BasicAuth):
            user |= {"username": target.credentials.username, "password": target.credentials.password}
        else:
            header = (await self.headers()).get("Authorization", "")
            if header:
                user["token"] = header.removeprefix("Bearer ")
        proxy = self.ways.of(URL(self.server))
        if proxy is not None:
            cluster["proxy-url"] = str(proxy)
        return Access(wire_config(cluster, user))


async def open_endpoint(target: Target, clock: Clock, login: Login | None = None) -> RemoteEndpoint:
    """The endpoint of a target; with `login` somebody logs in of whom the target does not know.

    Raises:
        KubeconfigError: certificates can't be used.
        NoCredentials: a command gives nothing.
    """
    if login is None and target.plugin is not None and target.credentials is None:
        plugin = PluginLogin(target.plugin, described(target), clock)
        certificate, key = await plugin.certificate()
        if certificate:
            target = replace(target, tls=TlsMaterial(target.tls.authorities, certificate, key))
        login = plugin
    context = await asyncio.to_thread(_context, target)
    return RemoteEndpoint(target, login or FixedLogin(target.credentials), context)


def described(target: Target) -> JsonObject:
    """The cluster as a kubeconfig describes it, without anything secret."""
    cluster: JsonObject = {"server": target.server}
    if target.tls.authorities:
        cluster["certificate-authority-data"] = _encoded(target.tls.authorities)
    if target.insecure:
        cluster["insecure-skip-tls-verify"] = True
    if target.server_name:
        cluster["tls-server-name"] = target.server_name
    return cluster


def _context(target: Target) -> ssl.SSLContext:
    try:
        ssl_context(TlsMaterial(target.tls.authorities), system=False)
    except SecretError:
        text = "cluster.certificate-authority-data has no certificates in PEM form"
        raise KubeconfigError(text) from None
    try:
        context = ssl_context(target.tls, system=False)
    except SecretError:
        raise KubeconfigError(
            "user.client-certificate-data and client-key-data are not a certificate and its unencrypted key"
        ) from None
    if target.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()
