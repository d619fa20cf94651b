"""Texts of XML, as services of clouds send it; nothing else is made of it."""

from __future__ import annotations

from collections.abc import Collection
from xml.parsers import expat


class XmlRefused(ValueError):
    """The text has a document type, which could make much of little."""


def texts(document: bytes, names: Collection[str]) -> dict[str, str]:
    """The texts of the elements of these names, wherever they are, in whatever namespace.

    What is no XML has none; of several elements of a name the texts are run together.

    Raises:
        XmlRefused: the document has a type.
    """
    found: dict[str, str] = {}
    inside: list[str] = []
    parser = expat.ParserCreate(namespace_separator=" ")

    def start(name: str, _: object) -> None:
        inside.append(name.rpartition(" ")[2])

    def end(_: str) -> None:
        inside.pop()

    def text(data: str) -> None:
        if inside and inside[-1] in names:
            found[inside[-1]] = found.get(inside[-1], "") + data

    def refuse(*_: object) -> None:
        raise XmlRefused("the document has a type")

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(document, True)
    except expat.ExpatError:
        return {}
    return {name: value.strip() for name, value in found.items()}
