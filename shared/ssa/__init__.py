"""Desired objects into a cluster by server-side apply, and out of it again.

The steps are separate and pass values on: desired set -> stages (`order`) -> `plan` (diff by dry-run) ->
decide (a hook of the caller) -> `apply` -> wait (`HealthWaiter`) -> `prune`. `Rollout` runs the first four
stage by stage. Nothing here knows which controller calls: owner labels, field manager and the prefix of
policies are options.
"""

from shared.ssa.applier import Applied, apply
from shared.ssa.changes import Action, Change, log_of
from shared.ssa.errors import ApplyFailed, DryRunFailed, SsaError, StageFailed, StillThere
from shared.ssa.gone import wait_gone
from shared.ssa.identity import GroupKind, ObjectId
from shared.ssa.ignore import IgnoreRule
from shared.ssa.inventory import Entry, Inventory
from shared.ssa.managed_fields import Takeover, Writer, by_hand, client_side, overridden
from shared.ssa.normalise import normalised
from shared.ssa.options import ApplyOptions
from shared.ssa.order import CustomKinds
from shared.ssa.plan import Plan, Step
from shared.ssa.planner import plan
from shared.ssa.policy import Policies
from shared.ssa.prune import Pruned, PruneFailed, prune
from shared.ssa.rollout import Rollout
from shared.ssa.wait import HealthCheckFailed, HealthWaiter
from shared.ssa.watches import Pace, SharedWatches

__all__ = [
    "Action",
    "Applied",
    "ApplyFailed",
    "ApplyOptions",
    "Change",
    "CustomKinds",
    "DryRunFailed",
    "Entry",
    "GroupKind",
    "HealthCheckFailed",
    "HealthWaiter",
    "IgnoreRule",
    "Inventory",
    "ObjectId",
    "Pace",
    "Plan",
    "Policies",
    "PruneFailed",
    "Pruned",
    "Rollout",
    "SharedWatches",
    "SsaError",
    "StageFailed",
    "Step",
    "StillThere",
    "Takeover",
    "Writer",
    "apply",
    "by_hand",
    "client_side",
    "log_of",
    "normalised",
    "overridden",
    "plan",
    "prune",
    "wait_gone",
]
