"""Whether a repository is scanned now, and what a scan finds."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from image_controllers.reflector.tags import Tags, descending
from shared.api.image_v1 import EXCLUDED, ImageRepository
from shared.kube.resources import ObjectKey
from shared.lang.json import JsonObject, dumps
from shared.lang.patterns import Pattern, PatternError
from shared.lang.timestamp import format_timestamp
from shared.oci import Registry
from shared.runtime.turn import Turn

NO_TAGS: Final = "no tags in database"

_SOON: Final = timedelta(seconds=1)
_SHOWN: Final = 10

Revision = Callable[[Sequence[str]], str]


class InvalidExclusion(ValueError):
    """An expression of the list of exclusions is none; str() says why."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What a scan found, in its wire form."""

    result: JsonObject
    count: int
    revision: str


class Scanner:
    """Lists tags, and keeps them."""

    def __init__(self, tags: Tags, revision: Revision, most: int, early: float) -> None:
        """`most` is how many tags a repository may have, `early` what share of an interval may be left."""
        self._tags = tags
        self._revision = revision
        self._most = most
        self._early = early
        self._on_return: list[Callable[[ObjectKey], None]] = []

    def on_return(self, listener: Callable[[ObjectKey], None]) -> None:
        """From now on a listener hears of the repositories whose tags were lost and are the same again.

        Nothing in their status tells of that.
        """
        self._on_return.append(listener)

    def why(self, obj: ImageRepository, name: str, turn: Turn[ImageRepository]) -> tuple[str, timedelta]:
        """Why a scan is due, or nothing; and when the next turn is due."""
        status, interval = obj.status, obj.spec.interval
        last = status.last_scan_result
        if last is None or last.scan_time is None:
            return "first scan", interval
        if turn.requested:
            return "reconcile requested", interval
        if status.canonical_image_name != name:
            return "new image name", interval
        if not _same(exclusions(obj), status.observed_exclusion_list or ()):
            return "updated exclusion list", interval
        if not self._tags.any(_key(obj)):
            return NO_TAGS, interval
        left = interval - (turn.clock.now() - last.scan_time)
        # Turns are spread to both sides of their time.
        due = left < _SOON or left <= interval * self._early
        return ("triggered by interval", interval) if due else ("", min(left, interval))

    async def scan(self, obj: ImageRepository, registry: Registry, now: Callable[[], datetime]) -> Scan:
        """Lists and keeps the tags of a repository.

        Raises:
            InvalidExclusion: an exclusion is no expression.
            OciError: the registry doesn't list them.
            TagsError: they can't be kept.
        """
        patterns = [_pattern(text) for text in exclusions(obj)]
        listed = await registry.tags(self._most)
        found, revision = await asyncio.to_thread(self._kept, listed, patterns)
        lost = not self._tags.any(_key(obj))
        await self._tags.replace(_key(obj), found)
        known = obj.status.last_scan_result
        if lost and found and known is not None and known.revision == revision:
            for listener in self._on_return:
                listener(_key(obj))
        result: JsonObject = {
            "revision": revision,
            "tagCount": len(found),
            "scanTime": format_timestamp(now()),
        }
        if found:
            result["latestTags"] = found[:_SHOWN]
        return Scan(result, len(found), revision)

    def _kept(self, listed: Sequence[str], patterns: Sequence[Pattern]) -> tuple[list[str], str]:
        """What is left of a list, in its order, and the sum of it; long lists take a moment."""
        found = descending(tag for tag in listed if not any(pattern.matches(tag) for pattern in patterns))
        return found, self._revision(found)


def exclusions(obj: ImageRepository) -> tuple[str, ...]:
    """What is left out of a scan; an empty list is the default one."""
    return obj.spec.exclusion_list or EXCLUDED


def adler(tags: Sequence[str]) -> str:
    """The decimal Adler-32 of the list as JSON."""
    return str(zlib.adler32(dumps(list(tags))))


def digest(tags: Sequence[str]) -> str:
    """The SHA-256 of the tags, one in a line."""
    text = "".join(f"{tag}\n" for tag in tags)
    return f"sha256:{sha256(text.encode()).hexdigest()}"


def _same(wanted: Sequence[str], observed: Sequence[str]) -> bool:
    return len(wanted) == len(observed) and all(each in observed for each in wanted)


def _pattern(text: str) -> Pattern:
    try:
        return Pattern(text)
    except PatternError as error:
        raise InvalidExclusion(f"failed to compile regex {text}: {error}") from error


def _key(obj: ImageRepository) -> ObjectKey:
    return ObjectKey(obj.namespace, obj.name)
