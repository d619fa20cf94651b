"""What is known of objects that did not become healthy: what they say themselves, and the Warning events
about them and about what they made.

All of it is for people: it has a bounded length, costs a few lists after a failure and nothing before, and
where something can't be had (a tenant that may not read events) it is left out.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from shared.kube.client import KubeClient
from shared.kube.errors import KubeError
from shared.kube.resources import Resource
from shared.lang import json
from shared.lang.json import JsonObject, mapping, mappings
from shared.ssa import ObjectId
from shared.status.kstatus import Result, Status

_EVENTS: Final = Resource("", "v1", "events", "Event")
_OBJECTS: Final = 5
_PER_OBJECT: Final = 3
_PAGE: Final = "200"
_LONGEST_LINE: Final = 300
#: Kinds that others make for these, and how their names go on.
_MADE: Final[Mapping[str, Mapping[str, str]]] = {
    "Deployment": {"ReplicaSet": "-{hash}", "Pod": "-{hash}-{word}"},
    "ReplicaSet": {"Pod": "-{word}"},
    "StatefulSet": {"Pod": "-[0-9]+"},
    "DaemonSet": {"Pod": "-{word}"},
    "Job": {"Pod": "-{word}"},
}
#: The letters and digits of generated names; they form no words.
_SAFE: Final = "[bcdfghjklmnpqrstvwxz2456789]"


async def symptoms(
    client: KubeClient, results: Mapping[ObjectId, Result | None], objects: Mapping[ObjectId, JsonObject]
) -> str:
    """A text of some lines about what is not healthy; empty where nothing is known."""
    sick = sorted(
        (each for each, result in results.items() if result is None or result.status is not Status.CURRENT),
        key=str,
    )[:_OBJECTS]
    said = [line for each in sick if (line := _said(each, results[each]))]
    found = await asyncio.gather(*(_warnings(client, each, objects.get(each)) for each in sick))
    warnings = list(dict.fromkeys(line for lines in found for line in lines))
    parts = (("Not ready:", said), ("Last warnings:", warnings))
    return "\n\n".join("\n".join((title, *lines)) for title, lines in parts if lines)


def _said(each: ObjectId, result: Result | None) -> str:
    if result is None or not result.message:
        return ""
    return _line(each.display, result.message)


async def _warnings(client: KubeClient, each: ObjectId, obj: JsonObject | None) -> list[str]:
    """The newest Warning events about an object and about what was made for it, the oldest first."""
    uid = str(mapping((obj or {}).get("metadata")).get("uid") or "")
    about = f"involvedObject.uid={uid}" if uid else f"involvedObject.kind={each.kind}"
    wanted = {about: re.compile(re.escape(each.name))}
    for kind, tail in _MADE.get(each.kind, {}).items():
        pattern = tail.format(hash=f"{_SAFE}{{1,10}}", word=f"{_SAFE}{{5}}")
        wanted[f"involvedObject.kind={kind}"] = re.compile(re.escape(each.name) + pattern)
    events: list[JsonObject] = []
    for selector, name in wanted.items():
        events += [
            event
            for event in await _list(client, each.namespace, f"type=Warning,{selector}")
            if name.fullmatch(str(mapping(event.get("involvedObject")).get("name") or ""))
        ]
    events.sort(key=_time)
    return list(_told(events[-_PER_OBJECT:]))


async def _list(client: KubeClient, namespace: str, selector: str) -> Sequence[JsonObject]:
    params = {"fieldSelector": selector, "limit": _PAGE}
    try:
        answer = await client.request("GET", _EVENTS.path(namespace or None), params=params)
        return mappings(json.loads_object(answer).get("items"))
    except (KubeError, json.JsonError):
        return ()


def _time(event: JsonObject) -> str:
    """When it was seen last; all forms of it sort as text."""
    series = mapping(event.get("series"))
    times = (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"))
    created = mapping(event.get("metadata")).get("creationTimestamp")
    return str(next((time for time in times if time), created or ""))


def _told(events: Iterable[JsonObject]) -> Iterator[str]:
    for event in events:
        about = mapping(event.get("involvedObject"))
        subject = "/".join(str(about[key]) for key in ("kind", "namespace", "name") if about.get(key))
        yield _line(f"{subject} {event.get('reason') or ''}", str(event.get("message") or ""))


def _line(subject: str, text: str) -> str:
    line = f"{subject}: {' '.join(text.split())}"
    return line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}..."
