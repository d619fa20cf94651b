"""Expansion of `${variables}` in the text of manifests, in Flux's dialect of shell parameters.

The operators look like those of a shell but are not: lengths and offsets count bytes, `:+` and `:?` give
defaults like `:-`, replacing is literal while stripping takes patterns, and `$$` stands for one dollar
sign anywhere.

The work is one pass over the text with a depth limit, and patterns are matched without backtracking, so no
input makes it hang. A failure is always a `SubstitutionError`; it never repeats a value, which may be a
secret.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from shared.lang.globs import SegmentPattern

MAX_DEPTH: Final = 50
"""How deep `${a:=${b:=...}}` may nest."""

VARIABLE_NAME: Final = re.compile(r"[_A-Za-z][_A-Za-z0-9]*")
"""The names that a variable may be given; text may refer to more."""

_DEFAULTS = frozenset(["=", ":=", ":-", ":+", ":?"])
_OPERATOR = re.compile(r":[-=+?]|=|##?|%%?|/[/#%]?|\^\^?|,,?|:")
_NAME = re.compile(r"\w*")
_NUMBER = re.compile(r"[-+]?[0-9]+")

_MISSING_BRACE = "missing closing brace"
_BAD = "bad substitution"
_NO_NAME = "unable to parse variable name"
_BAD_FUNCTION = "unable to parse substitution within function"


class SubstitutionError(ValueError):
    """The text can't be expanded; the message says why in the words that users of Flux know."""


def expand(text: str, variables: Mapping[str, str], *, strict: bool) -> str:
    """Replace all `${...}` in a text; in strict mode a variable without value or default is an error."""
    return _Expansion(text, variables, strict=strict).run() if "$" in text else text


class _Expansion:
    """One pass over one text; `at` is the position of the next character."""

    def __init__(self, text: str, variables: Mapping[str, str], *, strict: bool) -> None:
        self.text = text
        self.variables = variables
        self.strict = strict
        self.at = 0
        self.depth = 0

    def run(self) -> str:
        pieces = []
        while (dollar := self.text.find("$", self.at)) >= 0:
            pieces.append(self.text[self.at : dollar])
            self.at = dollar + 2
            follower = self.text[dollar + 1 : dollar + 2]
            if follower == "{":
                pieces.append(self.parameter())
            elif follower == "$":
                pieces.append("$")
            else:
                pieces.append("$")
                self.at = dollar + 1
        pieces.append(self.text[self.at :])
        return "".join(pieces)

    def parameter(self) -> str:
        """Expand what follows `${`, up to and with its closing brace."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise SubstitutionError(f"substitutions are nested deeper than {MAX_DEPTH} levels")
        try:
            if self.peek() == "#":
                self.at += 1
                if self.peek() == "}":
                    raise SubstitutionError(_BAD)
                value = str(len(self.value(self.name()).encode(errors="surrogatepass")))
                self.close(_BAD)
                return value
            return self.operation(self.name())
        finally:
            self.depth -= 1

    def operation(self, name: str) -> str:
        if self.peek() == "}":
            self.at += 1
            return self.value(name)
        match = _OPERATOR.match(self.text, self.at)
        if match is None:
            raise SubstitutionError(_MISSING_BRACE)
        operator = match[0]
        self.at = match.end()
        if operator in _DEFAULTS:
            default = self.argument("}")
            self.close()
            return self.variables.get(name) or default
        if operator[0] in "^,":
            self.close(_BAD)
            return _change_case(operator, self.value(name))
        if operator == ":":
            return self.substring(name)
        if operator[0] == "/":
            return self.replace(name, operator)
        pattern = self.argument("}", empty=False)
        self.close()
        return _strip(operator, self.value(name), pattern)

    def substring(self, name: str) -> str:
        offset = self.argument(":}", empty=False, unfinished=_BAD)
        length = None
        if self.peek() == ":":
            self.at += 1
            length = self.argument("}", empty=False)
        self.close()
        return _substring(self.value(name), offset, length)

    def replace(self, name: str, operator: str) -> str:
        old = self.argument("/}", escapes=True, unfinished=_BAD)
        if self.peek() != "/":
            raise SubstitutionError(_BAD)
        self.at += 1
        new = self.argument("}", escapes=True)
        self.close()
        return _REPLACERS[operator](self.value(name), old, new)

    def argument(
        self, ends: str, *, empty: bool = True, escapes: bool = False, unfinished: str = _BAD_FUNCTION
    ) -> str:
        """Read up to one of the ending characters (not with it), expanding nested parameters."""
        if not empty and self.peek() and self.peek() in ends:
            raise SubstitutionError(_BAD_FUNCTION)
        pieces: list[str] = []
        while self.at < len(self.text):
            char = self.text[self.at]
            if char in ends:
                return "".join(pieces)
            following = self.text[self.at + 1 : self.at + 2]
            if char == "$" and following == "{":
                self.at += 2
                pieces.append(self.parameter())
            elif escapes and char == "\\" and following in {"/", "\\"}:
                self.at += 2
                pieces.append(following)
            else:
                self.at += 1
                pieces.append(char)
        raise SubstitutionError(unfinished)

    def name(self) -> str:
        match = _NAME.match(self.text, self.at)
        if not match or not match[0]:
            raise SubstitutionError(_NO_NAME)
        self.at = match.end()
        return match[0]

    def value(self, name: str) -> str:
        value = self.variables.get(name)
        if value is None and self.strict:
            raise SubstitutionError(f'variable not set (strict mode): "{name}"')
        return value or ""

    def close(self, otherwise: str = _MISSING_BRACE) -> None:
        if self.peek() != "}":
            raise SubstitutionError(otherwise)
        self.at += 1

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]


def _change_case(operator: str, value: str) -> str:
    change = str.upper if operator[0] == "^" else str.lower
    if len(operator) == 2:
        return change(value)
    return change(value[:1]) + value[1:]


def _substring(value: str, offset: str, length: str | None) -> str:
    if not _NUMBER.fullmatch(offset) or len(offset) > 18:
        return value
    data = value.encode(errors="surrogatepass")
    start = int(offset)
    if start < 0:
        start = max(len(data) + start, 0)
    if length is None:
        return data[start:].decode(errors="replace")
    if not _NUMBER.fullmatch(length) or len(length) > 18:
        return value
    count = int(length)
    if count < 0:
        raise SubstitutionError("the length of a substring is negative")
    return data[start : start + count].decode(errors="replace")


def _strip(operator: str, value: str, pattern: str) -> str:
    glob = SegmentPattern(pattern)
    longest = len(operator) == 2
    if operator[0] == "#":
        cut = glob.prefix(value, longest=longest)
        return value[cut:]
    cut = SegmentPattern(pattern[::-1]).prefix(value[::-1], longest=longest)
    return value[: len(value) - cut]


def _replace_prefix(value: str, old: str, new: str) -> str:
    return new + value[len(old) :] if new and value.startswith(old) else value


def _replace_suffix(value: str, old: str, new: str) -> str:
    return value[: len(value) - len(old)] + new if new and value.endswith(old) else value


_REPLACERS: Final[dict[str, Callable[[str, str, str], str]]] = {
    "/": lambda value, old, new: value.replace(old, new, 1),
    "//": lambda value, old, new: value.replace(old, new),
    "/#": _replace_prefix,
    "/%": _replace_suffix,
}
