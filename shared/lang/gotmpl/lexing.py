"""From the text of a template to pieces: text, and the tokens of its actions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from shared.lang.gotmpl.errors import ParseError

_OPEN: Final = re.compile(r"\{\{(?P<trim>-(?=[ \t\r\n]))?")
_COMMENT: Final = re.compile(r"[ \t\r\n]*/\*")
_AFTER_COMMENT: Final = re.compile(r"(?P<trim>[ \t\r\n]+-)?\}\}")
_CLOSE: Final = re.compile(r"(?P<trim>[ \t\r\n]+-)?\}\}|\}\}")
_BLANK: Final = " \t\r\n"
_TOKEN: Final = re.compile(
    r"(?P<space>[ \t\r\n]+)"
    r'|(?P<string>"(?:[^"\\\n]|\\.)*")'
    r"|(?P<raw>`[^`]*`)"
    r"|(?P<char>'(?:[^'\\\n]|\\.)+')"
    r"|(?P<number>[-+]?(?:0[xXbBoO][0-9a-fA-F_]+|(?:[0-9][0-9_]*)(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?|\.[0-9]+(?:[eE][-+]?[0-9]+)?))"
    r"|(?P<field>\.[^\W\d]\w*)"
    r"|(?P<variable>\$\w*)"
    r"|(?P<name>[^\W\d]\w*)"
    r"|(?P<declare>:=)"
    r"|(?P<sign>[.|(),=])"
)


@dataclass(frozen=True, slots=True)
class Token:
    """One piece; `kind` is `text`, `open`, `close`, or the name of a group of tokens."""

    kind: str
    text: str
    line: int


def tokens(text: str) -> Iterator[Token]:
    """All pieces of a template.

    Raises:
        ParseError: an action is not closed, or has a sign that means nothing.
    """
    at, line, trimmed = 0, 1, False
    while True:
        opening = _OPEN.search(text, at)
        piece = text[at : opening.start()] if opening else text[at:]
        shown = piece.lstrip(_BLANK) if trimmed else piece
        if opening and opening["trim"]:
            shown = shown.rstrip(_BLANK)
        if shown:
            yield Token("text", shown, line)
        line += piece.count("\n")
        if opening is None:
            return
        comment = _COMMENT.match(text, opening.end())
        if comment:
            at, trimmed = _comment_end(text, comment.end(), line)
            line += text.count("\n", opening.start(), at)
            continue
        yield Token("open", "{{", line)
        at = opening.end()
        while True:
            closing = _CLOSE.match(text, at)
            if closing:
                break
            token = _TOKEN.match(text, at)
            if token is None:
                raise ParseError(_unread(text, at, line))
            yield Token(token.lastgroup or "", token[0], line)
            line += token[0].count("\n")
            at = token.end()
        line += closing[0].count("\n")
        yield Token("close", "}}", line)
        at, trimmed = closing.end(), bool(closing["trim"])


def _comment_end(text: str, at: int, line: int) -> tuple[int, bool]:
    end = text.find("*/", at)
    if end < 0:
        raise ParseError(f"{line}: unclosed comment")
    after = _AFTER_COMMENT.match(text, end + 2)
    if after is None:
        raise ParseError(f"{line}: comment ends before closing delimiter")
    return after.end(), bool(after["trim"])


def _unread(text: str, at: int, line: int) -> str:
    if at >= len(text):
        return f"{line}: unclosed action"
    if text[at] in "\"'`":
        kind = {"`": "raw quoted string", '"': "quoted string", "'": "character constant"}[text[at]]
        return f"{line}: unterminated {kind}"
    return f"{line}: unexpected {text[at]!r} in command"
