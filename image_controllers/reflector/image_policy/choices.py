"""From the spec of a policy to what chooses."""

from __future__ import annotations

from collections.abc import Iterator

from image_controllers.reflector.policy import (
    Alphabetical,
    Choice,
    InvalidPolicy,
    Numerical,
    Semver,
    TagFilter,
)
from shared.api.image_v1 import ImagePolicySpec, Order


class Chooser:
    """Chooses a tag as a policy wants it."""

    def __init__(self, spec: ImagePolicySpec) -> None:
        """Reads the spec.

        Raises:
            InvalidPolicy: it can't be followed.
        """
        self._choice = _choice(spec)
        wanted = spec.filter_tags
        try:
            self._filter = TagFilter(wanted.pattern or "", wanted.extract or "") if wanted else TagFilter()
        except InvalidPolicy as error:
            raise InvalidPolicy(f"failed to filter tags: {error}") from error

    def choose(self, tags: Iterator[str]) -> str | None:
        """The chosen tag; None where there are no tags at all. Blocks.

        Raises:
            NoChoice: none of the tags can be chosen.
        """
        first = next(tags, None)
        if first is None:
            return None
        return self._choice.choose(self._filter.candidates(_chained(first, tags)))


def _choice(spec: ImagePolicySpec) -> Choice:
    policy = spec.policy
    if policy.semver is not None:
        try:
            return Semver.of(policy.semver.range)
        except InvalidPolicy as error:
            raise InvalidPolicy(f"invalid policy: {error}") from error
    if policy.alphabetical is not None:
        return Alphabetical(policy.alphabetical.order is Order.DESC)
    if policy.numerical is not None:
        return Numerical(policy.numerical.order is Order.DESC)
    raise InvalidPolicy("invalid policy: given ImagePolicyChoice object is invalid")


def _chained(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest
