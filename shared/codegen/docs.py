"""Descriptions of models and fields, read from the docstrings in the source.

The text below a field is documentation, so it costs nothing at run time; only the generator looks for it.
"""

import ast
import inspect
import textwrap
from collections.abc import Mapping
from functools import cache

from shared.api.model import WireModel


class Undocumented(Exception):
    """A field of the API has no description."""


@cache
def field_docs(model: type[WireModel]) -> Mapping[str, str]:
    """Description of every field, inherited ones included, by Python name; each is one paragraph."""
    found: dict[str, str] = {}
    for owner in reversed(model.__mro__):
        if issubclass(owner, WireModel):
            found |= _own_docs(owner)
    return found


def describe(model: type[WireModel], field: str) -> str:
    """Description of one field; raises `Undocumented` when there is none."""
    text = field_docs(model).get(field)
    if not text:
        raise Undocumented(
            f"{model.__module__}.{model.__name__}.{field} needs a docstring below it: it is its description"
        )
    return text


def summary(model: type[WireModel]) -> str:
    """First paragraph of the model's own docstring."""
    return _paragraph((model.__doc__ or "").split("\n\n", maxsplit=1)[0])


def _own_docs(model: type[WireModel]) -> dict[str, str]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(model))).body[0]
    assert isinstance(tree, ast.ClassDef)  # noqa: S101 - the source of a class is a class
    found = {}
    for field, text in zip(tree.body, tree.body[1:], strict=False):
        match field, text:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(words))),
            ):
                found[name] = _paragraph(words)
            case _:
                pass
    return found


def _paragraph(text: str) -> str:
    return " ".join(text.split())
