"""The HelmChart that a HelmRelease with a chart template has for itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from helm_controller.cluster.objects import MANAGER
from helm_controller.helm_release.reasons import Reason
from helm_controller.helm_release.record import Record
from shared.api.helm_v2 import GROUP, ChartTemplate, HelmRelease
from shared.api.source_v1 import GROUP as SOURCES
from shared.events import Severity
from shared.kube.client import KubeClient
from shared.kube.errors import KubeError, NotFound
from shared.kube.resources import ObjectKey
from shared.lang.duration import format_duration
from shared.lang.json import JsonObject
from shared.runtime.outcome import Failure
from shared.runtime.turn import Turn
from shared.ssa.drift import differences

_KIND: Final = "HelmChart"


class ChartTemplates:
    """Creates, changes and deletes HelmCharts."""

    def __init__(
        self,
        client: KubeClient,
        watched: Callable[[ObjectKey], JsonObject | None],
        *,
        cross_namespace: bool,
    ) -> None:
        """`watched` gives a HelmChart as a watch has told of it."""
        self._client = client
        self._watched = watched
        self._cross_namespace = cross_namespace
        #: What was applied last, by namespace and name; the same is not applied again in this process.
        self._applied: dict[str, JsonObject] = {}

    async def reconcile(self, obj: HelmRelease, turn: Turn[HelmRelease], record: Record) -> None:
        """Brings the HelmChart to what the template says; one that is no longer wanted goes.

        Raises:
            Failure: the API server refuses.
        """
        wanted = "/".join(obj.chart_object) if obj.spec.chart else ""
        known = record.get("helmChart")
        if known and (known != wanted or obj.deleting):
            await self.delete(turn, record)
        if not wanted or obj.deleting or obj.spec.chart is None:
            return
        namespace, name = obj.chart_object
        if namespace != obj.namespace and not self._cross_namespace:
            text = f"cross-namespace references are not allowed: cannot access HelmChart {wanted}"
            raise Failure(Reason.RECONCILE_ERROR, text, notify=False)
        await self._apply(obj, obj.spec.chart, namespace, name, turn)
        record.set("helmChart", wanted)

    async def delete(self, turn: Turn[HelmRelease], record: Record) -> None:
        """Deletes the HelmChart that the status names.

        Raises:
            Failure: the API server refuses.
        """
        known = record.get("helmChart")
        if not known:
            return
        namespace, _, name = known.partition("/")
        self._applied.pop(known, None)
        try:
            resource = await self._client.discovery.find(SOURCES, _KIND)
            await self._client.delete(resource, namespace, name)
            turn.event(Severity.TRACE, Reason.CHART_DELETED, f"deleted HelmChart '{known}'")
        except NotFound:
            pass
        except KubeError as error:
            text = f"failed to delete HelmChart '{known}': {error}"
            raise Failure(Reason.RECONCILE_ERROR, text, notify=False) from error
        record.set("helmChart", None)

    async def _apply(
        self, obj: HelmRelease, template: ChartTemplate, namespace: str, name: str, turn: Turn[HelmRelease]
    ) -> None:
        wanted = _chart(obj, template, namespace, name)
        where = f"{namespace}/{name}"
        watched = self._watched(ObjectKey(namespace, name))
        if watched is not None and self._applied.get(where) == wanted and not _differs(watched, wanted):
            return
        try:
            resource = await self._client.discovery.find(SOURCES, _KIND)
            live = await self._live(namespace, name)
            applied = await self._client.apply(resource, wanted, manager=MANAGER)
        except KubeError as error:
            text = f"failed to run server-side apply: {error}"
            turn.event(Severity.TRACE, Reason.CHART_SYNC_ERROR, text)
            raise Failure(Reason.RECONCILE_ERROR, text, notify=False) from error
        self._applied[where] = wanted
        if live is None:
            turn.event(Severity.TRACE, Reason.CHART_CREATED, f"Created HelmChart/{where}")
        elif differences(live, applied):
            turn.event(Severity.TRACE, Reason.CHART_CONFIGURED, f"Configured HelmChart/{where}")

    async def _live(self, namespace: str, name: str) -> JsonObject | None:
        resource = await self._client.discovery.find(SOURCES, _KIND)
        try:
            return await self._client.get(resource, namespace, name)
        except NotFound:
            return None


def _chart(obj: HelmRelease, template: ChartTemplate, namespace: str, name: str) -> JsonObject:
    spec = template.spec
    owner = {f"{GROUP}/name": obj.name, f"{GROUP}/namespace": obj.namespace}
    given = template.metadata
    metadata: JsonObject = {
        "name": name,
        "namespace": namespace,
        "labels": {**((given.labels if given else None) or {}), **owner},
    }
    if given and given.annotations:
        metadata["annotations"] = dict(given.annotations)
    content: JsonObject = {
        "chart": spec.chart,
        "version": spec.version,
        "sourceRef": {"kind": spec.source_ref.kind, "name": spec.source_ref.name},
        "interval": format_duration(spec.interval or obj.spec.interval),
        "reconcileStrategy": spec.reconcile_strategy,
    }
    if spec.values_files:
        content["valuesFiles"] = list(spec.values_files)
    if spec.ignore_missing_values_files:
        content["ignoreMissingValuesFiles"] = True
    if spec.verify is not None:
        content["verify"] = spec.verify.model_dump(by_alias=True, exclude_none=True, mode="json")
    return {"apiVersion": f"{SOURCES}/v1", "kind": _KIND, "metadata": metadata, "spec": content}


def _differs(live: JsonObject, wanted: JsonObject) -> bool:
    """Whether somebody changed what we want."""
    metadata = live.get("metadata") or {}
    return not (
        _within(wanted["spec"], live.get("spec") or {})
        and all(
            _within(wanted["metadata"].get(field) or {}, metadata.get(field) or {})
            for field in ("labels", "annotations")
        )
    )


def _within(wanted: Mapping[str, object], live: Mapping[str, object]) -> bool:
    return all(live.get(key) == value for key, value in wanted.items())
