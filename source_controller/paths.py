"""Paths that users write, inside of what they may name."""

from __future__ import annotations


def clamped(path: str) -> tuple[str, ...]:
    """The components of a path inside its root: what leads out of it leads to the root."""
    found: list[str] = []
    for component in path.split("/"):
        if component == "..":
            del found[-1:]
        elif component not in {"", "."}:
            found.append(component)
    return tuple(found)
