"""Builds kustomize-controller; the only place that knows all of its parts."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from kustomize_controller.kustomization.apply import Applier
from kustomize_controller.kustomization.build import BuildSettings
from kustomize_controller.kustomization.builder import ManifestBuilder
from kustomize_controller.kustomization.desired import DesiredSet
from kustomize_controller.kustomization.header import KustomizationHeader
from kustomize_controller.kustomization.health import Health
from kustomize_controller.kustomization.reconciler import KustomizationReconciler
from kustomize_controller.kustomization.settled import Settled
from kustomize_controller.kustomization.sources import KINDS, Sources, SourceTrigger
from kustomize_controller.kustomization.variables import Variables
from kustomize_controller.settings import KustomizeSettings
from shared.api.kustomize_v1 import GROUP, Kustomization
from shared.artifact.fetch import ArtifactFetcher, FetchPolicy
from shared.kube.informer import Informer
from shared.runtime.config_triggers import ConfigTrigger, config_informers
from shared.runtime.controller import Controller, Policy
from shared.runtime.dependencies import Dependencies
from shared.runtime.identities import Identities
from shared.runtime.manager import Parts
from shared.runtime.other_clusters import other_clusters
from shared.runtime.process import Frame
from shared.runtime.sources import source_informers
from shared.ssa import SharedWatches

NAME = "kustomize-controller"
_STATUS_MANAGER = "gotk-kustomize-controller"


@asynccontextmanager
async def build(settings: KustomizeSettings, frame: Frame) -> AsyncIterator[Parts]:
    """All parts of the controller, for as long as the block lasts."""
    client = frame.client
    kustomizations = Informer(
        client,
        GROUP,
        Kustomization.KIND,
        KustomizationHeader.of,
        namespace=settings.watched_namespace,
        label_selector=settings.watch_label_selector,
    )
    informers = source_informers(client, KINDS, settings.watched_namespace)
    configs = config_informers(client, settings)
    wait = settings.requeue_dependency
    dependencies = Dependencies(
        kustomizations,
        f"{Kustomization.PLURAL}.{GROUP}",
        wait=wait,
        additive=settings.gate("AdditiveCELDependencyCheck"),
        facts=lambda header: (header.source, header.applied_revision),
    )
    with tempfile.TemporaryDirectory(prefix=f"{NAME}-") as scratch:
        async with (
            other_clusters(settings, frame) as clusters,
            SharedWatches() as watches,
            Settled(client, frame.clock, settings.full_check_interval) as settled,
        ):
            fetcher = ArtifactFetcher(
                frame.outside,
                _folder(scratch, "artifacts"),
                policy=FetchPolicy(retries=settings.http_retry),
                host=settings.source_controller_localhost,
            )
            builder = ManifestBuilder(
                BuildSettings(
                    program=_program(settings.kustomize_binary),
                    scratch=_folder(scratch, "builds"),
                    remote_bases=not settings.no_remote_bases,
                )
            )
            reconciler = KustomizationReconciler(
                Sources(
                    informers,
                    cross_namespace=not settings.no_cross_namespace_refs,
                    external_artifacts=settings.gate("ExternalArtifact"),
                    wait=wait,
                    direct=client if settings.gate("DirectSourceFetch") else None,
                ),
                dependencies,
                DesiredSet(
                    fetcher,
                    builder,
                    Variables(client),
                    strict=settings.gate("StrictPostBuildSubstitutions"),
                    wait=wait,
                ),
                Identities(
                    client,
                    settings.default_service_account,
                    clusters,
                    kind=Kustomization.KIND,
                    operation="fetch_kubeconfig",
                ),
                Applier(watches, settings),
                Health(watches, fail_fast=not settings.gate("DisableFailFastBehavior")),
                settled,
            )
            controller = Controller(
                reconciler,
                kustomizations,
                client,
                frame.recorder,
                frame.clock,
                Policy.of(
                    settings,
                    _STATUS_MANAGER,
                    cancel_waits=settings.gate("CancelHealthCheckOnNewRevision"),
                ),
            )
            SourceTrigger(controller, informers)
            dependencies.wake_through(controller)
            ConfigTrigger(controller, configs)
            yield Parts(
                recorder=frame.recorder,
                informers=(kustomizations, *informers.values(), *configs),
                controllers=(controller,),
                servers=frame.servers,
                leadership=frame.leadership,
            )
            await fetcher.close()


def _folder(scratch: str, name: str) -> Path:
    folder = Path(scratch) / name
    folder.mkdir()
    return folder


def _program(name: str) -> Path:
    found = shutil.which(name)
    if found is None:
        raise ValueError(f"--kustomize-binary: no program {name!r}; install kustomize or name its path")
    return Path(found).resolve()
