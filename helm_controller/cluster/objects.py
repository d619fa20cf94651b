"""The objects of a release, each with the resource and the namespace that it belongs to."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from shared.kube.client import KubeClient
from shared.kube.errors import KubeError, NoMatch, NotFound
from shared.kube.resources import Resource, split_api_version
from shared.lang.json import JsonObject
from shared.ssa import ObjectId
from shared.ssa.masking import masked

MANAGER: Final = "helm-controller"
MANAGED_BY: Final = "app.kubernetes.io/managed-by"
RELEASE_NAME: Final = "meta.helm.sh/release-name"
RELEASE_NAMESPACE: Final = "meta.helm.sh/release-namespace"
RESOURCE_POLICY: Final = "helm.sh/resource-policy"
_AT_ONCE: Final = 8
_NOT_PLACED: Final = "unable to build kubernetes objects from release manifest"


class ClusterError(Exception):
    """An object could not be brought into the cluster or out of it; the message names it."""


@dataclass(frozen=True, slots=True)
class Placed:
    """An object of a release; the namespace is filled in where its kind has one."""

    id: ObjectId
    resource: Resource
    obj: JsonObject

    @property
    def kind(self) -> str:
        """Its kind."""
        return self.id.kind

    @property
    def text(self) -> str:
        """The object as Helm writes it in messages."""
        where = f"{self.id.namespace}/{self.id.name}" if self.id.namespace else self.id.name
        return f"{where} {self.resource.api_version}, Kind={self.id.kind}"

    @property
    def stays(self) -> bool:
        """Whether the manifest says that nobody may delete the object."""
        return keeps(self.obj)


def keeps(obj: JsonObject) -> bool:
    """Whether an object says that it is not to be deleted."""
    annotations = (obj.get("metadata") or {}).get("annotations") or {}
    return str(annotations.get(RESOURCE_POLICY) or "").strip().lower() == "keep"


async def placed(client: KubeClient, objects: Iterable[JsonObject], namespace: str) -> list[Placed]:
    """All objects with their resources.

    Raises:
        ClusterError: the cluster does not know a kind, then all such objects are named; or it doesn't tell.
    """
    found: list[Placed] = []
    unknown: list[str] = []
    for obj in objects:
        try:
            found.append(await place(client, obj, namespace))
        except NoMatch as error:
            name = (obj.get("metadata") or {}).get("name")
            unknown.append(
                f'resource mapping not found for name: "{name}": {error}; ensure CRDs are installed'
            )
        except KubeError as error:
            raise ClusterError(f"{_NOT_PLACED}: {error}") from error
    if unknown:
        raise ClusterError(f"{_NOT_PLACED}: {'; '.join(dict.fromkeys(unknown))}")
    return found


async def known(client: KubeClient, objects: Iterable[JsonObject], namespace: str) -> list[Placed]:
    """The objects whose kinds the cluster knows; of all other kinds it has none, or none any more.

    It has them in all versions that it serves, so the one that an old manifest names need not be among them.

    Raises:
        ClusterError: it doesn't tell which kinds it knows.
    """
    found: list[Placed] = []
    for obj in objects:
        group, version = split_api_version(obj["apiVersion"])
        try:
            resource = await client.discovery.find(group, obj["kind"], version, or_preferred=True)
        except NoMatch:
            continue
        except KubeError as error:
            raise ClusterError(f"{_NOT_PLACED}: {error}") from error
        found.append(_placed(resource, obj, namespace))
    return found


async def known_now(client: KubeClient, objects: Sequence[Placed]) -> list[Placed]:
    """Objects that are to go, where the cluster has them now: the version they were in may be gone since.

    Raises:
        ClusterError: it doesn't tell which kinds it knows.
    """
    if objects:
        client.discovery.invalidate()
    return await known(client, (each.obj for each in objects), "")


async def place(client: KubeClient, obj: JsonObject, namespace: str) -> Placed:
    """An object with its resource.

    Raises:
        NoMatch: the cluster does not know the kind; KubeError: it doesn't tell.
    """
    group, version = split_api_version(obj["apiVersion"])
    return _placed(await client.discovery.find(group, obj["kind"], version), obj, namespace)


def _placed(resource: Resource, obj: JsonObject, namespace: str) -> Placed:
    metadata = {key: value for key, value in obj["metadata"].items() if key != "namespace"}
    if resource.namespaced:
        metadata["namespace"] = obj["metadata"].get("namespace") or namespace
    whole = {**obj, "metadata": metadata}
    return Placed(ObjectId.of(whole), resource, whole)


def owned(obj: JsonObject, release: str, namespace: str) -> JsonObject:
    """The object with Helm's marks of the release that it belongs to."""
    metadata = obj["metadata"]
    labels = {**(metadata.get("labels") or {}), MANAGED_BY: "Helm"}
    annotations = {
        **(metadata.get("annotations") or {}),
        RELEASE_NAME: release,
        RELEASE_NAMESPACE: namespace,
    }
    return {**obj, "metadata": {**metadata, "labels": labels, "annotations": annotations}}


def ownership_problems(live: JsonObject, release: str, namespace: str) -> list[str]:
    """What keeps a live object from being imported into a release."""
    metadata = live.get("metadata") or {}
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    wanted = (
        ("label", labels, MANAGED_BY, "Helm"),
        ("annotation", annotations, RELEASE_NAME, release),
        ("annotation", annotations, RELEASE_NAMESPACE, namespace),
    )
    problems = []
    for what, values, key, value in wanted:
        if key not in values:
            problems.append(f'missing key "{key}": must be set to "{value}" ({what})')
        elif values[key] != value:
            problems.append(f'key "{key}" must equal "{value}": current value is "{values[key]}" ({what})')
    return problems


def belongs_to_other(live: JsonObject, release: str, namespace: str) -> bool:
    """Whether the marks on a live object name another release than this one."""
    annotations = (live.get("metadata") or {}).get("annotations") or {}
    marks = (annotations.get(RELEASE_NAME), annotations.get(RELEASE_NAMESPACE))
    return all(marks) and marks != (release, namespace)


async def live_objects(client: KubeClient, objects: Sequence[Placed]) -> Mapping[ObjectId, JsonObject]:
    """The objects as they are in the cluster; those that are not there are left out.

    Raises:
        ClusterError: one can't be read.
    """
    limit = asyncio.Semaphore(_AT_ONCE)

    async def read(each: Placed) -> JsonObject | None:
        async with limit:
            try:
                return await client.get(each.resource, each.id.namespace or None, each.id.name)
            except NotFound:
                return None
            except KubeError as error:
                raise ClusterError(
                    f"could not get information about the resource {each.text}: {error}"
                ) from error

    found = await asyncio.gather(*(read(each) for each in objects))
    return {each.id: live for each, live in zip(objects, found, strict=True) if live is not None}


def refusal(what: str, each: Placed, error: Exception) -> ClusterError:
    """An error about one object, without the content of Secrets."""
    return ClusterError(f"{what} for object {each.text}: {masked(str(error), each.obj)}")
