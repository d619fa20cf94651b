"""Functions that templates can call, with the types of their parameters taken from annotations.

Templates have types: a number is no text, and a function that wants a text refuses it. The annotations `str`,
`bool`, `int`, `float`, `list` and `dict` are such types; `Any` takes everything. A first parameter `effort`
is none of the template's: the function pays there for what its arguments do not show.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, get_type_hints

from shared.lang.gotmpl.effort import Effort
from shared.lang.gotmpl.errors import CallError, RunError
from shared.lang.gotmpl.values import type_name

_LONGEST: Final = 1 << 20
_TYPES: Final[Mapping[type, str]] = {
    str: "string",
    bool: "bool",
    int: "int",
    float: "float64",
    list: "[]interface {}",
    dict: "map[string]interface {}",
}


@dataclass(frozen=True, slots=True)
class Function:
    """One function: its parameters by type, and whether the last one takes all that is left.

    A shallow one looks at its arguments, not through them: it costs the same however much is in a list.
    """

    body: Callable[..., Any]
    parameters: tuple[Any, ...]
    variadic: bool
    pays: bool
    shallow: bool = False

    @classmethod
    def of(cls, body: Callable[..., Any]) -> Function:
        """From a Python function with annotations."""
        hints = get_type_hints(body)
        parameters = list(inspect.signature(body).parameters.values())
        pays = bool(parameters) and parameters[0].name == "effort"
        variadic = bool(parameters) and parameters[-1].kind is inspect.Parameter.VAR_POSITIONAL
        return cls(body, tuple(hints.get(each.name, Any) for each in parameters[pays:]), variadic, pays)

    def __call__(self, name: str, arguments: Sequence[Any], effort: Effort) -> Any:
        """Calls it.

        Raises:
            CallError: there are too many or too few arguments, or one is of another type.
            RunError: it is too much.
        """
        wanted = len(self.parameters) - self.variadic
        if len(arguments) < wanted or (len(arguments) > wanted and not self.variadic):
            least = "at least " if self.variadic else ""
            raise CallError(f"wrong number of args for {name}: want {least}{wanted} got {len(arguments)}")
        checked = [
            _checked(value, self.parameters[min(number, len(self.parameters) - 1)])
            for number, value in enumerate(arguments)
        ]
        for value in checked:
            (effort.glance if self.shallow else effort.look_through)(value)
        try:
            result = self.body(effort, *checked) if self.pays else self.body(*checked)
        except CallError as error:
            raise CallError(f"error calling {name}: {error}") from None
        except RunError:
            raise
        except (ArithmeticError, LookupError, TypeError, ValueError, RecursionError) as error:
            raise CallError(f"error calling {name}: {type(error).__name__}") from error
        if isinstance(result, (str, list)) and len(result) > _LONGEST:
            raise CallError(f"error calling {name}: the result is longer than {_LONGEST}")
        (effort.glance if self.shallow else effort.make)(result)
        return result


def _checked(value: Any, wanted: Any) -> Any:
    if wanted not in _TYPES:
        return value
    fits = {
        int: isinstance(value, int) and not isinstance(value, bool),
        float: isinstance(value, (int, float)) and not isinstance(value, bool),
        list: isinstance(value, (list, tuple)),
    }.get(wanted, isinstance(value, wanted))
    if not fits:
        if value is None:
            raise CallError(f"invalid value; expected {_TYPES[wanted]}")
        raise CallError(f"wrong type for value; expected {_TYPES[wanted]}; got {type_name(value)}")
    return value


def functions(*bodies: Callable[..., Any], **named: Callable[..., Any]) -> dict[str, Function]:
    """Functions by their names; a trailing underscore of a name is no part of it."""
    found = {body.__name__.rstrip("_"): Function.of(body) for body in bodies}
    return found | {name.rstrip("_"): Function.of(body) for name, body in named.items()}


def shallow(*bodies: Callable[..., Any], **named: Callable[..., Any]) -> dict[str, Function]:
    """The same for functions that are shallow."""
    return {name: replace(found, shallow=True) for name, found in functions(*bodies, **named).items()}
