"""Tells what is wrong with an Alert or a Provider when it changes, not only once something goes wrong.

They have no status, so it is a Kubernetes Event on the object: each problem once for each generation. What
an object refers to may come a moment after it, so what is missing is told only if it stays away.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from shared.events import Event, Recorder, Severity, Subject
from shared.kube.resources import ObjectKey
from shared.lang.json import JsonObject
from shared.observe.clock import Clock

_REASON: Final = "InvalidConfig"
_PATIENCE: Final = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that can't work; a `mild` one only has no effect, a `missing` one may yet come."""

    text: str
    mild: bool = False
    missing: bool = False


@dataclass(slots=True)
class _Told:
    uid: str
    generation: int
    texts: set[str]
    missing_since: float | None = None


class Announcer:
    """Remembers what was told of each object."""

    def __init__(self, recorder: Recorder, clock: Clock) -> None:
        self._recorder = recorder
        self._clock = clock
        self._told: dict[ObjectKey, _Told] = {}

    def announce(self, key: ObjectKey, raw: JsonObject, problems: Iterable[Problem]) -> timedelta | None:
        """Tells the problems that are news; says when to look again for what is missing."""
        uid, generation = raw["metadata"].get("uid") or "", raw["metadata"].get("generation") or 0
        told = self._told.get(key)
        if told is None or (told.uid, told.generation) != (uid, generation):
            told = self._told[key] = _Told(uid, generation, set())
        found = tuple(problems)
        wait = self._wait(told, found)
        for problem in found:
            if problem.text in told.texts or (problem.missing and wait is not None):
                continue
            told.texts.add(problem.text)
            severity = Severity.INFO if problem.mild else Severity.ERROR
            event = Event(Subject.of(raw), severity, _REASON, problem.text, self._clock.now())
            self._recorder.record(event)
        return wait

    def forget(self, key: ObjectKey) -> None:
        """The object is gone."""
        self._told.pop(key, None)

    def _wait(self, told: _Told, found: tuple[Problem, ...]) -> timedelta | None:
        if not any(problem.missing for problem in found):
            told.missing_since = None
            return None
        now = self._clock.monotonic()
        if told.missing_since is None:
            told.missing_since = now
        rest = told.missing_since + _PATIENCE.total_seconds() - now
        return timedelta(seconds=rest) if rest > 0 else None
