"""Fields that the API server's schema of a built-in kind doesn't have.

Server-side apply refuses them, naming each. Other tools drop them silently, and manifests in the wild rely
on it, so they are dropped here too: the server's refusal says which fields, no schema is downloaded, and an
object without mistakes costs nothing. The caller reports what was dropped. For custom kinds the refusal
stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from shared.kube.resources import split_api_version
from shared.lang.json import JsonObject, loads

#: Groups of the API server itself; others that end like them are custom, such as gateway.networking.k8s.io.
_BUILT_IN: Final = frozenset(
    f"{name}.k8s.io"
    for name in (
        "admissionregistration",
        "apiextensions",
        "apiregistration",
        "authentication",
        "authorization",
        "certificates",
        "coordination",
        "discovery",
        "events",
        "flowcontrol.apiserver",
        "internal.apiserver",
        "networking",
        "node",
        "rbac.authorization",
        "resource",
        "scheduling",
        "storage",
        "storagemigration",
    )
)
_UNDECLARED: Final = ": field not declared in schema"
#: No path is longer; refusals quote names and values of objects, and those may be anything.
_LONGEST_PATH: Final = 2048
_STEP: Final = re.compile(r"\.(?P<name>[^.\[\]]+)|\[(?P<index>\d+)\]|\[(?P<key>[^\]]*=[^\]]*)\]")


def without_undeclared(obj: JsonObject, message: str) -> tuple[JsonObject, tuple[str, ...]]:
    """The object without the fields that the refusal names, and their paths; no paths where nothing was
    done."""
    group, _ = split_api_version(obj.get("apiVersion") or "")
    if "." in group and group not in _BUILT_IN:
        return obj, ()
    result: Any = obj
    dropped: list[str] = []
    for path in dict.fromkeys(_named(message)):
        steps = list(_STEP.finditer(path))
        if not steps or "".join(step.group() for step in steps) != path:
            continue
        changed = _without(result, steps)
        if changed is not result:
            result = changed
            dropped.append(path)
    return result, tuple(dropped)


def _named(message: str) -> Iterator[str]:
    """The paths in a refusal: each on a line of its own, or the only one behind what was refused."""
    for line in message.splitlines():
        head, found, _ = line.partition(_UNDECLARED)
        # What was refused may have dots in its name, so a path begins at a dot behind a colon.
        _, colon, rest = head.rpartition(": .")
        path = head.strip() if head.lstrip().startswith(".") else f".{rest}" if colon else ""
        if found and path and len(path) <= _LONGEST_PATH:
            yield path


def _without(value: Any, steps: list[re.Match[str]]) -> Any:
    step, rest = steps[0], steps[1:]
    if step["name"]:
        name = step["name"]
        if not isinstance(value, dict) or name not in value:
            return value
        if not rest:
            return {key: item for key, item in value.items() if key != name}
        below = _without(value[name], rest)
        return value if below is value[name] else {**value, name: below}
    if not isinstance(value, list) or not rest:
        return value
    changed = [
        _without(item, rest) if _selects(step, index, item) else item for index, item in enumerate(value)
    ]
    return value if all(new is old for new, old in zip(changed, value, strict=True)) else changed


def _selects(step: re.Match[str], index: int, item: Any) -> bool:
    if step["index"]:
        return index == int(step["index"])
    if not isinstance(item, dict):
        return False
    for pair in step["key"].split(","):
        name, _, text = pair.partition("=")
        try:
            wanted = loads(text)
        except ValueError:
            return False
        if item.get(name) != wanted:
            return False
    return True
