"""The values of a release: references in their order, then the inline ones."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from helm_controller.values.merging import merge
from helm_controller.values.numbers import Assigned, assignments, spellings, without_marks
from helm_controller.values.strvals import StrvalsError, escaped, parse_into, parse_into_string
from shared.kube.client import KubeClient
from shared.kube.errors import KubeError, NotFound, UnusableName
from shared.kube.resources import Resource
from shared.lang import yaml
from shared.lang.json import JsonObject, mapping

DEFAULT_KEY: Final = "values.yaml"
_RESOURCES: Final = {
    "ConfigMap": Resource("", "v1", "configmaps", "ConfigMap"),
    "Secret": Resource("", "v1", "secrets", "Secret"),
}
_QUOTES: Final = ("'", '"')
#: Numbers with fewer digits are counts and ports of no secrecy, and line numbers in messages.
_DIGITS: Final = 4
_DEEPEST: Final = 200
_TOO_DEEP: Final = f"nested deeper than {_DEEPEST} levels"
_NO_NOTATION: Final = (
    "the text is no value in the notation of --set (a comma ends a value); escape it, or set literal: true"
)


class Reference(Protocol):
    """One entry of `spec.valuesFrom`."""

    @property
    def kind(self) -> str:
        """`ConfigMap` or `Secret`."""

    @property
    def name(self) -> str:
        """Name of the object."""

    @property
    def values_key(self) -> str | None:
        """Key in the object."""

    @property
    def target_path(self) -> str | None:
        """Where the text goes; nothing for YAML that is merged."""

    @property
    def optional(self) -> bool:
        """Whether the object or the key may be missing."""

    @property
    def literal(self) -> bool:
        """Whether the text stands for itself."""


class ValuesFailed(Exception):
    """Values can't be composed; the message names the reference and never its content."""


@dataclass(frozen=True, slots=True)
class Composed:
    """Values, and the texts in them that came from Secrets."""

    values: JsonObject = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False, default=())
    #: Integers that are to stay what they are, in the notation of --set; none of them is from a Secret.
    assigned: tuple[str, ...] = field(repr=False, default=())


class ValuesComposer:
    """Reads references with the controller's own rights."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client

    async def compose(
        self, namespace: str, references: Sequence[Reference], inline: JsonObject | None
    ) -> Composed:
        """The values; an object that is named more than once is read once.

        Raises:
            ValuesFailed: a reference that is not optional is missing, or can't be used.
        """
        if _too_deep(inline):
            raise ValuesFailed(f"spec.values is {_TOO_DEEP}")
        own = deepcopy(inline or {})
        result: JsonObject = {}
        objects: dict[tuple[str, str], JsonObject | None] = {}
        secrets: list[str] = []
        for reference in references:
            where = (reference.kind, reference.name)
            try:
                if where not in objects:
                    objects[where] = await self._object(namespace, reference)
                text = _text(objects[where], reference)
                if text is None:
                    continue
                if reference.kind == "Secret":
                    secrets += _secret_texts(text, reference)
                result = _with(result, own, reference, text)
            except _Problem as problem:
                raise ValuesFailed(_message(namespace, reference, str(problem))) from None
        values = merge(result, own)
        return Composed(without_marks(values), tuple(dict.fromkeys(secrets)), tuple(assignments(values)))

    async def _object(self, namespace: str, reference: Reference) -> JsonObject | None:
        resource = _RESOURCES.get(reference.kind)
        if resource is None:
            raise _Problem("unsupported values reference kind")
        try:
            return await self._client.get(resource, namespace, reference.name)
        except UnusableName as error:
            raise _Problem(str(error)) from error
        except NotFound:
            return None
        except KubeError as error:
            raise _Problem(f"failed to read values data: {error}") from error


class _Problem(Exception):
    """What is wrong with a reference."""


def _text(obj: JsonObject | None, reference: Reference) -> str | None:
    """The referenced text; None where it is missing and may be."""
    key = reference.values_key or DEFAULT_KEY
    text = mapping(obj.get("data")).get(key) if obj is not None else None
    if text is None:
        if reference.optional:
            return None
        raise _Problem("key not found" if obj is not None else "resource not found")
    if reference.kind != "Secret":
        return str(text)
    try:
        return base64.b64decode(str(text)).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise _Problem("failed to read values data: it is no text") from None


def _with(result: JsonObject, own: JsonObject, reference: Reference, text: str) -> JsonObject:
    path = reference.target_path
    if not path:
        return merge(result, _parsed(text))
    # The inline values take part here, and the assignment may change the maps that are theirs alone.
    result = merge(result, own)
    try:
        # What stays an integer becomes an argument of helm, which is no place for what is secret.
        integer = int if reference.kind == "Secret" else Assigned
        _assign(path, text, result, literal=reference.literal, integer=integer)
    except StrvalsError as error:
        # Errors about the text have parts of it, and so has the chain of causes.
        problem = str(error) if error.at <= len(path) + 1 else _NO_NOTATION
        raise _Problem(f"failed to merge value: at {path}: {problem}") from None
    return result


def _assign(
    path: str, text: str, values: JsonObject, *, literal: bool, integer: Callable[[int], int] = int
) -> None:
    if literal:
        parse_into_string(f"{path}={escaped(text)}", values)
    elif any(text.startswith(quote) and text.endswith(quote) for quote in _QUOTES):
        parse_into_string(f"{path}={text.strip(''.join(_QUOTES))}", values)
    else:
        parse_into(f"{path}={text}", values, integer)


def _parsed(text: str) -> JsonObject:
    """Values as Helm reads them: `yes` and `on` are booleans, and the last of equal keys wins."""
    try:
        value = yaml.load_yaml11(text)
    except yaml.YamlError as error:
        raise _Problem(f"failed to read values data: {error}") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _Problem("failed to read values data: the YAML must be a map")
    if _too_deep(value):
        raise _Problem(f"failed to read values data: it is {_TOO_DEEP}")
    return value


def _too_deep(values: Any) -> bool:
    """Whether values have more levels than can be worked with; assignments alone never make as many."""
    level = [values]
    for _ in range(_DEEPEST):
        level = [item for each in level for item in _items(each)]
    return any(isinstance(each, dict | list) for each in level)


def _items(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _secret_texts(text: str, reference: Reference) -> Iterable[str]:
    """What must not be repeated in messages."""
    if reference.target_path:
        assigned: JsonObject = {}
        with suppress(StrvalsError):
            _assign(reference.target_path, text, assigned, literal=reference.literal)
        found: Iterable[str] = (text.strip(), *text.strip().splitlines(), *_leaves(assigned))
    else:
        try:
            found = _leaves(yaml.load_yaml11(text))
        except yaml.YamlError:
            found = ()
    return [each for each in found if each.strip()]


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from _leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    elif isinstance(value, str):
        yield value
        yield from value.splitlines()
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from (each for each in spellings(value) if sum(map(str.isdigit, each)) >= _DIGITS)


def _message(namespace: str, reference: Reference, reason: str) -> str:
    optional = " optional" if reference.optional else ""
    return (
        f"could not resolve{optional} {reference.kind} chart values reference "
        f"'{namespace}/{reference.name}' with key '{reference.values_key or DEFAULT_KEY}': {reason}"
    )
