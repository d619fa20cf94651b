"""What a template consists of once it is read."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant: a text, a number, a boolean."""

    value: str | int | float | bool
    text: str


@dataclass(frozen=True, slots=True)
class Nil:
    """`nil`, good as an argument only."""


@dataclass(frozen=True, slots=True)
class Dot:
    """`.`"""


@dataclass(frozen=True, slots=True)
class Field:
    """`.A.B` of the dot."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """`$x.A.B`"""

    name: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chain:
    """`(pipeline).A.B`, and fields of a constant, which is an error once it runs."""

    operand: Operand
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """The name of a function."""

    name: str


@dataclass(frozen=True, slots=True)
class Command:
    """An operand with its arguments; `line` is where it stands."""

    operands: tuple[Operand, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Commands that give their values to one another; `names` are variables that get the last value."""

    commands: tuple[Command, ...]
    names: tuple[str, ...] = ()
    assigns: bool = False


Operand = Literal | Nil | Dot | Field | Variable | Chain | Call | Pipeline


@dataclass(frozen=True, slots=True)
class Text:
    """Text as it is."""

    text: str


@dataclass(frozen=True, slots=True)
class Action:
    """A pipeline whose value is written, unless it only sets variables."""

    pipeline: Pipeline


@dataclass(frozen=True, slots=True)
class Branch:
    """`if`, `with` or `range`."""

    keyword: str
    pipeline: Pipeline
    body: tuple[Node, ...]
    otherwise: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Jump:
    """`break` or `continue`."""

    keyword: str


@dataclass(frozen=True, slots=True)
class Include:
    """`template`: another template in this place."""

    name: str
    pipeline: Pipeline | None
    line: int


Node = Text | Action | Branch | Jump | Include


@dataclass(slots=True)
class Tree:
    """All templates of a text, the main one by the empty name."""

    templates: dict[str, tuple[Node, ...]] = field(default_factory=dict)
