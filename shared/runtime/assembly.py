"""Parts that several controllers are made of, put together from their settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Self, TypeVar

from pydantic import model_validator

from shared.api.meta import CustomResource
from shared.auth.cloud import Clouds
from shared.kube.informer import Informer
from shared.lang.json import JsonObject
from shared.runtime.controller import Controller, Policy, Reconciler, Resting
from shared.runtime.header import Header
from shared.runtime.process import Frame
from shared.runtime.settings import Settings

OBJECT_LEVEL: Final = "ObjectLevelWorkloadIdentity"

R = TypeVar("R", bound=CustomResource)
H = TypeVar("H", bound=Header)


class IdentitySettings(Settings):
    """Settings of a controller whose objects log in at clouds, each with a ServiceAccount of its own."""

    @model_validator(mode="after")
    def _has_gate(self) -> Self:
        if self.default_service_account:
            self.need_gate("default_service_account", OBJECT_LEVEL)
        return self

    @property
    def object_level(self) -> bool:
        """Whether objects may name the account that they log in with."""
        return self.gate(OBJECT_LEVEL)


def clouds_of(frame: Frame, settings: Settings, default_account: str) -> Clouds:
    """The logins of a controller at clouds; `default_account` stands for objects that name none."""
    return Clouds(
        frame.outside,
        frame.client,
        frame.clock,
        kept=settings.token_cache_max_size,
        longest=settings.token_cache_max_duration,
        default_account=default_account,
    )


def controller_of(
    frame: Frame,
    settings: Settings,
    reconciler: Reconciler[R],
    header: Callable[[JsonObject], H],
    resting: Resting | None = None,
) -> Controller[R, H]:
    """The controller of a kind, with an informer on the objects that the process looks after."""
    informer = Informer(
        frame.client,
        reconciler.kind.GROUP,
        reconciler.kind.KIND,
        header,
        namespace=settings.watched_namespace,
        label_selector=settings.watch_label_selector,
    )
    policy = Policy.of(settings, frame.name)
    return Controller(reconciler, informer, frame.client, frame.recorder, frame.clock, policy, resting)
