"""In which order Helm installs kinds; it removes them in the opposite one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final, Protocol, TypeVar

_FIRST: Final = (
    "PriorityClass",
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
)
_INSTALL: Final = (
    *_FIRST,
    "IngressClass",
    "Ingress",
    "APIService",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
)
#: Whatever calls into the release goes first.
_REMOVE: Final = (
    "ValidatingWebhookConfiguration",
    "MutatingWebhookConfiguration",
    "APIService",
    "Ingress",
    "IngressClass",
    *reversed(_FIRST),
)
_INSTALL_RANKS: Final = {kind: rank for rank, kind in enumerate(_INSTALL)}
_REMOVE_RANKS: Final = {kind: rank for rank, kind in enumerate(_REMOVE)}


class HasKind(Protocol):
    """Anything of a kind."""

    @property
    def kind(self) -> str:
        """The kind without its group."""


T = TypeVar("T", bound=HasKind)


def install_sorted(things: Iterable[T]) -> list[T]:
    """In install order; things of one kind stay in the order they came in."""
    return sorted(things, key=lambda thing: _key(thing.kind, _INSTALL_RANKS))


def remove_sorted(things: Iterable[T]) -> list[T]:
    """In the order of removal."""
    return sorted(things, key=lambda thing: _key(thing.kind, _REMOVE_RANKS))


def by_kind(things: Iterable[T]) -> Iterator[list[T]]:
    """Neighbours of one kind together."""
    for _, group in groupby(things, key=lambda thing: thing.kind):
        yield list(group)


def _key(kind: str, ranks: dict[str, int]) -> tuple[int, str]:
    rank = ranks.get(kind)
    return (len(ranks), kind) if rank is None else (rank, "")
