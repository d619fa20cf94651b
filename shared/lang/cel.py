"""Expressions of the Common Expression Language, in the flavour of Flux.

Uses differ in what is known when an expression is read. A dependency's `readyExpr` is compiled against
the variables `self` and `dep` and must be boolean, so a mistake is found before anything runs. A health
expression is only parsed, because its variables are whatever top-level fields an object has; there a
missing field is a failed evaluation, not false.

What a notification or a webhook is asked about has to be known before it comes: there the checker must find
the type of the result, and a value of unknown type is refused.

Available besides the language itself: optional values, the string, encoder and set libraries. The runtime
is heavy, so it is loaded with the first expression. It doesn't raise when an evaluation fails but gives an
error value; here both become exceptions.

Its own conversion into plain values ends the process where an optional value is inside of a map. So results
are converted here; and where it converts arguments, for the set library, an expression can't make maps.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache
from typing import Any, Final, Self

from shared.lang.cel_strings import FUNCTIONS, alias, with_aliases, without_aliases
from shared.lang.json import dumps

MAX_LENGTH: Final = 16 * 1024
"""Longer expressions are refused unread."""

DEPENDENCY_VARIABLES: Final = ("self", "dep")

_UNOPENED: Final = "it gives no plain value"
_SETS: Final = re.compile(r"\bsets\b")
#: What kind of error it was, as in `INVALID_ARGUMENT: ERROR: `.
_CODES: Final = re.compile(r"^(?:[A-Z_]+: )+")


class CelError(ValueError):
    """Something is wrong with an expression or with its evaluation."""


class CelSyntaxError(CelError):
    """An expression can't be parsed, or its types don't fit; only an edit helps."""


class CelEvaluationError(CelError):
    """An expression can't be evaluated on these values, or the result is not what is needed."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression; evaluating it changes nothing and may be repeated."""

    text: str
    _program: Any = field(repr=False, compare=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Check the syntax only; any variable may be given when it is evaluated."""
        return cls(text, _program((), text, disable_check=True))

    @classmethod
    def compile(cls, text: str, variables: Sequence[str]) -> Self:
        """Check syntax and types; the variables are objects of unknown shape."""
        return cls(text, _program(tuple(variables), text, disable_check=False))

    def after(self, steps: Sequence[tuple[str, "Expression"]], variables: Sequence[str], name: str) -> Self:
        """The same expression, for which earlier ones give the members of one of the variables.

        What they give stays in the runtime, which takes back few of its values: no time, for example. Each
        of them sees the members before its own, and has to have a plain value.
        """
        if not steps:
            return self
        source, members = f"[{name}]", [f"{_quoted(key)}: dyn({name}[{_quoted(key)}])" for key, _ in steps]
        for number, (key, step) in enumerate(steps):
            own = f"{_quoted(key)}: dyn(\n{step.text}\n)"
            source += f".map({name}, {{{', '.join((*members[:number], own))}}})"
        source += f".map({name},\n{self.text}\n)[0]"
        try:
            program = _environment(tuple(variables)).compile(with_aliases(source))
        except RuntimeError:  # each of them compiles alone
            raise CelSyntaxError(
                f"failed to parse the CEL expression '{self.text}': it is too deep or too long "
                f"together with the {len(steps)} before it"
            ) from None
        return replace(self, _program=program)

    def evaluate(self, values: Mapping[str, Any]) -> Any:
        """The value of the expression; raise `CelEvaluationError` when there is none."""
        result = self._result(values)
        try:
            return _plain(result)
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            raise self._failed(str(error)) from None

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether the expression is true; a value that is not boolean is an error."""
        result = self._result(values)
        if result.type() != _runtime().Type.BOOL:
            raise self._failed("the result is not a boolean")
        return bool(result.value())

    def _result(self, values: Mapping[str, Any]) -> Any:
        result = _guarded(CelEvaluationError, self.text, lambda: self._program.eval(data=dict(values)))
        if result.type() == _runtime().Type.ERROR:
            try:
                problem = result.value()
            except TypeError:
                problem = _UNOPENED
            raise self._failed(_line(problem))
        return result

    def _failed(self, problem: str) -> CelEvaluationError:
        return CelEvaluationError(f"failed to evaluate the CEL expression '{self.text}': {problem}")


def compile_predicate(text: str, variables: Sequence[str] = DEPENDENCY_VARIABLES) -> Expression:
    """Compile an expression that must be boolean, by default a `readyExpr` with `self` and `dep`."""
    expression = Expression.compile(text, variables)
    kind = expression._program.return_type()  # noqa: SLF001 - this module's own class
    types = _runtime().Type
    if kind not in (types.BOOL, types.DYN):
        raise CelSyntaxError(
            f"failed to parse the CEL expression '{text}': it gives {kind.name().lower()}, not a boolean"
        )
    return expression


class Gives(StrEnum):
    """What an expression has to give."""

    BOOLEAN = "bool"
    TEXT = "string"


_WAY_OUT: Final = {Gives.BOOLEAN: "compare it, as in 'x == true'", Gives.TEXT: "use string(...)"}


def compile_exact(text: str, variables: Sequence[str], gives: Gives) -> Expression:
    """Compile an expression that certainly gives this; what is only known once it runs is refused."""
    expression = Expression.compile(text, variables)
    kind = expression._program.return_type().name().lower()  # noqa: SLF001 - this module's own class
    if kind != gives:
        way_out = f"; {_WAY_OUT[gives]}" if kind == "dyn" else ""
        raise CelSyntaxError(
            f"failed to parse the CEL expression '{text}': it gives {kind}, not {gives}{way_out}"
        )
    return expression


def _program(variables: tuple[str, ...], text: str, *, disable_check: bool) -> Any:
    if not text.strip():
        raise CelSyntaxError("failed to parse the CEL expression: it is empty")
    if len(text) > MAX_LENGTH:
        raise CelSyntaxError(f"failed to parse the CEL expression: it has more than {MAX_LENGTH} characters")
    if _SETS.search(text) and "{" in text:
        raise CelSyntaxError(
            f"failed to parse the CEL expression '{text}': "
            "sets.* and a map in braces can't be in one expression"
        )
    environment = _environment(variables)
    source = with_aliases(text)
    return _guarded(CelSyntaxError, text, lambda: environment.compile(source, disable_check=disable_check))


def _guarded(error: type[CelError], text: str, call: Callable[[], Any]) -> Any:
    verb = "parse" if error is CelSyntaxError else "evaluate"
    try:
        return call()
    except (RuntimeError, TypeError, ValueError, OverflowError) as problem:
        raise error(f"failed to {verb} the CEL expression '{text}': {_line(str(problem))}") from None


def _line(problem: str) -> str:
    """The first line of a report, without the drawing of the place below it."""
    first = problem.partition("\n")[0].removesuffix(" [INVALID_ARGUMENT]")
    return without_aliases(_CODES.sub("", first, count=1))


@cache
def _runtime() -> Any:
    from cel_expr_python import cel  # noqa: PLC0415 - tens of megabytes, loaded with the first expression

    return cel


@cache
def _environment(variables: tuple[str, ...]) -> Any:
    from cel_expr_python.ext import ext_encoders, ext_optional, ext_strings  # noqa: PLC0415 - see above

    cel = _runtime()
    shape = cel.Type.Map(cel.Type.STRING, cel.Type.DYN)
    return cel.NewEnv(
        variables=dict.fromkeys(variables, shape),
        extensions=[ext_optional.ExtOptional(), ext_strings.ExtStrings(), ext_encoders.ExtEncoders()],
        functions=[*_sets(cel), *_strings(cel)],
    )


def _sets(cel: Any) -> list[Any]:
    """The set library: lists compared as sets."""
    items = cel.Type.List(cel.Type.DYN)

    def declare(name: str, claim: Callable[[list[Any], list[Any]], bool]) -> Any:
        overload = cel.Overload(
            f"list_{name.replace('.', '_')}_list",
            return_type=cel.Type.BOOL,
            parameters=[items, items],
            is_member=False,
            impl=lambda left, right: claim(list(map(_plain, left)), list(map(_plain, right))),
        )
        return cel.FunctionDecl(name, [overload])

    return [
        declare("sets.contains", lambda left, right: all(_has(left, item) for item in right)),
        declare("sets.intersects", lambda left, right: any(_has(left, item) for item in right)),
        declare(
            "sets.equivalent",
            lambda left, right: (
                all(_has(left, item) for item in right) and all(_has(right, item) for item in left)
            ),
        ),
    ]


def _strings(cel: Any) -> list[Any]:
    """Functions of the string library in place of those of the runtime."""

    def declare(name: str, work: Callable[..., Any], takes: Sequence[str], gives: str) -> Any:
        kinds = [cel.Type.STRING, *(getattr(cel.Type, kind) for kind in takes)]
        overloads = [
            cel.Overload(
                f"{alias(name)}_{count}",
                return_type=getattr(cel.Type, gives),
                parameters=kinds[:count],
                is_member=True,
                impl=work,
            )
            for count in (2, 3)
        ]
        return cel.FunctionDecl(alias(name), overloads)

    return [declare(name, *function) for name, function in FUNCTIONS.items()]


def _plain(item: Any) -> Any:
    """A value of the runtime as one of Python; raise `TypeError` for one that Python has nothing like."""
    if not hasattr(item, "plain_value"):
        return item
    # An optional value that was not opened looks like an error, and has no value.
    if item.type() == _runtime().Type.ERROR:
        raise TypeError(_UNOPENED)
    match item.value():
        case list() as found:
            return [_plain(each) for each in found]
        case dict() as found:
            return {key: _plain(each) for key, each in found.items()}
        case found:
            return found


def _quoted(text: str) -> str:
    """A text as a literal of the language, which knows all that JSON writes."""
    return dumps(text).decode()


def _has(items: list[Any], wanted: Any) -> bool:
    """Membership as CEL sees it: 1 equals 1.0, but true is not 1."""
    return any(item == wanted and isinstance(item, bool) is isinstance(wanted, bool) for item in items)
