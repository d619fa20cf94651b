"""A second cluster that objects of the first lead to: how to get in, and what is there."""

from __future__ import annotations

import base64
import copy
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from localcluster import Cluster
from shared.kube import Connection, KubeClient
from shared.kube.resources import Resource
from shared.lang import json
from shared.lang.json import JsonObject
from shared.testing.objects import Objects

_NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)


class OtherCluster(Objects):
    """One namespace of another cluster, by the same name as in the first."""

    def __init__(self, cluster: Cluster, client: KubeClient, namespace: str) -> None:
        super().__init__(client, namespace)
        self.cluster = cluster

    @classmethod
    @asynccontextmanager
    async def connected(cls, cluster: Cluster, namespace: str) -> AsyncIterator[OtherCluster]:
        """One with a connection of its own, and the namespace in it."""
        connection = await Connection.load(cluster.kubeconfig)
        try:
            other = cls(cluster, KubeClient(connection), namespace)
            await other.client.create(_NAMESPACES, {"metadata": {"name": namespace}})
            yield other
        finally:
            await connection.close()

    def kubeconfig(self, *, user: Mapping[str, Any] | None = None, **cluster: Any) -> JsonObject:
        """A kubeconfig of its administrator, or of somebody else; fields of the cluster that are None go."""
        config: JsonObject = copy.deepcopy(json.loads_object(self.cluster.kubeconfig.read_bytes()))
        if user is not None:
            config["users"][0]["user"] = dict(user)
        entry = config["clusters"][0]["cluster"]
        for key, value in cluster.items():
            name = key.replace("_", "-")
            if value is None:
                entry.pop(name, None)
            else:
                entry[name] = value
        return config

    def kubeconfig_text(self) -> str:
        """The kubeconfig of its administrator, as text."""
        return json.dumps(self.kubeconfig()).decode()

    @property
    def authority(self) -> bytes:
        """The certificate to trust, PEM."""
        entry = json.loads_object(self.cluster.kubeconfig.read_bytes())["clusters"][0]["cluster"]
        return base64.b64decode(entry["certificate-authority-data"])

    def token(self, account: str) -> str:
        """A token of an account in the namespace."""
        return self.cluster.token(self.namespace, account)


def secret_of(config: JsonObject | str, name: str = "other", key: str = "value") -> JsonObject:
    """A Secret with a kubeconfig, watched for changes."""
    text = config if isinstance(config, str) else json.dumps(config).decode()
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "labels": {"reconcile.fluxcd.io/watch": "Enabled"}},
        "stringData": {key: text},
    }
