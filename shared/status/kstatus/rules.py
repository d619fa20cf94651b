"""The order of the rules: what every object can say, then its kind, then its Ready condition."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final, TypeAlias

from shared.lang.json import JsonObject
from shared.status.kstatus.fields import condition, conditions, optional_number, text
from shared.status.kstatus.kinds import (
    always,
    claim,
    daemon_set,
    definition,
    deployment,
    job,
    pod,
    replica_set,
    service,
    stateful_set,
)
from shared.status.kstatus.result import Result, Status, current, failed, in_progress

KindRule: TypeAlias = Callable[[JsonObject, datetime], Result]

KINDS: Final[Mapping[tuple[str, str], KindRule]] = MappingProxyType(
    {
        ("", "ConfigMap"): always.status,
        ("", "PersistentVolumeClaim"): claim.status,
        ("", "Pod"): pod.status,
        ("", "Secret"): always.status,
        ("", "Service"): service.status,
        ("apiextensions.k8s.io", "CustomResourceDefinition"): definition.status,
        ("apps", "DaemonSet"): daemon_set.status,
        ("apps", "Deployment"): deployment.status,
        ("apps", "ReplicaSet"): replica_set.status,
        ("apps", "StatefulSet"): stateful_set.status,
        ("batch", "CronJob"): always.status,
        ("batch", "Job"): job.status,
        ("extensions", "DaemonSet"): daemon_set.status,
        ("extensions", "Deployment"): deployment.status,
        ("extensions", "ReplicaSet"): replica_set.status,
        ("policy", "PodDisruptionBudget"): always.status,
    }
)


def status_of(obj: JsonObject, now: datetime) -> Result:
    """The status of a live object; the first rule that has something to say decides."""
    generic = _generic(obj)
    if generic is not None:
        return generic
    rule = KINDS.get(group_kind(obj))
    if rule is not None:
        return rule(obj, now)
    ready = condition(obj, "Ready")
    if ready is not None and not ready.is_true:
        return in_progress(ready.message or "not ready")
    return current(ready.message if ready else "it exists")


def group_kind(obj: JsonObject) -> tuple[str, str]:
    """Group, empty for the core one, and kind."""
    group, slash, _ = text(obj, "apiVersion").rpartition("/")
    return (group if slash else "", text(obj, "kind"))


def outdated(obj: JsonObject) -> Result | None:
    """In progress where the status speaks about another generation of the spec; None otherwise."""
    generation = optional_number(obj, "metadata", "generation")
    observed = optional_number(obj, "status", "observedGeneration")
    if generation is None or observed is None or observed == generation:
        return None
    return in_progress(f"generation is {generation}, but the observed generation is {observed}")


def _generic(obj: JsonObject) -> Result | None:
    if text(obj, "metadata", "deletionTimestamp"):
        return Result(Status.TERMINATING, "it is being deleted")
    behind = outdated(obj)
    if behind is not None:
        return behind
    for found in conditions(obj):
        if found.type == "Reconciling" and found.is_true:
            return in_progress(found.message)
        if found.type == "Stalled" and found.is_true:
            return failed(found.message)
    return None
