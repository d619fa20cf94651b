"""Builds helm-controller; the only place that knows all of its parts."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from helm_controller.helm_release.actions import Actions
from helm_controller.helm_release.attempts import Attempts
from helm_controller.helm_release.charts import Charts
from helm_controller.helm_release.header import HelmReleaseHeader
from helm_controller.helm_release.options import Choices
from helm_controller.helm_release.ownership import Ownership
from helm_controller.helm_release.reconciler import HelmReleaseReconciler
from helm_controller.helm_release.rendering import Renderer
from helm_controller.helm_release.sources import KINDS, Sources, SourceTrigger
from helm_controller.helm_release.state import States
from helm_controller.helm_release.template import ChartTemplates
from helm_controller.memory_watch import MemoryWatch
from helm_controller.patching.patch_rules import PatchRules
from helm_controller.rendering.post import PostRenderer
from helm_controller.rendering.program import HelmProgram
from helm_controller.rendering.slots import RenderSlots
from helm_controller.settings import HelmSettings
from helm_controller.values.composing import ValuesComposer
from shared.api.helm_v2 import GROUP, HelmRelease
from shared.artifact.fetch import ArtifactFetcher, FetchPolicy
from shared.kube.informer import Informer
from shared.process import ProgramMissing, find_program
from shared.runtime.config_triggers import ConfigTrigger, config_informers
from shared.runtime.controller import Controller, Policy
from shared.runtime.dependencies import Dependencies
from shared.runtime.identities import Identities
from shared.runtime.manager import Parts
from shared.runtime.other_clusters import other_clusters
from shared.runtime.process import Frame
from shared.runtime.sources import source_informers
from shared.ssa import SharedWatches

NAME = "helm-controller"


@asynccontextmanager
async def build(settings: HelmSettings, frame: Frame) -> AsyncIterator[Parts]:
    """All parts of the controller, for as long as the block lasts."""
    client = frame.client
    releases = Informer(
        client,
        GROUP,
        HelmRelease.KIND,
        HelmReleaseHeader.of,
        namespace=settings.watched_namespace,
        label_selector=settings.watch_label_selector,
    )
    informers = source_informers(client, KINDS, settings.watched_namespace)
    configs = config_informers(client, settings)
    helm3 = settings.gate("UseHelm3Defaults")
    dependencies = Dependencies(
        releases,
        f"{HelmRelease.PLURAL}.{GROUP}",
        wait=settings.requeue_dependency,
        additive=settings.gate("AdditiveCELDependencyCheck"),
        facts=_no_more,
    )
    with _scratch() as scratch, _scratch(settings.render_path) as renders:
        async with other_clusters(settings, frame) as clusters, SharedWatches() as watches:
            fetcher = ArtifactFetcher(
                frame.outside,
                _folder(scratch, "artifacts"),
                policy=FetchPolicy(retries=settings.http_retry, idle_timeout=settings.http_timeout),
                host=settings.source_controller_localhost,
            )
            charts = Charts(
                fetcher,
                _folder(scratch, "charts"),
                track_digests=not settings.gate("DisableChartDigestTracking"),
            )
            slots = RenderSlots()
            renderer = Renderer(
                charts,
                HelmProgram(_program("--helm-binary", settings.helm_binary), renders, slots),
                PostRenderer(_program("--kustomize-binary", settings.kustomize_binary), renders, slots),
                strategy="nohooks" if helm3 else "combined",
                dns=settings.gate("AllowDNSLookups"),
            )
            actions = Actions(renderer, Choices(server_side=not helm3))
            ownership = Ownership(client)
            reconciler = HelmReleaseReconciler(
                ChartTemplates(
                    client,
                    informers["HelmChart"].store.get,
                    cross_namespace=not settings.no_cross_namespace_refs,
                ),
                dependencies,
                Sources(
                    informers,
                    cross_namespace=not settings.no_cross_namespace_refs,
                    external_artifacts=settings.gate("ExternalArtifact"),
                    wait=settings.requeue_dependency,
                    direct=client if settings.gate("DirectSourceFetch") else None,
                ),
                ValuesComposer(client),
                charts,
                Identities(
                    client,
                    settings.default_service_account,
                    clusters,
                    kind=HelmRelease.KIND,
                    operation="reconcile",
                ),
                watches,
                Attempts(States(settings.override_manager), actions, ownership),
                actions,
                ownership,
                rules=PatchRules(),
                retry_by_default=settings.gate("DefaultToRetryOnFailure"),
                legacy_wait=helm3,
                wait=settings.requeue_dependency,
                algorithm=settings.snapshot_digest_algo,
            )
            controller = Controller(
                reconciler,
                releases,
                client,
                frame.recorder,
                frame.clock,
                Policy.of(
                    settings,
                    NAME,
                    cancel_waits=settings.gate("CancelHealthCheckOnNewRevision"),
                    # The end of a wait fails a revision, which nobody wants who asks for a turn.
                    requests_cancel=False,
                ),
            )
            SourceTrigger(controller, informers)
            dependencies.wake_through(controller)
            ConfigTrigger(controller, configs)
            yield Parts(
                recorder=frame.recorder,
                informers=(releases, *informers.values(), *configs),
                controllers=(controller,),
                servers=frame.servers,
                leadership=frame.leadership,
                until=_until(settings),
                grace_seconds=settings.graceful_shutdown_timeout.total_seconds(),
            )
            await fetcher.close()


def _until(settings: HelmSettings) -> tuple[Callable[[], Awaitable[None]], ...]:
    if not settings.gate("OOMWatch"):
        return ()
    watch = MemoryWatch.open(
        settings.oom_watch_max_memory_path,
        settings.oom_watch_current_memory_path,
        settings.oom_watch_memory_threshold,
        settings.oom_watch_interval,
    )
    return (watch.near_limit,)


def _no_more(header: HelmReleaseHeader) -> tuple[object, ...]:
    """Apart from readiness nothing of a dependency counts."""
    del header
    return ()


def _folder(scratch: Path, name: str) -> Path:
    folder = scratch / name
    folder.mkdir()
    return folder


@contextmanager
def _scratch(parent: str = "") -> Iterator[Path]:
    """A folder for this run, below a folder of ours or where temporary files belong.

    What a run that was killed has left in a folder of ours goes: it may hold secrets, and may be in memory.
    """
    if parent:
        for left in Path(parent).glob(f"{NAME}-*"):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{NAME}-", dir=parent or None) as folder:
        yield Path(folder)


def _program(flag: str, name: str) -> Path:
    try:
        return find_program(name)
    except ProgramMissing as error:
        raise ValueError(f"{flag}: no program {name!r}; install it or name its path") from error
