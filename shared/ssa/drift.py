"""Whether an apply would change a live object, told from the server's own answer to a dry-run.

Compared are labels, annotations, and everything outside `metadata` and `status`. The result is a list of
places, never of values: it can be logged and reported for any kind, Secrets included.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from shared.kube.resources import split_api_version
from shared.lang.json import JsonObject

_OUTSIDE: Final = frozenset({"apiVersion", "kind", "metadata", "status"})
_ABSENT: Final = object()


class Effect(StrEnum):
    """What an apply would do at a place."""

    ADD = "add"
    REMOVE = "remove"
    CHANGE = "change"


@dataclass(frozen=True, slots=True)
class Difference:
    """One place, as a JSON pointer."""

    path: str
    effect: Effect

    def __str__(self) -> str:
        return f"{self.effect} {self.path}"


def differences(live: JsonObject, dry_run: JsonObject) -> tuple[Difference, ...]:
    """Where the object would change; empty means that an apply is not needed."""
    found: list[Difference] = []
    for field in ("labels", "annotations"):
        before = (live.get("metadata") or {}).get(field) or {}
        after = (dry_run.get("metadata") or {}).get(field) or {}
        found += _compare(before, after, f"/metadata/{field}")
    after_body = _without_noise(dry_run)
    if live.get("apiVersion") != dry_run.get("apiVersion"):
        found.append(Difference("/apiVersion", Effect.CHANGE))
    keys = dict.fromkeys((*live, *after_body))
    for key in keys:
        if key not in _OUTSIDE:
            found += _compare(live.get(key, _ABSENT), after_body.get(key, _ABSENT), f"/{_escaped(key)}")
    return tuple(found)


def _compare(before: Any, after: Any, path: str) -> Iterator[Difference]:
    if _same(before, after):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys((*before, *after)):
            yield from _compare(before.get(key, _ABSENT), after.get(key, _ABSENT), f"{path}/{_escaped(key)}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (left, right) in enumerate(zip(before, after, strict=True)):
            yield from _compare(left, right, f"{path}/{index}")
    elif before is _ABSENT or before is None:
        yield Difference(path, Effect.ADD)
    elif after is _ABSENT or after is None:
        yield Difference(path, Effect.REMOVE)
    else:
        yield Difference(path, Effect.CHANGE)


def _same(before: Any, after: Any) -> bool:
    """Equality where null is as good as absent or empty, and true is not 1."""
    if before is None or after is None:
        return all(value is None or value is _ABSENT or value in ({}, []) for value in (before, after))
    if isinstance(before, bool) is not isinstance(after, bool):
        return False
    return not isinstance(before, (dict, list)) and bool(before == after)


def _without_noise(dry_run: JsonObject) -> JsonObject:
    """A dry-run of a HorizontalPodAutoscaler repeats metrics that a real apply merges, and leaves empty
    ones."""
    if dry_run.get("kind") != "HorizontalPodAutoscaler":
        return dry_run
    group, version = split_api_version(dry_run.get("apiVersion") or "")
    spec = dry_run.get("spec")
    metrics = spec.get("metrics") if isinstance(spec, dict) else None
    if (group, version) != ("autoscaling", "v2") or not isinstance(metrics, list):
        return dry_run
    kept: list[Any] = []
    for metric in metrics:
        if metric and metric not in kept:
            kept.append(metric)
    return {**dry_run, "spec": {**spec, "metrics": kept}} if isinstance(spec, dict) else dry_run


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
