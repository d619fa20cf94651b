"""Expressions of the Common Expression Language, in the flavour of Flux.

Two uses differ in what is known when an expression is read. A dependency's `readyExpr` is compiled against
the variables `self` and `dep` and must be boolean, so a mistake is found before anything runs. A health
expression is only parsed, because its variables are whatever top-level fields an object has; there a
missing field is a failed evaluation, not false.

Available besides the language itself: optional values, the string, encoder and set libraries. The runtime
is heavy, so it is loaded with the first expression. It doesn't raise when an evaluation fails but gives an
error value; here both become exceptions.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, Self

MAX_LENGTH: Final = 16 * 1024
"""Longer expressions are refused unread."""

DEPENDENCY_VARIABLES: Final = ("self", "dep")


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

    def evaluate(self, values: Mapping[str, Any]) -> Any:
        """The value of the expression; raise `CelEvaluationError` when there is none."""
        result = _guarded(CelEvaluationError, self.text, lambda: self._program.eval(data=dict(values)))
        if result.type() == _runtime().Type.ERROR:
            raise CelEvaluationError(
                f"failed to evaluate the CEL expression '{self.text}': {_line(result.value())}"
            )
        return result.plain_value()

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether the expression is true; a value that is not boolean is an error."""
        value = self.evaluate(values)
        if not isinstance(value, bool):
            raise CelEvaluationError(
                f"failed to evaluate the CEL expression '{self.text}': the result is not a boolean"
            )
        return value


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


def _program(variables: tuple[str, ...], text: str, *, disable_check: bool) -> Any:
    if not text.strip():
        raise CelSyntaxError("failed to parse the CEL expression: it is empty")
    if len(text) > MAX_LENGTH:
        raise CelSyntaxError(f"failed to parse the CEL expression: it has more than {MAX_LENGTH} characters")
    environment = _environment(variables)
    return _guarded(CelSyntaxError, text, lambda: environment.compile(text, disable_check=disable_check))


def _guarded(error: type[CelError], text: str, call: Callable[[], Any]) -> Any:
    verb = "parse" if error is CelSyntaxError else "evaluate"
    try:
        return call()
    except (RuntimeError, TypeError, ValueError, OverflowError) as problem:
        raise error(f"failed to {verb} the CEL expression '{text}': {_line(str(problem))}") from None


def _line(problem: str) -> str:
    """The first line of a report, without the drawing of the place below it."""
    first = problem.partition("\n")[0].removesuffix(" [INVALID_ARGUMENT]")
    return first.removeprefix("INVALID_ARGUMENT: ").removeprefix("ERROR: ")


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
        functions=_sets(cel),
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
            impl=lambda left, right: claim(_plain(left), _plain(right)),
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


def _plain(items: Any) -> list[Any]:
    return [item.plain_value() if hasattr(item, "plain_value") else item for item in items]


def _has(items: list[Any], wanted: Any) -> bool:
    """Membership as CEL sees it: 1 equals 1.0, but true is not 1."""
    return any(item == wanted and isinstance(item, bool) is isinstance(wanted, bool) for item in items)
