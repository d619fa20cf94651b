"""Builds image-reflector-controller; the only place that knows all of its parts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from image_controllers.reflector.access import Accesses
from image_controllers.reflector.image_policy.digests import Digests
from image_controllers.reflector.image_policy.reconciler import ImagePolicyReconciler
from image_controllers.reflector.image_policy.repositories import Repositories
from image_controllers.reflector.image_policy.triggers import (
    PolicyHeader,
    RepositoryHeader,
    RepositoryTrigger,
)
from image_controllers.reflector.image_repository.reconciler import ImageRepositoryReconciler
from image_controllers.reflector.image_repository.scanning import Scanner, adler, digest
from image_controllers.reflector.leftovers import Leftovers
from image_controllers.reflector.settings import ReflectorSettings
from image_controllers.reflector.tags import Tags
from shared.api.image_v1 import ImageRepository
from shared.auth import Secrets
from shared.oci import Registries
from shared.runtime.assembly import clouds_of, controller_of
from shared.runtime.manager import Parts
from shared.runtime.process import Frame

NAME: Final = "image-reflector-controller"
USER_AGENT: Final = "flux/v2 headrace"


@asynccontextmanager
async def build(settings: ReflectorSettings, frame: Frame) -> AsyncIterator[Parts]:
    """All parts of the controller, for as long as the block lasts."""
    tags = Tags(Path(settings.storage_path), settings.storage_compression_threshold << 10)
    clouds = clouds_of(frame, settings, settings.default_service_account)
    accesses = Accesses(
        Secrets(frame.client),
        clouds,
        Registries(frame.outside, USER_AGENT),
        object_level=settings.object_level,
    )
    scanner = Scanner(
        tags,
        digest if settings.gate("FluxStorage") else adler,
        settings.max_tags,
        settings.interval_jitter_percentage / 100,
    )
    repositories = controller_of(
        frame, settings, ImageRepositoryReconciler(accesses, scanner, tags), RepositoryHeader.of
    )
    policies = controller_of(
        frame,
        settings,
        ImagePolicyReconciler(
            Repositories(
                frame.client,
                repositories.informer.store.get,
                cross_namespace=not settings.no_cross_namespace_refs,
            ),
            accesses,
            tags,
            Digests(accesses),
            wait=settings.requeue_dependency,
        ),
        PolicyHeader.of,
    )
    trigger = RepositoryTrigger(policies, repositories.informer)
    scanner.on_return(trigger.wake)
    tags.on_damage(lambda key: repositories.trigger(key, f"{ImageRepository.KIND}/{key}"))
    pause = settings.gc_pause
    leftovers = Leftovers(tags, frame.client, pause, settings.watched_namespace) if pause else None
    yield Parts(
        recorder=frame.recorder,
        informers=(repositories.informer, policies.informer),
        controllers=(repositories, policies),
        servers=frame.servers,
        leadership=frame.leadership,
        background=(leftovers.run,) if leftovers else (),
        # The pod has ten seconds; a scan that is cut off begins anew.
        grace_seconds=4.0,
    )
