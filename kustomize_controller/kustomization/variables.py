"""Variables for postBuild substitution: read once per turn, straight from the API server."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Final

from kustomize_controller.kustomization.events import Reason
from shared.api.kustomize_v1 import Kustomization, SubstituteReference
from shared.kube.client import KubeClient
from shared.kube.errors import ApiError, NotFound
from shared.kube.resources import Resource
from shared.lang.json import JsonObject
from shared.runtime.outcome import Failure

CONFIGMAPS: Final = Resource("", "v1", "configmaps", "ConfigMap")
SECRETS: Final = Resource("", "v1", "secrets", "Secret")


class _NotText(Exception):
    """A value that nobody could substitute; str() is its key."""


class Variables:
    """Reads ConfigMaps and Secrets with the controller's own rights."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client

    async def load(self, obj: Kustomization) -> Mapping[str, str]:
        """All variables of the object: references in their order, then the inline ones; later ones win.

        Raises:
            Failure: a reference that is not optional is missing, or can't be read.
        """
        post_build = obj.spec.post_build
        if post_build is None:
            return {}
        variables: dict[str, str] = {}
        for reference in post_build.substitute_from or ():
            resource = SECRETS if reference.kind == "Secret" else CONFIGMAPS
            try:
                found = await self._client.get(resource, obj.namespace, reference.name)
                variables |= _values(reference.kind, found)
            except NotFound as error:
                if not reference.optional:
                    raise _failure(obj, reference, error.message) from error
            except ApiError as error:
                raise _failure(obj, reference, error.message) from error
            except _NotText as error:
                raise _failure(obj, reference, f"the value of key '{error}' is not text") from None
        return variables | (post_build.substitute or {})


def _failure(obj: Kustomization, reference: SubstituteReference, message: str) -> Failure:
    text = f"substitute from '{reference.kind}/{reference.name}' error: {message}"
    return Failure(Reason.BUILD_FAILED, text, retry_after=obj.retry_interval)


def _values(kind: str, obj: JsonObject) -> dict[str, str]:
    data: dict[str, str] = obj.get("data") or {}
    if kind != "Secret":
        return dict(data)
    return {key: _text(key, value) for key, value in data.items()}


def _text(key: str, value: str) -> str:
    try:
        return base64.b64decode(value).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise _NotText(key) from None
