"""Regular expressions as Go has them: RE2, in linear time, so that nobody's pattern can hang a controller."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

#: Escapes, where they mean something: up to its end, a quotation is as it is.
_ESCAPE: Final = re.compile(r"\\Q.*?(?:\\E|\Z)|\\(?P<what>.)", re.DOTALL)
_REFERENCE: Final = re.compile(r"\$(?:(?P<escaped>\$)|(?P<bare>\w+)|\{(?P<braced>\w+)\})")
_NAME: Final = re.compile(r"[0-9A-Za-z_]+")
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,8}")


class PatternError(ValueError):
    """A text is no regular expression; str() says what is wrong with it."""


class Pattern:
    """A regular expression that matches anywhere in a text."""

    def __init__(self, text: str, *, memory: int | None = None) -> None:
        """Reads an expression; one that needs more memory than is given can't be used.

        Raises:
            PatternError: it is none.
        """
        import re2  # noqa: PLC0415 - only who has patterns needs the library

        if any(found["what"] == "C" for found in _ESCAPE.finditer(text)):
            # The library has it for a single byte, which may be a part of a character.
            raise PatternError("invalid escape sequence: \\C")
        options = re2.Options()
        options.log_errors = False
        if memory is not None:
            options.max_mem = memory
        self.text = text
        try:
            self._compiled: Any = re2.compile(text, options)
        except re2.error as error:
            raise PatternError(_told(error)) from None
        for name in self._compiled.groupindex:
            if not _NAME.fullmatch(name):
                raise PatternError(f"invalid named capture group: {name}")

    @property
    def size(self) -> int:
        """How many instructions it has; a search takes at most that many for every sign of a text."""
        return int(self._compiled.programsize)

    def matches(self, text: str) -> bool:
        """Whether the text has a match."""
        return self._compiled.search(text) is not None

    def first(self, text: str) -> Match | None:
        """The leftmost match."""
        found = self._compiled.search(text)
        return Match(found) if found is not None else None

    def all(self, text: str) -> Iterator[Match]:
        """The matches from left to right; an empty one right after another one does not count."""
        end = -1
        for found in self._compiled.finditer(text):
            match = Match(found)
            if match.start == match.end == end:
                continue
            end = match.end
            yield match

    def replaced(self, text: str, replace: Callable[[Match], str]) -> str:
        """The text with every match replaced."""
        parts: list[str] = []
        at = 0
        for match in self.all(text):
            parts += [text[at : match.start], replace(match)]
            at = match.end
        return "".join([*parts, text[at:]])


class Match:
    """Where an expression matched, and its groups."""

    def __init__(self, found: Any) -> None:
        self._found = found

    @property
    def text(self) -> str:
        """What matched."""
        return str(self._found.group(0))

    @property
    def start(self) -> int:
        """Where it begins."""
        return int(self._found.start())

    @property
    def end(self) -> int:
        """Where it ends."""
        return int(self._found.end())

    def expanded(self, template: str) -> str:
        """A template with `$name`, `${name}` and `$1` replaced by the groups, and `$$` by a dollar sign.

        A name without braces is as long as it can be; groups that there are not, or that took no part, are
        empty.
        """
        return _REFERENCE.sub(
            lambda found: "$" if found["escaped"] else self._group(found["bare"] or found["braced"]), template
        )

    def _group(self, name: str) -> str:
        try:
            return self._found.group(int(name) if _NUMBER.fullmatch(name) else name) or ""
        except (IndexError, KeyError):
            return ""


def _told(error: Exception) -> str:
    text = error.args[0] if error.args else ""
    return text.decode(errors="replace") if isinstance(text, bytes) else str(text)
