"""From JSON to a model, with errors that fit on one line and name the field."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from shared.lang.json import JsonObject

M = TypeVar("M", bound=BaseModel)


class InvalidObject(ValueError):
    """The object breaks a rule of its kind; the text is `<path>: <problem>`, without the value."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path
        self.message = message


def decode(model: type[M], obj: JsonObject) -> M:
    """The object as its model; raises `InvalidObject` for the first field that can't be used."""
    try:
        return model.model_validate(obj)
    except ValidationError as error:
        first, *others = error.errors(include_url=False, include_input=False, include_context=False)
        message = _MESSAGES.get(first["type"]) or first["msg"].removeprefix("Value error, ")
        if others:
            message += f" (and {len(others)} more problem{'s' if len(others) > 1 else ''})"
        # The cause is cut off on purpose: it carries the whole object.
        raise InvalidObject(_path(first["loc"]), message[:1].lower() + message[1:]) from None


_MESSAGES = {"missing": "is required"}


def _path(location: tuple[int | str, ...]) -> str:
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)
    return "".join(steps).removeprefix(".")
