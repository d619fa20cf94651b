"""What is kept decoded of every Kustomization: what it depends on, and what its dependants look at."""

from __future__ import annotations

from dataclasses import dataclass

from shared.kube.resources import ObjectKey
from shared.lang.json import JsonObject, mapping, mappings
from shared.runtime.config_triggers import ConfigKey
from shared.runtime.header import Header
from shared.runtime.sources import SourceKey


@dataclass(frozen=True, slots=True)
class KustomizationHeader(Header):
    """Facts for predicates and indexes; taken from unvalidated JSON, so everything may be missing."""

    source: SourceKey
    depends_on: tuple[ObjectKey, ...]
    configs: tuple[ConfigKey, ...]
    ready: str
    reason: str
    reconciling: bool
    observed_generation: int
    applied_revision: str
    attempted_revision: str

    @classmethod
    def of(cls, obj: JsonObject) -> KustomizationHeader:
        """From an object in wire form; never raises."""
        basic = Header.of(obj)
        namespace = obj["metadata"].get("namespace") or ""
        spec = mapping(obj.get("spec"))
        status = mapping(obj.get("status"))
        source = mapping(spec.get("sourceRef"))
        conditions = {str(c.get("type")): c for c in mappings(status.get("conditions"))}
        ready = mapping(conditions.get("Ready"))
        return cls(
            basic.generation,
            basic.requested_at,
            basic.deleting,
            (str(source.get("kind")), str(source.get("namespace") or namespace), str(source.get("name"))),
            tuple(
                ObjectKey(str(ref.get("namespace") or namespace), str(ref.get("name")))
                for ref in mappings(spec.get("dependsOn"))
            ),
            tuple(_configs(spec, namespace)),
            str(ready.get("status") or ""),
            str(ready.get("reason") or ""),
            mapping(conditions.get("Reconciling")).get("status") == "True",
            _integer(status.get("observedGeneration")),
            str(status.get("lastAppliedRevision") or ""),
            str(status.get("lastAttemptedRevision") or ""),
        )


def _configs(spec: JsonObject, namespace: str) -> list[ConfigKey]:
    post_build = mapping(spec.get("postBuild"))
    found = [
        (str(ref.get("kind")), namespace, str(ref.get("name")))
        for ref in mappings(post_build.get("substituteFrom"))
    ]
    kube_config = mapping(spec.get("kubeConfig"))
    decryption = mapping(spec.get("decryption"))
    references = (
        ("Secret", kube_config.get("secretRef")),
        ("ConfigMap", kube_config.get("configMapRef")),
        ("Secret", decryption.get("secretRef")),
    )
    return found + [(kind, namespace, str(mapping(ref).get("name"))) for kind, ref in references if ref]


def _integer(value: object) -> int:
    return value if isinstance(value, int) else -1
