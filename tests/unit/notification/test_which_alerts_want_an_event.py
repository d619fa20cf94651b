"""Which Alerts want an event."""

import asyncio
import threading

import pytest

from notification_controller.alerts.rule import Expressions
from shared.kube.errors import Unreachable

SOURCE = {"kind": "Kustomization", "name": "web"}


async def told(world, message="said", **changes):
    """Whether a notification goes out for an event."""
    async with world.running():
        assert (await world.post(message, **changes)).status == 202
        await world.settle()
        return bool(world.services.posted)


@pytest.mark.parametrize(
    "source",
    [
        SOURCE,
        {"kind": "Kustomization", "name": "*"},
        SOURCE | {"namespace": "apps"},
        SOURCE | {"apiVersion": "whatever/v9"},
    ],
    ids=str,
)
async def test_a_source_means_the_object(world, source):
    world.provider()
    world.alert(eventSources=[{"kind": "GitRepository", "name": "web"}, source])
    assert await told(world)


@pytest.mark.parametrize(
    "source",
    [
        SOURCE | {"kind": "HelmRelease"},
        SOURCE | {"name": "api"},
        SOURCE | {"name": "we*"},
        SOURCE | {"namespace": "tenants"},
        SOURCE | {"namespace": "*"},
    ],
    ids=str,
)
async def test_a_source_means_other_objects(world, source):
    world.provider()
    world.alert(eventSources=[source])
    assert not await told(world)


async def test_alerts_of_other_namespaces_mean_their_own_by_default(world):
    world.provider(namespace="tenants")
    world.alert(namespace="tenants", eventSources=[SOURCE])
    assert not await told(world)


async def test_alerts_of_other_namespaces_may_name_this_one(world):
    world.provider(namespace="tenants")
    world.alert(namespace="tenants", eventSources=[SOURCE | {"namespace": "apps"}])
    assert await told(world)


async def test_a_suspended_alert_wants_nothing_until_it_is_resumed(world):
    world.provider()
    world.alert(suspend=True)
    assert not await told(world)
    world.alert(suspend=False)
    assert await told(world, "again")


async def test_a_changed_alert_forgets_what_it_wanted(world):
    world.provider()
    world.alert()
    world.alert(eventSources=[{"kind": "HelmRelease", "name": "*"}])
    assert not await told(world)
    world.remove(world.alerts, next(iter(world.alerts.store)))
    assert not world.alert_book._places
    assert not world.alert_book._rules


@pytest.mark.parametrize(
    ("wanted", "severity", "is_told"),
    [
        ("info", "info", True),
        ("info", "error", True),
        ("info", "trace", True),
        ("error", "error", True),
        ("error", "info", False),
    ],
)
async def test_severities(world, wanted, severity, is_told):
    world.provider()
    world.alert(eventSeverity=wanted)
    assert await told(world, severity=severity) is is_told


@pytest.mark.parametrize(
    ("lists", "is_told"),
    [
        ({"inclusionList": ["a.d"]}, True),
        ({"inclusionList": ["x", "^sa"]}, True),
        ({"inclusionList": ["x"]}, False),
        ({"inclusionList": []}, True),
        ({"inclusionList": ["["]}, False),
        ({"inclusionList": ["[", "said"]}, True),
        ({"exclusionList": ["x"]}, True),
        ({"exclusionList": ["(?i)SAID"]}, False),
        ({"exclusionList": ["["]}, True),
        ({"inclusionList": ["said"], "exclusionList": ["said"]}, False),
        ({"inclusionList": ["s(?=a)"]}, False),
        ({"exclusionList": ["s(?=a)"]}, True),
        ({"inclusionList": [r"\pL+\z"]}, True),
    ],
    ids=str,
)
async def test_messages_are_looked_through(world, lists, is_told):
    world.provider()
    world.alert(**lists)
    assert await told(world) is is_told


async def test_no_expression_takes_long(world):
    world.provider()
    world.alert(inclusionList=["(a+)+$"])
    (rule,) = world.alert_book._rules.values()
    # With back-tracking this search would not end in this age of the world.
    assert not rule.inclusions.found_in("a" * 30_000 + "!")


async def test_an_expression_may_have_hundreds_of_alternatives(world):
    world.provider()
    world.alert(inclusionList=["|".join(f"word {number} of them" for number in range(300))])
    assert await told(world, "this is word 299 of them")


async def test_what_takes_long_in_a_message_of_some_length_holds_nobody_up(world, monkeypatch):
    """The search waits for something that only the loop can do."""
    world.provider()
    world.alert(inclusionList=["said"])
    loop, alive = asyncio.get_running_loop(), threading.Event()
    found_in = Expressions.found_in

    def slow(self, text):
        loop.call_soon_threadsafe(alive.set)
        assert alive.wait(10)
        return found_in(self, text)

    monkeypatch.setattr(Expressions, "found_in", slow)
    assert await told(world, "x" * 5000 + "said")


async def test_a_very_long_message_is_looked_through_as_well(world):
    world.provider()
    world.alert(inclusionList=["needle$"])
    assert await told(world, "x" * 200_000 + "needle")


@pytest.mark.parametrize(
    ("labels", "wanted", "is_told"),
    [
        ({"team": "a", "env": "x"}, {"team": "a"}, True),
        ({"team": "a"}, {"team": "a", "env": "x"}, False),
        ({"team": "b"}, {"team": "a"}, False),
        ({}, {}, True),
        ({"team": "a"}, {"team": ""}, False),
        ({"a b": "c"}, {"a b": "c"}, False),
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["web", "*"])
async def test_labels_of_the_object_decide(world, name, labels, wanted, is_told):
    world.api.labels["apps", "web"] = labels
    world.provider()
    world.alert(eventSources=[{"kind": "Kustomization", "name": name, "matchLabels": wanted}])
    assert await told(world) is is_told


async def test_labels_are_asked_for_once_for_all_alerts_and_only_if_they_matter(world):
    world.api.labels["apps", "web"] = {"team": "a"}
    world.provider()
    labelled = {"kind": "Kustomization", "name": "*", "matchLabels": {"team": "a"}}
    for number in range(3):
        world.alert(f"labelled-{number}", eventSources=[labelled, labelled])
    world.alert("plain", eventSources=[labelled, SOURCE])
    assert await told(world)
    assert world.api.asked == ["Kustomization/apps/web"]
    assert len(world.services.posted) == 4
    for number in range(3):
        world.alert(f"labelled-{number}", suspend=True)
    assert await told(world, "again")
    assert len(world.api.asked) == 1


@pytest.mark.parametrize("labels", [{}, {"team": "a"}], ids=str)
async def test_an_object_that_is_gone_is_not_told_of(world, labels):
    world.provider()
    world.alert(eventSources=[SOURCE | {"matchLabels": labels}])
    assert not await told(world)
    assert world.recorder.texts("alert") == [
        "SourceFetchFailed: error getting source object Kustomization/apps/web"
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"api_version": "unknown.example.com/v1"},
        {"name": "../../../api/v1/secrets"},
        {"name": "a%2Fb"},
        {"name": "a?x=1"},
    ],
    ids=str,
)
async def test_what_a_sender_makes_up_is_not_asked_for(world, changes):
    world.provider()
    world.alert(eventSources=[{"kind": "Kustomization", "name": "*", "matchLabels": {"a": "b"}}])
    assert not await told(world, **changes)
    assert world.api.asked == []
    assert [text.partition(":")[0] for text in world.recorder.texts()] == ["SourceFetchFailed"]


async def test_without_the_api_server_only_labels_are_unknown(world):
    world.api.fails = Unreachable("down")
    world.provider()
    world.alert("labelled", eventSources=[SOURCE | {"matchLabels": {"team": "a"}}])
    world.alert("plain")
    assert await told(world)
    assert [notification.alert.name for notification in world.services.got()] == ["plain"]


async def test_an_alert_that_cannot_be_decoded_costs_no_other_its_turn(world):
    world.provider()
    world.alert("broken", eventSources="everything")
    world.alert("sound")
    assert await told(world)
    assert [key.name for key in world.alert_book._rules] == ["sound"]
