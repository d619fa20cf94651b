"""Corrections that somebody undoes at once: after some rounds the other writer is named and the fight ends.

Without an end the two would write against each other as fast as the queue lets them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from helm_controller.cluster.drift import Deviation
from helm_controller.helm_release.attempt import Attempt
from helm_controller.helm_release.reasons import DRIFTED, Reason
from shared.events import Severity
from shared.lang.bounded import remember
from shared.runtime.outcome import Told
from shared.status.conditions import FALSE, READY, RECONCILING, TRUE

_ROUNDS: Final = 3
_REMEMBERED: Final = 4096
_SHOWN: Final = 10


@dataclass(slots=True)
class Fights:
    """How often in a row a release differed again right after its correction."""

    _rounds: OrderedDict[str, int] = field(default_factory=OrderedDict)

    def lost(self, attempt: Attempt) -> bool:
        """Counts one more round; tells whether it was the last one."""
        uid = _uid(attempt)
        rounds = self._rounds.get(uid, 0) + 1
        remember(self._rounds, uid, rounds, _REMEMBERED)
        return rounds >= _ROUNDS

    def over(self, attempt: Attempt) -> None:
        """The release is as it should be."""
        self._rounds.pop(_uid(attempt), None)


def given_up(attempt: Attempt, drift: Sequence[Deviation]) -> Told:
    """Tells who writes what; the next try is at the interval."""
    latest, conditions = attempt.record.latest, attempt.record.conditions
    name = latest.full_name if latest else attempt.release_name
    lines = "\n".join(each.fight for each in drift[:_SHOWN])
    text = (
        f"Failed to correct cluster state of release {name}, others change it back at once; "
        f"let them stop, or name the fields in spec.driftDetection.ignore:\n{lines}"
    )
    attempt.turn.event(Severity.ERROR, Reason.DRIFT_CORRECTION_FAILED, text)
    conditions.set(DRIFTED, TRUE, Reason.DRIFT_CORRECTION_FAILED, text)
    conditions.set(READY, FALSE, Reason.DRIFT_CORRECTION_FAILED, text)
    conditions.remove(RECONCILING)
    return Told(attempt.obj.spec.interval, observed=True)


def _uid(attempt: Attempt) -> str:
    return str(attempt.turn.raw["metadata"]["uid"])
