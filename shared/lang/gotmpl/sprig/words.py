"""Functions on words: letters, cases, lines, versions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from shared.lang.gotmpl.effort import Effort
from shared.lang.gotmpl.errors import CallError
from shared.lang.gotmpl.functions import Function, functions
from shared.lang.gotmpl.values import Struct
from shared.lang.semver import Constraint, SemverError, Version

_SEPARATORS: Final = "_- \t\n"
_BETWEEN: Final = re.compile(r"[_\- \t\n]([_\- \t\n]*)(.)")
_WORD: Final = re.compile(
    r"(?:[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[A-Z]|[^\sA-Za-z0-9_.\-]+)(?:[0-9]+(?![0-9a-z]))?|[0-9]+[a-z0-9]*"
)


def title(text: str) -> str:
    """Every word with a capital letter."""
    parts: list[str] = []
    within = False
    for sign in text:
        big = sign.title()
        parts.append(sign if within or len(big) != 1 else big)
        within = sign.isalnum() or sign == "_" or (sign > "\x7f" and not sign.isspace())
    return "".join(parts)


def untitle(text: str) -> str:
    """Every word with a small letter."""
    return "".join(
        sign.lower() if not number or text[number - 1].isspace() else sign for number, sign in enumerate(text)
    )


def swapcase(text: str) -> str:
    """Small letters for capital ones and the other way; the first letters of words are titles."""
    return "".join(
        sign.lower() if sign.isupper() else sign.upper() if sign.islower() else sign for sign in text
    )


def initials(text: str) -> str:
    """The first letters of the words."""
    return "".join(word[0] for word in text.split())


def abbrev(width: int, text: str) -> str:
    """Cut to a width, with dots in the place of the rest."""
    raw = text.encode()
    if width < 4 or len(raw) <= width:
        return text
    return raw[: width - 3].decode(errors="replace") + "..."


def abbrevboth(left: int, right: int, text: str) -> str:
    """Cut on both sides."""
    if right < 4 or (left > 0 and right < 7) or len(text) <= right:
        return text
    offset = min(left, len(text))
    if len(text) - offset < right - 3:
        offset = len(text) - (right - 3)
    if offset <= 4:
        return text[: right - 3] + "..."
    if offset + right - 3 < len(text):
        return "..." + abbrev(right - 3, text[offset:])
    return "..." + text[len(text) - (right - 3) :]


def wrap(effort: Effort, width: int, text: str) -> str:
    """In lines of at most a width, broken at blanks; longer words stay whole."""
    return _wrapped(effort, text, width, "\n", cuts=False)


def wrap_with(effort: Effort, width: int, separator: str, text: str) -> str:
    """In parts of at most a width with something between them; longer words are cut."""
    return _wrapped(effort, text, width, separator or "\n", cuts=True)


def plural(one: str, many: str, count: int) -> str:
    """The word for a number of things."""
    return one if count == 1 else many


def snakecase(text: str) -> str:
    """`first_second`"""
    return "_".join(_words(text)).lower()


def kebabcase(text: str) -> str:
    """`first-second`"""
    return "-".join(_words(text)).lower()


def camelcase(text: str) -> str:
    """`FirstSecond`; of several signs between words all but one stay, and so do those at the ends."""
    core = text.strip(_SEPARATORS)
    start = len(text) - len(text.lstrip(_SEPARATORS))
    joined = _BETWEEN.sub(lambda found: found[1] + found[2].upper(), core[:1].upper() + core[1:].lower())
    return text[:start] + joined + (text[start + len(core) :] if core else "")


def hello() -> str:
    """A greeting."""
    return "Hello!"


class SemverValue(Struct):
    """A version, part by part."""

    type_name = "*semver.Version"
    methods: ClassVar[Mapping[str, Any]] = {
        "Major": lambda value: value.version.major,
        "Minor": lambda value: value.version.minor,
        "Patch": lambda value: value.version.patch,
        "Prerelease": lambda value: value.version.prerelease,
        "Metadata": lambda value: value.version.metadata,
        "Original": lambda value: value.version.text,
        "String": lambda value: value.text(),
    }

    def __init__(self, version: Version) -> None:
        self.version = version

    def text(self) -> str:
        """The version with all its parts."""
        version = self.version
        text = f"{version.major}.{version.minor}.{version.patch}"
        text += f"-{version.prerelease}" if version.prerelease else ""
        return text + (f"+{version.metadata}" if version.metadata else "")

    def json_value(self) -> str:
        """The same text."""
        return self.text()


def semver(text: str) -> SemverValue:
    """A version."""
    try:
        return SemverValue(Version.parse(text))
    except SemverError:
        raise CallError("invalid semantic version") from None


def semver_compare(constraint: str, version: str) -> bool:
    """Whether a version is in a range."""
    try:
        wanted = Constraint.parse(constraint)
    except SemverError:
        raise CallError(f"improper constraint: {constraint}") from None
    try:
        return wanted.check(Version.parse(version))
    except SemverError:
        raise CallError("invalid semantic version") from None


def _words(text: str) -> list[str]:
    """Words by their letters; a number belongs to the word before it, unless small letters follow it."""
    return _WORD.findall(text)


def _wrapped(effort: Effort, text: str, width: int, separator: str, *, cuts: bool) -> str:
    width = max(width, 1)
    lines: list[str] = []
    at = 0
    while len(text) - at > width:
        effort.spend(1 + len(separator))
        if text[at] == " ":
            at += 1
            continue
        blank = text.rfind(" ", at, at + width + 1)
        if blank >= at:
            lines.append(text[at:blank])
            at = blank + 1
        elif cuts:
            lines.append(text[at : at + width])
            at += width
        else:
            blank = text.find(" ", at + width)
            if blank < 0:
                break
            lines.append(text[at:blank])
            at = blank + 1
    return separator.join([*lines, text[at:]])


WORDS: Final[Mapping[str, Function]] = functions(
    title,
    untitle,
    swapcase,
    initials,
    abbrev,
    abbrevboth,
    wrap,
    plural,
    snakecase,
    kebabcase,
    camelcase,
    semver,
    hello,
    wrapWith=wrap_with,
    semverCompare=semver_compare,
)
