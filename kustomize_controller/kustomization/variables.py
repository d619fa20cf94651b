"""Variables for postBuild substitution: read once per turn, straight from the API server."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from kustomize_controller.kustomization.events import Reason
from shared.api.kustomize_v1 import Kustomization
from shared.kube.client import KubeClient
from shared.kube.errors import ApiError, NotFound, UnusableName
from shared.kube.resources import Resource
from shared.lang.json import JsonObject
from shared.runtime.outcome import Failure

CONFIGMAPS: Final = Resource("", "v1", "configmaps", "ConfigMap")
SECRETS: Final = Resource("", "v1", "secrets", "Secret")


@dataclass(slots=True)
class Values:
    """What the variables are; the two maps have no name in common."""

    text: dict[str, str] = field(default_factory=dict)
    not_text: dict[str, str] = field(default_factory=dict)
    """Where the variables come from whose values nobody could fill in; harmless until they are used."""

    def put(self, name: str, value: str | None, where: str) -> None:
        """Sets a variable anew; None is a value that is not text."""
        self.text.pop(name, None)
        self.not_text.pop(name, None)
        if value is None:
            self.not_text[name] = where
        else:
            self.text[name] = value


class Variables:
    """Reads ConfigMaps and Secrets with the controller's own rights."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client

    async def load(self, obj: Kustomization) -> Values:
        """All variables of the object: references in their order, then the inline ones; later ones win.

        Raises:
            Failure: a reference that is not optional is missing, or can't be read.
        """
        values = Values()
        post_build = obj.spec.post_build
        if post_build is None:
            return values
        for reference in post_build.substitute_from or ():
            where = f"{reference.kind}/{reference.name}"
            resource = SECRETS if reference.kind == "Secret" else CONFIGMAPS
            try:
                found = await self._client.get(resource, obj.namespace, reference.name)
            except NotFound as error:
                if not reference.optional or isinstance(error, UnusableName):
                    raise _failure(obj, where, error.message) from error
                continue
            except ApiError as error:
                raise _failure(obj, where, error.message) from error
            for name, value in _data(reference.kind, found).items():
                values.put(name, value, where)
        for name, value in (post_build.substitute or {}).items():
            values.put(name, value, "spec.postBuild.substitute")
        return values


def _failure(obj: Kustomization, where: str, message: str) -> Failure:
    text = f"substitute from '{where}' error: {message}"
    return Failure(Reason.BUILD_FAILED, text, retry_after=obj.retry_interval)


def _data(kind: str, obj: JsonObject) -> Mapping[str, str | None]:
    data: dict[str, str] = obj.get("data") or {}
    return {key: _text(value) for key, value in data.items()} if kind == "Secret" else data


def _text(value: str) -> str | None:
    try:
        return base64.b64decode(value).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
