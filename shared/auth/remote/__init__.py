"""Other clusters: kubeconfigs that users hand in, descriptions with identities, and what logs in there."""

from shared.auth.remote.description import Description, DescriptionError
from shared.auth.remote.endpoint import RemoteEndpoint, open_endpoint
from shared.auth.remote.identities import ClusterIdentities
from shared.auth.remote.kubeconfig import Allowed, KubeconfigError, Target, read_kubeconfig
from shared.auth.remote.logins import Login

__all__ = [
    "Allowed",
    "ClusterIdentities",
    "Description",
    "DescriptionError",
    "KubeconfigError",
    "Login",
    "RemoteEndpoint",
    "Target",
    "open_endpoint",
    "read_kubeconfig",
]
