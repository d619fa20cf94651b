"""The Kubernetes API: client, discovery, list-watch, caches of bytes."""

from shared.kube.client import KubeClient
from shared.kube.connection import Connection, ConnectionConfigError
from shared.kube.resources import ObjectKey, Resource

__all__ = ["Connection", "ConnectionConfigError", "KubeClient", "ObjectKey", "Resource"]
