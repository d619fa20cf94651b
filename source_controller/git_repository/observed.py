"""The part of the spec that decides what is in an artifact, as it was when the current artifact was made."""

from __future__ import annotations

from collections.abc import Sequence

from shared.api.meta import Artifact
from shared.api.source_v1 import GitRepository
from shared.status.draft import StatusDraft
from source_controller.artifacts import wire
from source_controller.git_repository.included import Included


def configuration_changed(obj: GitRepository, includes: Sequence[Included]) -> bool:
    """Whether the same revision would give another artifact now; absent and empty ignore rules differ."""
    spec, status = obj.spec, obj.status
    sparse = (spec.sparse_checkout or ()) != (status.observed_sparse_checkout or ())
    include = (spec.include or ()) != (status.observed_include or ()) or includes_changed(obj, includes)
    modules = spec.recurse_submodules != status.observed_recurse_submodules
    return sparse or include or modules or spec.ignore != status.observed_ignore


def includes_changed(obj: GitRepository, includes: Sequence[Included]) -> bool:
    """Whether the included artifacts are others than those in the current artifact."""
    before = [(artifact.revision, artifact.digest) for artifact in obj.status.included_artifacts or ()]
    return before != [(each.artifact.revision, each.artifact.digest) for each in includes]


def observe(obj: GitRepository, artifact: Artifact, includes: Sequence[Included], draft: StatusDraft) -> None:
    """Records an artifact together with what it was made from."""
    draft["artifact"] = wire(artifact)
    draft["includedArtifacts"] = [wire(included.artifact) for included in includes]
    draft["observedInclude"] = [wire(included.spec) for included in includes]
    draft["observedIgnore"] = obj.spec.ignore
    draft["observedRecurseSubmodules"] = obj.spec.recurse_submodules or None
    draft["observedSparseCheckout"] = list(obj.spec.sparse_checkout or ())
