"""Keeps what came from Secrets out of what is told.

Messages quote values in the ways of Go, JSON, YAML and of addresses, and one inside the other; templates
encode them. So a text is found in all these spellings: letters and digits stand for themselves in each of
them, and every other sign may come as an escape, with any number of backslashes before it.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final, Generic, TypeVar
from urllib.parse import quote

_MASK: Final = "*****"
#: Shorter texts are parts of ordinary words; standing alone they may be the secret.
_SHORT: Final = 6
#: Longer texts are looked for piece by piece, as messages may have but a part of them.
_PIECE: Final = 256
_WORDS: Final = re.compile(r"[A-Za-z0-9]+")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{2,}")
_STANDARD: Final = str.maketrans("-_", "+/")
#: How much of a secret is compared before it is looked for in all its spellings.
_BEGINNING: Final = 12
_NAMED: Final = {"\a": "a", "\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t", "\v": "v"}


def without_secrets(text: str, secrets: Iterable[str]) -> str:
    """The text with a mask in place of each secret; for many texts see `Secrets`."""
    return Secrets(secrets).masked(text)


class Secrets:
    """Secrets that are looked for in many texts; however many they are, a text is only read a few times."""

    def __init__(self, texts: Iterable[str]) -> None:
        pieces = {piece for text in texts for piece in _pieces(text)}
        self._spelled = _Index((_word(piece), piece) for piece in pieces)
        self._encoded = _Index((_whole_bytes(piece), piece) for piece in pieces)

    def masked(self, text: str) -> str:
        """The text with a mask in place of each secret; longer ones first, as they may hold others."""
        spelled = self._spelled.candidates([text])
        encoded = self._encoded.candidates(_decoded(text))
        for piece in sorted(spelled | encoded, key=len, reverse=True):
            if piece in spelled:
                text = _without_spellings(text, piece)
            if piece in encoded:
                text = _without_encodings(text, piece)
        return text


S = TypeVar("S", str, bytes)


class _Index(Generic[S]):
    """Finds what may be in a text by the beginning of a part that would have to be there as it is."""

    def __init__(self, parts: Iterable[tuple[S, str]]) -> None:
        self._pieces: dict[S, list[str]] = {}
        for part, piece in parts:
            self._pieces.setdefault(part[:_BEGINNING], []).append(piece)
        self._sizes = {len(beginning) for beginning in self._pieces}

    def candidates(self, texts: Iterable[S]) -> set[str]:
        """All pieces that may be in one of the texts, and some others."""
        found: set[S] = set()
        for text in texts:
            for size in self._sizes:
                here = {text[start : start + size] for start in range(len(text) - size + 1)}
                found |= here & self._pieces.keys()
        return {piece for beginning in found for piece in self._pieces[beginning]}


def _pieces(secret: str) -> Iterator[str]:
    for start in range(0, len(secret), _PIECE):
        piece = secret[start : start + _PIECE].strip()
        if len(piece) >= _SHORT or (start == 0 and any(sign.isalnum() for sign in piece)):
            yield piece


def _word(piece: str) -> str:
    """The longest word, which all spellings have as it is."""
    return max(_WORDS.findall(piece), key=len, default="")


def _whole_bytes(piece: str) -> bytes:
    """What is encoded as it is, whatever comes before or after it."""
    data = piece.encode()
    return data if len(piece) < _SHORT else data[1:-1]


def _decoded(text: str) -> Iterator[bytes]:
    """What all that may be base64 stands for, wherever its groups of four begin; some bytes at the ends are
    nobody's.
    """
    for run in _BASE64.findall(text):
        for before in range(4):
            aligned = "A" * before + run.translate(_STANDARD)
            yield base64.b64decode(aligned + "A" * (-len(aligned) % 4))


def _without_spellings(text: str, piece: str) -> str:
    return re.sub(_spellings(piece), _MASK, text)


def _without_encodings(text: str, piece: str) -> str:
    if len(piece) < _SHORT:
        encoded = re.escape(base64.b64encode(piece.encode()).decode())
        return re.sub(rf"(?<![\w+/]){encoded}(?![\w+/=])", _MASK, text)
    for encoded in _encoded(piece.encode()):
        text = text.replace(encoded, _MASK)
    return text


def _encoded(data: bytes) -> Iterator[str]:
    """The data in base64; also where other data comes before or after it, as in `user:password`."""
    yield base64.b64encode(data).decode()
    for before in range(3):
        text = base64.b64encode(bytes(before) + data).decode()
        own = text[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]
        yield own
        yield own.translate(str.maketrans("+/", "-_"))


def _spellings(piece: str) -> str:
    pattern = "".join(_spelling(sign, len(list(run))) for sign, run in groupby(piece))
    return pattern if len(piece) >= _SHORT else rf"(?<!\w){pattern}(?!\w)"


def _spelling(sign: str, count: int) -> str:
    """A pattern for a run of a sign; it never backtracks, so that no text can keep it busy."""
    if sign.isascii() and sign.isalnum():
        return sign * count
    if sign == "\\":
        return rf"(?:\\{{{count},}}+|(?i:%5c){{{count}}})"
    escapes = "|".join(_escapes(sign))
    encoded = re.escape(quote(sign, safe=""))
    one = rf"(?:\\*+(?:{re.escape(sign)}|(?<=\\)(?i:{escapes}))|(?i:{encoded}))"
    if sign == " ":
        one = rf"(?:{one}|\+)"
    # YAML doubles the quote that ends a text.
    return f"{one}{{{count},{2 * count}}}+" if sign == "'" else f"{one}{{{count}}}"


def _escapes(sign: str) -> Iterator[str]:
    """What follows the backslash."""
    code = ord(sign)
    if sign in _NAMED:
        yield _NAMED[sign]
    if code <= 0xFF:
        yield f"x{code:02x}"
    if code <= 0xFFFF:
        yield f"u{code:04x}"
    else:
        high, low = divmod(code - 0x10000, 0x400)
        yield rf"u{0xD800 + high:04x}\\++u{0xDC00 + low:04x}"
    yield f"U{code:08x}"
