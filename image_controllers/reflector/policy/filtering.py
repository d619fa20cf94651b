"""Which tags take part in a choice, and what of them is compared."""

from __future__ import annotations

from collections.abc import Iterable

from image_controllers.reflector.policy.errors import InvalidPolicy
from shared.lang.patterns import Pattern, PatternError


class TagFilter:
    """Tags that match a pattern anywhere, by the text that is extracted from them.

    An empty pattern matches everything. `extract` may refer to groups as `$name`, `${name}`, `$1`; without it
    the tag itself is compared.
    """

    def __init__(self, pattern: str = "", extract: str = "") -> None:
        """Reads the pattern.

        Raises:
            InvalidPolicy: it is none.
        """
        self._extract = extract
        try:
            self._pattern = Pattern(pattern) if pattern or extract else None
        except PatternError as error:
            raise InvalidPolicy(f"invalid regular expression pattern '{pattern}': {error}") from None

    def candidates(self, tags: Iterable[str]) -> Iterable[tuple[str, str]]:
        """What is compared, and its tag; of tags with the same text only the last one counts."""
        if self._pattern is None:
            return ((tag, tag) for tag in tags)
        found: dict[str, str] = {}
        for tag in tags:
            match = self._pattern.first(tag)
            if match is not None:
                found[match.expanded(self._extract) if self._extract else tag] = tag
        return found.items()
