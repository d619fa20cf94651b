"""The real helm-controller and a real API server, with a network in between that can stop."""

import pytest

from shared.testing.faulty_api import FaultyApi
from shared.testing.helm import Releases


@pytest.fixture
def api(cluster, tmp_path):
    with FaultyApi(cluster.kubeconfig, tmp_path) as api:
        yield api


@pytest.fixture
async def releases(cluster, namespace, artifacts, suite):
    """One namespace; its controller is started with `releases.own(through=api.kubeconfig)`."""
    async with Releases.connected(cluster.kubeconfig, namespace, artifacts, suite, None) as releases:
        yield releases
