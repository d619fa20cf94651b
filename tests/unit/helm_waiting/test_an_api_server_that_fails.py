"""An API server that fails while a release waits is a failure of the release, told like any other."""

from datetime import timedelta

import pytest

from helm_controller.cluster.objects import ClusterError, known, placed
from helm_controller.cluster.waiting import Waiting
from shared.kube.errors import NoMatch, ServerError
from shared.ssa import ObjectId, SharedWatches

POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "apps", "uid": "1"}}
TROUBLE = ServerError(500, "InternalError", "the server is in trouble")
MINUTE = timedelta(minutes=1)


class Cluster:
    """Does not tell which kinds it has."""

    identity = ""

    def __init__(self, error=TROUBLE):
        self.discovery = self
        self._error = error

    async def find(self, *_, **__):
        raise self._error


async def through(wait):
    return await wait


@pytest.fixture
async def waiting():
    async with SharedWatches() as watches:
        yield Waiting(watches, Cluster(), through, through)


@pytest.mark.parametrize("until", ["healthy", "established", "run", "gone"])
async def test_a_wait_that_can_not_begin(waiting, until):
    what = "1" if until == "gone" else POD
    with pytest.raises(ClusterError, match="the server is in trouble"):
        await getattr(waiting, f"until_{until}")({ObjectId.of(POD): what}, MINUTE)


@pytest.mark.parametrize("find", [known, placed])
async def test_objects_whose_kind_nobody_tells(find):
    with pytest.raises(ClusterError, match="the server is in trouble"):
        await find(Cluster(), [POD], "apps")


async def test_objects_of_kinds_that_are_gone_are_not_there_any_more():
    assert await known(Cluster(NoMatch("", "Pod", "v1")), [POD], "apps") == []
