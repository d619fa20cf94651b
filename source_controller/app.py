"""Builds source-controller; the only place that knows all of its parts."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from shared.auth import Secrets
from shared.git import GitClient
from shared.git.configured import ConfiguredRemotes
from shared.kube.informer import Informer
from shared.lang.digest import Algorithm
from shared.observe import metrics
from shared.observe.http import Server, parse_address
from shared.oci import Registries
from shared.runtime.assembly import clouds_of, controller_of
from shared.runtime.controller import Controller
from shared.runtime.header import Header
from shared.runtime.manager import Parts
from shared.runtime.process import Frame
from source_controller.artifacts import Shelf, SourceHeader
from source_controller.bucket.access import BucketAccesses
from source_controller.bucket.content import BucketContents
from source_controller.bucket.library import Library
from source_controller.bucket.reconciler import BucketReconciler
from source_controller.bucket.s3 import S3Stores
from source_controller.bucket.stores import Stores
from source_controller.git_repository.included import GitRepositoryHeader, Includes, IncludeTrigger
from source_controller.git_repository.publisher import Publisher
from source_controller.git_repository.reconciler import GitRepositoryReconciler
from source_controller.git_repository.remotes import Remotes
from source_controller.git_repository.verification import Verifier
from source_controller.helm_chart.chart import Limits
from source_controller.helm_chart.dependencies import Dependencies, Repositories
from source_controller.helm_chart.from_repository import RepositoryBuilds
from source_controller.helm_chart.from_tree import TreeBuilds
from source_controller.helm_chart.reconciler import HelmChartReconciler
from source_controller.helm_chart.remote import RemoteCharts
from source_controller.helm_chart.sources import ChartHeader, ChartSources, ChartTrigger
from source_controller.helm_chart.trees import Trees
from source_controller.helm_repository.access import HelmClients
from source_controller.helm_repository.fetching import Indexes
from source_controller.helm_repository.reconciler import HelmRepositoryReconciler
from source_controller.helm_repository.reconciler import Registries as HelmRegistries
from source_controller.identities import Identities
from source_controller.oci_repository.access import Accesses
from source_controller.oci_repository.content import Contents
from source_controller.oci_repository.reconciler import OCIRepositoryReconciler
from source_controller.oci_repository.verification import Verifier as ImageVerifier
from source_controller.server import artifact_application
from source_controller.settings import SourceSettings
from source_controller.signatures import Signatures
from source_controller.storage import Orphans, Storage

NAME: Final = "source-controller"
LATEST: Final = "latest.tar.gz"
INDEX_LINK: Final = "index.yaml"
USER_AGENT: Final = "flux/v2 headrace"
"""Of requests to registries; some look at how it begins."""


def _count(status: int) -> None:
    metrics.artifact_requests.labels(str(status)).inc()


@asynccontextmanager
async def build(settings: SourceSettings, frame: Frame) -> AsyncIterator[Parts]:
    """All parts of the controller, for as long as the block lasts."""
    storage = Storage.open(settings, frame.clock)
    secrets = Secrets(frame.client)
    registries = Registries(frame.outside, USER_AGENT)
    clouds = clouds_of(frame, settings, settings.default_service_account)
    identities = Identities(clouds, object_level=settings.object_level)
    with tempfile.TemporaryDirectory(prefix=f"{NAME}-") as scratch:
        folder = Path(scratch)
        git = GitClient(folder / "git", frame.outside, ssh=settings.ssh)
        git_repositories = controller_of(
            frame,
            settings,
            GitRepositoryReconciler(
                Remotes(ConfiguredRemotes(secrets, clouds, object_level=settings.object_level)),
                Includes(frame.client),
                git,
                Shelf(storage),
                Publisher(storage),
                Verifier(secrets),
                wait=settings.requeue_dependency,
                credentials_anywhere=settings.submodule_credentials == "any",
            ),
            GitRepositoryHeader.of,
        )
        IncludeTrigger(git_repositories)
        signatures = Signatures(secrets, folder, settings.cosign_binary)
        oci_repositories = controller_of(
            frame,
            settings,
            OCIRepositoryReconciler(
                Accesses(secrets, identities),
                registries,
                ImageVerifier(signatures),
                Shelf(storage, LATEST),
                Contents(storage, folder),
            ),
            Header.of,
        )
        indexes = Indexes(
            storage,
            folder,
            limit=settings.helm_index_max_size,
            algorithm=Algorithm.named(settings.artifact_digest_algo),
        )
        clients = HelmClients(frame.outside, secrets, identities)
        helm_repositories = controller_of(
            frame,
            settings,
            HelmRepositoryReconciler(clients, Shelf(storage, INDEX_LINK), indexes),
            SourceHeader.of,
            HelmRegistries(storage, indexes),
        )
        s3 = S3Stores(frame.outside, Library())
        buckets = controller_of(
            frame,
            settings,
            BucketReconciler(
                BucketAccesses(frame.outside, secrets, identities),
                Stores(frame.outside, s3),
                Shelf(storage, LATEST),
                BucketContents(storage, folder, Algorithm.named(settings.artifact_digest_algo)),
            ),
            SourceHeader.of,
        )
        origins: dict[str, Informer[Any]] = {
            each.kind: each.informer for each in (git_repositories, helm_repositories, buckets)
        }
        sources = ChartSources(frame.client, storage, origins)
        limits = Limits(package=settings.helm_chart_max_size, file=settings.helm_chart_file_max_size)
        charts = RemoteCharts(clients, registries, limits.package, counted=settings.helm_cache_max_size > 0)
        dependencies = Dependencies(Repositories(sources, charts, indexes), folder, limits)
        helm_charts = controller_of(
            frame,
            settings,
            HelmChartReconciler(
                sources,
                RepositoryBuilds(sources, charts, signatures, folder, limits),
                TreeBuilds(Trees(folder), dependencies, folder, limits),
                Shelf(storage, LATEST),
                storage,
            ),
            ChartHeader.of,
        )
        ChartTrigger(helm_charts, origins)
        served: tuple[Controller[Any, Any], ...] = (
            git_repositories,
            oci_repositories,
            helm_repositories,
            helm_charts,
            buckets,
        )
        orphans = Orphans(
            storage,
            frame.client,
            frame.clock,
            [controller.model for controller in served],
            settings.watched_namespace,
        )
        host, port = parse_address(settings.storage_addr, "--storage-addr")
        yield Parts(
            recorder=frame.recorder,
            informers=tuple(controller.informer for controller in served),
            controllers=served,
            servers=frame.servers,
            leader_servers=(Server(artifact_application(storage, count=_count), host, port),),
            leadership=frame.leadership,
            background=(orphans.run,),
            # The pod has ten seconds. A fetch that is cut off begins anew; a lease that isn't given back
            # makes the next process wait until it has run out.
            grace_seconds=4.0,
        )
        await git.close()
