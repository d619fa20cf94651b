"""The Kubernetes sink on an API server that is away for a while, in virtual time."""

import asyncio
from collections import deque

import pytest

from shared.events import KubernetesSink
from shared.kube.errors import AlreadyExists, Forbidden, ServerError, Unreachable

pytestmark = pytest.mark.looptime


class Server:
    """Keeps Events; each write is first met by the next error there is, if any is left."""

    def __init__(self, *errors):
        self.errors = deque(errors)
        self.events = {}
        self.tries = 0

    def _meet(self):
        self.tries += 1
        if self.errors:
            raise self.errors.popleft()

    async def create(self, resource, obj):
        self._meet()
        name = obj["metadata"]["name"]
        if name in self.events:
            raise AlreadyExists(409, "AlreadyExists", name)
        self.events[name] = obj

    async def merge_patch(self, resource, namespace, name, patch, *, manager):
        self._meet()
        self.events[name] |= patch

    def told(self):
        return [(event["message"], event["count"]) for event in self.events.values()]


def sink(server, clock):
    return KubernetesSink(server, "kustomize-controller", "test", clock)


@pytest.mark.parametrize("error", [Unreachable("no answer"), ServerError(503, "ServiceUnavailable", "busy")])
async def test_an_event_of_an_outage_is_written_when_it_is_over(clock, event, error):
    server = Server(error, error, error)
    one = sink(server, clock)
    await one.send(event())
    server.errors.append(error)
    await one.send(event())
    assert server.told() == [("said", 2)]


async def test_after_two_minutes_an_event_is_given_up(clock, event):
    server = Server(*[Unreachable("no answer")] * 100)
    with pytest.raises(Unreachable):
        await sink(server, clock).send(event())
    assert server.tries == 12
    assert asyncio.get_running_loop().time() == 110


async def test_a_refused_event_is_not_tried_again(clock, event):
    server = Server(Forbidden(403, "Forbidden", "the namespace is being deleted"))
    with pytest.raises(Forbidden):
        await sink(server, clock).send(event())
    assert server.tries == 1


async def test_a_try_whose_answer_was_lost_counts(clock, event):
    server = Server()
    one = sink(server, clock)
    create = server.create

    async def lose_the_answer(resource, obj):
        server.create = create
        await create(resource, obj)
        raise Unreachable("the connection broke")

    server.create = lose_the_answer
    await one.send(event())
    assert server.told() == [("said", 1)]
