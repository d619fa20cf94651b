import asyncio
from pathlib import Path

import pytest

from shared.kube import ObjectKey
from shared.kube.errors import Gone
from shared.kube.informer import Informer
from shared.kube.resources import Resource
from shared.lang.json import dumps

WIDGET = Resource("example.com", "v1", "widgets", "Widget")


class Seen:
    """A running informer and what it told."""

    def __init__(self, client, **options):
        self.changes = []
        self.informer = Informer(
            client, "example.com", "Widget", lambda obj: obj.get("spec"), namespace="ns", **options
        )
        self.informer.subscribe(self.changes.append)
        self.task = asyncio.create_task(self.informer.run())

    async def until(self, condition):
        async with asyncio.timeout(10):
            while not condition():
                assert not self.task.done()
                await asyncio.sleep(0.01)

    def spec(self, name):
        return self.informer.store.header(ObjectKey("ns", name))

    def told(self):
        return [(change.key.name, change.old, change.new, change.initial) for change in self.changes]


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    monkeypatch.setattr("shared.kube.informer._BACKOFF_MIN", 0.01)
    monkeypatch.setattr("shared.kube.informer._ABSENT_SECONDS", 0.01)


@pytest.fixture
async def inform(client):
    made = []

    def start(**options):
        made.append(Seen(client, **options))
        return made[-1]

    yield start
    for each in made:
        each.task.cancel()
        await asyncio.wait({each.task})


async def test_what_is_there_is_initial_and_what_comes_is_not(api, inform):
    api.put("a", size=1)
    seen = inform()
    await seen.informer.synced.wait()
    await api.watching()
    api.put("a", size=2)
    api.put("b", size=1)
    api.remove("a")
    await seen.until(lambda: len(seen.changes) == 4)
    assert seen.told() == [
        ("a", None, {"size": 1}, True),
        ("a", {"size": 1}, {"size": 2}, False),
        ("b", None, {"size": 1}, False),
        ("a", {"size": 2}, None, False),
    ]


@pytest.mark.parametrize("how", ["ended", "broken off", "cut inside a line"])
async def test_a_dropped_watch_goes_on_where_it_stopped(api, inform, how):
    seen = inform()
    await api.watching()
    api.put("a", size=1)
    await seen.until(lambda: seen.spec("a"))
    match how:
        case "ended":
            api.cut()
        case "broken off":
            api.break_off()
        case "cut inside a line":
            api.cut(b'{"type":"MODIFIED","object":{"metada')
    await api.watching()
    api.put("a", size=2)
    await seen.until(lambda: seen.spec("a") == {"size": 2})
    assert [query["resourceVersion"] for query in api.asked("watch")] == ["100", "101"]
    assert len(api.asked("GET")) == 1


@pytest.mark.parametrize("how", ["at the start", "within the stream"])
async def test_an_expired_watch_lists_again_and_tells_what_was_missed(api, inform, how):
    api.put("gone", size=1)
    api.put("replaced", size=1)
    api.put("same", size=1)
    seen = inform()
    await api.watching()
    watches, api.watches = api.watches, []
    api.remove("gone")
    api.remove("replaced")
    api.put("replaced", size=2)
    api.put("new", size=1)
    api.oldest = api.version
    api.watches = watches
    seen.changes.clear()
    expired = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired"}}
    api.cut(dumps(expired) + b"\n" if how == "within the stream" else b"")
    await seen.until(lambda: len(seen.changes) == 3)
    assert sorted(seen.told(), key=str) == [
        ("gone", {"size": 1}, None, False),
        ("new", None, {"size": 1}, False),
        ("replaced", None, {"size": 2}, False),
    ]


@pytest.mark.parametrize("line", [b"<html>\n", b"[]\n", b'{"type":"ADDED"}\n', b"\xff\xfe\n"])
async def test_nonsense_in_a_watch_does_not_end_it(api, inform, line):
    seen = inform()
    await api.watching()
    api.cut(line)
    await api.watching()
    api.put("a", size=1)
    await seen.until(lambda: seen.spec("a"))


async def test_a_bookmark_moves_the_place_to_go_on_from(api, inform):
    seen = inform()
    await api.watching()
    api.tell("BOOKMARK", {"metadata": {"resourceVersion": "777"}})
    api.cut()
    await api.watching()
    assert api.asked("watch")[-1]["resourceVersion"] == "777"
    assert seen.changes == []


async def test_a_server_that_ends_watches_at_once_is_asked_less_and_less(api, inform):
    seen = inform()
    for _ in range(4):
        await api.watching()
        api.cut()
    await api.watching()
    assert len(api.asked("watch")) == 5
    assert not seen.task.done()


async def test_an_optional_kind_that_is_not_served_is_synced_empty_and_found_later(api, inform):
    api.served = False
    seen = inform(optional=True)
    await asyncio.wait_for(seen.informer.synced.wait(), 10)
    assert len(seen.informer.store) == 0
    api.served = True
    api.put("a", size=1)
    await seen.until(lambda: seen.spec("a"))


@pytest.mark.parametrize("optional", [False, True])
async def test_a_kind_that_is_away_for_a_moment_is_not_forgotten(api, inform, optional):
    """An API server that has just started does not serve custom kinds yet."""
    seen = inform(optional=optional)
    await api.watching()
    api.put("a", size=1)
    await seen.until(lambda: seen.spec("a"))
    told = len(seen.changes)
    api.served = False
    api.cut()
    asked = len(api.asked("GET"))
    await seen.until(lambda: len(api.asked("GET")) > asked + 1)
    assert seen.spec("a") == {"size": 1}
    api.served = True
    await api.watching()
    assert len(seen.changes) == told


async def test_a_kind_that_is_gone_for_good_is_empty(api, inform, monkeypatch):
    monkeypatch.setattr("shared.kube.informer._DOUBT_SECONDS", 0.0)
    seen = inform(optional=True)
    await api.watching()
    api.put("a", size=1)
    await seen.until(lambda: seen.spec("a"))
    api.served = False
    api.cut()
    await seen.until(lambda: seen.spec("a") is None)


async def test_a_kind_that_must_be_there_is_waited_for(api, inform):
    api.served = False
    seen = inform()
    await seen.until(lambda: not seen.task.done())
    assert not seen.informer.synced.is_set()
    api.served = True
    await asyncio.wait_for(seen.informer.synced.wait(), 10)


async def test_a_write_of_our_own_is_known_at_once_and_its_echo_is_silent(api, inform):
    seen = inform()
    await api.watching()
    watches, api.watches = api.watches, []
    obj = api.put("a", size=1)
    seen.informer.absorb(obj | {"metadata": dict(obj["metadata"])})
    assert seen.spec("a") == {"size": 1}
    api.watches = watches
    api.tell("ADDED", obj)
    api.put("a", size=2)
    await seen.until(lambda: seen.spec("a") == {"size": 2})
    assert [new for _, _, new, _ in seen.told()] == [{"size": 1}, {"size": 2}]


async def test_metadata_alone_is_asked_for_on_demand(api, inform):
    inform(metadata_only=True, label_selector="a=b")
    await api.watching()
    listed, watched = api.asked("GET")[0], api.asked("watch")[0]
    assert "PartialObjectMetadataList" in listed["headers"]["Accept"]
    assert "as=PartialObjectMetadata;" in watched["headers"]["Accept"]
    assert listed["labelSelector"] == watched["labelSelector"] == "a=b"


async def test_a_watch_of_the_client_tells_that_it_is_too_old(api, client):
    api.oldest = 50
    with pytest.raises(Gone):
        await anext(client.watch(WIDGET, "ns", resource_version="7"))


async def test_a_watch_that_the_server_forgets_to_end_is_begun_anew(api, inform, monkeypatch):
    """Its socket lives, so nothing but the clock can tell."""
    monkeypatch.setattr("shared.kube.client._WATCH_SECONDS", 0)
    monkeypatch.setattr("shared.kube.client._WATCH_GRACE", 0.2)
    inform()
    await api.watching(3)
    assert {query["resourceVersion"] for query in api.asked("watch")} == {"100"}
    assert len(api.asked("GET")) == 1


async def test_a_watch_that_has_nothing_to_tell_is_probed_by_the_kernel(api, inform):
    """A server that is gone without a word is noticed although nobody sends anything."""
    inform()
    await api.watching()
    _, client_port = api.watches[0][0].transport.get_extra_info("peername")
    kind, ticks = timer_of_connection(client_port, api.port)
    assert kind == "02"  # keep-alive
    assert 0 < int(ticks, 16) <= 15 * 100


def timer_of_connection(local, remote):
    """Kind of the kernel's next timer, and when it is due: hundredths of a second in hex."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        ports = [int(address.rpartition(":")[2], 16) for address in fields[1:3]]
        if ports == [local, remote]:
            return fields[5].split(":")
    raise AssertionError("there is no such connection")
