"""Messages of Protocol Buffers: as much of it as a trace and its answer need, without generated classes."""

from __future__ import annotations

import struct
from typing import Final

_VARINT: Final = 0
_FIXED_64: Final = 1
_LENGTH: Final = 2
_FIXED_32: Final = 5
_SIZES: Final = {_FIXED_64: 8, _FIXED_32: 4}


def blob(field: int, value: bytes | str) -> bytes:
    """Text, bytes or a message as a field; empty ones too."""
    data = value.encode() if isinstance(value, str) else value
    return _key(field, _LENGTH) + _varint(len(data)) + data


def number(field: int, value: int) -> bytes:
    """An integer or a member of an enumeration, not negative; zero is what is meant by absence."""
    return _key(field, _VARINT) + _varint(value) if value else b""


def fixed64(field: int, value: int) -> bytes:
    """An integer of eight bytes."""
    return _key(field, _FIXED_64) + struct.pack("<Q", value)


def fixed32(field: int, value: int) -> bytes:
    """An integer of four bytes."""
    return _key(field, _FIXED_32) + struct.pack("<I", value)


def parts(data: bytes) -> dict[int, int | bytes]:
    """The fields of a message, the last one of each number; those of fixed size are left out.

    Raises:
        ValueError: it is none.
    """
    found: dict[int, int | bytes] = {}
    while data:
        key, data = _read(data)
        kind = key & 7
        if kind == _VARINT:
            found[key >> 3], data = _read(data)
        elif kind == _LENGTH:
            size, data = _read(data)
            found[key >> 3], data = data[:size], data[size:]
        elif kind in _SIZES:
            data = data[_SIZES[kind] :]
        else:
            raise ValueError("not a message of Protocol Buffers")
    return found


def _read(data: bytes) -> tuple[int, bytes]:
    value = 0
    for position, byte in enumerate(data[:10]):
        value |= (byte & 0x7F) << 7 * position
        if byte <= 0x7F:
            return value, data[position + 1 :]
    raise ValueError("not a message of Protocol Buffers")


def _key(field: int, kind: int) -> bytes:
    return _varint(field << 3 | kind)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
