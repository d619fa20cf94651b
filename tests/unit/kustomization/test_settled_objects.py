"""What counts as untouched: the very version that was seen, shown by a watch in sync, for the same wish."""

from datetime import timedelta

import pytest

from kustomize_controller.kustomization.settled import Settled, Wanted
from shared.kube.errors import Forbidden, Unreachable
from shared.kube.resources import ObjectKey, Resource
from shared.ssa import Applied, ObjectId

KEY = ObjectKey("ns", "app")
A = ObjectId("ns", "a", "", "ConfigMap")


class Discovery:
    async def find(self, group, kind, version=""):
        return Resource(group, "v1", f"{kind.lower()}s", kind)


class Client:
    """Lists what it is given, then has nothing more to tell."""

    identity = ""

    def __init__(self):
        self.discovery = Discovery()
        self.objects = []
        self.forbidden = False
        self.listed = 0

    async def list(self, resource, namespace=None, **selectors):
        if self.forbidden:
            raise Forbidden(403, "Forbidden", "no")
        assert selectors["metadata_only"]
        self.listed += 1
        return {"items": [dict(obj) for obj in self.objects], "metadata": {"resourceVersion": "100"}}

    async def watch(self, resource, namespace=None, **selectors):
        raise Unreachable("not now")
        yield


class Clock:
    def __init__(self):
        self.seconds = 0.0

    def monotonic(self):
        return self.seconds


def live(version):
    metadata = {"namespace": "ns", "name": "a", "uid": "u", "resourceVersion": version}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


@pytest.fixture
def client():
    return Client()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def settled(client, clock):
    async with Settled(client, clock, timedelta(hours=1)) as memory:
        yield memory


def wish(text="1", generation=1, others=(), namespace="ns"):
    """What a pass wants of the object, and of others."""
    mine = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": namespace, "name": "a"}}
    return Wanted(generation, f"{text} {others}", [mine | {"data": {"k": text}}, *others])


async def remembered(settled, version="7"):
    settled.remember(KEY, wish(), Applied(objects={A: live(version)}), frozenset())
    for watch in settled._watches.values():
        await watch.informer.synced.wait()


async def test_the_version_that_was_seen_is_settled(settled, client):
    client.objects = [live("7")]
    await remembered(settled)
    assert settled.of(KEY, wish()) == {A}


async def test_another_version_is_not(settled, client):
    client.objects = [live("8")]
    await remembered(settled)
    assert settled.of(KEY, wish()) == frozenset()


async def test_a_missing_object_is_not(settled):
    await remembered(settled)
    assert settled.of(KEY, wish()) == frozenset()


async def test_another_wish_settles_nothing(settled, client):
    client.objects = [live("7")]
    await remembered(settled)
    assert settled.of(KEY, wish("2")) == frozenset()


async def test_another_generation_settles_nothing(settled, client):
    client.objects = [live("7")]
    await remembered(settled)
    assert settled.of(KEY, wish(generation=2)) == frozenset()


async def test_the_same_wish_settles_whatever_is_wanted_of_others(settled, client):
    client.objects = [live("7")]
    await remembered(settled)
    other = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "ns", "name": "b"}}
    more = wish(others=(other,))
    assert settled.of(KEY, more) == {A}
    b = ObjectId.of(other)
    applied = Applied(objects={b: live("9") | {"metadata": {**live("9")["metadata"], "name": "b"}}})
    settled.remember(KEY, more, applied, frozenset({A}))
    assert settled.of(KEY, more) == {A}
    assert settled.of(KEY, wish()) == {A}


async def test_an_object_that_is_no_longer_wanted_is_not_settled(settled, client):
    client.objects = [live("7")]
    await remembered(settled)
    assert settled.of(KEY, Wanted(1, "none", [])) == frozenset()


async def test_objects_of_cluster_scoped_kinds_are_known_without_the_namespace_they_state(settled):
    role = ObjectId("", "a", "", "ConfigMap")
    found = wish(namespace="stray").each
    assert found[role] == wish(namespace="stray").each[ObjectId("stray", "a", "", "ConfigMap")]


async def test_nothing_is_settled_before_the_watch_shows_it(settled, client):
    client.forbidden = True
    settled.remember(KEY, wish(), Applied(objects={A: live("7")}), frozenset())
    assert settled.of(KEY, wish()) == frozenset()


async def test_everything_is_looked_at_after_an_hour_and_then_settles_again(settled, client, clock):
    client.objects = [live("7")]
    await remembered(settled)
    clock.seconds = 3601
    assert settled.of(KEY, wish()) == frozenset()
    await remembered(settled)
    assert settled.of(KEY, wish()) == {A}


async def test_a_pass_without_a_look_does_not_put_off_the_next_one(settled, client, clock):
    client.objects = [live("7")]
    await remembered(settled)
    clock.seconds = 3000
    settled.remember(KEY, wish(), Applied(), settled.of(KEY, wish()))
    assert settled.of(KEY, wish()) == {A}
    clock.seconds = 3700
    assert settled.of(KEY, wish()) == frozenset()


async def test_who_failed_is_forgotten_and_watches_nobody_needs_are_closed(settled, client):
    client.objects = [live("7")]
    await remembered(settled)
    settled.forget(KEY)
    assert settled.of(KEY, wish()) == frozenset()
    assert settled._watches == {}


async def test_one_watch_serves_all_kustomizations(settled, client):
    client.objects = [live("7")]
    await remembered(settled)
    settled.remember(ObjectKey("ns", "other"), wish(), Applied(objects={A: live("7")}), frozenset())
    settled.forget(KEY)
    assert settled.of(ObjectKey("ns", "other"), wish()) == {A}
    assert client.listed == 1
