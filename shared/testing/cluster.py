"""pytest fixtures: a real control plane for the whole run, a namespace for each test.

With $HEADRACE_TEST_KUBECONFIG the run uses a cluster that is up already (`python -m localcluster up`),
which saves a few seconds while developing.
"""

from __future__ import annotations

import itertools
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcluster import Cluster

_numbers = itertools.count()


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
    """A fresh namespace; it is deleted afterwards, without waiting for that."""
    name = f"t{next(_numbers)}-{uuid.uuid4().hex[:6]}"
    cluster.kubectl("create", "namespace", name)
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found")
