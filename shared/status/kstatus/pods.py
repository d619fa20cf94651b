"""Pods behind an owner: a broken pod makes a StatefulSet or ReplicaSet that is still in progress a failure.

The owners report only counts, so without this a crash loop would be waited for until the timeout.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from shared.lang.json import JsonObject
from shared.status.kstatus.fields import objects, text, value
from shared.status.kstatus.kinds import pod
from shared.status.kstatus.result import Result, Status, failed
from shared.status.kstatus.rules import group_kind, status_of

_OWNERS: Final = frozenset({("apps", "StatefulSet"), ("apps", "ReplicaSet")})
_SIGNS: Final = {"In": "in", "NotIn": "notin"}


def pod_selector(owner: JsonObject) -> str:
    """Label selector of the pods that count for an owner; empty where pods do not count."""
    return label_selector(owner) if group_kind(owner) in _OWNERS else ""


def label_selector(owner: JsonObject) -> str:
    """Label selector of what an owner owns; empty where it has none."""
    labels = value(owner, "spec", "selector", "matchLabels")
    terms = [f"{key}={wanted}" for key, wanted in sorted(labels.items())] if isinstance(labels, dict) else []
    terms += map(_term, objects(owner, "spec", "selector", "matchExpressions"))
    return ",".join(terms)


def with_pods(result: Result, pods: Iterable[JsonObject], now: datetime) -> Result:
    """The owner's result, corrected by its pods: only progress can turn out to be failure."""
    if result.status is not Status.IN_PROGRESS:
        return result
    for item in pods:
        if text(item, "metadata", "deletionTimestamp") or pod.is_unschedulable(item):
            continue
        found = status_of(item, now)
        if found.status is Status.FAILED:
            return failed(f"pod {text(item, 'metadata', 'name')}: {found.message}")
    return result


def _term(expression: JsonObject) -> str:
    key, operator = text(expression, "key"), text(expression, "operator")
    if operator in _SIGNS:
        return f"{key} {_SIGNS[operator]} ({','.join(map(str, expression.get('values') or ()))})"
    return key if operator == "Exists" else f"!{key}"
