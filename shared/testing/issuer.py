"""An issuer of identity tokens on loopback, which can be wrong in every way that one can be.

Tokens are signed by an independent library, so that our own verification is not measured by itself.
"""

from __future__ import annotations

import base64
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from aiohttp import web
from joserfc import jwt
from joserfc.jwk import ECKey, KeyParameters, OKPKey, RSAKey

from shared.lang.json import JsonObject, dumps
from shared.testing.loopback import LoopbackServer

ALGORITHMS: Final = (
    *(f"{family}{bits}" for family in ("RS", "PS") for bits in (256, 384, 512)),
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
)
_CURVES: Final = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}


class SigningKey:
    """A key of an issuer, for one algorithm."""

    def __init__(self, key_id: str, algorithm: str = "RS256") -> None:
        parameters: KeyParameters = {"kid": key_id, "use": "sig"}
        self.id = key_id
        self.algorithm = algorithm
        self._key: Any
        if algorithm in _CURVES:
            self._key = ECKey.generate_key(_CURVES[algorithm], parameters)
        elif algorithm == "EdDSA":
            self._key = OKPKey.generate_key("Ed25519", parameters)
        else:
            self._key = RSAKey.generate_key(2048, parameters)

    @property
    def public(self) -> JsonObject:
        """The key as an issuer publishes it."""
        return dict(self._key.as_dict(private=False))

    def token(self, claims: Mapping[str, Any], **header: Any) -> str:
        """The claims, signed; the header can be changed."""
        head = {"alg": self.algorithm, "kid": self.id, "typ": "JWT"} | header
        with warnings.catch_warnings():
            # The name that issuers use for Ed25519 is out of date, and still the one that they use.
            warnings.simplefilter("ignore")
            return jwt.encode(head, dict(claims), self._key, algorithms=[self.algorithm])


def forged(header: Mapping[str, Any], claims: Mapping[str, Any], signature: bytes = b"") -> str:
    """A token that nobody has signed, with any header and any bytes for a signature."""
    parts = (dumps(dict(header)), dumps(dict(claims)), signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


@dataclass
class Issuer(LoopbackServer):
    """An OpenID issuer; `log` has the path of every request in order."""

    keys: list[SigningKey] = field(default_factory=list)
    #: What its discovery document says in place of the truth.
    discovery: JsonObject = field(default_factory=dict)
    #: What its key set is in place of that of its keys.
    key_set: Any = None
    #: Answers of paths in place of their documents: status, headers and body.
    answers: dict[str, tuple[int, Mapping[str, str], bytes]] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        """Its address, and the claim `iss` of its tokens."""
        return f"http://127.0.0.1:{self.port}"

    def claims(self, **changes: Any) -> JsonObject:
        """What a good token says, with changes; None takes a claim away."""
        now = int(time.time())
        usual: JsonObject = {
            "iss": self.url,
            "aud": "notification-controller",
            "sub": "repo:org/app:ref:refs/heads/main",
            "exp": now + 300,
            "iat": now,
        }
        return {name: value for name, value in (usual | changes).items() if value is not None}

    def token(self, **changes: Any) -> str:
        """A token of its newest key."""
        return self.keys[-1].token(self.claims(**changes))

    def application(self) -> web.Application:
        """What is served."""
        application = web.Application()
        application.router.add_get("/{path:.*}", self._answer)
        return application

    async def __aenter__(self) -> Self:
        """Listen on loopback, with a key."""
        if not self.keys:
            self.keys.append(SigningKey("first"))
        await super().__aenter__()
        return self

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        self.log.append(path)
        if path in self.answers:
            status, headers, body = self.answers[path]
            return web.Response(status=status, headers=headers, body=body)
        if path == "/.well-known/openid-configuration":
            document = {
                "issuer": self.url,
                "jwks_uri": f"{self.url}/keys",
                "id_token_signing_alg_values_supported": sorted({key.algorithm for key in self.keys}),
            }
            return web.json_response(document | self.discovery, headers=self.headers)
        if path == "/keys":
            keys = {"keys": [key.public for key in self.keys]} if self.key_set is None else self.key_set
            return web.json_response(keys, headers=self.headers)
        return web.Response(status=404)
