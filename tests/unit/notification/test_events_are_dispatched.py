"""From a matched event to the queues: for whom it is, and what is told where it can't go."""

import pytest


async def dispatched(world, message="said", running=None, **changes):
    async with world.running(**(running or {})):
        assert (await world.post(message, **changes)).status == 202
        await world.settle()
    return world.services.posted


async def test_each_alert_sends_to_its_provider(world):
    for name in ("chat", "hook"):
        world.provider(name)
        world.alert(name, providerRef={"name": name})
    world.alert("second", providerRef={"name": "hook"})
    posted = await dispatched(world)
    assert [(name, each.alert.name) for name, each in posted] == [
        ("chat", "chat"),
        ("hook", "hook"),
        ("hook", "second"),
    ]
    assert posted[0][1].alert.uid == "uid-chat"


async def test_a_missing_provider_is_told_and_the_next_alert_has_its_turn(world):
    world.provider()
    world.alert("a", providerRef={"name": "nobody"})
    world.alert("b")
    await dispatched(world)
    assert world.services.messages() == ["said"]
    assert world.recorder.texts("a") == [
        (
            "NotificationDispatchFailed: failed to dispatch notification for Kustomization/apps/web: "
            'failed to read provider: Provider.notification.toolkit.fluxcd.io "nobody" not found'
        )
    ]
    assert world.recorder.texts("b") == []


async def test_a_provider_that_cannot_be_decoded_is_told(world):
    world.provider(type="fax")
    world.alert()
    assert not await dispatched(world)
    (text,) = world.recorder.texts("alert")
    assert "failed to read provider: spec.type" in text


async def test_a_suspended_provider_gets_nothing_and_nobody_is_told(world):
    world.provider(suspend=True)
    world.alert()
    assert not await dispatched(world)
    assert world.recorder.events == []


async def test_other_namespaces_are_refused_where_that_is_asked_for(world):
    world.provider()
    world.provider(namespace="tenants")
    world.alert(
        "foreign", "tenants", eventSources=[{"kind": "Kustomization", "name": "*", "namespace": "apps"}]
    )
    world.alert("own")
    posted = await dispatched(world, running={"cross_namespace": False})
    assert [each.alert.name for _, each in posted] == ["own"]
    assert world.recorder.texts("foreign") == [
        (
            "NotificationDispatchFailed: failed to dispatch notification for Kustomization/apps/web: "
            "discarding event, access denied to cross-namespace sources: alert 'tenants/foreign' can't "
            "process event from 'Kustomization/apps/web', cross-namespace references have been blocked"
        )
    ]


UPDATE = {"commit_status": "update"}
COMMIT = {"event.toolkit.fluxcd.io/commit": "main@sha1:1"}
REQUEST = {"event.toolkit.fluxcd.io/change_request": "12"}


@pytest.mark.parametrize(
    ("kind", "metadata", "severity", "is_told"),
    [
        ("slack", UPDATE, "info", False),
        ("slack", {}, "info", True),
        ("generic", UPDATE, "info", True),
        ("generic-hmac", UPDATE, "info", True),
        ("github", UPDATE, "info", True),
        ("github", {}, "info", False),
        ("github", COMMIT, "info", True),
        ("github", {}, "error", True),
        ("githubpullrequestcomment", {}, "error", False),
        ("githubpullrequestcomment", REQUEST, "info", True),
        ("githubpullrequestcomment", REQUEST | UPDATE, "info", False),
        ("githubdispatch", {}, "info", True),
    ],
)
async def test_some_events_are_not_for_all_types(world, kind, metadata, severity, is_told):
    world.provider(type=kind)
    world.alert()
    assert bool(await dispatched(world, metadata=metadata, severity=severity)) is is_told
    assert world.recorder.events == []


@pytest.mark.parametrize("gate", [False, True])
async def test_accounts_of_objects_need_their_gate(world, gate):
    world.provider(type="googlepubsub", serviceAccountName="robot")
    world.alert()
    assert bool(await dispatched(world, running={"object_identities": gate})) is gate
    assert [("feature gate" in text) for text in world.recorder.texts()] == ([] if gate else [True])


async def test_metadata_is_combined_for_each_alert_and_conflicts_are_told_once(world):
    world.provider()
    world.alert("a", eventMetadata={"env": "prod", "aa/bb/cc": "x", "revision": "mine"}, summary="s")
    world.alert("b")
    metadata = {"revision": "r", "aa/bb/cc": "y", "token": "t", "event.toolkit.fluxcd.io/summary": "old"}
    await dispatched(world, metadata=metadata)
    by_alert = {each.alert.name: dict(each.event.metadata) for each in world.services.got()}
    assert by_alert == {
        "a": {"env": "prod", "revision": "r", "aa/bb/cc": "y", "summary": "s"},
        "b": {"revision": "r", "aa/bb/cc": "y", "summary": "old"},
    }
    authored = {each.alert.name: each.event.authored for each in world.services.got()}
    assert authored == {"a": {"env", "summary"}, "b": set()}
    (event,) = world.recorder.events
    assert (event.subject.name, event.reason, event.severity) == ("a", "MetadataAppendFailed", "error")
    assert event.message.startswith("metadata key conflicts detected (please refer to")
    assert event.metadata == {
        "revision": "Alert object .spec.eventMetadata, involved object controller metadata",
        "summary": "involved object annotations, Alert object .spec.summary",
    }
