"""JSON as the rest of the code sees it: plain Python values and bytes.

Objects of the API server, events, status patches and payloads are JSON. They stay plain dictionaries in
memory, and this module is the only one that turns them from and into bytes, so that everything agrees on
the same dialect: strict UTF-8, no NaN, no comments, and errors which name a position but never repeat the
text (it may be a Secret).
"""

import re
from typing import Any, Final, TypeAlias

import orjson

JsonValue: TypeAlias = dict[str, Any] | list[Any] | str | int | float | bool | None
JsonObject: TypeAlias = dict[str, Any]


class JsonError(ValueError):
    """The text is not JSON, or the value can't be written as JSON."""


def loads(text: bytes | bytearray | memoryview | str) -> Any:
    """Decode one JSON value; raise `JsonError` with the position of the first mistake."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        # The cause is cut off on purpose: it carries the whole document.
        raise JsonError(f"not valid JSON at {where}: {error.msg.split(':')[0]}") from None


def loads_object(text: bytes | bytearray | memoryview | str) -> JsonObject:
    """Decode a JSON object; any other kind of value is an error."""
    return object_in(loads(text))


def object_in(value: object) -> JsonObject:
    """A decoded value that has to be an object; any other kind is a `JsonError`."""
    if not isinstance(value, dict):
        raise JsonError(f"a JSON object is needed here, found {kind_of(value)}")
    return value


def mapping(value: object) -> JsonObject:
    """A value that should be an object, from JSON that nobody validated; anything else counts as empty."""
    return value if isinstance(value, dict) else {}


def mappings(value: object) -> list[JsonObject]:
    """The objects in a value that should be a list of them; anything else is left out."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def dumps(value: Any, *, sort_keys: bool = False, indent: bool = False) -> bytes:
    """Encode a value compactly, or with an indent of two for people; sorted keys make the bytes canonical."""
    option = (orjson.OPT_SORT_KEYS if sort_keys else 0) | (orjson.OPT_INDENT_2 if indent else 0)
    try:
        return orjson.dumps(value, option=option)
    except orjson.JSONEncodeError as error:
        raise JsonError(f"the value can't be written as JSON: {error}") from error


def dumps_for_yaml(value: Any) -> bytes:
    """Encode a value for readers of YAML, which break lines at some signs of JSON and refuse others."""
    return _NOT_YAML.sub(lambda found: b"\\u%04x" % ord(found[0].decode()), dumps(value))


def kind_of(value: object) -> str:
    """The name that JSON gives to the kind of a decoded value, for messages."""
    return _KINDS.get(type(value), type(value).__name__)


#: U+007F to U+009F, U+2028, U+2029, U+FEFF, U+FFFE and U+FFFF in UTF-8; they only occur in strings.
_NOT_YAML: Final = re.compile(rb"\x7f|\xc2[\x80-\x9f]|\xe2\x80[\xa8\xa9]|\xef\xbb\xbf|\xef\xbf[\xbe\xbf]")
_KINDS: dict[type, str] = {
    type(None): "null",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "an array",
    dict: "an object",
}
