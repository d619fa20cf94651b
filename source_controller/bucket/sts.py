"""Temporary keys for an account of LDAP, as MinIO gives them: a form goes out, XML comes back."""

from __future__ import annotations

import ssl
from typing import Final
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from shared.auth import BasicAuth, Proxy, ProxyRefused, exchange
from shared.http import trouble
from shared.lang.xml import XmlRefused, texts
from source_controller.bucket.library import S3Credentials
from source_controller.bucket.store import StoreError

_ACTION: Final = {"Action": "AssumeRoleWithLDAPIdentity", "Version": "2011-06-15"}
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded", "Accept-Encoding": "identity"}
_LARGEST: Final = 1 << 18
_WANTED: Final = ("AccessKeyId", "SecretAccessKey", "SessionToken", "Code")


class InvalidEndpoint(ValueError):
    """An address that no such service can have."""


def sts_endpoint(text: str) -> URL:
    """The address of a service.

    Raises:
        InvalidEndpoint: it can't be one; the text says why.
    """
    try:
        url = URL(text)
        host, port = url.host, url.port
    except ValueError:
        raise InvalidEndpoint("it is malformed") from None
    if url.scheme not in ("http", "https") or not host or not port:
        raise InvalidEndpoint("it needs a host and one of the schemes http and https")
    return url.with_user(None).with_fragment(None)


async def ldap_credentials(
    session: aiohttp.ClientSession,
    endpoint: URL,
    login: BasicAuth | None,
    context: ssl.SSLContext | None,
    proxy: Proxy | None,
) -> S3Credentials:
    """Keys for a user and a password, or for nobody.

    Raises:
        StoreError: there are none.
    """
    username, password = (login.username, login.password) if login else ("", "")
    body = urlencode(_ACTION | {"LDAPUsername": username, "LDAPPassword": password}).encode()
    try:
        async with exchange(
            session, proxy, "POST", endpoint, dict(_FORM), data=body, ssl=context or True
        ) as answer:
            status, text = answer.status, await _read(answer)
    except TimeoutError:
        raise StoreError(f"{endpoint.host}:{endpoint.port} does not take connections in time") from None
    except ProxyRefused as error:
        raise StoreError(str(error)) from None
    except (aiohttp.ClientError, ssl.SSLError, ConnectionError) as error:
        raise StoreError(trouble(error, endpoint)) from None
    try:
        found = texts(text, _WANTED)
    except XmlRefused:
        raise StoreError("the answer has a document type, which no such service sends") from None
    if status != 200:
        code = found.get("Code", "")
        raise StoreError(f"{status} {code}".rstrip() + ", check the Secret of spec.sts.secretRef")
    if not found.get("AccessKeyId") or not found.get("SecretAccessKey"):
        raise StoreError("the answer has no keys, check spec.sts.endpoint")
    return S3Credentials(found["AccessKeyId"], found["SecretAccessKey"], found.get("SessionToken", ""))


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    data = bytearray()
    async for piece in answer.content.iter_chunked(1 << 16):
        data += piece
        if len(data) > _LARGEST:
            raise StoreError(f"the answer has more than {_LARGEST} bytes")
    return bytes(data)
