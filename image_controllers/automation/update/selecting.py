"""Which policies take part: objects by their labels, as Kubernetes selects them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from shared.api.image_v1 import LabelSelector, SelectorRequirement

_KEY: Final = re.compile(
    r"(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
)
_VALUE: Final = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_WITH_VALUES: Final = frozenset({"In", "NotIn"})
_WITHOUT_VALUES: Final = frozenset({"Exists", "DoesNotExist"})


class InvalidSelector(ValueError):
    """A selector is none; str() says why."""


class Selector:
    """A selector that was checked; without one everything is selected."""

    def __init__(self, wanted: LabelSelector | None) -> None:
        """Reads a selector.

        Raises:
            InvalidSelector: it is none.
        """
        self._labels = dict(wanted.match_labels or {}) if wanted else {}
        self._terms = tuple(wanted.match_expressions or ()) if wanted else ()
        for key, value in self._labels.items():
            _check(key, (value,))
        for term in self._terms:
            _check_term(term)

    def selects(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels is selected."""
        return all(labels.get(key) == value for key, value in self._labels.items()) and all(
            _holds(term, labels) for term in self._terms
        )


def _holds(term: SelectorRequirement, labels: Mapping[str, str]) -> bool:
    value = labels.get(term.key)
    match term.operator:
        case "In":
            return value is not None and value in (term.values or ())
        case "NotIn":
            return value is None or value not in (term.values or ())
        case "Exists":
            return value is not None
    return value is None


def _check_term(term: SelectorRequirement) -> None:
    if term.operator in _WITH_VALUES:
        if not term.values:
            raise InvalidSelector(f"values: must be specified for the operator '{term.operator}'")
    elif term.operator in _WITHOUT_VALUES:
        if term.values:
            raise InvalidSelector(f"values: must be empty for the operator '{term.operator}'")
    else:
        known = ", ".join(sorted(_WITH_VALUES | _WITHOUT_VALUES))
        raise InvalidSelector(f"'{term.operator}' is not a valid label selector operator, use one of {known}")
    _check(term.key, term.values or ())


def _check(key: str, values: tuple[str, ...]) -> None:
    if not _KEY.fullmatch(key):
        raise InvalidSelector(f"'{key}' is not a valid label key")
    for value in values:
        if not _VALUE.fullmatch(value):
            raise InvalidSelector(f"'{value}' is not a valid label value")
