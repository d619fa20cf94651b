"""Whose release it is: two HelmReleases that name one release must not take it from each other.

What a HelmRelease made carries the labels of its origin in the record. Where these name another HelmRelease
that still wants the release, it is that one's, for as long as it does; a suspended one gives it away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from helm_controller.helm_release.attempt import Attempt
from helm_controller.helm_release.reasons import Reason
from helm_controller.release.manifest import ManifestError, stored_documents
from helm_controller.release.model import Release
from shared.api.helm_v2 import GROUP, HelmRelease
from shared.kube.client import KubeClient
from shared.kube.errors import KubeError, NotFound
from shared.kube.resources import Resource
from shared.lang.json import JsonObject, mapping
from shared.runtime.outcome import Failure, Stalled

_RESOURCE: Final = Resource(GROUP, "v2", HelmRelease.PLURAL, HelmRelease.KIND)


@dataclass(frozen=True, slots=True)
class Ownership:
    """Looks at the other HelmRelease, with the controller's own rights."""

    client: KubeClient

    async def refusal(self, attempt: Attempt) -> Stalled | None:
        """Why the release may not be taken; None where it may.

        Raises:
            Failure: the API server doesn't say; StorageError: the record can't be read.
        """
        other = await self.rival(attempt)
        if not other:
            return None
        name = f"{attempt.obj.release_namespace}/{attempt.release_name}"
        return Stalled(
            Reason.RELEASE_TAKEN,
            f"release {name} belongs to HelmRelease {other}: set another spec.releaseName, "
            "or delete or suspend that HelmRelease",
            after=attempt.obj.spec.interval,
        )

    async def rival(self, attempt: Attempt) -> str:
        """The HelmRelease that the release belongs to; nothing where that is this one, or none.

        Raises:
            Failure: the API server doesn't say; StorageError: the record can't be read.
        """
        release = next(iter(await attempt.storage().history()), None)
        namespace, name = origin_of(release) if release else ("", "")
        obj = attempt.obj
        if not name or (namespace, name) == (obj.namespace, obj.name):
            return ""
        return f"{namespace}/{name}" if await self._wanted_by(namespace, name, attempt) else ""

    async def _wanted_by(self, namespace: str, name: str, attempt: Attempt) -> bool:
        try:
            raw = await self.client.get(_RESOURCE, namespace, name)
            other = HelmRelease.model_validate(raw)
        except (NotFound, ValidationError):
            return False
        except KubeError as error:
            text = f"could not get HelmRelease {namespace}/{name}, which made the release: {error}"
            raise Failure(Reason.STATE_ERROR, text, notify=False) from error
        if other.suspended or mapping(raw.get("spec")).get("kubeConfig") != _kube_config(attempt):
            return False
        target = (other.storage_namespace, other.release_namespace, other.release_name)
        return target == (attempt.storage_namespace, attempt.obj.release_namespace, attempt.release_name)


def origin_of(release: Release) -> tuple[str, str]:
    """Namespace and name of the HelmRelease that made a release."""
    texts = (release.manifest, *(hook.manifest for hook in release.hooks))
    for text in texts:
        try:
            first = next(stored_documents(text), None)
        except ManifestError:
            continue
        labels = mapping(mapping(first.obj.get("metadata")).get("labels")) if first else {}
        if labels.get(f"{GROUP}/name"):
            return str(labels.get(f"{GROUP}/namespace") or ""), str(labels[f"{GROUP}/name"])
    return "", ""


def _kube_config(attempt: Attempt) -> JsonObject | None:
    config: JsonObject | None = mapping(attempt.turn.raw.get("spec")).get("kubeConfig")
    return config
