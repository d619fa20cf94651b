"""When Helm 3 took an object for ready: rules of its own, for a few built-in kinds.

They ask for less than kstatus: of a Deployment as many pods as have to be available while it rolls out, of
most kinds nothing at all. One rule per kind, a pure function of the object and of what it owns.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

from shared.lang.json import JsonObject, JsonValue
from shared.status.kstatus import Companions, Result, Status, StatusReader, label_selector
from shared.status.kstatus.fields import condition, is_true, number, objects, optional_number, text, value

_READY: Final = Result(Status.CURRENT)
_HASH: Final = "pod-template-hash"


class LegacyReader(StatusReader):
    """Whether an object is ready; only a Job fails."""

    __slots__ = ()

    def read(self, obj: JsonObject) -> Result:
        """The verdict on the object alone."""
        rule = _RULES.get((text(obj, "apiVersion"), text(obj, "kind")))
        return rule(obj) if rule else _READY

    def companions(self, obj: JsonObject, result: Result) -> Companions | None:
        """The ReplicaSets of a Deployment, the pods of a ReplicaSet or ReplicationController."""
        owned = _OWNED.get((text(obj, "apiVersion"), text(obj, "kind")))
        if owned is None or result.status is not Status.IN_PROGRESS:
            return None
        return Companions(*owned, _selector(obj))

    def corrected(self, obj: JsonObject, result: Result, companions: list[JsonObject] | None) -> Result:
        """The verdict with what the object owns."""
        if not _is_observed(obj):
            return result
        if companions is None:
            return Result(Status.UNKNOWN, f"what the {text(obj, 'kind')} owns is not known yet")
        if text(obj, "kind") == "Deployment":
            return _rolled_out(obj, companions)
        waiting = [text(pod, "metadata", "name") for pod in companions if not is_true(pod, "Ready")]
        return _waiting(f"pods are not ready: {', '.join(sorted(waiting))}") if waiting else _READY


def _waiting(why: str) -> Result:
    return Result(Status.IN_PROGRESS, why)


def _is_observed(obj: JsonObject) -> bool:
    return number(obj, "status", "observedGeneration") == number(obj, "metadata", "generation")


def _pod(obj: JsonObject) -> Result:
    return _READY if is_true(obj, "Ready") else _waiting("the pod is not ready")


def _job(obj: JsonObject) -> Result:
    if number(obj, "status", "failed") > number(obj, "spec", "backoffLimit", default=6):
        return Result(Status.FAILED, "the Job failed")
    completions = optional_number(obj, "spec", "completions")
    if completions is not None and number(obj, "status", "succeeded") < completions:
        return _waiting("the Job is not complete")
    return _READY


def _claim(obj: JsonObject) -> Result:
    return _READY if text(obj, "status", "phase") == "Bound" else _waiting("the claim is not bound")


def _service(obj: JsonObject) -> Result:
    kind = text(obj, "spec", "type")
    if kind == "ExternalName":
        return _READY
    if not text(obj, "spec", "clusterIP"):
        return _waiting("the Service has no address")
    addresses = value(obj, "spec", "externalIPs") or value(obj, "status", "loadBalancer", "ingress")
    if kind == "LoadBalancer" and not addresses:
        return _waiting("the load balancer has no address")
    return _READY


def _deployment(obj: JsonObject) -> Result:
    if value(obj, "spec", "paused") is True:
        return _READY
    return _waiting("the Deployment is not rolled out")


def _rolled_out(obj: JsonObject, replica_sets: Sequence[JsonObject]) -> Result:
    new = _new_replica_set(obj, replica_sets)
    if new is None or not _is_observed(new):
        return _waiting("the Deployment has no new ReplicaSet")
    ready = number(new, "status", "readyReplicas")
    needed = number(obj, "spec", "replicas", default=1) - _unavailable(obj)
    return _READY if ready >= needed else _waiting(f"{ready} of {needed} pods are ready")


def _new_replica_set(obj: JsonObject, replica_sets: Sequence[JsonObject]) -> JsonObject | None:
    """The oldest one with the template of the Deployment."""
    uid, wanted = text(obj, "metadata", "uid"), _template(obj)
    fitting = [
        each
        for each in replica_sets
        if any(
            owner.get("controller") is True and owner.get("uid") == uid
            for owner in objects(each, "metadata", "ownerReferences")
        )
        and _template(each) == wanted
    ]
    return min(
        fitting,
        key=lambda each: (text(each, "metadata", "creationTimestamp"), text(each, "metadata", "name")),
        default=None,
    )


def _template(obj: JsonObject) -> JsonValue:
    """The template without the label that tells ReplicaSets apart."""
    template = value(obj, "spec", "template")
    if not isinstance(template, dict):
        return None
    metadata = dict(template.get("metadata") or {})
    metadata["labels"] = {key: of for key, of in (metadata.get("labels") or {}).items() if key != _HASH}
    return {**template, "metadata": metadata}


def _unavailable(obj: JsonObject) -> int:
    """How many pods may be missing while a Deployment rolls out."""
    replicas = number(obj, "spec", "replicas", default=1)
    if text(obj, "spec", "strategy", "type") != "RollingUpdate" or not replicas:
        return 0
    surge = _share(value(obj, "spec", "strategy", "rollingUpdate", "maxSurge"), replicas, math.ceil)
    missing = _share(value(obj, "spec", "strategy", "rollingUpdate", "maxUnavailable"), replicas, math.floor)
    return min(missing if surge or missing else 1, replicas)


def _share(limit: JsonValue, whole: int, rounded: Callable[[float], int]) -> int:
    """A number, or per cent of the whole."""
    if isinstance(limit, str) and limit.endswith("%") and limit[:-1].isdecimal():
        return rounded(int(limit[:-1]) * whole / 100)
    return limit if isinstance(limit, int) else 0


def _daemon_set(obj: JsonObject) -> Result:
    if not _is_observed(obj):
        return _waiting("the DaemonSet was not looked at yet")
    if text(obj, "spec", "updateStrategy", "type") != "RollingUpdate":
        return _READY
    desired = number(obj, "status", "desiredNumberScheduled")
    if number(obj, "status", "updatedNumberScheduled") != desired:
        return _waiting("the DaemonSet has pods that are not updated")
    limit = value(obj, "spec", "updateStrategy", "rollingUpdate", "maxUnavailable")
    needed = desired - _share(limit, desired, math.ceil)
    ready = number(obj, "status", "numberReady")
    return _READY if ready >= needed else _waiting(f"{ready} of {needed} pods are ready")


def _stateful_set(obj: JsonObject) -> Result:
    if not _is_observed(obj):
        return _waiting("the StatefulSet was not looked at yet")
    if text(obj, "spec", "updateStrategy", "type") != "RollingUpdate":
        return _READY
    replicas = number(obj, "spec", "replicas", default=1)
    partition = number(obj, "spec", "updateStrategy", "rollingUpdate", "partition")
    if number(obj, "status", "updatedReplicas") < replicas - partition:
        return _waiting("the StatefulSet has pods that are not updated")
    ready = number(obj, "status", "readyReplicas")
    if ready != replicas:
        return _waiting(f"{ready} of {replicas} pods are ready")
    revisions = text(obj, "status", "currentRevision"), text(obj, "status", "updateRevision")
    if not partition and revisions[0] != revisions[1]:
        return _waiting("the StatefulSet has pods of the revision before")
    return _READY


def _definition(obj: JsonObject) -> Result:
    names = condition(obj, "NamesAccepted")
    refused = names is not None and names.is_false  # nothing that waiting would change
    return _READY if refused or is_true(obj, "Established") else _waiting("the definition is not established")


def _owner(obj: JsonObject) -> Result:
    return _waiting(f"the {text(obj, 'kind')} has pods that nobody looked at yet")


def _selector(obj: JsonObject) -> str:
    if text(obj, "kind") != "ReplicationController":
        return label_selector(obj)
    labels = value(obj, "spec", "selector")
    return ",".join(f"{key}={of}" for key, of in sorted(labels.items())) if isinstance(labels, dict) else ""


_RULES: Final[dict[tuple[str, str], Callable[[JsonObject], Result]]] = {
    ("v1", "Pod"): _pod,
    ("v1", "PersistentVolumeClaim"): _claim,
    ("v1", "Service"): _service,
    ("v1", "ReplicationController"): _owner,
    ("batch/v1", "Job"): _job,
    ("apps/v1", "Deployment"): _deployment,
    ("apps/v1", "DaemonSet"): _daemon_set,
    ("apps/v1", "StatefulSet"): _stateful_set,
    ("apps/v1", "ReplicaSet"): _owner,
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"): _definition,
}
_OWNED: Final = {
    ("apps/v1", "Deployment"): ("apps", "ReplicaSet"),
    ("apps/v1", "ReplicaSet"): ("", "Pod"),
    ("v1", "ReplicationController"): ("", "Pod"),
}
