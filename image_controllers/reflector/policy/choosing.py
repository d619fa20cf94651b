"""The orders by which a policy chooses: semantic versions, the alphabet, numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from image_controllers.reflector.policy.errors import InvalidPolicy, NoChoice
from image_controllers.reflector.policy.numbers import number
from shared.lang.semver import Constraint, SemverError, Version

__all__ = ["Alphabetical", "Choice", "InvalidPolicy", "NoChoice", "Numerical", "Semver"]

_EMPTY: Final = "version list argument cannot be empty"

#: What is compared, and the tag that it comes from. Without a filter both are the tag.
Candidate = tuple[str, str]


class Choice(Protocol):
    """Chooses one of the candidates, which come in the descending order of their tags."""

    def choose(self, candidates: Iterable[Candidate]) -> str:
        """The chosen tag.

        Raises:
            NoChoice: none can be chosen.
        """


@dataclass(frozen=True, slots=True)
class Semver:
    """The highest version in a range; what is no version with two dots is passed over."""

    constraint: Constraint

    @classmethod
    def of(cls, text: str) -> Semver:
        """From the text of a range.

        Raises:
            InvalidPolicy: it is none.
        """
        try:
            return cls(Constraint.parse(text))
        except SemverError:
            raise InvalidPolicy(f"improper constraint: {_quoted(text)}") from None

    def choose(self, candidates: Iterable[Candidate]) -> str:
        """The first of the highest ones."""
        best: tuple[Version, str] | None = None
        empty = True
        for key, tag in candidates:
            empty = False
            try:
                version = Version.parse_tag(key)
            except SemverError:
                continue
            if (best is None or version > best[0]) and self.constraint.check(version):
                best = version, tag
        if empty:
            raise NoChoice(_EMPTY)
        if best is None:
            raise NoChoice("unable to determine latest version from provided list")
        return best[1]


@dataclass(frozen=True, slots=True)
class Alphabetical:
    """The last one in the order of the bytes, or the first one."""

    descending: bool = False

    def choose(self, candidates: Iterable[Candidate]) -> str:
        """Of equal ones that with the larger tag."""
        order = [(key.encode(), tag.encode(), tag) for key, tag in candidates]
        if not order:
            raise NoChoice(_EMPTY)
        if not self.descending:
            return max(order)[2]
        lowest = min(each[0] for each in order)
        return max(each for each in order if each[0] == lowest)[2]


@dataclass(frozen=True, slots=True)
class Numerical:
    """The largest number, or the smallest one; all have to be numbers."""

    descending: bool = False

    def choose(self, candidates: Iterable[Candidate]) -> str:
        """Of equal ones that with the larger tag."""
        order: list[tuple[float, bytes, str]] = []
        for key, tag in candidates:
            value = number(key)
            if value is None:
                raise NoChoice(f"failed to parse invalid numeric value '{key}'")
            order.append((-value if self.descending else value, tag.encode(), tag))
        if not order:
            raise NoChoice(_EMPTY)
        return max(order)[2]


def _quoted(text: str) -> str:
    return '"' + text[:80].replace("\\", "\\\\").replace('"', '\\"') + '"'
