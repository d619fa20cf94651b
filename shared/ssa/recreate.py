"""When an object may be deleted and created anew, and the rehearsal that makes sure it can be.

A change of an immutable field and a plain mistake in a manifest look alike in the server's answer. So the
new object is first created in a dry run, under a name that nobody uses: when that is refused too, deleting
would lose the live object for nothing.
"""

from __future__ import annotations

from shared.kube.errors import ApiError, KubeError
from shared.lang.json import JsonObject

_NAME = 40
_BOUND_NAMES = frozenset({"CustomResourceDefinition", "APIService"})
"""Kinds whose name follows from their content can't be rehearsed, and are too much to lose to a guess."""


def asks_for_recreation(error: KubeError) -> bool:
    """Whether a refusal may be about an immutable field."""
    if isinstance(error, ApiError) and error.status in (409, 422):
        return True
    text = str(error)
    return "is immutable" in text or "immutable field" in text


def can_be_rehearsed(obj: JsonObject) -> bool:
    """Whether the object could also exist under another name."""
    return obj.get("kind") not in _BOUND_NAMES


def rehearsal(obj: JsonObject, live: JsonObject) -> JsonObject:
    """The object under a throw-away name, without what can exist only once at a time."""
    metadata = obj["metadata"]
    uid = str((live.get("metadata") or {}).get("uid") or "")[:8] or "new"
    name = f"{metadata['name'][:_NAME].rstrip('.-')}-{uid}"
    copy = {**obj, "metadata": {**metadata, "name": name}}
    if obj.get("kind") == "Service" and isinstance(obj.get("spec"), dict):
        copy["spec"] = _without_claims(obj["spec"], live.get("spec") or {})
    return copy


def _without_claims(spec: JsonObject, live: JsonObject) -> JsonObject:
    """Node ports and cluster addresses that the live Service still holds."""
    result = {key: value for key, value in spec.items() if key != "healthCheckNodePort"}
    for field in ("clusterIP", "clusterIPs"):
        if result.get(field) == live.get(field) and result.get(field) not in ("None", ["None"]):
            result.pop(field, None)
    if isinstance(result.get("ports"), list):
        result["ports"] = [
            {key: value for key, value in port.items() if key != "nodePort"}
            if isinstance(port, dict)
            else port
            for port in result["ports"]
        ]
    return result
