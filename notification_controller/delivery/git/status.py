"""What an event says about a commit: which one, whether it is well, and in which words.

Hosts differ in the names they have for this; what is here is the same for all of them.
"""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from enum import Enum
from typing import Final

from notification_controller.delivery.eligibility import COMMIT
from notification_controller.delivery.errors import Trouble
from notification_controller.delivery.text import cut
from notification_controller.event import Event
from shared.events import Severity

_REVISIONS: Final = (COMMIT, "originRevision", "revision")
#: Characters in a description; GitHub takes no more.
_LONGEST: Final = 140
_LENGTHS: Final = frozenset({40, 64})
_SUMMARY: Final = "summary"
_PROGRESSING: Final = "Progressing"
# Runs of one class of letters; of capitals before a small one, the last belongs to the word that follows.
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]+|[a-z]+|[0-9]+|[^A-Za-z0-9]+")


class State(Enum):
    """How a commit fares."""

    SUCCESS = "success"
    FAILURE = "failure"
    PENDING = "pending"


@dataclass(frozen=True, slots=True)
class Status:
    """The status of a commit; `context` tells it from the others of the same commit."""

    context: str
    state: State
    description: str
    name: str
    summary: str | None = None


def status_of(event: Event, context: str) -> Status:
    """What an event makes of the commit.

    Raises:
        Trouble: its severity says neither that all is well nor that it isn't.
    """
    summary = event.metadata.get(_SUMMARY)
    description = cut(describe(event.reason), _LONGEST)
    return Status(context, _state(event), description, name_of(event), summary)


def commit_of(event: Event) -> str:
    """The hash of the commit that an event is about.

    Raises:
        Trouble: it names none.
    """
    revision = next((found for key in _REVISIONS if (found := event.metadata.get(key))), "")
    if not revision:
        raise Trouble("missing revision metadata")
    _, colon, digest = revision.rpartition(":")
    found = digest if colon else revision.rpartition("/")[2]
    if len(found) not in _LENGTHS or set(found) - set(string.hexdigits):
        raise Trouble(f"failed to extract commit hash from '{revision}' revision")
    return found


def describe(reason: str) -> str:
    """A reason in words: `reconciliation succeeded`."""
    return " ".join(_WORD.findall(reason)).lower()


def name_of(event: Event) -> str:
    """What a status is called where a host shows a name."""
    return f"{event.involved.kind}/{event.involved.name}".lower()


def _state(event: Event) -> State:
    if event.reason == _PROGRESSING:
        return State.PENDING
    match event.severity:
        case Severity.INFO:
            return State.SUCCESS
        case Severity.ERROR:
            return State.FAILURE
    raise Trouble(f"an event of severity '{event.severity}' says nothing about a commit")
