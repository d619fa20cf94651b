"""What values are to a template: Go's types told by Python's.

Texts, whole numbers, floats, booleans and None are themselves, lists are slices, dicts are maps. A struct is
a `Struct`. A map whose values have a type of their own is a `TypedMap`: what it lacks is the zero value of
that type where `index` asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar


class Struct:
    """A value with fields; a field that is callable is a method without arguments.

    `type_name` is what error messages call it. Structs are printed by their fields in order, unless `text`
    gives another form.
    """

    type_name: ClassVar[str] = "struct"
    #: What templates call the fields, with the attributes that hold them; methods are no part of the text.
    fields: ClassVar[Mapping[str, str]] = {}
    methods: ClassVar[Mapping[str, Callable[[Any], Any]]] = {}

    def text(self) -> str | None:
        """The printed form, where it is not that of the fields."""
        return None

    def parts(self) -> Iterable[tuple[str, Any]]:
        """What is printed, with its names."""
        return zip(self.fields, self.printed_fields(), strict=True)

    def printed_fields(self) -> list[Any]:
        """The fields in the order in which they are printed."""
        return [getattr(self, attribute) for attribute in self.fields.values()]

    def json_value(self) -> Any:
        """What JSON has for it: the fields by their names, in their order."""
        return dict(zip(self.fields, self.printed_fields(), strict=True))


class Inner(Struct):
    """A struct that another one is printed with; templates don't get at it."""

    def __init__(self, **parts: Any) -> None:
        self._parts = parts

    def parts(self) -> Iterable[tuple[str, Any]]:
        """See `Struct`."""
        return self._parts.items()


class TypedMap(dict[Any, Any]):
    """A map whose values are of one type; `zero` is the value of a key that is not there."""

    def __init__(self, items: Mapping[Any, Any], zero: Any = None, type_name: str = "map") -> None:
        super().__init__(items)
        self.zero = zero
        self.type_name = type_name


def truth(value: Any) -> bool:
    """What `if` and `with` make of a value: zero and what is empty is false."""
    if isinstance(value, Struct):
        return True
    return bool(value)


def type_name(value: Any) -> str:  # noqa: PLR0911 - one for each type
    """What Go calls the type of a value."""
    match value:
        case None:
            return "<nil>"
        case bool():
            return "bool"
        case int():
            return "int"
        case float():
            return "float64"
        case str():
            return "string"
        case list() | tuple():
            return "[]interface {}"
        case TypedMap() | Struct():
            return value.type_name
        case dict():
            return "map[string]interface {}"
    return type(value).__name__


def map_keys(value: Mapping[Any, Any]) -> list[Any]:
    """The keys of a map in the order in which templates go through them."""
    return sorted(value)
