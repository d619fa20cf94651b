"""Templates in the language of Go's `text/template`, with the text functions that users know from Helm.

Templates come from users: what one writes and how much it does is bounded, and none of its functions reads
the time, the environment, files, the network or random numbers.
"""

from __future__ import annotations

from typing import Any, Final

from shared.lang.gotmpl.builtin import BUILTIN
from shared.lang.gotmpl.errors import NoField, ParseError, RunError, TemplateError
from shared.lang.gotmpl.parsing import parse
from shared.lang.gotmpl.running import Runner
from shared.lang.gotmpl.sprig import SPRIG
from shared.lang.gotmpl.values import Inner, Struct, TypedMap

__all__ = ["Inner", "NoField", "ParseError", "RunError", "Struct", "Template", "TemplateError", "TypedMap"]

_FUNCTIONS: Final = {**BUILTIN, **SPRIG}
_KNOWN: Final = frozenset(_FUNCTIONS) | {"and", "or"}
_LONGEST: Final = 64 << 10


class Template:
    """A template that was read; it can be run any number of times."""

    def __init__(self, text: str, name: str = "template") -> None:
        """Reads a template; `name` is what error messages call it.

        Raises:
            ParseError: the text is no template.
        """
        self._name = name
        if len(text) > _LONGEST:
            raise ParseError(f"template: {name}: the text is longer than {_LONGEST} characters")
        try:
            self._tree = parse(text, _KNOWN.__contains__)
        except ParseError as error:
            raise ParseError(f"template: {name}:{error}") from None

    def run(self, data: Any) -> str:
        """What the template writes for some data: JSON values, structs and typed maps.

        Raises:
            RunError: it can't be run over this data, or it is too much. `NoField`, if a value has no such
                field.
        """
        try:
            return Runner(self._tree, _FUNCTIONS, _LONGEST).run(data)
        except NoField as error:
            raise NoField(f"template: {self._name}:{error}", error.path, error.owner) from None
        except RunError as error:
            raise RunError(f"template: {self._name}:{error}") from None
