"""Asks for the reconciliation of what a Receiver names: an annotation with a new value on each object."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

import structlog

from notification_controller.receivers.filters import accepts
from shared.api import wire
from shared.api.notification_v1 import ANY, ReceiverResource
from shared.kube.client import KubeClient
from shared.kube.errors import KubeError, NotFound
from shared.kube.resources import ObjectKey, Resource, split_api_version
from shared.lang.cel import CelEvaluationError, Expression
from shared.lang.gojson import with_doubles
from shared.lang.json import JsonObject
from shared.observe.clock import Clock

_SOURCE: Final = "source.toolkit.fluxcd.io/v1"
_VERSIONS: Final = {
    "Bucket": _SOURCE,
    "GitRepository": _SOURCE,
    "OCIRepository": _SOURCE,
    "HelmRepository": _SOURCE,
    "HelmChart": _SOURCE,
    "ImageRepository": "image.toolkit.fluxcd.io/v1",
    "ArtifactGenerator": "source.extensions.fluxcd.io/v1beta1",
}
_AT_ONCE: Final = 8


class NotRequested(Exception):
    """An entry of a Receiver's resources that could not be dealt with to its end; str() says why."""


class Requests:
    """Requests reconciliations in the name of Receivers."""

    def __init__(self, client: KubeClient, clock: Clock, *, manager: str, cross_namespace: bool) -> None:
        self._client = client
        self._clock = clock
        self._manager = manager
        self._cross_namespace = cross_namespace
        self._log = structlog.get_logger("receiver-server").bind(logger="receiver-server")

    async def make(
        self,
        receiver: ObjectKey,
        entry: ReceiverResource,
        filters: tuple[Expression, ...],
        given: Mapping[str, Any],
    ) -> None:
        """Annotates the objects of one entry for which the filters are true.

        Raises:
            NotRequested: an object or its kind isn't there, a filter can't be evaluated, or the API server
                refuses; what came before it is annotated.
        """
        try:
            namespace = self._namespace(receiver, entry)
            resource = await self._resource(entry)
            await self._annotate_all(resource, namespace, entry, filters, given)
        except (KubeError, CelEvaluationError) as error:
            raise NotRequested(f"{entry.kind} '{entry.name}': {error}") from error

    async def _annotate_all(
        self,
        resource: Resource,
        namespace: str,
        entry: ReceiverResource,
        filters: tuple[Expression, ...],
        given: Mapping[str, Any],
    ) -> None:
        """In order, but not one after the other: senders do not wait long for an answer."""
        slots, wildcard = asyncio.Semaphore(_AT_ONCE), entry.name == ANY
        problems: list[KubeError] = []

        async def annotate(name: str) -> None:
            async with slots:
                try:
                    await self._annotate(resource, namespace, name)
                except NotFound as error:
                    # One of many may have gone since it was listed.
                    if not wildcard:
                        problems.append(error)
                except KubeError as error:
                    problems.append(error)

        async with asyncio.TaskGroup() as group:
            try:
                async for name in self._accepted(resource, namespace, entry, filters, given):
                    group.create_task(annotate(name), name=f"annotate {resource.kind} {namespace}/{name}")
            except (KubeError, CelEvaluationError, NotRequested) as error:
                stopped: Exception | None = error
            else:
                stopped = None
        if stopped is not None:
            raise stopped
        if problems:
            raise problems[0]

    async def _accepted(
        self,
        resource: Resource,
        namespace: str,
        entry: ReceiverResource,
        filters: tuple[Expression, ...],
        given: Mapping[str, Any],
    ) -> AsyncIterator[str]:
        """Names of the objects that are to be annotated."""
        if entry.name != ANY and not filters:
            # Whether it is there the annotation will tell.
            yield entry.name
            return
        for obj in await self._objects(resource, namespace, entry):
            res = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": obj["metadata"]}
            if not filters or await asyncio.to_thread(accepts, filters, given, with_doubles(res)):
                yield obj["metadata"]["name"]

    async def _objects(
        self, resource: Resource, namespace: str, entry: ReceiverResource
    ) -> Sequence[JsonObject]:
        if entry.name != ANY:
            return [await self._client.get(resource, namespace, entry.name, metadata_only=True)]
        if entry.match_labels is None:
            raise NotRequested("matchLabels has to be set where the name is '*'")
        labels = ",".join(f"{key}={value}" for key, value in sorted(entry.match_labels.items()))
        found = await self._client.list(resource, namespace, label_selector=labels, metadata_only=True)
        items: list[JsonObject] = found["items"]
        if not items:
            self._log.error(
                "no objects have the labels", kind=resource.kind, namespace=namespace, labels=labels
            )
        return items

    def _namespace(self, receiver: ObjectKey, entry: ReceiverResource) -> str:
        namespace = entry.namespace or receiver.namespace
        if namespace != receiver.namespace and not self._cross_namespace:
            raise NotRequested(
                f"{entry.kind} '{namespace}/{entry.name}' is in another namespace, and cross-namespace "
                "references are not allowed"
            )
        return namespace

    async def _resource(self, entry: ReceiverResource) -> Resource:
        api_version = entry.api_version or _VERSIONS.get(entry.kind)
        if not api_version:
            raise NotRequested(f'apiVersion must be specified for kind "{entry.kind}"')
        group, version = split_api_version(api_version)
        return await self._client.discovery.find(group, entry.kind, version)

    async def _annotate(self, resource: Resource, namespace: str, name: str) -> None:
        # The value only has to be a new one; its last digits are those of an exact time in the format.
        now = self._clock.now().strftime("%Y-%m-%dT%H:%M:%S.%f000Z")
        patch: JsonObject = {"metadata": {"annotations": {wire.REQUESTED_AT: now}}}
        await self._client.merge_patch(resource, namespace, name, patch, manager=self._manager)
        self._log.info("reconciliation requested", kind=resource.kind, namespace=namespace, name=name)
