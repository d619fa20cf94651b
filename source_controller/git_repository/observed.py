"""The part of the spec that decides what is in an artifact, as it was when the current artifact was made."""

from __future__ import annotations

from shared.api.meta import Artifact
from shared.api.source_v1 import GitRepository
from shared.status.draft import StatusDraft


def configuration_changed(obj: GitRepository) -> bool:
    """Whether the same revision would give another artifact now; absent and empty ignore rules differ."""
    spec, status = obj.spec, obj.status
    sparse = (spec.sparse_checkout or ()) != (status.observed_sparse_checkout or ())
    return sparse or spec.ignore != status.observed_ignore


def observe(obj: GitRepository, artifact: Artifact, draft: StatusDraft) -> None:
    """Records an artifact together with what it was made from."""
    draft["artifact"] = artifact.model_dump(mode="json", by_alias=True, exclude_none=True)
    draft["observedIgnore"] = obj.spec.ignore
    draft["observedSparseCheckout"] = list(obj.spec.sparse_checkout or ())
