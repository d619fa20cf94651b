"""Merging of values: maps merge at every level, everything else replaces what was there."""

from __future__ import annotations

from shared.lang.json import JsonObject


def merge(base: JsonObject, over: JsonObject) -> JsonObject:
    """A new map; what meets no map of the same key is shared with the arguments, not copied."""
    merged = dict(base)
    for key, value in over.items():
        known = merged.get(key)
        if isinstance(known, dict) and isinstance(value, dict):
            merged[key] = merge(known, value)
        else:
            merged[key] = value
    return merged
