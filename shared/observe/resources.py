"""`gotk_resource_info`: one series per object, whose labels tell what it is and how it fares.

Each kind has labels of its own, and a line of text is far smaller than a series in a registry. So the lines
are kept as they are told, and written only when somebody asks: a change of an object costs a note.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

_HEAD: Final = (
    b"# HELP gotk_resource_info What an object is and how it fares; the value is always 1.\n"
    b"# TYPE gotk_resource_info gauge\n"
)
_ESCAPES: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


class Subject(NamedTuple):
    """The object that a series is about."""

    kind: str
    namespace: str
    name: str


#: Labels and their values, or None when the object is gone.
Labels = Callable[[], Mapping[str, str] | None]


class ResourceInfo:
    """The series of all objects."""

    def __init__(self) -> None:
        self._lines: dict[Subject, bytes] = {}
        self._changed: dict[Subject, Labels] = {}

    def note(self, subject: Subject, labels: Labels) -> None:
        """An object changed or went; its labels are asked for at the next look."""
        self._changed[subject] = labels

    def text(self) -> bytes:
        """The lines of all objects in the text format of Prometheus; nothing when there are none."""
        changed, self._changed = self._changed, {}
        for subject, ask in changed.items():
            labels = ask()
            if labels is None:
                self._lines.pop(subject, None)
            else:
                self._lines[subject] = _line(labels)
        return _HEAD + b"".join(self._lines.values()) if self._lines else b""


def _line(labels: Mapping[str, str]) -> bytes:
    pairs = (f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels.items())
    return f"gotk_resource_info{{{','.join(pairs)}}} 1.0\n".encode(errors="replace")
