"""Patterns with wildcards, and the ignore rules of sources that are made of them.

`SegmentPattern` knows `*`, `?`, `[a-z]`, `[^x]` and a backslash that takes away a meaning; a malformed
pattern matches nothing. It never backtracks beyond one wildcard, so no pattern makes it slow.

`IgnoreRules` looks like a `.gitignore` but is not git's: a later pattern decides over an earlier one even
below an excluded directory (`/*` then `!/deploy` keeps `deploy/app.yaml`), a pattern without a slash is
compared with every component of a path, `**` only works as a whole component, and only `[^x]` negates.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final, Self

ALWAYS_IGNORED: Final = ".git/\n.gitignore\n.gitmodules\n.gitattributes\n"
"""Version control files, excluded from every source with the lowest priority."""

IGNORED_BY_DEFAULT: Final = """\
*.jpg
*.jpeg
*.gif
*.png
*.wmv
*.flv
*.tar.gz
*.zip
.github/
.circleci/
.travis.yml
.gitlab-ci.yml
appveyor.yml
.drone.yml
cloudbuild.yaml
codeship-services.yml
codeship-steps.yml
**/.goreleaser.yml
**/.sops.yaml
**/.flux.yaml
"""
"""Excluded as well, but only from a source that brings no pattern of its own."""

_NAMES: Final = 4096
_LONGEST_LINE: Final = 64 * 1024
_ANY_DIRECTORIES: Final = "**"


class SegmentPattern:
    """A compiled pattern for one text; `*` matches every character."""

    __slots__ = ("_chunks",)

    def __init__(self, pattern: str) -> None:
        """Compile a pattern; a malformed one is accepted and matches nothing."""
        self._chunks = _parse(pattern)

    def matcher(self) -> re.Pattern[str]:
        """The regular expression that a whole text must match."""
        return _compile(self._chunks, greedy=True) if self._chunks else _NOTHING

    def prefix(self, text: str, *, longest: bool) -> int:
        """The length of the shortest or longest prefix that matches, 0 without one."""
        if not self._chunks:
            return 0
        match = _compile(self._chunks, greedy=longest).match(text)
        if match is None:
            return 0
        only_stars = not any(self._chunks)
        return match.end() or (1 if only_stars and len(self._chunks) > 1 and text else 0)


_NOTHING: Final = re.compile(r"(?!)")


@lru_cache(maxsize=1024)
def _compile(chunks: tuple[str, ...], *, greedy: bool) -> re.Pattern[str]:
    """Join the chunks between the stars; all but the last star take the first place that fits, for good."""
    *middle, last = chunks[1:] or ("",)
    expression = chunks[0] + "".join(f"(?>.*?{chunk})" for chunk in middle)
    if len(chunks) > 1:
        expression += f".*{last}" if greedy else f".*?{last}"
    return re.compile(expression, re.DOTALL)


def _parse(pattern: str) -> tuple[str, ...]:
    """Split at the stars into regular expressions of fixed length; nothing if the pattern is malformed."""
    chunks = [""]
    at = 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == "*":
            if len(chunks) == 1 or chunks[-1]:
                chunks.append("")
        elif char == "?":
            chunks[-1] += "."
        elif char == "[":
            expression, at = _parse_class(pattern, at)
            if not expression:
                return ()
            chunks[-1] += expression
        elif char == "\\":
            if at == len(pattern):
                return ()
            chunks[-1] += re.escape(pattern[at])
            at += 1
        else:
            chunks[-1] += re.escape(char)
    return tuple(chunks)


def _parse_class(pattern: str, at: int) -> tuple[str, int]:
    """Translate a class whose `[` ends before `at`; an empty expression means that it is malformed."""
    negated = pattern.startswith("^", at)
    at += negated
    parts: list[str] = []
    while True:
        if at < len(pattern) and pattern[at] == "]" and parts:
            allowed = "|".join(part for part in parts if part) or "(?!)"
            return (f"(?:(?!{allowed}).)" if negated else f"(?:{allowed})"), at + 1
        low, at = _class_character(pattern, at)
        high = low
        if low and pattern.startswith("-", at):
            high, at = _class_character(pattern, at + 1)
        if not low or not high:
            return "", at
        parts.append(f"[{re.escape(low)}-{re.escape(high)}]" if low <= high else "")


def _class_character(pattern: str, at: int) -> tuple[str, int]:
    if at < len(pattern) and pattern[at] == "\\":
        at += 1
    elif at < len(pattern) and pattern[at] in "-]":
        return "", at
    if at >= len(pattern) - 1:  # the closing bracket must still follow
        return "", at
    return pattern[at], at + 1


@dataclass(frozen=True, slots=True)
class _Component:
    """One part of a pattern between slashes: plain text if it can be, else an expression."""

    text: str
    expression: re.Pattern[str] | None

    @classmethod
    def compile(cls, text: str) -> Self:
        if not set(text) & set("*?[\\"):
            return cls(text, None)
        return cls(text, SegmentPattern(text).matcher())

    def matches(self, name: str) -> bool:
        if self.expression is None:
            return name == self.text
        return self.expression.fullmatch(name) is not None


@dataclass(frozen=True, slots=True)
class _Rule:
    """One line of an ignore file."""

    domain: tuple[str, ...]
    components: tuple[_Component, ...]
    includes: bool
    directories_only: bool

    @classmethod
    def parse(cls, line: str, domain: tuple[str, ...]) -> Self:
        includes = line.startswith("!")
        text = line[1:] if includes else line
        if not text.endswith("\\ "):
            text = text.rstrip(" ")
        directories_only = text.endswith("/")
        parts = text.removesuffix("/").split("/")
        return cls(domain, tuple(map(_Component.compile, parts)), includes, directories_only)

    @property
    def about_names(self) -> bool:
        """Whether one component anywhere in a path decides."""
        return len(self.components) == 1 and not self.domain

    def matches(self, path: Sequence[str], *, is_dir: bool) -> bool:
        depth = len(self.domain)
        if depth:
            if len(path) <= depth or tuple(path[:depth]) != self.domain:
                return False
            path = path[depth:]
        if len(self.components) > 1:
            return self.matches_from_top(path, is_dir=is_dir)
        component = self.components[0]
        if component.expression is None:
            if component.text not in path:
                return False
            at = path.index(component.text)
        else:
            match = component.expression.fullmatch
            at = next((index for index, name in enumerate(path) if match(name)), -1)
        return at >= 0 and (not self.directories_only or is_dir or at < len(path) - 1)

    def matches_from_top(self, path: Sequence[str], *, is_dir: bool) -> bool:
        """Compare component by component; `**` goes to the first place that fits and stays there."""
        at = 0
        matched = anywhere = False
        for component in self.components:
            if component.text in {"", _ANY_DIRECTORIES}:
                anywhere = bool(component.text)
                continue
            if _ANY_DIRECTORIES in component.text or at == len(path):
                return False
            while anywhere and at < len(path) - 1 and not component.matches(path[at]):
                at += 1
            if not component.matches(path[at]):
                return False
            at += 1
            matched, anywhere = True, False
        return matched and (not self.directories_only or is_dir or at < len(path))


@dataclass(frozen=True)
class IgnoreRules:
    """Rules in order of priority, the last match decides; rules from several files are joined with `+`."""

    rules: tuple[_Rule, ...] = ()

    @classmethod
    def from_text(cls, text: str, domain: Iterable[str] = ()) -> Self:
        """Read the lines of an ignore file that lies in the directory `domain` (its path components)."""
        return cls(tuple(_rules(text, tuple(domain))))

    def __add__(self, later: Self) -> Self:
        """These rules, then others that have the last word."""
        return type(self)(self.rules + later.rules)

    def __bool__(self) -> bool:
        """Whether there is any rule."""
        return bool(self.rules)

    def ignores(self, path: str, is_dir: bool = False) -> bool:
        """Whether a path relative to the root, with `/` between its components, is excluded."""
        parts = path.split("/")
        last = self._last_of_names(parts, is_dir=is_dir)
        for at, rule in self._others:
            if at < last:
                break
            if rule.matches(parts, is_dir=is_dir):
                return not rule.includes
        return last >= 0 and not self.rules[last].includes

    def _last_of_names(self, parts: Sequence[str], *, is_dir: bool) -> int:
        """The place of the last rule about a name alone that matches, -1 if none does."""
        *above, name = parts
        found = self._about_name(name)
        if not is_dir:
            found &= self._also_files
        for directory in above:
            found |= self._about_name(directory)
        return found.bit_length() - 1

    def _about_name(self, name: str) -> int:
        """The rules whose pattern a name matches, a bit at the place of each; names come again and again."""
        known = self._names.get(name)
        if known is None:
            if len(self._names) >= _NAMES:
                self._names.clear()
            known = self._names[name] = sum(
                1 << at
                for at, rule in enumerate(self.rules)
                if rule.about_names and rule.components[0].matches(name)
            )
        return known

    @cached_property
    def _names(self) -> dict[str, int]:
        return {}

    @cached_property
    def _also_files(self) -> int:
        return sum(1 << at for at, rule in enumerate(self.rules) if not rule.directories_only)

    @cached_property
    def _others(self) -> tuple[tuple[int, _Rule], ...]:
        """Rules about more than a name with their places, the last first."""
        found = ((at, rule) for at, rule in enumerate(self.rules) if not rule.about_names)
        return tuple(found)[::-1]


def _rules(text: str, domain: tuple[str, ...]) -> Iterable[_Rule]:
    for line in text.split("\n"):
        if len(line.encode(errors="surrogateescape")) > _LONGEST_LINE:
            return
        pattern = line.removesuffix("\r")
        if pattern.strip() and not pattern.startswith("#"):
            yield _Rule.parse(pattern, domain)
