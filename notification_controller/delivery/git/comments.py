"""Comments on pull and merge requests: one for each object and Provider, which is edited from then on.

A comment is known again by a marker that nobody sees and by its author, so that the comment of somebody else
is never touched, whatever it says.
"""

from __future__ import annotations

from typing import Final

from notification_controller.delivery.eligibility import CHANGE_REQUEST
from notification_controller.delivery.errors import Trouble
from notification_controller.delivery.markdown import page
from notification_controller.event import Event

_LONGEST: Final = 18


def marker_of(event: Event, prefix: str, provider_uid: str) -> str:
    """What tells the comment of this object and this Provider from all others."""
    involved = event.involved
    return f"<!-- {prefix}:{provider_uid}/{involved.kind}/{involved.namespace}/{involved.name} -->"


def body_of(event: Event, marker: str) -> str:
    """The text of the comment."""
    return f"{marker}\n\n{page(event)}"


def change_request_of(event: Event) -> int:
    """The number of the request that an event is about.

    Raises:
        Trouble: it names none.
    """
    text = event.metadata.get(CHANGE_REQUEST)
    if text is None:
        raise Trouble(f'missing "{CHANGE_REQUEST}" metadata key')
    digits = text.removeprefix("+")
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= _LONGEST):
        raise Trouble(f'invalid "{CHANGE_REQUEST}" metadata value "{text}": it is not a number')
    return int(digits)
