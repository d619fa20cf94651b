"""Which version of a chart is meant: by its exact text, or the highest in a range."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from shared.lang.semver import Constraint, SemverError, Version
from source_controller.helm_repository.index import ChartEntry

_NAME: Final = re.compile(r"[-a-z0-9]+(?:(?:/\.?|\.)[-a-z0-9]+)*(?:/\.?|\.)?")
_STRICT: Final = re.compile(r"(?:(?:0|[1-9][0-9]*)\.){2}(?:0|[1-9][0-9]*)(?:[-+].*)?")
_ANY: Final = "*"


class NoSuchChart(Exception):
    """A chart, a version of it, or the name or range that was asked for doesn't exist."""


def check_name(name: str) -> None:
    """Refuses what can't be the name of a chart in a repository.

    Raises:
        NoSuchChart: it can't.
    """
    if not _NAME.fullmatch(name):
        raise NoSuchChart(
            f"invalid chart name '{name[:200]}': spec.chart has to be lower case letters, digits and dashes, "
            "in parts that are separated by slashes or dots"
        )


def choose(entries: Iterable[ChartEntry], chart: str, wanted: str) -> ChartEntry:
    """The entry of an index that is wanted; of equal versions the one created last.

    Raises:
        NoSuchChart: there is none.
    """
    known = list(entries)
    if not known:
        raise NoSuchChart(f"no chart name found: the index has no '{chart}' chart")
    for entry in known:
        if wanted and entry.version == wanted:
            return entry
    best: tuple[Version, str] | None = None
    found: ChartEntry | None = None
    accepted = _range(wanted)
    for entry in known:
        version = version_of(entry.version)
        if version is None or not accepted.check(version):
            continue
        if best is None or (version, entry.created) > best:
            best, found = (version, entry.created), entry
    if found is None:
        raise NoSuchChart(f"no '{chart}' chart with version matching '{wanted or _ANY}' found")
    return found


def choose_tag(tags: Iterable[str], wanted: str) -> str | None:
    """The version, as charts have it, of the tag that is wanted; None if there is none.

    Raises:
        NoSuchChart: the range is none.
    """
    versions = [text for text in (tag.replace("_", "+") for tag in tags) if _STRICT.fullmatch(text)]
    if wanted in versions:
        return wanted
    accepted = _range(wanted)
    best: tuple[Version, str] | None = None
    for text in versions:
        version = version_of(text)
        if version and accepted.check(version) and (best is None or (version, text) > best):
            best = version, text
    return best[1] if best else None


def version_of(text: str) -> Version | None:
    """A version as tags have it; None if it isn't one."""
    try:
        return Version.parse_tag(text)
    except SemverError:
        return None


def _range(text: str) -> Constraint:
    try:
        return Constraint.parse(text or _ANY)
    except SemverError as error:
        raise NoSuchChart(f"spec.version: {error}") from error
