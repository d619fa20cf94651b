"""Labels and annotations that every applied object carries, and the last look before it is applied.

The functions change the objects in place: they were decoded for this pass and belong to nobody else.
"""

from collections.abc import Iterable, Mapping

from shared.api import wire
from shared.lang.json import JsonObject

NAME_LABEL = wire.KUSTOMIZE_NAME
NAMESPACE_LABEL = wire.KUSTOMIZE_NAMESPACE
DECRYPT = "kustomize.toolkit.fluxcd.io/decrypt"


class EncryptedSecret(Exception):
    """A Secret is still encrypted; applying it would store ciphertext as its value."""


def own(objects: Iterable[JsonObject], name: str, namespace: str) -> None:
    """Mark objects as belonging to a Kustomization."""
    _merge(objects, "labels", {NAME_LABEL: name, NAMESPACE_LABEL: namespace})


def decorate(
    objects: Iterable[JsonObject], labels: Mapping[str, str], annotations: Mapping[str, str]
) -> None:
    """Lay `spec.commonMetadata` over objects; it wins over all else, owner labels included."""
    objects = list(objects)
    _merge(objects, "labels", labels)
    _merge(objects, "annotations", annotations)


def refuse_encrypted(objects: Iterable[JsonObject]) -> None:
    """Fail on the first Secret that is still encrypted; look before anything else drops its `sops` field."""
    for manifest in objects:
        if (manifest.get("apiVersion"), manifest.get("kind")) != ("v1", "Secret") or "sops" not in manifest:
            continue
        metadata = manifest["metadata"]
        if str((metadata.get("annotations") or {}).get(DECRYPT, "")).lower() == "disabled":
            continue
        where = f"{metadata.get('namespace', '')}/{metadata.get('name', '')}"
        raise EncryptedSecret(
            f"Secret/{where} is SOPS encrypted, "
            "configuring decryption is required for this secret to be reconciled"
        )


def _merge(objects: Iterable[JsonObject], field: str, additions: Mapping[str, str]) -> None:
    if not additions:
        return
    for manifest in objects:
        metadata = manifest["metadata"]
        metadata[field] = {**(metadata.get(field) or {}), **additions}
