"""Names that objects and clusters carry: annotations, labels, the finalizer.

They are shared with the `flux` command line and with every other tool that speaks this API, so none of them
may change.
"""

from typing import Final

FINALIZER: Final = "finalizers.fluxcd.io"

REQUESTED_AT: Final = "reconcile.fluxcd.io/requestedAt"
"""A new value of this annotation asks for a turn; the value comes back in `status.lastHandledReconcileAt`."""

KUSTOMIZE_NAME: Final = "kustomize.toolkit.fluxcd.io/name"
KUSTOMIZE_NAMESPACE: Final = "kustomize.toolkit.fluxcd.io/namespace"
KUSTOMIZE_SUBSTITUTE: Final = "kustomize.toolkit.fluxcd.io/substitute"

DISABLED: Final = "disabled"

EVENT_PREFIX: Final = "event.toolkit.fluxcd.io/"
"""Annotations that begin like this travel with every event of their object."""

ORIGIN_REVISION: Final = "org.opencontainers.image.revision"
"""Key in an artifact's metadata: revision of the code that the artifact was made from."""
