"""A path leads to its Receiver for as long as its status says so."""

import pytest

from notification_controller.receivers.directory import Directory
from notification_controller.receivers.header import ReceiverHeader
from shared.kube.informer import Informer
from shared.kube.resources import ObjectKey

READY = {
    "type": "Ready",
    "status": "True",
    "reason": "Succeeded",
    "message": "",
    "lastTransitionTime": "2026-01-01T00:00:00Z",
}
KEY = ObjectKey("n", "a")


def receiver(name="a", path="/hook/1", *, uid="u", version="1", generation=1, conditions=(READY,), **spec):
    return {
        "apiVersion": "notification.toolkit.fluxcd.io/v1",
        "kind": "Receiver",
        "metadata": {
            "name": name,
            "namespace": "n",
            "uid": uid,
            "resourceVersion": version,
            "generation": generation,
        },
        "spec": {
            "type": "generic",
            "resources": [{"kind": "Bucket", "name": "b"}],
            "secretRef": {"name": "s"},
            **spec,
        },
        "status": {"webhookPath": path, "conditions": list(conditions)},
    }


@pytest.fixture
def receivers():
    return Informer(None, "notification.toolkit.fluxcd.io", "Receiver", ReceiverHeader.of)


@pytest.fixture
def directory(receivers):
    return Directory(receivers)


def test_paths_come_and_go(directory, receivers):
    assert directory.at("/hook/1") is None
    receivers.absorb(receiver())
    assert directory.at("/hook/1") == KEY
    receivers.absorb(receiver(path="/hook/2", version="2"))
    assert (directory.at("/hook/1"), directory.at("/hook/2")) == (None, KEY)
    receivers.absorb(receiver(path=None, version="3"))
    assert directory.at("/hook/2") is None
    receivers.absorb(receiver(path="/hook/3", version="4"))
    receivers._tell(receivers.store.drop(KEY))
    assert directory.at("/hook/3") is None
    assert not directory._by_path


def test_an_object_that_took_the_place_of_another_leaves_no_old_path(directory, receivers):
    receivers.absorb(receiver(path="/hook/1"))
    receivers.absorb(receiver(path="/hook/2", uid="new", version="2"))
    assert (directory.at("/hook/1"), directory.at("/hook/2")) == (None, KEY)


def test_two_may_have_the_same_path(directory, receivers):
    receivers.absorb(receiver("b"))
    receivers.absorb(receiver("a"))
    assert directory.at("/hook/1") == KEY
    receivers._tell(receivers.store.drop(KEY))
    assert directory.at("/hook/1") == ObjectKey("n", "b")


@pytest.mark.parametrize(
    ("changes", "available"),
    [
        ({}, True),
        ({"suspend": True}, False),
        ({"suspend": "yes"}, True),
        ({"conditions": ()}, False),
        ({"conditions": ({"type": "Ready", "status": "False"},)}, False),
        ({"conditions": (READY, {"type": "Reconciling", "status": "True"})}, False),
        ({"conditions": (READY, {"type": "Stalled", "status": "True"})}, False),
        ({"conditions": (READY, {"type": "Stalled", "status": "False"})}, True),
        ({"conditions": ("x", {"type": []}, READY)}, True),
    ],
)
def test_only_what_is_ready_answers(directory, receivers, changes, available):
    receivers.absorb(receiver(**changes))
    assert directory.available(KEY) is available
    assert not directory.available(ObjectKey("n", "other"))


def test_everything_is_compiled_once_for_each_generation(directory, receivers):
    receivers.absorb(receiver())
    first = directory.blueprint(KEY)
    assert first.spec.type == "generic"
    receivers.absorb(receiver(version="2", path="/hook/2"))
    assert directory.blueprint(KEY) is first
    receivers.absorb(receiver(version="3", generation=2, type="github"))
    second = directory.blueprint(KEY)
    assert second.spec.type == "github"
    receivers.absorb(receiver(version="4", uid="new", generation=2))
    assert directory.blueprint(KEY) is not second
    receivers.absorb(receiver(version="5", uid="new", generation=3, resourceFilter="1 +"))
    assert directory.blueprint(KEY) is None
    receivers.absorb(receiver(version="6", uid="new", generation=4, type=7))
    assert directory.blueprint(KEY) is None
    assert directory.blueprint(ObjectKey("n", "other")) is None


@pytest.mark.parametrize(
    "wrong", [{"spec": []}, {"status": "x"}, {"status": {"webhookPath": 1}}, {"spec": None}]
)
def test_nothing_in_an_object_can_stop_the_informer(directory, receivers, wrong):
    receivers.absorb(receiver() | wrong)
    directory.available(KEY)
    assert directory.blueprint(KEY) is None or directory.at("/hook/1") is None
