"""Which events a type of provider has something to say about; asked before anything is built or sent.

Statuses of commits and comments on change requests are only for events that name a commit or a change
request. Everybody else is spared the events that are there for the status of a commit alone.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from notification_controller.event import Event
from shared.api.notification_v1beta3 import COMMENTS, COMMIT_STATUS, ProviderType
from shared.api.wire import EVENT_PREFIX

COMMIT: Final = "commit"
"""Key in an event's metadata: the commit that the event is about."""

CHANGE_REQUEST: Final = "change_request"
"""Key in an event's metadata: the number of the pull or merge request that the event is about."""

_COMMIT_STATUS: Final = "commit_status"
_UPDATE: Final = "update"
_FORWARDING: Final = frozenset({ProviderType.GENERIC, ProviderType.GENERIC_HMAC})


class Verdict(Enum):
    """Whether an event is for a provider; the values of the last two are what the log says about them."""

    DELIVER = "deliver"
    SKIP = "skip"
    NO_COMMIT = "event dropped for commit status providers due to missing commit metadata key"
    NO_CHANGE_REQUEST = (
        "event dropped for change request providers due to missing change request metadata key"
    )


def judge(kind: ProviderType, event: Event) -> Verdict:
    """Whether an event, its metadata as posted, is for a type of provider.

    A failure needs no commit in its metadata: controllers do not mark failures as updates of a status.
    """
    update = event.metadata.get(f"{event.involved.group}/{_COMMIT_STATUS}") == _UPDATE
    if kind in COMMIT_STATUS:
        named = bool(event.metadata.get(EVENT_PREFIX + COMMIT))
        return Verdict.DELIVER if named or update or event.failed else Verdict.NO_COMMIT
    if update and kind not in _FORWARDING:
        return Verdict.SKIP
    if kind in COMMENTS and not event.metadata.get(EVENT_PREFIX + CHANGE_REQUEST):
        return Verdict.NO_CHANGE_REQUEST
    return Verdict.DELIVER
