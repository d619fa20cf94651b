"""RFC 6901 pointers into decoded objects, without changing what they point into.

As an extension, negative indexes count from the end of a list.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

Pointer: TypeAlias = tuple[str, ...]

ABSENT: Final = object()


def parse(text: str) -> Pointer:
    """Splits a pointer; an empty one is the whole document.

    Raises:
        ValueError: it doesn't start with a slash.
    """
    if not text:
        return ()
    if not text.startswith("/"):
        raise ValueError(f"'{text}' is not a JSON pointer: it must start with '/'")
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in text[1:].split("/"))


def get(document: Any, pointer: Pointer) -> Any:
    """The value that the pointer names, or `ABSENT`."""
    found = document
    for part in pointer:
        if isinstance(found, dict):
            found = found.get(part, ABSENT)
        elif isinstance(found, list) and (index := _index(part, found)) is not None:
            found = found[index]
        else:
            return ABSENT
    return found


def absolute(document: Any, pointer: Pointer) -> Pointer:
    """The pointer to the same value of the document with all indexes counted from the start."""
    parts: list[str] = []
    for part in pointer:
        index = _index(part, document) if isinstance(document, list) else None
        parts.append(part if index is None else str(index))
        document = get(document, (part,))
    return tuple(parts)


def without(document: Any, pointer: Pointer) -> Any:
    """A copy that lacks the value, which can't be the whole document; the document itself where there is
    nothing to remove.
    """
    head, *rest = pointer
    if isinstance(document, dict) and head in document:
        if not rest:
            return {key: value for key, value in document.items() if key != head}
        return {**document, head: without(document[head], tuple(rest))}
    if isinstance(document, list) and (index := _index(head, document)) is not None:
        replaced = [without(document[index], tuple(rest))] if rest else []
        return [*document[:index], *replaced, *document[index + 1 :]]
    return document


def placed(document: Any, pointer: Pointer, value: Any) -> Any:
    """A copy that has the value there; missing objects on the way are made, missing list items are not."""
    if not pointer:
        return value
    head, rest = pointer[0], pointer[1:]
    if isinstance(document, dict):
        return {**document, head: placed(document.get(head, {}), rest, value)}
    if isinstance(document, list) and (index := _index(head, document)) is not None:
        return [*document[:index], placed(document[index], rest, value), *document[index + 1 :]]
    return document


def _index(part: str, items: list[Any]) -> int | None:
    if not (part.isascii() and part.removeprefix("-").isdecimal()):
        return None
    index = int(part) + (len(items) if part.startswith("-") else 0)
    return index if 0 <= index < len(items) else None
