"""Semantic versions and their constraints, as users of Helm and Flux write them.

The constraint language is that of Go's Masterminds library: comma or blank means and, `||` means or, with
the operators `= != > < >= <= ~ ~> ^`, wildcards and hyphen ranges. A pre-release only matches where the
constraint itself names one. Versions are ordered by precedence; build metadata takes no part in it, so two
versions may be equal in rank and still be written differently.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import total_ordering
from typing import Final, Self

_NUMBER = r"[0-9]+"
_SUFFIX = r"(?:-(?P<pre>[0-9A-Za-z.-]+))?(?:\+(?P<meta>[0-9A-Za-z.-]+))?"
_LOOSE: Final = re.compile(
    rf"v?(?P<major>{_NUMBER})(?:\.(?P<minor>{_NUMBER}))?(?:\.(?P<patch>{_NUMBER}))?{_SUFFIX}"
)
_PART = rf"(?:{_NUMBER}|[xX*])"
_OPERATORS = r"!=|=>|=<|>=|<=|~>|=|>|<|~|\^|"
_TERM: Final = re.compile(
    rf"(?P<operator>{_OPERATORS})\s*(?P<version>v?(?P<major>{_PART})(?:\.(?P<minor>{_PART}))?"
    rf"(?:\.(?P<patch>{_PART}))?{_SUFFIX})"
)
_HYPHEN: Final = re.compile(r"(?P<low>v?[0-9xX*][^\s,]*)\s+-\s+(?P<high>v?[0-9xX*][^\s,]*)")
_BETWEEN: Final = re.compile(r"\s*(?:,\s*)?")
_WILD: Final = frozenset(["x", "X", "*"])
_LONGEST: Final = 256
_LARGEST: Final = (1 << 64) - 1
_DOTS: Final = 2

_Identifier = tuple[int, int, str]


class SemverError(ValueError):
    """A text is not a version or not a constraint."""


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class Version:
    """A version with its precedence; `text` keeps the spelling it was read from."""

    text: str
    major: int
    minor: int
    patch: int
    prerelease: str = ""
    metadata: str = ""
    _rank: tuple[object, ...] = field(init=False, repr=False, default=())

    def __post_init__(self) -> None:
        """Work out the precedence once."""
        release = not self.prerelease
        identifiers = () if release else tuple(map(_identifier, self.prerelease.split(".")))
        object.__setattr__(self, "_rank", (self.major, self.minor, self.patch, release, identifiers))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a version; a leading `v`, leading zeros and missing parts are tolerated."""
        match = _LOOSE.fullmatch(text) if len(text) <= _LONGEST else None
        if match is None or not _suffixes_are_sound(match):
            raise SemverError(f"{text[:80]!r} is not a semantic version")
        major, minor, patch = (int(match[part] or 0) for part in ("major", "minor", "patch"))
        if max(major, minor, patch) > _LARGEST:
            raise SemverError(f"{text[:80]!r} is not a semantic version")
        return cls(text, major, minor, patch, match["pre"] or "", match["meta"] or "")

    @classmethod
    def parse_tag(cls, text: str) -> Self:
        """Read the name of a tag: like `parse`, but it must have two dots, be they in its pre-release."""
        if text.count(".") < _DOTS:
            raise SemverError(f"{text[:80]!r} is not a version with two dots")
        return cls.parse(text)

    def __eq__(self, other: object) -> bool:
        """Equal in precedence; build metadata and spelling don't count."""
        return isinstance(other, Version) and self._rank == other._rank

    def __lt__(self, other: "Version") -> bool:
        """Lower in precedence."""
        return self._rank < other._rank

    def __hash__(self) -> int:
        """Agree with equality."""
        return hash(self._rank)

    def __str__(self) -> str:
        """The spelling it was read from."""
        return self.text


@dataclass(frozen=True, slots=True)
class _Term:
    """One comparison of a constraint; a missing or wild part is None."""

    operator: str
    version: Version
    minor: int | None
    patch: int | None
    any_version: bool

    @property
    def is_too_large(self) -> bool:
        return max(self.version.major, self.version.minor, self.version.patch) > _LARGEST

    def check(self, version: Version) -> bool:
        return _CHECKS[self.operator](self, version)


@dataclass(frozen=True, slots=True)
class Constraint:
    """A set of versions; `text` is what the user wrote."""

    text: str
    _alternatives: tuple[tuple[_Term, ...], ...] = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a constraint such as `>=1.2.0 <2.0.0`, `~1.2`, `1.x || ^3.1.0-0`."""
        if len(text) > 4 * _LONGEST:
            raise SemverError(f"the constraint {text[:80]!r}... is too long")
        return cls(text, tuple(tuple(_terms(part, text)) for part in text.split("||")))

    def check(self, version: Version) -> bool:
        """Whether a version is in the set."""
        return any(
            (not version.prerelease or any(term.version.prerelease for term in terms))
            and all(term.check(version) for term in terms)
            for terms in self._alternatives
        )

    def __str__(self) -> str:
        """What the user wrote."""
        return self.text


def _terms(part: str, text: str) -> list[_Term]:
    part = _HYPHEN.sub(r">=\g<low> <=\g<high>", part).strip()
    if part[:1] == "," or part[-1:] == ",":
        raise SemverError(f"{text[:80]!r} is not a version constraint")
    terms: list[_Term] = []
    at = _skip(part, 0)
    while at < len(part):
        match = _TERM.match(part, at)
        end = _skip(part, match.end()) if match else at
        if match is None or not _suffixes_are_sound(match) or (end == match.end() < len(part)):
            raise SemverError(f"{text[:80]!r} is not a version constraint")
        terms.append(_term(match))
        at = end
    if not terms or any(term.is_too_large for term in terms):
        raise SemverError(f"{text[:80]!r} is not a version constraint")
    return terms


def _skip(part: str, at: int) -> int:
    match = _BETWEEN.match(part, at)
    return match.end() if match else at


def _term(match: re.Match[str]) -> _Term:
    any_version = match["major"] in _WILD
    minor = 0 if any_version else _part(match["minor"])
    patch = 0 if any_version else _part(match["patch"]) if minor is not None else None
    version = Version(
        match["version"],
        0 if any_version else int(match["major"]),
        minor or 0,
        patch or 0,
        match["pre"] or "",
        match["meta"] or "",
    )
    return _Term(match["operator"], version, minor, patch, any_version)


def _part(text: str | None) -> int | None:
    return None if text is None or text in _WILD else int(text)


def _identifier(text: str) -> _Identifier:
    return (0, int(text), "") if text.isdecimal() else (1, 0, text)


def _suffixes_are_sound(match: re.Match[str]) -> bool:
    identifiers = (match["pre"] or "0").split(".")
    if not all(identifiers) or not all((match["meta"] or "0").split(".")):
        return False
    return not any(text.isdecimal() and len(text) > 1 and text[0] == "0" for text in identifiers)


def _same_parts(term: _Term, version: Version) -> bool:
    """Equal as far as the term is written out."""
    if term.minor is None:
        return version.major == term.version.major
    if term.patch is None:
        return (version.major, version.minor) == (term.version.major, term.version.minor)
    return version == term.version


def _not_equal(term: _Term, version: Version) -> bool:
    if term.minor is not None and term.patch is None and _same_parts(term, version):
        return version.prerelease != term.version.prerelease
    return not _same_parts(term, version)


def _greater(term: _Term, version: Version) -> bool:
    if term.minor is None or term.patch is None:
        return version > term.version and not _same_parts(term, version)
    return version > term.version


def _less(term: _Term, version: Version) -> bool:
    return version < term.version


def _at_least(term: _Term, version: Version) -> bool:
    return version >= term.version


def _at_most(term: _Term, version: Version) -> bool:
    """As far as the term is written out; what is wild altogether is 0.0."""
    if term.any_version:
        return (version.major, version.minor) == (0, 0)
    return version <= term.version or _same_parts(term, version)


def _tilde(term: _Term, version: Version) -> bool:
    """The same major, and the same minor if one is written; from 0.0.0 on it is anything at all."""
    if version >= term.version and (term.version.major, term.minor, term.patch) == (0, 0, 0):
        return True
    if version < term.version or version.major != term.version.major:
        return False
    return term.minor is None or version.minor == term.version.minor


def _caret(term: _Term, version: Version) -> bool:
    """Nothing to the left of the first part that is not zero may change."""
    low = term.version
    if version < low or version.major != low.major:
        return False
    if low.major or term.minor is None:
        return True
    if low.minor or term.patch is None:
        return version.minor == low.minor
    return (version.minor, version.patch) == (0, low.patch)


def _equal(term: _Term, version: Version) -> bool:
    if term.any_version or term.minor is None or term.patch is None:
        return _tilde(term, version)
    return version == term.version


_CHECKS: Final[dict[str, Callable[[_Term, Version], bool]]] = {
    "": _equal,
    "=": _equal,
    "!=": _not_equal,
    ">": _greater,
    "<": _less,
    ">=": _at_least,
    "=>": _at_least,
    "<=": _at_most,
    "=<": _at_most,
    "~": _tilde,
    "~>": _tilde,
    "^": _caret,
}
