"""What a caller may set about applying; nothing in this package knows which controller calls it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from shared.ssa.ignore import IgnoreRule
from shared.ssa.managed_fields import Takeover
from shared.ssa.order import NO_CUSTOM_KINDS, CustomKinds
from shared.ssa.policy import Policies


@dataclass(frozen=True, slots=True)
class ApplyOptions:
    """Field manager, policies and limits of one apply, prune included.

    `owner_labels` are on every object that the caller applies; pruning looks for them on live objects.
    """

    manager: str
    policies: Policies
    owner_labels: Mapping[str, str] = field(default_factory=dict)
    force: bool = False
    takeover: Takeover | None = None
    ignore: tuple[IgnoreRule, ...] = ()
    custom_kinds: CustomKinds = NO_CUSTOM_KINDS
    migrate_api_version: bool = False
    concurrency: int = 4
    stage_timeout: timedelta = timedelta(seconds=60)
    removal_timeout: timedelta = timedelta(seconds=60)
