"""What is kept decoded of every HelmRelease: what it refers to, and what its dependants look at."""

from __future__ import annotations

from dataclasses import dataclass

from shared.kube.resources import ObjectKey
from shared.lang.json import JsonObject, mapping, mappings
from shared.runtime.config_triggers import ConfigKey
from shared.runtime.header import Header
from shared.runtime.sources import SourceKey


@dataclass(frozen=True, slots=True)
class HelmReleaseHeader(Header):
    """Facts for predicates and indexes; taken from unvalidated JSON, so everything may be missing."""

    source: SourceKey
    depends_on: tuple[ObjectKey, ...]
    configs: tuple[ConfigKey, ...]
    ready: str
    reconciling: bool
    observed_generation: int
    attempted_revision: str
    attempted_digest: str

    @classmethod
    def of(cls, obj: JsonObject) -> HelmReleaseHeader:
        """From an object in wire form; never raises."""
        basic = Header.of(obj)
        spec, status = mapping(obj.get("spec")), mapping(obj.get("status"))
        namespace = obj["metadata"].get("namespace") or ""
        conditions = {str(c.get("type")): c for c in mappings(status.get("conditions"))}
        observed = status.get("observedGeneration")
        return cls(
            basic.generation,
            basic.requested_at,
            basic.deleting,
            _source(spec, namespace, str(obj["metadata"].get("name"))),
            tuple(
                ObjectKey(str(ref.get("namespace") or namespace), str(ref.get("name")))
                for ref in mappings(spec.get("dependsOn"))
            ),
            tuple(_configs(spec, namespace)),
            str(mapping(conditions.get("Ready")).get("status") or ""),
            mapping(conditions.get("Reconciling")).get("status") == "True",
            observed if isinstance(observed, int) else -1,
            str(status.get("lastAttemptedRevision") or ""),
            str(status.get("lastAttemptedRevisionDigest") or ""),
        )


def _source(spec: JsonObject, namespace: str, name: str) -> SourceKey:
    ref = mapping(spec.get("chartRef"))
    if ref:
        return (str(ref.get("kind")), str(ref.get("namespace") or namespace), str(ref.get("name")))
    template = mapping(mapping(mapping(spec.get("chart")).get("spec")).get("sourceRef"))
    return ("HelmChart", str(template.get("namespace") or namespace), f"{namespace}-{name}")


def _configs(spec: JsonObject, namespace: str) -> list[ConfigKey]:
    found = [
        (str(ref.get("kind")), namespace, str(ref.get("name"))) for ref in mappings(spec.get("valuesFrom"))
    ]
    kube_config = mapping(spec.get("kubeConfig"))
    references = (
        ("Secret", kube_config.get("secretRef")),
        ("ConfigMap", kube_config.get("configMapRef")),
    )
    return found + [(kind, namespace, str(mapping(ref).get("name"))) for kind, ref in references if ref]
