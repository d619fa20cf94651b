"""From pieces to a tree; what can be known before a template runs is checked here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from shared.lang.gotmpl.errors import ParseError
from shared.lang.gotmpl.lexing import Token, tokens
from shared.lang.gotmpl.literals import char, integer_or_float, quoted
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

_BRANCHES: Final = frozenset({"if", "with", "range"})
_WORDS: Final = _BRANCHES | {"block", "break", "continue", "define", "else", "end", "template"}
_DEPTH: Final = 64
_END: Final = Token("end of text", "", 0)


def parse(text: str, known: Callable[[str], bool]) -> Tree:
    """Reads a template; `known` tells whether there is a function of a name.

    Raises:
        ParseError: the text is no template; the message begins with the line.
    """
    parser = _Parser(list(tokens(text)), known)
    tree = parser.tree
    tree.templates[""] = parser.main()
    return tree


class _Parser:
    def __init__(self, pieces: list[Token], known: Callable[[str], bool]) -> None:
        self.tree = Tree()
        self._pieces = pieces
        self._known = known
        self._at = 0
        self._line = 1
        self._variables = ["$"]
        self._ranges = 0
        self._depth = 0

    def main(self) -> tuple[Node, ...]:
        body, word = self._body(frozenset())
        if word:
            raise self._error(f"unexpected {{{{{word}}}}}")
        return body

    # Pieces.

    def _next(self) -> Token:
        if self._at >= len(self._pieces):
            return _END
        piece = self._pieces[self._at]
        self._at += 1
        self._line = piece.line
        return piece

    def _peek(self) -> Token:
        return self._pieces[self._at] if self._at < len(self._pieces) else _END

    def _peek_solid(self) -> Token:
        if self._peek().kind == "space":
            self._at += 1
        return self._peek()

    def _next_solid(self) -> Token:
        self._peek_solid()
        return self._next()

    def _expect(self, kind: str, context: str) -> Token:
        piece = self._next_solid()
        if piece.kind != kind:
            raise self._error(f"unexpected {_shown(piece)} in {context}")
        return piece

    def _error(self, problem: str) -> ParseError:
        return ParseError(f"{self._line}: {problem}")

    def _deepen(self) -> None:
        self._depth += 1
        if self._depth > _DEPTH:
            raise self._error(f"nested deeper than {_DEPTH} levels")

    # Lists of nodes.

    def _body(self, ends: frozenset[str]) -> tuple[tuple[Node, ...], str]:
        """Nodes up to one of the words that end them, which is given too; or to the end of the text."""
        self._deepen()
        nodes: list[Node] = []
        while (piece := self._next()) is not _END:
            if piece.kind == "text":
                nodes.append(Text(piece.text))
                continue
            word = self._peek_solid()
            if word.kind == "name" and word.text in _WORDS:
                self._next()
                if word.text in {"else", "end"}:
                    if word.text not in ends:
                        raise self._error(f"unexpected {{{{{word.text}}}}}")
                    self._depth -= 1
                    return tuple(nodes), word.text
                nodes += self._control(word.text)
            else:
                pipeline = self._pipeline("command", declares=True)
                self._expect("close", "command")
                nodes.append(Action(pipeline))
        if ends:
            raise self._error("unexpected EOF")
        self._depth -= 1
        return tuple(nodes), ""

    def _control(self, word: str) -> list[Node]:
        if word in _BRANCHES:
            return [self._branch(word)]
        if word in {"break", "continue"}:
            self._expect("close", word)
            if not self._ranges:
                raise self._error(f"{{{{{word}}}}} outside {{{{range}}}}")
            return [Jump(word)]
        if word == "template":
            return [self._include()]
        return self._definition(word)

    def _branch(self, word: str) -> Branch:
        mark = len(self._variables)
        pipeline = self._pipeline(word, declares=True, two=word == "range")
        self._expect("close", word)
        self._ranges += word == "range"
        body, end = self._body(frozenset({"else", "end"}))
        self._ranges -= word == "range"
        otherwise: tuple[Node, ...] = ()
        if end == "else":
            follow = self._peek_solid()
            if follow.kind == "name" and follow.text == word and word in {"if", "with"}:
                self._next()
                self._deepen()
                otherwise = (self._branch(word),)
                self._depth -= 1
                del self._variables[mark:]
                return Branch(word, pipeline, body, otherwise)
            self._expect("close", "else")
            otherwise, _ = self._body(frozenset({"end"}))
        self._expect("close", "end")
        del self._variables[mark:]
        return Branch(word, pipeline, body, otherwise)

    def _include(self) -> Include:
        line = self._line
        name = self._name("template clause")
        pipeline = None
        if self._peek_solid().kind != "close":
            pipeline = self._pipeline("template clause")
        self._expect("close", "template clause")
        return Include(name, pipeline, line)

    def _definition(self, word: str) -> list[Node]:
        """`define` has no place in the text, `block` stands where it is defined."""
        if word == "define" and self._depth > 1:
            raise self._error("unexpected <define> in command")
        line = self._line
        name = self._name(f"{word} clause")
        pipeline = self._pipeline("block clause") if word == "block" else None
        self._expect("close", f"{word} clause")
        outer, self._variables = self._variables, ["$"]
        ranges, self._ranges = self._ranges, 0
        body, _ = self._body(frozenset({"end"}))
        self._variables, self._ranges = outer, ranges
        self._define(name, body)
        self._expect("close", "end")
        return [Include(name, pipeline, line)] if word == "block" else []

    def _define(self, name: str, body: tuple[Node, ...]) -> None:
        """Of several templates of a name all but one have to be empty."""
        if _is_empty(self.tree.templates.get(name, ())):
            self.tree.templates[name] = body
        elif not _is_empty(body):
            raise self._error(f"template: multiple definition of template {_quoted(name)}")

    def _name(self, context: str) -> str:
        piece = self._next_solid()
        if piece.kind in {"string", "raw"}:
            return self._text(piece)
        raise self._error(f"unexpected {_shown(piece)} in {context}")

    # Pipelines.

    def _pipeline(self, context: str, *, declares: bool = False, two: bool = False) -> Pipeline:
        names, assigns = self._declared(context, two=two) if declares else ((), False)
        commands = [self._command(context)]
        while self._peek_solid().text == "|":
            self._next()
            # Go's parser takes a pipe with nothing behind it.
            if (piece := self._peek_solid()).kind != "close" and piece.text != ")":
                commands.append(self._command(context))
        for stage, command in enumerate(commands[1:], 2):
            if isinstance(command.operands[0], (Literal, Dot, Nil)):
                raise self._error(f"non executable command in pipeline stage {stage}")
        if not assigns:
            self._variables += names
        return Pipeline(tuple(commands), names, assigns)

    def _declared(self, context: str, *, two: bool) -> tuple[tuple[str, ...], bool]:
        """`$x :=`, `$x =`, and before a range `$i, $x :=`; where there is no such thing nothing is read."""
        start, names = self._at, []
        while self._peek_solid().kind == "variable":
            names.append(self._next().text)
            sign = self._peek_solid()
            if sign.text == "," and two and len(names) < 2:
                self._next()
            elif sign.kind == "declare" or sign.text == "=":
                self._next()
                assigns = sign.text == "="
                unknown = [name for name in names if assigns and name not in self._variables]
                if unknown:
                    raise self._error(f"undefined variable {_quoted(unknown[0])}")
                return tuple(names), assigns
            else:
                break
        if len(names) == 2:
            raise self._error(f"too many declarations in {context}")
        self._at = start
        return (), False

    def _command(self, context: str) -> Command:
        operands: list[Operand] = []
        self._peek_solid()
        line = self._peek().line
        while (operand := self._operand(context)) is not None:
            operands.append(operand)
            piece = self._peek()
            if piece.kind == "space":
                self._next()
            elif piece.kind != "close" and piece.text not in {"|", ")"}:
                raise self._error(f"unexpected {_shown(piece)} in operand")
        if not operands:
            piece = self._peek()
            if piece.kind == "close" or piece.text in {"|", ")"}:
                raise self._error(f"missing value for {context}")
            raise self._error(f"unexpected {_shown(piece)} in {context}")
        return Command(tuple(operands), line)

    def _operand(self, context: str) -> Operand | None:
        operand = self._term(context)
        if operand is None or self._peek().kind != "field":
            return operand
        names: list[str] = []
        while self._peek().kind == "field":
            names.append(self._next().text[1:])
        match operand:
            case Field():
                return Field((*operand.names, *names))
            case Variable():
                return Variable(operand.name, (*operand.names, *names))
            case Literal() | Nil() | Dot():
                raise self._error(f"unexpected . after term {_quoted(_term_text(operand))}")
        return Chain(operand, tuple(names))

    def _term(self, context: str) -> Operand | None:  # noqa: PLR0911 - one for each kind of piece
        piece = self._peek()
        if piece.kind in {"close", "end of text"} or piece.text in {"|", ")"}:
            return None
        self._next()
        match piece.kind:
            case "name":
                return self._word(piece.text)
            case "variable":
                if piece.text not in self._variables:
                    raise self._error(f"undefined variable {_quoted(piece.text)}")
                return Variable(piece.text)
            case "field":
                return Field((piece.text[1:],))
            case "string" | "raw":
                return Literal(self._text(piece), piece.text)
            case "char" | "number":
                return self._number(piece)
        if piece.text == ".":
            return Dot()
        if piece.text == "(":
            self._deepen()
            inner = self._pipeline("parenthesized pipeline")
            self._depth -= 1
            if self._next_solid().text != ")":
                raise self._error("unclosed left paren")
            return inner
        raise self._error(f"unexpected {_shown(piece)} in {context}")

    def _word(self, word: str) -> Operand:
        if word in {"true", "false"}:
            return Literal(word == "true", word)
        if word == "nil":
            return Nil()
        if not self._known(word):
            raise self._error(f"function {_quoted(word)} not defined")
        return Call(word)

    def _text(self, piece: Token) -> str:
        if piece.kind == "raw":
            return piece.text[1:-1]
        value = quoted(piece.text)
        if value is None:
            raise self._error("invalid syntax")
        return value

    def _number(self, piece: Token) -> Literal:
        value = char(piece.text) if piece.kind == "char" else integer_or_float(piece.text)
        if value is None:
            raise self._error(f"bad number syntax: {_quoted(piece.text)}")
        return Literal(value, piece.text)


def _is_empty(body: tuple[Node, ...]) -> bool:
    return all(isinstance(node, Text) and not node.text.strip() for node in body)


def _shown(piece: Token) -> str:
    if piece.kind == "close":
        return "unclosed action" if piece is _END else '"}}"'
    if piece is _END:
        return "EOF"
    return f"<{piece.text}>"


def _term_text(operand: Literal | Nil | Dot) -> str:
    match operand:
        case Literal():
            return operand.text
        case Nil():
            return "nil"
    return "."


def _quoted(text: str) -> str:
    return f'"{text}"'
