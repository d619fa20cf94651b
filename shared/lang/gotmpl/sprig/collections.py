"""Functions on lists and maps, and on values that may be missing."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Final

from shared.lang.gotmpl.builtin import slice_
from shared.lang.gotmpl.errors import CallError
from shared.lang.gotmpl.functions import Function, functions, shallow
from shared.lang.gotmpl.sprig.texts import strings, strval
from shared.lang.gotmpl.values import Struct, TypedMap, map_keys, truth, type_name


def default(fallback: Any, *given: Any) -> Any:
    """The given value, or another one where it is missing or empty."""
    return given[0] if given and truth(given[0]) else fallback


def empty(value: Any) -> bool:
    """Whether a value is missing or empty."""
    return not truth(value)


def coalesce(*values: Any) -> Any:
    """The first value that is not empty."""
    return next((value for value in values if truth(value)), None)


def all_(*values: Any) -> bool:
    """Whether no value is empty."""
    return all(map(truth, values))


def any_(*values: Any) -> bool:
    """Whether a value is not empty."""
    return any(map(truth, values))


def ternary(yes: Any, no: Any, condition: bool) -> Any:
    """One of two values."""
    return yes if condition else no


def fail(message: str) -> Any:
    """Ends the template."""
    raise CallError(message)


def list_(*values: Any) -> list[Any]:
    """A list."""
    return list(values)


def first(values: Any) -> Any:
    """The first member."""
    return next(iter(_listed(values, "first")), None)


def last(values: Any) -> Any:
    """The last member."""
    members = _listed(values, "last")
    return members[-1] if members else None


def rest(values: Any) -> list[Any]:
    """All but the first member."""
    return _listed(values, "rest")[1:]


def initial(values: Any) -> list[Any]:
    """All but the last member."""
    return _listed(values, "initial")[:-1]


def append(values: Any, value: Any) -> list[Any]:
    """With one more at the end."""
    return [*_listed(values, "push"), value]


def prepend(values: Any, value: Any) -> list[Any]:
    """With one more at the beginning."""
    return [value, *_listed(values, "prepend")]


def concat(*lists: Any) -> list[Any]:
    """The members of all lists."""
    return [value for values in lists for value in _listed(values, "concat")]


def reverse(values: Any) -> list[Any]:
    """The last member first."""
    return _listed(values, "reverse")[::-1]


def uniq(values: Any) -> list[Any]:
    """Every member once."""
    found: dict[Any, Any] = {}
    for value in _listed(values, "uniq"):
        found.setdefault(_sameness(value), value)
    return list(found.values())


def without(values: Any, *omitted: Any) -> list[Any]:
    """Without some members."""
    unwanted = set(map(_sameness, omitted))
    return [value for value in _listed(values, "without") if _sameness(value) not in unwanted]


def has(value: Any, values: Any) -> bool:
    """Whether a list has a member."""
    wanted = _sameness(value)
    return any(_sameness(other) == wanted for other in _listed(values, "has"))


def compact(values: Any) -> list[Any]:
    """Without what is empty."""
    return [value for value in _listed(values, "compact") if truth(value)]


def chunk(size: int, values: Any) -> list[list[Any]]:
    """Lists of at most so many members."""
    members = _listed(values, "chunk")
    if size < 1:
        raise CallError("the size of a chunk must be more than 0")
    return [members[at : at + size] for at in range(0, len(members), size)]


def slice_list(values: Any, *bounds: Any) -> Any:
    """A part of a list."""
    members = _listed(values, "slice")
    return slice_(members, *bounds) if members else None


def sort_alpha(values: Any) -> list[str]:
    """Texts in their order."""
    return sorted(strings(values), key=str.encode)


def dict_(*pairs: Any) -> dict[str, Any]:
    """A map of keys and values by turns."""
    values = [*pairs[1::2], *([""] if len(pairs) % 2 else [])]
    return {strval(key): value for key, value in zip(pairs[::2], values, strict=True)}


def get(values: dict, key: str) -> Any:  # type: ignore[type-arg]
    """The value of a key; an empty text where there is none."""
    return values.get(key, "")


def set_(values: dict, key: str, value: Any) -> Any:  # type: ignore[type-arg]
    """A map with one more value."""
    _own(values)[key] = value
    return values


def unset(values: dict, key: str) -> Any:  # type: ignore[type-arg]
    """A map without a key."""
    _own(values).pop(key, None)
    return values


def has_key(values: dict, key: str) -> bool:  # type: ignore[type-arg]
    """Whether a map has a key."""
    return key in values


def keys(*maps: Any) -> list[Any]:
    """The keys of maps, in their order."""
    return [key for values in maps for key in map_keys(_mapped(values))]


def values_(values: dict) -> list[Any]:  # type: ignore[type-arg]
    """The values of a map, in the order of the keys."""
    return [values[key] for key in map_keys(values)]


def pick(values: dict, *chosen: str) -> dict[str, Any]:  # type: ignore[type-arg]
    """A map of some keys."""
    return {key: values[key] for key in chosen if key in values}


def omit(values: dict, *omitted: str) -> dict[str, Any]:  # type: ignore[type-arg]
    """A map without some keys."""
    return {key: value for key, value in values.items() if key not in omitted}


def pluck(key: str, *maps: Any) -> list[Any]:
    """The values that maps have for a key."""
    return [values[key] for values in map(_mapped, maps) if key in values]


def dig(*arguments: Any) -> Any:
    """The value at the end of some keys, or the one before the last argument."""
    if len(arguments) < 3:
        raise CallError("dig needs at least three arguments")
    *path, fallback, value = arguments
    for key in path:
        if not isinstance(value, dict) or key not in value:
            return fallback
        value = value[key]
    return value


def merge(target: dict, *others: Any) -> Any:  # type: ignore[type-arg]
    """Other maps added to one; what it has stays."""
    for other in others:
        _merge(_own(target), _mapped(other), overwrite=False)
    return target


def merge_overwrite(target: dict, *others: Any) -> Any:  # type: ignore[type-arg]
    """Other maps laid over one."""
    for other in others:
        _merge(_own(target), _mapped(other), overwrite=True)
    return target


def deep_copy(value: Any) -> Any:
    """The same again."""
    return copy.deepcopy(value)


def deep_equal(one: Any, other: Any) -> bool:
    """Whether two values are the same."""
    return bool(_sameness(one) == _sameness(other))


def kind_of(value: Any) -> str:
    """The kind of a value."""
    match value:
        case None:
            return "invalid"
        case list() | tuple():
            return "slice"
        case dict():
            return "map"
        case Struct():
            return "struct"
    return type_name(value)


def type_of(value: Any) -> str:
    """The type of a value."""
    return type_name(value)


def kind_is(kind: str, value: Any) -> bool:
    """Whether a value is of a kind."""
    return kind_of(value) == kind


def type_is(name: str, value: Any) -> bool:
    """Whether a value is of a type."""
    return type_name(value) == name


def _listed(values: Any, name: str) -> list[Any]:
    if isinstance(values, (list, tuple)):
        return list(values)
    if values is None:
        return []
    raise CallError(f"Cannot find {name} on type {type_name(values)}")


def _mapped(values: Any) -> dict[Any, Any]:
    if not isinstance(values, dict):
        raise CallError(f"wrong type for value; expected map[string]interface {{}}; got {type_name(values)}")
    return values


def _own(values: dict[Any, Any]) -> dict[Any, Any]:
    """A map that the template has made itself, so that it may change it."""
    if isinstance(values, TypedMap):
        raise CallError(f"wrong type for value; expected map[string]interface {{}}; got {type_name(values)}")
    return values


def _sameness(value: Any) -> Any:
    """What two values have in common if they are the same, types and all; it can be a key."""
    match value:
        case list() | tuple():
            return type_name(value), tuple(map(_sameness, value))
        case dict():
            return type_name(value), frozenset((key, _sameness(item)) for key, item in value.items())
    return type_name(value), value


def _merge(target: dict[Any, Any], other: dict[Any, Any], *, overwrite: bool) -> None:
    for key, value in list(other.items()):
        known = target.get(key)
        if isinstance(known, dict) and isinstance(value, dict) and not isinstance(known, TypedMap):
            _merge(known, value, overwrite=overwrite)
        elif (overwrite and truth(value)) or not truth(known):
            target[key] = value


_DEFINED: Final = {
    **shallow(
        default,
        empty,
        coalesce,
        ternary,
        list_,
        first,
        last,
        rest,
        initial,
        append,
        prepend,
        concat,
        reverse,
        compact,
        get,
        set_,
        unset,
        dig,
        all_,
        any_,
        slice=slice_list,
        push=append,
        tuple=list_,
        hasKey=has_key,
        kindOf=kind_of,
        typeOf=type_of,
        kindIs=kind_is,
        typeIs=type_is,
    ),
    **functions(
        fail,
        uniq,
        without,
        has,
        chunk,
        dict_,
        keys,
        values_,
        pick,
        omit,
        pluck,
        merge,
        sortAlpha=sort_alpha,
        mergeOverwrite=merge_overwrite,
        deepCopy=deep_copy,
        deepEqual=deep_equal,
    ),
}
_MUST: Final = (
    "append",
    "chunk",
    "compact",
    "deepCopy",
    "first",
    "has",
    "initial",
    "last",
    "merge",
    "mergeOverwrite",
    "prepend",
    "push",
    "rest",
    "reverse",
    "slice",
    "uniq",
    "without",
)
COLLECTIONS: Final[Mapping[str, Function]] = {
    **_DEFINED,
    **{f"must{name[0].upper()}{name[1:]}": _DEFINED[name] for name in _MUST},
}
