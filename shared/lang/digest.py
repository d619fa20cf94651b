"""Digests of contents, written `<algorithm>:<hex>`.

Archives, build results and OCI layers are named by such digests. A digest that exists is well-formed: the
algorithm is known and the hex part has its length, in lower case. Contents are hashed by whoever reads
them; `hasher` gives the running hash, and `Digest.of` and `Digest.matches` close the circle.
"""

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, Self, cast

PATTERN = r"^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$"
"""What the `digest` field of an artifact accepts."""

_HEX = re.compile(r"[0-9a-f]+")


class DigestError(ValueError):
    """A text is not a digest that can be checked."""


class Algorithm(StrEnum):
    """The hash functions that an artifact may be named by; `sha256` unless configured otherwise."""

    SHA256 = "sha256"
    SHA384 = "sha384"
    SHA512 = "sha512"
    SHA1 = "sha1"
    BLAKE3 = "blake3"

    @classmethod
    def named(cls, name: str) -> Self:
        """The algorithm of this name; an unknown one is a `DigestError` that lists the known ones."""
        try:
            return cls(name)
        except ValueError:
            known = ", ".join(cls)
            raise DigestError(f"unknown digest algorithm {name[:40]!r}, known are {known}") from None

    @property
    def hex_length(self) -> int:
        """How many hex digits a digest of this algorithm has."""
        return _HEX_LENGTHS[self]


_HEX_LENGTHS = {
    Algorithm.SHA256: 64,
    Algorithm.SHA384: 96,
    Algorithm.SHA512: 128,
    Algorithm.SHA1: 40,
    Algorithm.BLAKE3: 64,
}


class Hasher(Protocol):
    """A running hash, as `hashlib` and `blake3` make them."""

    def update(self, data: bytes | bytearray | memoryview, /) -> object:
        """Take in the next piece."""

    def hexdigest(self) -> str:
        """The hash of all pieces so far."""


def hasher(algorithm: str = Algorithm.SHA256) -> Hasher:
    """Start a running hash; an unknown algorithm is a `DigestError`."""
    match Algorithm.named(algorithm):
        case Algorithm.BLAKE3:
            return _blake3()
        case Algorithm.SHA1:
            return hashlib.sha1(usedforsecurity=False)
        case known:
            return hashlib.new(known.value)


@dataclass(frozen=True, slots=True)
class Digest:
    """The hash of some content together with the algorithm that made it."""

    algorithm: Algorithm
    hex: str

    def __post_init__(self) -> None:
        """Refuse a hash that this algorithm can't have made."""
        if len(self.hex) != self.algorithm.hex_length or not _HEX.fullmatch(self.hex):
            raise DigestError(
                f"a {self.algorithm} digest has {self.algorithm.hex_length} lower-case hex digits, "
                f"got {self.hex[:80]!r}"
            )

    @classmethod
    def parse(cls, text: str, *, bare: Algorithm | None = None) -> Self:
        """Read `<algorithm>:<hex>`; with `bare`, a text without a colon is a hash of that algorithm.

        Old artifacts carry a bare SHA-256, so their consumers pass `bare=Algorithm.SHA256`.
        """
        name, colon, value = text.partition(":")
        if colon:
            return cls(Algorithm.named(name), value)
        if not text:
            raise DigestError("the digest is empty")
        if bare is None:
            raise DigestError(f"a digest has the form <algorithm>:<hex>, got {text[:80]!r}")
        return cls(bare, text)

    @classmethod
    def of(cls, data: bytes | bytearray | memoryview, algorithm: str = Algorithm.SHA256) -> Self:
        """Hash some bytes at hand."""
        running = hasher(algorithm)
        running.update(data)
        return cls(Algorithm.named(algorithm), running.hexdigest())

    def hasher(self) -> Hasher:
        """Start a running hash to compare with this digest."""
        return hasher(self.algorithm)

    def matches(self, computed: Hasher) -> bool:
        """Whether a running hash from `hasher()` has arrived at this digest."""
        return hmac.compare_digest(computed.hexdigest(), self.hex)

    def verify(self, data: bytes | bytearray | memoryview) -> bool:
        """Whether this is the digest of some bytes at hand."""
        running = self.hasher()
        running.update(data)
        return self.matches(running)

    def __str__(self) -> str:
        """The form on the wire, `<algorithm>:<hex>`."""
        return f"{self.algorithm}:{self.hex}"


def _blake3() -> Hasher:
    from blake3 import blake3  # noqa: PLC0415 - an extra of the controllers, loaded when it is chosen

    return cast("Callable[[], Hasher]", blake3)()
