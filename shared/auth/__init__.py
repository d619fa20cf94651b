"""Credentials: what Secrets say about logging in, TLS and proxies."""

from shared.auth.registry import Keychain, RegistryLogin
from shared.auth.secrets import (
    BasicAuth,
    BearerToken,
    Credentials,
    Proxy,
    SecretData,
    SecretError,
    basic_auth,
    http_credentials,
    proxy_from_environment,
    proxy_from_secret,
    proxy_from_text,
    secret_data,
)
from shared.auth.stored import Secrets, SecretUnavailable
from shared.auth.through import SOCKS5, ProxyRefused, connect_through, exchange
from shared.auth.tls import TlsContexts, TlsMaterial, check_tls, git_tls, ssl_context, tls_from_secret

__all__ = [
    "SOCKS5",
    "BasicAuth",
    "BearerToken",
    "Credentials",
    "Keychain",
    "Proxy",
    "ProxyRefused",
    "RegistryLogin",
    "SecretData",
    "SecretError",
    "SecretUnavailable",
    "Secrets",
    "TlsContexts",
    "TlsMaterial",
    "basic_auth",
    "check_tls",
    "connect_through",
    "exchange",
    "git_tls",
    "http_credentials",
    "proxy_from_environment",
    "proxy_from_secret",
    "proxy_from_text",
    "secret_data",
    "ssl_context",
    "tls_from_secret",
]
