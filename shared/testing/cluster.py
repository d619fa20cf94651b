"""pytest fixtures: a real control plane for the whole run, a namespace for each test.

With $HEADRACE_TEST_KUBECONFIG the run uses a cluster that is up already (`python -m localcluster up`),
which saves a few seconds while developing.
"""

from __future__ import annotations

import itertools
import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from localcluster import Cluster
from shared.codegen.crds import KINDS

_numbers = itertools.count()

_COLLECTIONS: Final = (
    *(f"apis/{kind.GROUP}/{kind.VERSION}/namespaces/{{}}/{kind.PLURAL}" for kind in KINDS),
    "apis/apps/v1/namespaces/{}/deployments",
    "apis/apps/v1/namespaces/{}/statefulsets",
    "apis/apps/v1/namespaces/{}/daemonsets",
    "apis/batch/v1/namespaces/{}/cronjobs",
    "apis/batch/v1/namespaces/{}/jobs",
    "api/v1/namespaces/{}/pods",
    "api/v1/namespaces/{}/secrets",
    "api/v1/namespaces/{}/configmaps",
)
"""What a controller would go on with if a test left it behind, or keep in memory."""


class BorrowedCluster(Cluster):
    """A cluster that somebody else started and will stop."""

    def __init__(self, kubeconfig: Path) -> None:
        super().__init__()
        self.folder = kubeconfig.parent
        self.adopt()

    def stop(self) -> None:
        """Leaves it alone."""


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A control plane; one per test process."""
    borrowed = os.environ.get("HEADRACE_TEST_KUBECONFIG")
    if borrowed:
        yield BorrowedCluster(Path(borrowed))
        return
    with Cluster() as own:
        yield own


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """A fresh namespace; what matters in it is deleted afterwards, without waiting for that.

    In a cluster of our own the namespace itself stays: its deletion lists and deletes every kind there is,
    again and again while something is left, which was nine tenths of all requests of a run.
    """
    name = f"t{next(_numbers)}-{uuid.uuid4().hex[:6]}"
    created = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    cluster.send(("POST", "/api/v1/namespaces", json.dumps(created)))
    yield name
    if isinstance(cluster, BorrowedCluster):
        cluster.kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found")
    else:
        cluster.send(*(("DELETE", f"/{path.format(name)}", "") for path in _COLLECTIONS))
