"""The last lines that the pods of a failed hook wrote, for hooks that want them to be told.

A log may hold anything, so without the hook's own word (`helm.sh/hook-output-log-policy: hook-failed`) none
is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from helm_controller.cluster.objects import Placed
from shared.kube.client import KubeClient
from shared.kube.errors import KubeError
from shared.kube.resources import Resource
from shared.lang.json import JsonObject, mapping, mappings

_PODS: Final = Resource("", "v1", "pods", "Pod")
_MOST_PODS: Final = 2
_MOST_CONTAINERS: Final = 3
_LINES: Final = "10"
_BYTES: Final = "4096"
_LONGEST_LINE: Final = 300


async def last_lines(client: KubeClient, objects: Sequence[Placed]) -> str:
    """What the pods of Jobs and Pods wrote last, under the names of their containers."""
    parts = []
    for each in objects:
        for pod in (await _pods(client, each))[:_MOST_PODS]:
            for container in _containers(pod)[:_MOST_CONTAINERS]:
                said = await _log(client, pod, container)
                if said:
                    name = mapping(pod.get("metadata")).get("name")
                    parts.append(f"Last lines of Pod/{each.id.namespace}/{name} ({container}):\n{said}")
    return "\n\n".join(parts)


async def _pods(client: KubeClient, each: Placed) -> list[JsonObject]:
    if each.kind not in ("Job", "Pod"):
        return []
    labels = f"job-name={each.id.name}" if each.kind == "Job" else ""
    fields = f"metadata.name={each.id.name}" if each.kind == "Pod" else ""
    try:
        found = await client.list(_PODS, each.id.namespace, label_selector=labels, field_selector=fields)
    except KubeError:
        return []
    pods = mappings(found.get("items"))
    return sorted(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp")), reverse=True)


def _containers(pod: JsonObject) -> list[str]:
    spec = mapping(pod.get("spec"))
    return [
        str(container.get("name"))
        for field in ("initContainers", "containers")
        for container in mappings(spec.get(field))
    ]


async def _log(client: KubeClient, pod: JsonObject, container: str) -> str:
    metadata = pod["metadata"]
    path = _PODS.path(metadata["namespace"], metadata["name"], "log")
    params = {"container": container, "tailLines": _LINES, "limitBytes": _BYTES}
    try:
        answer = await client.request("GET", path, params=params, accept="*/*")
    except KubeError:
        return ""
    lines = answer.decode(errors="replace").splitlines()
    return "\n".join(line[:_LONGEST_LINE] for line in lines).strip()
