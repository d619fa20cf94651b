"""Callers that bring a token of an issuer: `generic-oidc`, and the push of Google's Pub/Sub (`gcr`)."""

from __future__ import annotations

import hmac
from typing import Final

from notification_controller.receivers.blueprint import Issuer
from notification_controller.receivers.claims import check_audience, check_time
from notification_controller.receivers.issuers import Issuers
from notification_controller.receivers.jose import BadToken, Token
from notification_controller.receivers.material import Material
from notification_controller.receivers.signatures import bearer
from notification_controller.receivers.webhook import Unauthenticated, Webhook
from shared.lang.json import JsonObject
from shared.observe.clock import Clock

GOOGLE_KEYS: Final = "https://www.googleapis.com/oauth2/v3/certs"
_GOOGLE: Final = "https://accounts.google.com"
_GOOGLE_NAMES: Final = (_GOOGLE, "accounts.google.com")


class Identities:
    """Finds out who a caller is."""

    def __init__(self, issuers: Issuers, clock: Clock, google_keys: str = GOOGLE_KEYS) -> None:
        self._issuers = issuers
        self._clock = clock
        self._google_keys = google_keys

    async def of_issuers(self, webhook: Webhook, accepted: tuple[Issuer, ...]) -> JsonObject:
        """The claims of a caller with a token of one of the issuers, all conditions met.

        Raises:
            Unauthenticated: there is no such token.
        """
        token = _token(webhook)
        named = token.claims.get("iss")
        issuer = next((issuer for issuer in accepted if issuer.url == named), None)
        if issuer is None:
            raise Unauthenticated("the issuer of the token is none of the Receiver's")
        await self._issuers.verify(token, issuer.url)
        check_audience(token.claims, issuer.audience)
        check_time(token.claims, self._clock.now())
        issuer.conditions.check(token.claims)
        return token.claims

    async def of_google(self, webhook: Webhook, material: Material) -> None:
        """Whether Google says that the caller is the account that the Secret names.

        Raises:
            Unauthenticated: it does not, or the Secret names none.
        """
        for field, value in (("email", material.email), ("audience", material.audience)):
            if not value:
                raise Unauthenticated(f"invalid secret data: required field '{field}' for GCR receiver")
        token = _token(webhook)
        await self._issuers.verify(token, _GOOGLE, keys_at=self._google_keys)
        claims = token.claims
        check_audience(claims, material.audience)
        check_time(claims, self._clock.now())
        if claims.get("iss") not in _GOOGLE_NAMES:
            raise Unauthenticated("the issuer of the token is not Google")
        email = claims.get("email")
        if not isinstance(email, str) or not hmac.compare_digest(email.encode(), material.email.encode()):
            raise Unauthenticated("the token is for another account")
        if claims.get("email_verified") is not True:
            raise Unauthenticated("the address of the token's account is not verified")


def _token(webhook: Webhook) -> Token:
    try:
        return Token.parse(bearer(webhook))
    except BadToken as error:
        raise Unauthenticated(f"failed to parse bearer token: {error}", told=str(error)) from None
