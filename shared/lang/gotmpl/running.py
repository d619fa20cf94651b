"""Runs a template over its data; what it writes and how long it runs is bounded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from shared.lang.gotmpl.effort import STEP, Effort
from shared.lang.gotmpl.errors import CallError, NoField, RunError
from shared.lang.gotmpl.functions import Function
from shared.lang.gotmpl.nodes import (
    Action,
    Branch,
    Call,
    Chain,
    Command,
    Dot,
    Field,
    Include,
    Jump,
    Literal,
    Nil,
    Node,
    Operand,
    Pipeline,
    Text,
    Tree,
    Variable,
)
from shared.lang.gotmpl.printing import shown
from shared.lang.gotmpl.values import Struct, map_keys, truth, type_name

_DEPTH: Final = 100
_NOTHING: Final = object()
_SHORT: Final = {"and": False, "or": True}


class _Break(Exception):
    pass


class _Continue(Exception):
    pass


class Runner:
    """One run of one tree."""

    def __init__(self, tree: Tree, functions: Mapping[str, Function], longest: int) -> None:
        self._tree = tree
        self._functions = functions
        self._longest = longest
        self._parts: list[str] = []
        self._length = 0
        self._effort = Effort()
        self._depth = 0
        self._variables: list[tuple[str, Any]] = []

    def run(self, data: Any) -> str:
        """What the main template writes.

        Raises:
            RunError: it can't be run, writes or does too much.
        """
        self._variables = [("$", data)]
        self._nodes(self._tree.templates[""], data)
        return "".join(self._parts)

    # Nodes.

    def _nodes(self, nodes: Sequence[Node], dot: Any) -> None:
        for node in nodes:
            self._step()
            match node:
                case Text():
                    self._write(node.text)
                case Action():
                    value = self._pipeline(node.pipeline, dot)
                    if not node.pipeline.names:
                        self._effort.look_through(value)
                        self._write(shown(value))
                case Branch(keyword="range"):
                    self._range(node, dot)
                case Branch():
                    self._branch(node, dot)
                case Include():
                    self._include(node, dot)
                case Jump():
                    raise _Break if node.keyword == "break" else _Continue

    def _branch(self, node: Branch, dot: Any) -> None:
        mark = len(self._variables)
        value = self._pipeline(node.pipeline, dot)
        if truth(value):
            self._nodes(node.body, value if node.keyword == "with" else dot)
        else:
            self._nodes(node.otherwise, dot)
        del self._variables[mark:]

    def _range(self, node: Branch, dot: Any) -> None:
        mark = len(self._variables)
        # The variables of a range get keys and items, not the value of the pipeline.
        value = self._commands(node.pipeline, dot)
        if len(node.pipeline.names) > 1 and isinstance(value, int):
            raise RunError(f"can't use {shown(value)} to iterate over more than one variable")
        empty = True
        try:
            for key, item in self._items(value):
                empty = False
                self._step()
                self._take(node.pipeline, key, item, mark)
                try:
                    self._nodes(node.body, item)
                except _Continue:
                    continue
        except _Break:
            pass
        del self._variables[mark:]
        if empty:
            self._nodes(node.otherwise, dot)

    def _take(self, pipeline: Pipeline, key: Any, item: Any, mark: int) -> None:
        given = {1: (item,), 2: (key, item)}.get(len(pipeline.names), ())
        del self._variables[mark:]
        for name, value in zip(pipeline.names, given, strict=True):
            self._set(name, value, assigns=pipeline.assigns)

    def _items(self, value: Any) -> Iterator[tuple[Any, Any]]:
        match value:
            case None:
                return
            case list() | tuple():
                yield from enumerate(value)
            case dict():
                self._effort.make(value)
                for key in map_keys(value):
                    yield key, value[key]
            case int() if not isinstance(value, bool):
                for number in range(value):
                    yield number, number
            case _:
                raise RunError(f"range can't iterate over {shown(value)[:80]}")

    def _include(self, node: Include, dot: Any) -> None:
        nodes = self._tree.templates.get(node.name) if node.name else None
        if nodes is None:
            raise RunError(f'{node.line}: template "{node.name}" not defined')
        self._depth += 1
        if self._depth > _DEPTH:
            raise RunError(f"{node.line}: exceeded maximum template depth ({_DEPTH})")
        data = self._pipeline(node.pipeline, dot) if node.pipeline else None
        outer, self._variables = self._variables, [("$", data)]
        self._nodes(nodes, data)
        self._variables = outer
        self._depth -= 1

    # Values.

    def _pipeline(self, pipeline: Pipeline, dot: Any) -> Any:
        value = self._commands(pipeline, dot)
        for name in pipeline.names:
            self._set(name, value, assigns=pipeline.assigns)
        return value

    def _commands(self, pipeline: Pipeline, dot: Any) -> Any:
        value: Any = _NOTHING
        for command in pipeline.commands:
            value = self._command(command, dot, value)
        return value

    def _command(self, command: Command, dot: Any, final: Any) -> Any:
        self._step()
        first, rest = command.operands[0], command.operands[1:]
        try:
            if isinstance(first, Call):
                return self._call(first.name, rest, dot, final)
            return self._value(first, rest, dot, final)
        except CallError as error:
            raise RunError(f"{command.line}: {error}") from None
        except NoField as error:
            if error.args[0].split(":", 1)[0].isdecimal():
                raise
            raise NoField(f"{command.line}: {error}", error.path, error.owner) from None

    def _value(self, first: Operand, rest: Sequence[Operand], dot: Any, final: Any) -> Any:
        """The value of a command that calls nothing."""
        if rest or final is not _NOTHING:
            raise CallError("can't give argument to non-function")
        if isinstance(first, Nil):
            raise CallError("nil is not a command")
        return self._operand(first, dot)

    def _call(self, name: str, rest: Sequence[Operand], dot: Any, final: Any) -> Any:
        if name in _SHORT:
            return self._short(name, rest, dot, final)
        arguments = [self._operand(operand, dot) for operand in rest]
        if final is not _NOTHING:
            arguments.append(final)
        return self._functions[name](name, arguments, self._effort)

    def _short(self, name: str, rest: Sequence[Operand], dot: Any, final: Any) -> Any:
        """`and` and `or` look at no more operands than they have to."""
        value: Any = _NOTHING
        for operand in rest:
            self._step()
            value = self._operand(operand, dot)
            if truth(value) is _SHORT[name]:
                return value
        if final is not _NOTHING:
            value = final
        if value is _NOTHING:
            raise CallError(f"wrong number of args for {name}: want at least 1 got 0")
        return value

    def _operand(self, operand: Operand, dot: Any) -> Any:  # noqa: PLR0911 - one for each kind
        match operand:
            case Literal():
                return operand.value
            case Nil():
                return None
            case Dot():
                return dot
            case Field():
                return self._fields(dot, operand.names)
            case Variable():
                return self._fields(self._get(operand.name), operand.names)
            case Chain():
                return self._fields(self._operand(operand.operand, dot), operand.names)
            case Call():
                return self._call(operand.name, (), dot, _NOTHING)
            case Pipeline():
                return self._pipeline(operand, dot)

    def _get(self, name: str) -> Any:
        return self._variables[self._place(name)][1]

    def _set(self, name: str, value: Any, *, assigns: bool) -> None:
        if assigns:
            self._variables[self._place(name)] = (name, value)
        else:
            self._variables.append((name, value))

    def _place(self, name: str) -> int:
        """Where the innermost variable of a name is."""
        for number in range(len(self._variables) - 1, -1, -1):
            self._effort.spend(1)
            if self._variables[number][0] == name:
                return number
        raise CallError(f"undefined variable: {name}")

    # Bounds.

    def _write(self, text: str) -> None:
        self._length += len(text)
        if self._length > self._longest:
            raise RunError(f"the text becomes longer than {self._longest} characters")
        self._parts.append(text)

    def _step(self) -> None:
        self._effort.spend(STEP)

    def _fields(self, value: Any, names: tuple[str, ...]) -> Any:
        for number in range(len(names)):
            self._step()
            value = _field(value, names, number)
        return value


def _field(value: Any, names: tuple[str, ...], number: int) -> Any:
    name = names[number]
    if value is None:
        return None
    if isinstance(value, dict):
        return value.get(name)
    if isinstance(value, Struct):
        if name in value.methods:
            return value.methods[name](value)
        if name in value.fields:
            return getattr(value, value.fields[name])
    path = names[: number + 1]
    owner = type_name(value)
    raise NoField(f"at <.{'.'.join(path)}>: can't evaluate field {name} in type {owner}", path, owner)
