"""NATS: the event as a message of a subject.

One message per connection needs so little of the protocol that it is spoken here: the server says what it
wants, the client says who it is, publishes, and asks for a sign of life, which comes when all before it was
taken. That is also how refusals are heard, which others find out about too late.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from yarl import URL

from notification_controller.delivery.access import Access
from notification_controller.delivery.errors import Trouble, Unusable
from notification_controller.delivery.poster import Poster
from notification_controller.notification import Notification
from shared.auth import ssl_context
from shared.http import trouble
from shared.lang.json import JsonError, JsonObject, dumps, loads_object

_NAME: Final = "NATS Provider Publisher"
_PORT: Final = 4222
_SCHEMES: Final = ("nats", "tls")
#: Begins at whole rows of dashes alone: from each dash of a long one it would take hours.
_CREDS: Final = re.compile(r"(?<!-)-{3,}BEGIN (?P<what>[A-Z ]+)-{3,}\s+(?P<text>\S+)\s+-{3,}END")
_USER_KEY: Final = 20 << 3


@dataclass(frozen=True, slots=True)
class Identity:
    """Who publishes: what is said in the handshake, given what the server wants to have signed."""

    plain: JsonObject = field(default_factory=dict, repr=False)
    sign: Callable[[bytes], bytes] | None = field(default=None, repr=False)

    def told(self, nonce: str) -> JsonObject:
        """The part of the handshake that logs in."""
        if self.sign is None:
            return self.plain
        if not nonce:
            raise Trouble("the NATS server does not support nkeys")
        signature = base64.urlsafe_b64encode(self.sign(nonce.encode())).decode().rstrip("=")
        return self.plain | {"sig": signature}


class Nats:
    """The address names one server or more, by commas; the channel is the subject."""

    def __init__(self, access: Access) -> None:
        """Nothing is sent yet.

        Raises:
            Unusable: something is missing or can't be used.
        """
        if not access.address:
            raise Unusable("NATS server (address) cannot be empty")
        if not access.channel:
            raise Unusable("NATS subject (channel) cannot be empty")
        if not access.channel.isprintable() or " " in access.channel:
            raise Unusable("the NATS subject (channel) has white space in it")
        self._servers = [_server(text.strip()) for text in access.address.split(",")]
        self._identity = _identity(access)
        self._access = access

    async def deliver(self, notification: Notification, poster: Poster) -> None:
        """Publishes by the first server that takes it."""
        del poster
        failure = Trouble("there is no NATS server")
        for server in self._servers:
            try:
                await self._publish(server, notification.event.encoded())
            except Trouble as error:
                failure = error
            except (OSError, ssl.SSLError, EOFError, ValueError, JsonError) as error:
                failure = Trouble(trouble(error, server), retry=True)
            else:
                return
        subject = self._access.channel
        text = f"error publishing event to subject {subject}: {failure}"
        raise Trouble(text, quoted=failure.quoted, retry=failure.retry)

    async def _publish(self, server: URL, payload: bytes) -> None:
        reader, writer = await asyncio.open_connection(server.host, server.port)
        try:
            info = await _info(reader)
            secure = server.scheme == "tls" or info.get("tls_required") is True
            if secure:
                await writer.start_tls(await self._context(), server_hostname=server.host)
            talk = _Talk(reader, writer)
            await talk.said(b"CONNECT " + dumps(self._hello(server, info, secure=secure)) + b"\r\n")
            size = str(len(payload)).encode()
            await talk.said(b"PUB %b %b\r\n%b\r\n" % (self._access.channel.encode(), size, payload))
        finally:
            writer.transport.abort()

    def _hello(self, server: URL, info: JsonObject, *, secure: bool) -> JsonObject:
        hello: dict[str, Any] = {
            "verbose": False,
            "pedantic": False,
            "tls_required": secure,
            "name": _NAME,
            "lang": "python",
            "version": "1",
            "protocol": 1,
        }
        if not self._identity.plain and server.user:
            by_address = {"user": server.user, "pass": server.password}
            return hello | (by_address if server.password else {"auth_token": server.user})
        return hello | self._identity.told(str(info.get("nonce") or ""))

    async def _context(self) -> ssl.SSLContext:
        return await asyncio.to_thread(ssl_context, self._access.way.tls, system=False)


class _Talk:
    """What is said after the handshake; nothing counts before the server has said that it was heard."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def said(self, command: bytes) -> None:
        self._writer.write(command + b"PING\r\n")
        await self._writer.drain()
        while (line := await _line(self._reader)) != "PONG":
            word, _, rest = line.partition(" ")
            if word == "-ERR":
                raise Trouble("the NATS server responded with an error", quoted=rest.strip("'"))
            if word == "PING":
                self._writer.write(b"PONG\r\n")


async def _info(reader: asyncio.StreamReader) -> JsonObject:
    word, _, rest = (await _line(reader)).partition(" ")
    if word != "INFO":
        raise Trouble("what answers is no NATS server")
    return loads_object(rest)


async def _line(reader: asyncio.StreamReader) -> str:
    try:
        line = await reader.readuntil(b"\n")
    except asyncio.LimitOverrunError:
        raise Trouble("the server says a line that is too long for NATS") from None
    return line.decode(errors="replace").strip()


def _server(text: str) -> URL:
    try:
        url = URL(text if "://" in text else f"nats://{text}")
        sound = url.scheme in _SCHEMES and bool(url.host)
    except ValueError:
        sound = False
    if not sound:
        raise Unusable("the address is not that of a NATS server, which is like nats://host:4222")
    return url if url.explicit_port else url.with_port(_PORT)


def _identity(access: Access) -> Identity:
    """Credentials of a user first, then a key alone, then user name and password."""
    creds, key = access.secret.get("creds", b""), access.secret.get("nkey", b"")
    if creds.strip():
        found = {match["what"]: match["text"] for match in _CREDS.finditer(creds.decode(errors="replace"))}
        try:
            jwt, seed = found["NATS USER JWT"], found["USER NKEY SEED"]
        except KeyError:
            raise Unusable("the value of key 'creds' has no user JWT and seed in it") from None
        return Identity({"jwt": jwt}, _signer(seed, "creds")[1])
    if key.strip():
        public, sign = _signer(key.decode(errors="replace").strip(), "nkey")
        return Identity({"nkey": public}, sign)
    login = access.login
    return Identity({"user": login.username, "pass": login.password} if login else {})


def _signer(seed: str, name: str) -> tuple[str, Callable[[bytes], bytes]]:
    """The public key that belongs to the seed of a user, and what signs with it."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415 - only few need it
        Ed25519PrivateKey,
    )

    try:
        raw = base64.b32decode(seed + "=" * (-len(seed) % 8))
    except (binascii.Error, ValueError):
        raw = b""
    # Two bytes say that it is a seed, and of whom; the last two are a checksum.
    kind = (raw[0] & 7) << 5 | raw[1] >> 3 if len(raw) == 36 else 0
    if kind != _USER_KEY or binascii.crc_hqx(raw[:-2], 0).to_bytes(2, "little") != raw[-2:]:
        raise Unusable(f"the value of key '{name}' has no seed of a user in it")
    private = Ed25519PrivateKey.from_private_bytes(raw[2:34])
    public = bytes((kind,)) + private.public_key().public_bytes_raw()
    text = base64.b32encode(public + binascii.crc_hqx(public, 0).to_bytes(2, "little"))
    return text.decode().rstrip("="), private.sign
