"""`.helmignore`: which files of a directory are no part of the chart. Its rules are Helm's, not git's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self

from shared.lang.globs import SegmentPattern
from source_controller.helm_chart.chart.model import ChartError

FILE: Final = ".helmignore"
_DEFAULT: Final = "templates/.?*"


@dataclass(frozen=True, slots=True)
class _Rule:
    segments: tuple[re.Pattern[str], ...]
    negated: bool
    directories_only: bool
    anywhere: bool
    """Compared with the last component of a path, at whatever depth."""

    @classmethod
    def parse(cls, text: str) -> Self:
        negated = text.startswith("!")
        pattern = text.removeprefix("!")
        directories_only = pattern.endswith("/")
        pattern = pattern.removesuffix("/")
        anywhere = "/" not in pattern
        parts = pattern.removeprefix("/").split("/")
        return cls(
            tuple(SegmentPattern(part).matcher() for part in parts), negated, directories_only, anywhere
        )

    def matches(self, parts: list[str]) -> bool:
        compared = parts[-1:] if self.anywhere else parts
        return len(compared) == len(self.segments) and all(
            segment.fullmatch(part) for segment, part in zip(self.segments, compared, strict=True)
        )


class HelmIgnore:
    """The rules of one chart."""

    def __init__(self, text: str = "") -> None:
        """From the text of a `.helmignore`.

        Raises:
            ChartError: a rule has `**`, which Helm doesn't know.
        """
        rules = [*map(str.strip, text.splitlines()), _DEFAULT]
        if any("**" in rule and not rule.startswith("#") for rule in rules):
            raise ChartError(f"{FILE}: double-star (**) syntax is not supported")
        self._rules = [_Rule.parse(rule) for rule in rules if rule and not rule.startswith("#")]

    def ignores(self, path: str, *, directory: bool) -> bool:
        """Whether a path, relative to the chart, is left out; a directory takes all in it along.

        A negated rule leaves out whatever it doesn't match.
        """
        parts = path.split("/")
        for rule in self._rules:
            if rule.negated:
                if (rule.directories_only and not directory) or not rule.matches(parts):
                    return True
            elif (directory or not rule.directories_only) and rule.matches(parts):
                return True
        return False
