"""Functions that encode: JSON, base 64 and 32, sums."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import math
import string
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Final

from shared.lang import gojson
from shared.lang.gotmpl.errors import CallError
from shared.lang.gotmpl.functions import Function, functions
from shared.lang.gotmpl.printing import number_text
from shared.lang.gotmpl.values import Struct, map_keys, type_name
from shared.lang.json import JsonError, loads

_BASE64: Final = frozenset(string.ascii_letters + string.digits + "+/=")


def to_json(value: Any) -> str:
    """JSON without blanks, with the signs escaped that HTML knows; nothing where JSON can't have it."""
    return _or_nothing(must_to_json, value)


def must_to_json(value: Any) -> str:
    """JSON without blanks, with the signs escaped that HTML knows."""
    return gojson.dumps(_plain(value))


def to_raw_json(value: Any) -> str:
    """JSON without blanks; nothing where JSON can't have it."""
    return _or_nothing(must_to_raw_json, value)


def must_to_raw_json(value: Any) -> str:
    """JSON without blanks."""
    return json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":"))


def to_pretty_json(value: Any) -> str:
    """JSON for people; nothing where JSON can't have it."""
    return _or_nothing(must_to_pretty_json, value)


def must_to_pretty_json(value: Any) -> str:
    """JSON for people."""
    text = json.dumps(_plain(value), ensure_ascii=False, indent=2)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def from_json(text: str) -> Any:
    """The value of JSON; nothing where it is none."""
    try:
        return gojson.with_doubles(loads(text))
    except JsonError:
        return None


def must_from_json(text: str) -> Any:
    """The value of JSON."""
    try:
        return gojson.with_doubles(loads(text))
    except JsonError as error:
        raise CallError(str(error)) from None


def b64enc(text: str) -> str:
    """Base 64."""
    return base64.b64encode(text.encode()).decode()


def b64dec(text: str) -> str:
    """The text of base 64; what is wrong with it otherwise."""
    try:
        return base64.b64decode(text, validate=True).decode(errors="replace")
    except (binascii.Error, ValueError):
        wrong = next((at for at, sign in enumerate(text) if sign not in _BASE64), len(text))
        return f"illegal base64 data at input byte {wrong}"


def b32enc(text: str) -> str:
    """Base 32."""
    return base64.b32encode(text.encode()).decode()


def b32dec(text: str) -> str:
    """The text of base 32; what is wrong with it otherwise."""
    try:
        return base64.b32decode(text).decode(errors="replace")
    except (binascii.Error, ValueError):
        return "illegal base32 data"


def sha1sum(text: str) -> str:
    """SHA-1 in hexadecimal digits; a checksum, nothing is protected by it."""
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def sha256sum(text: str) -> str:
    """SHA-256 in hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def sha512sum(text: str) -> str:
    """SHA-512 in hexadecimal digits."""
    return hashlib.sha512(text.encode()).hexdigest()


def adler32sum(text: str) -> str:
    """Adler-32 as a decimal number."""
    return str(zlib.adler32(text.encode()))


def _or_nothing(write: Callable[[Any], str], value: Any) -> str:
    try:
        return write(value)
    except CallError:
        return ""


def _plain(value: Any) -> Any:
    """A value as JSON has it; maps in the order of their keys, which have to be texts."""
    match value:
        case Struct():
            value = value.json_value()
            return {name: _plain(item) for name, item in value.items()} if isinstance(value, dict) else value
        case dict():
            if not all(isinstance(key, str) for key in value):
                raise CallError(f"json: unsupported type: {type_name(value)}")
            return {key: _plain(value[key]) for key in map_keys(value)}
        case list() | tuple():
            return [_plain(item) for item in value]
        case float() if not math.isfinite(value):
            raise CallError(f"json: unsupported value: {number_text(value)}")
    return value


ENCODINGS: Final[Mapping[str, Function]] = functions(
    b64enc,
    b64dec,
    b32enc,
    b32dec,
    sha1sum,
    sha256sum,
    sha512sum,
    adler32sum,
    toJson=to_json,
    mustToJson=must_to_json,
    toRawJson=to_raw_json,
    mustToRawJson=must_to_raw_json,
    toPrettyJson=to_pretty_json,
    mustToPrettyJson=must_to_pretty_json,
    fromJson=from_json,
    mustFromJson=must_from_json,
)
