"""In which order objects are applied; pruning goes the other way round.

Stages separate what others depend on (definitions, namespaces, classes) from the rest; within a stage a
rank per kind puts, for example, ConfigMaps before Deployments.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Final, NamedTuple

from shared.lang.json import JsonObject
from shared.ssa.identity import GroupKind, ObjectId


class Stage(IntEnum):
    """Objects of one stage are dry-run together; nothing of a stage is applied before the one before it."""

    DEFINITIONS = 1
    CLASSES = 2
    CUSTOM = 3
    REST = 4

    @property
    def waits(self) -> bool:
        """Whether the next stage needs the objects of this one to be in effect."""
        return self in (Stage.DEFINITIONS, Stage.CLASSES)


class SortKey(NamedTuple):
    """What decides about the order, most significant first."""

    stage: Stage
    rank: int
    group: str
    kind: str
    namespace: str
    name: str


_DEFINITIONS: Final = frozenset(
    {
        GroupKind("apiextensions.k8s.io", "CustomResourceDefinition"),
        GroupKind("", "Namespace"),
        GroupKind("rbac.authorization.k8s.io", "ClusterRole"),
    }
)
_EARLY: Final = (
    "CustomResourceDefinition",
    "Namespace",
    "ClusterRole",
    "ClusterClass",
    "RuntimeClass",
    "PriorityClass",
    "StorageClass",
    "VolumeSnapshotClass",
    "IngressClass",
    "GatewayClass",
    "ClusterRoleBinding",
    "ResourceQuota",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "ConfigMap",
    "Secret",
    "Service",
    "LimitRange",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
)
_LATE: Final = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
_OTHERS: Final = len(_EARLY)
_RANKS: Final = {kind: rank for rank, kind in enumerate(_EARLY)} | {
    kind: _OTHERS + 1 + rank for rank, kind in enumerate(_LATE)
}


class CustomKinds:
    """Kinds that a setting puts into a stage of their own: `group/Kind` entries, or `Kind` of the core
    group."""

    def __init__(self, text: str = "") -> None:
        self._kinds: set[GroupKind] = set()
        for item in filter(None, (part.strip() for part in text.split(","))):
            group, _, kind = item.rpartition("/")
            self._kinds.add(GroupKind(group, kind))

    def __contains__(self, kind: GroupKind) -> bool:
        return kind in self._kinds


NO_CUSTOM_KINDS: Final = CustomKinds()


def stage_of(identity: ObjectId, custom: CustomKinds = NO_CUSTOM_KINDS) -> Stage:
    """The stage that an object belongs to."""
    if identity.group_kind in _DEFINITIONS:
        return Stage.DEFINITIONS
    if identity.kind.endswith("Class"):
        return Stage.CLASSES
    if identity.group_kind in custom:
        return Stage.CUSTOM
    return Stage.REST


def sort_key(identity: ObjectId, custom: CustomKinds = NO_CUSTOM_KINDS) -> SortKey:
    """Sorts identities in apply order."""
    return SortKey(
        stage_of(identity, custom),
        _RANKS.get(identity.kind, _OTHERS),
        identity.group,
        identity.kind,
        identity.namespace,
        identity.name,
    )


def stages(
    objects: Iterable[JsonObject], custom: CustomKinds = NO_CUSTOM_KINDS
) -> list[tuple[Stage, list[JsonObject]]]:
    """The stages that have objects, each sorted."""
    keyed = sorted(((sort_key(ObjectId.of(obj), custom), obj) for obj in objects), key=lambda pair: pair[0])
    found: dict[Stage, list[JsonObject]] = {}
    for key, obj in keyed:
        found.setdefault(key.stage, []).append(obj)
    return list(found.items())
