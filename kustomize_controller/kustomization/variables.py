"""Variables for postBuild substitution: read once per turn, straight from the API server."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Final

from shared.api.kustomize_v1 import Kustomization
from shared.kube.client import KubeClient
from shared.kube.errors import ApiError, NotFound
from shared.kube.resources import Resource
from shared.lang.json import JsonObject
from shared.runtime.outcome import Failure

CONFIGMAPS: Final = Resource("", "v1", "configmaps", "ConfigMap")
SECRETS: Final = Resource("", "v1", "secrets", "Secret")


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
                variables |= _values(await self._client.get(resource, obj.namespace, reference.name))
            except NotFound as error:
                if not reference.optional:
                    raise _missing(reference.kind, reference.name, error) from error
            except ApiError as error:
                raise _missing(reference.kind, reference.name, error) from error
        return variables | (post_build.substitute or {})


def _missing(kind: str, name: str, error: ApiError) -> Failure:
    return Failure("BuildFailed", f"substitute from '{kind}/{name}' error: {error.message}")


def _values(obj: JsonObject) -> dict[str, str]:
    data: dict[str, str] = obj.get("data") or {}
    if obj.get("kind") != "Secret":
        return dict(data)
    try:
        return {key: base64.b64decode(value).decode() for key, value in data.items()}
    except (binascii.Error, UnicodeDecodeError) as error:
        name = obj["metadata"]["name"]
        raise Failure("BuildFailed", f"substitute from 'Secret/{name}' error: a value is not text") from error
