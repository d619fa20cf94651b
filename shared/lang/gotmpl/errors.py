"""What can be wrong with a template."""

from __future__ import annotations


class TemplateError(ValueError):
    """A template can't be read or run; the text names the place as Go's library does."""


class ParseError(TemplateError):
    """The text is no template."""


class RunError(TemplateError):
    """A template can't be run over its data."""


class NoField(RunError):
    """A value has no field of that name; `path` are the names that were asked for, from the first on.

    `owner` is the type of the value.
    """

    def __init__(self, message: str, path: tuple[str, ...], owner: str) -> None:
        super().__init__(message)
        self.path = path
        self.owner = owner


class CallError(Exception):
    """A function refuses its arguments; the place is added where it was called."""
