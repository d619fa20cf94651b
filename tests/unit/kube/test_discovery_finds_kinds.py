import asyncio

import pytest

from shared.kube.discovery import Discovery
from shared.kube.errors import NoMatch, Unreachable
from shared.lang.json import dumps


def group(name, *versions):
    return {
        "metadata": {"name": name} if name else {},
        "versions": [
            {
                "version": version,
                "resources": [
                    {"resource": plural, "responseKind": {"kind": kind}, "scope": scope}
                    for plural, kind, scope in resources
                ],
            }
            for version, resources in versions
        ],
    }


POD = ("pods", "Pod", "Namespaced")
NODE = ("nodes", "Node", "Cluster")
WIDGET = ("widgets", "Widget", "Namespaced")


class Server:
    """Answers with aggregated discovery documents and counts requests."""

    def __init__(self):
        self.groups = []
        self.asked = []
        self.etag = 0
        self.down = False

    def serve(self, *groups):
        self.groups = groups
        self.etag += 1

    async def get(self, path, accept, etag):
        self.asked.append((path, etag))
        await asyncio.sleep(0)
        if self.down:
            raise Unreachable("no answer")
        if path == "/api":
            return "core", None if etag == "core" else dumps({"items": [group("", ("v1", [POD, NODE]))]})
        if etag == str(self.etag):
            return etag, None
        return str(self.etag), dumps({"items": list(self.groups)})


@pytest.fixture
def server():
    return Server()


@pytest.fixture
def discovery(server):
    return Discovery(server.get)


async def test_core_and_cluster_scoped_kinds(discovery):
    pod, node = await discovery.find("", "Pod"), await discovery.find("", "Node")
    assert pod.path("ns", "a") == "/api/v1/namespaces/ns/pods/a"
    assert node.path("ns", "a") == "/api/v1/nodes/a"


async def test_two_requests_tell_everything(discovery, server):
    server.serve(group("example.com", ("v1", [WIDGET])))
    await asyncio.gather(
        *(discovery.find("", kind) for kind in ("Pod", "Node")), discovery.find("example.com", "Widget")
    )
    assert len(server.asked) == 2


async def test_the_preferred_version_comes_first_and_others_by_name(discovery, server):
    server.serve(group("example.com", ("v2", [WIDGET]), ("v1", [WIDGET])))
    assert (await discovery.find("example.com", "Widget")).version == "v2"
    assert (await discovery.find("example.com", "Widget", "v1")).version == "v1"


async def test_a_version_that_is_no_longer_served_leads_to_the_preferred_one_on_demand(discovery, server):
    server.serve(group("example.com", ("v2", [WIDGET]), ("v1", [WIDGET])))
    assert (await discovery.find("example.com", "Widget", "v1", or_preferred=True)).version == "v1"
    assert (await discovery.find("example.com", "Widget", "v1beta1", or_preferred=True)).version == "v2"
    for kind, version, or_preferred in ("Widget", "v1beta1", False), ("Gadget", "v1", True):
        with pytest.raises(NoMatch):
            await discovery.find("example.com", kind, version, or_preferred=or_preferred)


async def test_a_version_that_came_after_the_last_look_is_found(discovery, server):
    server.serve(group("example.com", ("v1", [WIDGET])))
    await discovery.find("example.com", "Widget")
    server.serve(group("example.com", ("v2", [WIDGET]), ("v1", [WIDGET])))
    assert (await discovery.find("example.com", "Widget", "v2", or_preferred=True)).version == "v2"


async def test_a_miss_looks_once_more_so_that_new_kinds_are_found(discovery, server):
    await discovery.find("", "Pod")
    server.serve(group("example.com", ("v1", [WIDGET])))
    assert (await discovery.find("example.com", "Widget")).plural == "widgets"
    assert server.asked[2:] == [("/api", "core"), ("/apis", "0")]


async def test_concurrent_misses_share_one_look(discovery, server):
    await discovery.find("", "Pod")
    results = await asyncio.gather(
        *(discovery.find("example.com", "Nope") for _ in range(10)), return_exceptions=True
    )
    assert all(isinstance(result, NoMatch) for result in results)
    assert len(server.asked) == 4


async def test_invalidating_makes_the_next_find_ask(discovery, server):
    server.serve(group("example.com", ("v1", [WIDGET])))
    await discovery.find("example.com", "Widget")
    server.serve()
    assert await discovery.find("example.com", "Widget")
    discovery.invalidate()
    with pytest.raises(NoMatch):
        await discovery.find("example.com", "Widget")


async def test_a_kind_is_unknown_while_the_server_of_its_group_is_away(discovery, server):
    away = {"metadata": {"name": "example.com"}, "versions": [{"version": "v1", "freshness": "Stale"}]}
    server.serve(away)
    with pytest.raises(Unreachable, match=r"API group example\.com does not answer.*kind Widget"):
        await discovery.find("example.com", "Widget")
    with pytest.raises(NoMatch):
        await discovery.find("example.org", "Widget")
    server.serve(group("example.com", ("v1", [WIDGET])))
    assert await discovery.find("example.com", "Widget")


async def test_a_server_that_was_away_is_asked_again(discovery, server):
    server.down = True
    with pytest.raises(Unreachable):
        await discovery.find("", "Pod")
    server.down = False
    assert await discovery.find("", "Pod")
    discovery.invalidate()
    server.down = True
    with pytest.raises(Unreachable):
        await discovery.find("", "Pod")
    server.down = False
    asked = len(server.asked)
    assert await discovery.find("", "Pod")
    assert len(server.asked) > asked
