"""What one run of a template may cost, whatever machine it runs on.

Effort is counted, not timed, so that a template does the same everywhere. The unit is what the slowest of the
functions needs for one character: the whole is about a second. A list or map costs what it takes to look at
everything in it, as often as it is in there; so values that contain themselves, or another one many times
over, end here and nowhere else.
"""

from __future__ import annotations

from typing import Any, Final

from shared.lang.gotmpl.errors import RunError
from shared.lang.gotmpl.values import Struct

MOST: Final = 2_000_000
STEP: Final = 16
"""What it costs to go on in a template."""
_MEMBER: Final = 8
_DEEPEST: Final = 64
_SHARE: Final = 4


class Effort:
    """What is left of it."""

    def __init__(self, most: int = MOST) -> None:
        self._left = most

    def spend(self, amount: int) -> None:
        """Takes something from what is left.

        Raises:
            RunError: it is not enough.
        """
        self._left -= amount
        if self._left < 0:
            raise RunError("the template does too much")

    def look_through(self, value: Any, depth: int = 0) -> None:
        """Pays for all that is in a value.

        Raises:
            RunError: it is too much, or nested too deep.
        """
        if depth > _DEEPEST:
            raise RunError(f"a value is nested deeper than {_DEEPEST} levels")
        self.spend(_MEMBER)
        match value:
            case str():
                self.spend(len(value))
            case list() | tuple():
                for member in value:
                    self.look_through(member, depth + 1)
            case dict():
                for key, member in value.items():
                    self.look_through(key, depth + 1)
                    self.look_through(member, depth + 1)
            case Struct():
                for member in value.printed_fields():
                    self.look_through(member, depth + 1)

    def glance(self, value: Any) -> None:
        """Pays for a value that is only passed on, or asked for one member.

        Raises:
            RunError: it is too much.
        """
        self.spend(1 + (len(value) // _SHARE if isinstance(value, (str, list, tuple)) else 0))

    def make(self, value: Any) -> None:
        """Pays for a new value; what is in its members was there before, or was paid for.

        Raises:
            RunError: it is too much.
        """
        if isinstance(value, str):
            self.spend(len(value))
        elif isinstance(value, (list, dict)):
            self.spend(_MEMBER * len(value))
