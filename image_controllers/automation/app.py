"""Builds image-automation-controller; the only place that knows all of its parts."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from image_controllers.automation.settings import AutomationSettings
from image_controllers.automation.update.files import Files
from image_controllers.automation.update.plans import Plans
from image_controllers.automation.update.policies import PolicyHeader
from image_controllers.automation.update.reconciler import ImageUpdateAutomationReconciler
from image_controllers.automation.update.runs import Runs
from image_controllers.automation.update.triggers import AutomationHeader, Triggers
from shared.api.image_v1 import GROUP, ImagePolicy
from shared.api.source_v1 import GROUP as SOURCE_GROUP
from shared.api.source_v1 import GitRepository
from shared.auth import Secrets
from shared.git import GitClient
from shared.git.configured import ConfiguredRemotes
from shared.kube.informer import Informer
from shared.runtime.assembly import clouds_of, controller_of
from shared.runtime.header import Header
from shared.runtime.manager import Parts
from shared.runtime.process import Frame

NAME: Final = "image-automation-controller"


@asynccontextmanager
async def build(settings: AutomationSettings, frame: Frame) -> AsyncIterator[Parts]:
    """All parts of the controller, for as long as the block lasts."""
    client, namespace = frame.client, settings.watched_namespace
    policies = Informer(client, GROUP, ImagePolicy.KIND, PolicyHeader.of, namespace=namespace, optional=True)
    repositories = Informer(
        client, SOURCE_GROUP, GitRepository.KIND, Header.of, namespace=namespace, optional=True
    )
    secrets = Secrets(client)
    clouds = clouds_of(frame, settings, settings.default_service_account)
    remotes = ConfiguredRemotes(secrets, clouds, object_level=settings.object_level)
    with tempfile.TemporaryDirectory(prefix=f"{NAME}-") as scratch:
        git = GitClient(
            Path(scratch) / "git",
            frame.outside,
            ssh=settings.ssh,
            shallow=settings.gate("GitShallowClone"),
        )
        runs = Runs(
            git,
            Files(),
            all_branches=settings.gate("GitAllBranchReferences"),
            force=settings.gate("GitForcePushBranch"),
        )
        plans = Plans(repositories, remotes, secrets, cross_namespace=not settings.no_cross_namespace_refs)
        controller = controller_of(
            frame,
            settings,
            ImageUpdateAutomationReconciler(policies.store, plans, runs),
            AutomationHeader.of,
        )
        Triggers(controller, policies, repositories)
        yield Parts(
            recorder=frame.recorder,
            informers=(controller.informer, policies, repositories),
            controllers=(controller,),
            servers=frame.servers,
            leadership=frame.leadership,
            # The pod has ten seconds; a run that is cut off begins anew and finds what it has pushed.
            grace_seconds=4.0,
        )
        await git.close()
