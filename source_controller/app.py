"""Builds source-controller; the only place that knows all of its parts."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from shared.api.source_v1 import GROUP, GitRepository
from shared.git import GitClient, SshAlgorithms
from shared.kube.informer import Informer
from shared.observe import metrics
from shared.observe.http import Server, parse_address
from shared.runtime.controller import Controller, Policy
from shared.runtime.manager import Parts
from shared.runtime.process import Frame
from source_controller.artifacts import Shelf
from source_controller.git_repository.included import GitRepositoryHeader, Includes, IncludeTrigger
from source_controller.git_repository.publisher import Publisher
from source_controller.git_repository.reconciler import GitRepositoryReconciler
from source_controller.git_repository.remotes import Remotes
from source_controller.server import artifact_application
from source_controller.settings import SourceSettings
from source_controller.storage import Orphans, Storage

NAME = "source-controller"


def _count(status: int) -> None:
    metrics.artifact_requests.labels(str(status)).inc()


@asynccontextmanager
async def build(settings: SourceSettings, frame: Frame) -> AsyncIterator[Parts]:
    """All parts of the controller, for as long as the block lasts."""
    storage = Storage.open(settings, frame.clock)
    repositories = Informer(
        frame.client,
        GROUP,
        GitRepository.KIND,
        GitRepositoryHeader.of,
        namespace=settings.watched_namespace,
        label_selector=settings.watch_label_selector,
    )
    with tempfile.TemporaryDirectory(prefix=f"{NAME}-") as scratch:
        ssh = SshAlgorithms(settings.ssh_kex_algos, settings.ssh_hostkey_algos)
        git = GitClient(Path(scratch), frame.outside, ssh=ssh)
        reconciler = GitRepositoryReconciler(
            Remotes(frame.client),
            Includes(frame.client),
            git,
            Shelf(storage),
            Publisher(storage),
            wait=settings.requeue_dependency,
        )
        controller = Controller(
            reconciler,
            repositories,
            frame.client,
            frame.recorder,
            frame.clock,
            Policy.of(settings, NAME),
        )
        IncludeTrigger(controller)
        orphans = Orphans(
            storage,
            frame.client,
            frame.clock,
            (GitRepository,),
            settings.watched_namespace,
        )
        host, port = parse_address(settings.storage_addr, "--storage-addr")
        yield Parts(
            recorder=frame.recorder,
            informers=(repositories,),
            controllers=(controller,),
            servers=frame.servers,
            leader_servers=(Server(artifact_application(storage, count=_count), host, port),),
            leadership=frame.leadership,
            background=(orphans.run,),
            # The pod has ten seconds. A fetch that is cut off begins anew; a lease that isn't given back
            # makes the next process wait until it has run out.
            grace_seconds=4.0,
        )
        await git.close()
