"""RFC 6901 pointers into decoded objects, without changing what they point into."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

Pointer: TypeAlias = tuple[str, ...]

ABSENT: Final = object()


def parse(text: str) -> Pointer:
    """Splits a pointer.

    Raises:
        ValueError: it doesn't start with a slash.
    """
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


def without(document: Any, pointer: Pointer) -> Any:
    """A copy that lacks the value; the document itself where there is nothing to remove."""
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
    return int(part) if part.isdecimal() and int(part) < len(items) else None
