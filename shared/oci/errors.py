"""What can go wrong between a registry and us, as texts that may be shown to anybody.

OciError
  InvalidRepository     the address names no repository: nothing was sent
  RegistryError         the registry can't be reached, refuses, or talks nonsense
    LoginRefused        it wants to know who we are, or doesn't believe it
    NotFound            it has no such repository, tag or blob
    NotTrusted          its certificate isn't one that we trust
    Unreachable         nobody answers
      Interrupted       an answer ended too early; asking again may help
  ContentRefused        what came isn't what its digest or size says, or is too large
  NoVersion             no tag fits
"""

from __future__ import annotations

from datetime import timedelta


class OciError(Exception):
    """Something about a registry didn't succeed."""

    retry_after: timedelta | None = None
    """How long the registry wants to be left alone, if it said so."""


class InvalidRepository(OciError):
    """The address names no repository."""


class RegistryError(OciError):
    """The registry can't be reached, refuses, or doesn't speak its protocol."""

    status = 0
    """What it answered, if it did."""


class LoginRefused(RegistryError):
    """The registry wants to know who we are, or doesn't believe it."""


class NotFound(RegistryError):
    """The registry has no such thing, or doesn't let us know about it."""


class Unreachable(RegistryError):
    """Nobody answers at the address."""


class NotTrusted(RegistryError):
    """The certificate of the registry isn't one that we trust."""


class Interrupted(Unreachable):
    """The connection ended before the answer did."""


class ContentRefused(OciError):
    """What came isn't what it should be."""


class NoVersion(OciError):
    """No tag of the repository fits."""
