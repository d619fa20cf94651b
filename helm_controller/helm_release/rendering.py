"""The release that an attempt wants: rendered by helm, changed by post-renderers."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from helm_controller.cluster.applying import Way
from helm_controller.cluster.client_side import ClientSide
from helm_controller.cluster.crds import apply_definitions
from helm_controller.cluster.objects import ClusterError
from helm_controller.cluster.server_side import ServerSide
from helm_controller.cluster.waiting import Waiting
from helm_controller.helm_release.attempt import Attempt
from helm_controller.helm_release.charts import Charts, InvalidChart
from helm_controller.operations.means import OperationFailed, Options, current_of
from helm_controller.release.model import Release
from helm_controller.rendering.chart_crds import UnreadableDefinition, definitions
from helm_controller.rendering.post import PostRenderer, PostRenderError, PostRendering
from helm_controller.rendering.program import HelmProgram, RenderError, Rendering
from shared.api.helm_v2 import GROUP, HelmRelease
from shared.artifact.fetch import ArtifactError
from shared.lang.bounded import remember
from shared.lang.json import JsonObject

_REMEMBERED: Final = 64
_UNUSABLE: Final = (ArtifactError, InvalidChart, UnreadableDefinition)
_IGNORED: Final = (
    "ignoring objects in the chart's crds folder, it is for CustomResourceDefinitions only; "
    "move them to templates"
)


class Renderer:
    """Renders charts, and brings their definitions into the cluster before."""

    def __init__(
        self, charts: Charts, program: HelmProgram, post: PostRenderer, *, strategy: str, dns: bool
    ) -> None:
        self._charts = charts
        self._program = program
        self._post = post
        self._strategy = strategy
        self._dns = dns
        self._definitions: OrderedDict[tuple[str, str], list[JsonObject]] = OrderedDict()

    async def rendered(
        self, attempt: Attempt, last: Release | None, waiting: Waiting, options: Options
    ) -> Release:
        """What an installation would bring; `last` is an uninstalled revision of the name.

        Raises:
            OperationFailed: the chart can't be rendered.
        """
        policy = attempt.obj.install.crds or "Create"
        skip = attempt.obj.install.disable_schema_validation
        return await self._made(attempt, waiting, policy, options, last=last, skip_schema=skip)

    async def upgraded(
        self, attempt: Attempt, history: Sequence[Release], waiting: Waiting, options: Options
    ) -> Release:
        """What an upgrade would bring; `history` has all revisions, the newest first.

        Raises:
            OperationFailed: the chart can't be rendered.
        """
        upgrade = attempt.obj.upgrade
        return await self._made(
            attempt,
            waiting,
            upgrade.crds or "Create",
            options,
            last=history[0],
            current=current_of(history),
            skip_schema=upgrade.disable_schema_validation,
            reuse_values=upgrade.preserve_values,
        )

    async def definitions_of(self, attempt: Attempt) -> list[JsonObject]:
        """The definitions of the attempt's chart, as far as it takes to name them.

        Raises:
            OperationFailed: the chart can't be loaded.
        """
        key = _key(attempt)
        if key not in self._definitions:
            try:
                async with self._charts.folder(attempt.the_chart) as folder:
                    await self._read(attempt, folder)
            except _UNUSABLE as error:
                raise OperationFailed(f"could not load chart: {error}") from error
        return self._definitions[key]

    async def _read(self, attempt: Attempt, folder: Path) -> list[JsonObject]:
        """The definitions of a chart in a folder; their names are remembered."""
        found = await asyncio.to_thread(definitions, folder, attempt.values.values)
        if found.ignored:
            attempt.turn.log.warning(_IGNORED, objects=found.ignored)
        names = [_name(obj) for obj in found.objects]
        remember(self._definitions, _key(attempt), names, _REMEMBERED)
        return found.objects

    async def _made(
        self,
        attempt: Attempt,
        waiting: Waiting,
        policy: str,
        options: Options,
        *,
        last: Release | None,
        current: Release | None = None,
        skip_schema: bool,
        reuse_values: bool = False,
    ) -> Release:
        obj, chart = attempt.obj, attempt.the_chart
        try:
            async with self._charts.folder(chart) as folder:
                found = await self._read(attempt, folder)
                await self._define(attempt, waiting, policy, found, options)
                wanted = Rendering(
                    chart=folder,
                    name=attempt.release_name,
                    namespace=obj.release_namespace,
                    values=attempt.values.values,
                    assigned=attempt.values.assigned,
                    last=last,
                    current=current,
                    upgrade=current is not None,
                    reuse_values=reuse_values,
                    skip_schema=skip_schema,
                    dns=self._dns,
                    secrets=attempt.values.secrets,
                )
                release = await self._program.render(attempt.client, wanted)
            return await self._post.apply(release, _post_rendering(obj, self._strategy))
        except _UNUSABLE as error:
            raise OperationFailed(f"could not load chart: {error}") from error
        except (RenderError, PostRenderError, ClusterError) as error:
            raise OperationFailed(str(error)) from error

    @staticmethod
    async def _define(
        attempt: Attempt, waiting: Waiting, policy: str, found: Sequence[JsonObject], options: Options
    ) -> None:
        if policy == "Skip" or not found:
            return
        client = attempt.client
        replacing: Way | None = None
        if policy == "CreateReplace" and options.server_side:
            replacing = ServerSide(client)
        elif policy == "CreateReplace":
            replacing = ClientSide(client, attempt.rules, replace=True)
        await apply_definitions(client, waiting, found, _origin(attempt.obj), replacing)


def _key(attempt: Attempt) -> tuple[str, str]:
    return attempt.the_chart.source.artifact.digest, attempt.digest


def _name(obj: JsonObject) -> JsonObject:
    metadata = {key: obj["metadata"][key] for key in ("name", "namespace") if key in obj["metadata"]}
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": metadata}


def _post_rendering(obj: HelmRelease, default: str) -> PostRendering:
    common = obj.spec.common_metadata
    return PostRendering(
        origin=_origin(obj),
        labels=(common.labels if common else None) or {},
        annotations=(common.annotations if common else None) or {},
        kustomizations=[
            each.kustomize.model_dump(by_alias=True, exclude_none=True, mode="json")
            for each in obj.spec.post_renderers or ()
            if each.kustomize is not None
        ],
        strategy=obj.spec.post_render_strategy or default,
    )


def _origin(obj: HelmRelease) -> dict[str, str]:
    return {f"{GROUP}/name": obj.name, f"{GROUP}/namespace": obj.namespace}
