"""Names on the wire that every controller shares: annotations, labels, finalizer."""

from __future__ import annotations

from typing import Final

FINALIZER: Final = "finalizers.fluxcd.io"
REQUESTED_AT: Final = "reconcile.fluxcd.io/requestedAt"
FORCE_AT: Final = "reconcile.fluxcd.io/forceAt"
EVENT_PREFIX: Final = "event.toolkit.fluxcd.io/"
WATCH_LABEL: Final = "reconcile.fluxcd.io/watch"

SOURCE_GROUP: Final = "source.toolkit.fluxcd.io"
KUSTOMIZE_GROUP: Final = "kustomize.toolkit.fluxcd.io"
