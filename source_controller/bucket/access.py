"""How the object store of a Bucket is reached, and as whom: Secrets, temporary keys, certificates, proxy."""

from __future__ import annotations

import asyncio
import re
from typing import Final

import aiohttp
from yarl import URL

from shared.api.meta import LocalObjectReference
from shared.api.source_v1 import Bucket, Provider
from shared.auth import (
    BasicAuth,
    Proxy,
    SecretData,
    SecretError,
    Secrets,
    SecretUnavailable,
    TlsMaterial,
    basic_auth,
    check_tls,
    ssl_context,
)
from source_controller.bucket.azure import BLOBS, AzureAccess
from source_controller.bucket.azure_login import AccountToken, AzureLogin, Surroundings, azure_login
from source_controller.bucket.conditions import shown
from source_controller.bucket.google import GoogleAccess, service_account
from source_controller.bucket.library import S3Credentials
from source_controller.bucket.s3 import S3Access, region_of
from source_controller.bucket.store import StoreError, limited
from source_controller.bucket.stores import Access
from source_controller.bucket.sts import ldap_credentials, sts_endpoint
from source_controller.identities import Identities
from source_controller.secrets import refused

LDAP: Final = "ldap"
AWS: Final = "aws"

_HOST: Final = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")


class InvalidSts(Exception):
    """`spec.sts` can't belong to this provider."""


class BucketAccesses:
    """Reads what object stores want to know."""

    def __init__(self, session: aiohttp.ClientSession, secrets: Secrets, identities: Identities) -> None:
        """The session is for services that give temporary keys."""
        self._session = session
        self._secrets = secrets
        self._identities = identities

    async def open(self, obj: Bucket) -> Access:
        """How to reach the bucket.

        Raises:
            InvalidSts, InvalidEndpoint: only an edit of `spec.sts` can help.
            GateClosed: the object asks for an identity of its own, and may not have one.
            Failure: a Secret is missing or can't be used, or nobody gives keys; that may change.
        """
        spec = obj.spec
        self._identities.check(spec.service_account_name)
        check_sts(obj)
        if spec.provider is Provider.AZURE:
            return await self._azure(obj)
        if spec.provider is Provider.GCP:
            return await self._google(obj)
        login = await self._login(obj)
        sts = None if spec.secret_ref or spec.sts is None or spec.sts.provider != LDAP else spec.sts
        sts_login = await self._sts_login(obj) if sts else None
        proxy = await self._proxy(obj)
        plain = spec.insecure or spec.cert_secret_ref is None
        tls = TlsMaterial() if plain else await self._tls(obj, "TLS config", spec.cert_secret_ref)
        endpoint = _endpoint(obj)
        if sts is not None:
            material = await self._tls(obj, "STS TLS config", sts.cert_secret_ref)
            login = await self._from_ldap(obj, sts_endpoint(sts.endpoint), sts_login, material, proxy)
        elif spec.provider is Provider.AWS and spec.secret_ref is None:
            login = await self._from_cloud(obj, endpoint, proxy)
        return S3Access(endpoint, spec.bucket_name, spec.region or "", login, tls, proxy)

    async def _azure(self, obj: Bucket) -> AzureAccess:
        endpoint, proxy = _account(obj), await self._proxy(obj)
        login = await self._azure_login(obj)
        account = obj.spec.service_account_name
        if obj.spec.secret_ref is None and self._identities.has_account(account):
            token = await self._identities.azure(obj, BLOBS, account=account, proxy=proxy)
            login = AccountToken(token.token, token.expires_at)
        return AzureAccess(endpoint, obj.spec.bucket_name, login, proxy)

    async def _google(self, obj: Bucket) -> GoogleAccess:
        key, token, proxy = None, "", await self._proxy(obj)
        account = obj.spec.service_account_name
        if obj.spec.secret_ref is not None:
            name = obj.spec.secret_ref.name
            try:
                _, data = await self._secrets.read(obj.namespace, name)
                key = service_account(name, data)
            except (SecretUnavailable, SecretError) as error:
                raise refused(str(error)) from error
        elif self._identities.has_account(account):
            token = (await self._identities.gcp(obj, account=account, proxy=proxy)).token
        return GoogleAccess(obj.spec.bucket_name, key, proxy, token=token)

    async def _azure_login(self, obj: Bucket) -> AzureLogin | None:
        if obj.spec.secret_ref is None:
            return Surroundings()
        name = obj.spec.secret_ref.name
        try:
            _, data = await self._secrets.read(obj.namespace, name)
            return azure_login(name, data, _account(obj))
        except (SecretUnavailable, SecretError) as error:
            raise refused(str(error)) from error

    async def _login(self, obj: Bucket) -> S3Credentials | None:
        if obj.spec.secret_ref is None:
            return None
        name = obj.spec.secret_ref.name
        try:
            _, data = await self._secrets.read(obj.namespace, name)
            return static_keys(name, data)
        except (SecretUnavailable, SecretError) as error:
            raise refused(str(error)) from error

    async def _sts_login(self, obj: Bucket) -> BasicAuth | None:
        sts = obj.spec.sts
        if sts is None or sts.secret_ref is None:
            return None
        name = sts.secret_ref.name
        try:
            _, data = await self._secrets.read(obj.namespace, name)
        except SecretUnavailable as error:
            raise refused(f"failed to get STS secret '{obj.namespace}/{name}': {error}") from error
        text = f"invalid '{name}' secret data for 'ldap' STS provider: required fields username, password"
        try:
            login = basic_auth(data)
        except SecretError as error:
            raise refused(text) from error
        if login is None:
            raise refused(text)
        return login

    async def _proxy(self, obj: Bucket) -> Proxy | None:
        reference = obj.spec.proxy_secret_ref
        if reference is None:
            return None
        try:
            return await self._secrets.proxy(obj.namespace, reference.name)
        except SecretUnavailable as error:
            raise refused(f"failed to get proxy URL: {error}") from error

    async def _tls(self, obj: Bucket, what: str, reference: LocalObjectReference | None) -> TlsMaterial:
        if reference is None:
            return TlsMaterial()
        try:
            found = await self._secrets.tls(obj.namespace, reference.name)
            check_tls(found)
        except SecretUnavailable as error:
            raise refused(f"failed to get {what}: {error}") from error
        except SecretError as error:
            text = f"failed to get {what}: secret '{obj.namespace}/{reference.name}': {error}"
            raise refused(text) from error
        return found

    async def _from_ldap(
        self, obj: Bucket, endpoint: URL, login: BasicAuth | None, tls: TlsMaterial, proxy: Proxy | None
    ) -> S3Credentials:
        context = await asyncio.to_thread(ssl_context, tls, system=True) if tls else None
        try:
            async with limited(obj.spec.timeout):
                return await ldap_credentials(self._session, endpoint, login, context, proxy)
        except StoreError as error:
            text = f"failed to get credentials from STS endpoint '{endpoint}': {error}"
            raise refused(shown(text)) from error

    async def _from_cloud(self, obj: Bucket, endpoint: URL, proxy: Proxy | None) -> S3Credentials:
        """The keys of the object's account, or of the controller."""
        spec = obj.spec
        keys = await self._identities.aws(
            obj,
            region=spec.region or region_of(endpoint),
            account=spec.service_account_name,
            endpoint=spec.sts.endpoint if spec.sts else "",
            proxy=proxy,
        )
        return S3Credentials(keys.access_key, keys.secret_key, keys.token)


def static_keys(name: str, data: SecretData) -> S3Credentials | None:
    """The keys in a Secret; None where they are there and empty, which means nobody.

    Raises:
        SecretError: one isn't there, or is no text.
    """
    if "accesskey" not in data or "secretkey" not in data:
        raise SecretError(f"invalid '{name}' secret data: required fields 'accesskey' and 'secretkey'")
    keys = [data[each].rstrip(b"\r\n") for each in ("accesskey", "secretkey")]
    if not any(keys):
        return None
    access, secret = (each.decode(errors="replace") for each in keys)
    if not access or not secret:
        raise SecretError(f"invalid '{name}' secret data: one of 'accesskey' and 'secretkey' is empty")
    if not (access.isascii() and access.isprintable()) or "\ufffd" in secret:
        raise SecretError(f"invalid '{name}' secret data: 'accesskey' or 'secretkey' is no plain text")
    return S3Credentials(access, secret)


def check_sts(obj: Bucket) -> None:
    """Refuses services for temporary keys that don't belong to the provider.

    Raises:
        InvalidSts: only an edit can help.
        InvalidEndpoint: likewise.
    """
    sts, provider = obj.spec.sts, obj.spec.provider
    if sts is None:
        return
    wanted = {Provider.AWS: AWS, Provider.GENERIC: LDAP}.get(provider)
    if sts.provider != wanted:
        raise InvalidSts(f"STS provider '{sts.provider}' is not supported for '{provider}' bucket provider")
    sts_endpoint(sts.endpoint)


def _account(obj: Bucket) -> URL:
    """The address of an account of Azure; its query may let in."""
    try:
        url = URL(obj.spec.endpoint)
        sound = (
            url.scheme in ("http", "https") and url.host and url.port and not url.user and not url.password
        )
    except ValueError:
        sound = False
    if not sound:
        raise refused(
            f"spec.endpoint '{shown(obj.spec.endpoint)}' is not the URL of an account, "
            "as https://<account>.blob.core.windows.net"
        )
    return url.with_fragment(None)


def _endpoint(obj: Bucket) -> URL:
    """The address of the store, of which the object says host and port."""
    text, scheme = obj.spec.endpoint, "http" if obj.spec.insecure else "https"
    found = _HOST.fullmatch(text)
    try:
        url = URL(f"{scheme}://{text}") if found else None
    except ValueError:
        url = None
    if url is None or not url.port:
        told = shown(text).rpartition("@")[2].partition("?")[0].partition("#")[0]
        raise refused(
            f"spec.endpoint '{told}' is not a host with an optional port; leave out the scheme "
            "(spec.insecure: true means plain HTTP) and the path"
        )
    return url
