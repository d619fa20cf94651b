"""Objects from the API server into models, with errors that name the field."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from shared.lang.json import JsonObject

M = TypeVar("M", bound=BaseModel)


class InvalidObject(Exception):
    """An object does not have the shape of its kind; str() is `<field path>: <problem>`, `; ` between
    several.
    """


def decode(model: type[M], obj: JsonObject) -> M:
    """The model of an object.

    Raises:
        InvalidObject: naming each field that is wrong; values are not quoted, they might be secret.
    """
    try:
        return model.model_validate(obj)
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, problem['loc']))}: {problem['msg'].removeprefix('Value error, ')}"
            for problem in error.errors(include_url=False, include_input=False, include_context=False)
        ]
        raise InvalidObject("; ".join(problems)) from None
