"""From a posted event to a service, through the whole of notification-controller."""

from email.utils import parsedate_to_datetime

import pytest

from shared.testing.notifications import ALERT, PROVIDER

BUCKET = {"kind": "Bucket", "name": "files", "apiVersion": "source.toolkit.fluxcd.io/v1"}
SOURCE = {"kind": "Kustomization", "name": "app"}


@pytest.mark.case("notification-10")
async def test_an_event_arrives_with_its_metadata_and_the_name_of_its_controller(world):
    await world.provider()
    await world.alert(eventSources=[{"kind": "Bucket", "name": "files"}])
    answer = await world.post("stored", involved=BUCKET, metadata={"revision": "sha256:1"})
    assert (answer.status, answer.body) == (202, b"")
    (body,) = await world.told()
    (received,) = world.mailbox.at(world.path())
    assert received.method == "POST"
    assert received.headers["gotk-component"] == "kustomize-controller"
    assert body == world.body("stored", involved=BUCKET) | {"metadata": {"revision": "sha256:1"}}


@pytest.mark.case("notification-11")
async def test_the_same_event_again_is_told_once_and_answered_429(world):
    await world.provider()
    await world.alert()
    assert (await world.post()).status == 202
    again = await world.post()
    assert (again.status, again.body.strip()) == (429, b"Too Many Requests")
    assert parsedate_to_datetime(again.headers["Retry-After"]).year >= 2026
    assert again.headers["Retry-After"] == again.headers["X-RateLimit-Reset"]
    assert (await world.post("another")).status == 202
    assert [body["message"] for body in await world.told(2)] == ["said", "another"]


@pytest.mark.case("notification-12")
async def test_revisions_tell_events_apart_and_severities_do_not(world):
    await world.provider()
    await world.alert()
    for key in ("revision", "originRevision", "token"):
        for value in "12":
            assert (await world.post(metadata={key: value})).status == 202
    assert len(await world.told(6)) == 6
    assert (await world.post()).status == 202
    assert (await world.post(severity="error")).status == 429
    assert (await world.post(reason="Other")).status == 429


@pytest.mark.case("notification-13")
async def test_bodies_have_a_limit_and_have_to_be_events(world):
    for size, status in ((3_145_728, 202), (3_145_729, 413)):
        head, tail = b'{"message":"', b'"}'
        body = head + b"x" * (size - len(head) - len(tail)) + tail
        assert len(body) == size
        assert (await world.post_raw(body)).status == status
    assert (await world.post_raw(b"{")).status == 400


@pytest.mark.case("notification-14")
async def test_only_metadata_with_a_known_prefix_is_told(world):
    await world.provider()
    await world.alert()
    metadata = {
        "kustomize.toolkit.fluxcd.io/aa/bb": "1",
        "source.toolkit.fluxcd.io/x": "2",
        "event.toolkit.fluxcd.io/y": "3",
        "kustomize.toolkit.fluxcd.io/Digest": "4",
    }
    await world.post(metadata=metadata)
    (body,) = await world.told()
    assert body["metadata"] == {"aa/bb": "1", "y": "3"}


@pytest.mark.case("notification-15")
async def test_other_objects_are_not_told_of(world):
    await world.provider()
    await world.all_told()
    for number, source in enumerate(
        (
            SOURCE | {"kind": "HelmRelease"},
            SOURCE | {"namespace": "default"},
            SOURCE | {"name": "other"},
            SOURCE | {"namespace": "*"},
            SOURCE,
        )
    ):
        await world.alert(f"a{number}", eventSources=[source], eventMetadata={"alert": f"a{number}"})
    assert await world.recipients() == ["a4"]


@pytest.mark.case("notification-16")
async def test_severities_are_told_apart(world):
    await world.provider()
    await world.all_told()
    for severity in ("info", "error"):
        await world.alert(severity, eventSeverity=severity, eventMetadata={"alert": severity})
    assert await world.recipients("fine") == ["info"]
    assert await world.recipients("broken", severity="error") == ["error", "info"]


@pytest.mark.case("notification-17")
async def test_labels_of_the_object_decide(world):
    await world.provider()
    await world.all_told()
    labels = {"matchLabels": {"team": "a"}}
    await world.alert("labelled", eventSources=[SOURCE | labels], eventMetadata={"alert": "labelled"})
    app = {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": "app", "labels": {"team": "b"}},
        "spec": {"interval": "1h", "prune": False, "suspend": True}
        | {"sourceRef": {"kind": "Bucket", "name": "x"}},
    }
    await world.create(app)
    kind = "Kustomization.kustomize.toolkit.fluxcd.io"
    assert await world.recipients("lacks it") == []
    await world.edit(kind, "app", {"metadata": {"labels": {"team": "a"}}})
    assert await world.recipients("has it") == ["labelled"]
    await world.delete(kind, "app")
    await world.gone(kind, "app")
    assert await world.recipients("is gone") == []
    event = await world.event(f"error getting source object Kustomization/{world.namespace}/app", "labelled")
    assert (event["type"], event["reason"]) == ("Warning", "SourceFetchFailed")


@pytest.mark.case("notification-18")
async def test_expressions_that_do_not_compile_include_nothing_and_exclude_nothing(world):
    await world.provider()
    await world.all_told()
    lists = {
        "bad-exclusion": {"exclusionList": ["["]},
        "bad-inclusion": {"inclusionList": ["["]},
        "both": {"inclusionList": ["said"], "exclusionList": ["sa.d"]},
        "sound": {"inclusionList": ["^said$"]},
    }
    for name, spec in lists.items():
        await world.alert(name, **spec, eventMetadata={"alert": name})
    assert await world.recipients() == ["bad-exclusion", "sound"]
    for which in ("inclusion", "exclusion"):
        event = await world.event(f"failed to compile {which} regex: [", f"bad-{which}")
        assert (event["type"], event["reason"]) == ("Warning", "InvalidConfig")


@pytest.mark.case("notification-19")
async def test_no_expression_takes_long_and_others_than_those_of_re2_are_told(world):
    await world.provider()
    await world.all_told()
    await world.alert("slow", inclusionList=["(a+)+$"], eventMetadata={"alert": "slow"})
    await world.alert("ahead", inclusionList=["a(?=b)"], eventMetadata={"alert": "ahead"})
    # With back-tracking, neither of them would ever be answered.
    assert await world.recipients("a" * 30_000 + "!") == []
    assert await world.recipients("a" * 30_000) == ["slow"]
    event = await world.event("failed to compile inclusion regex: a(?=b)", "ahead")
    assert event["reason"] == "InvalidConfig"


@pytest.mark.case("notification-21")
async def test_the_later_source_of_a_key_wins_and_conflicts_are_told_in_one_event(world):
    await world.provider()
    await world.alert(
        summary="summary", eventMetadata={"b": "alert", "c": "alert", "summary": "alert", "own": "alert"}
    )
    metadata = {
        "event.toolkit.fluxcd.io/a": "annotated",
        "event.toolkit.fluxcd.io/b": "annotated",
        "event.toolkit.fluxcd.io/d": "annotated",
        "event.toolkit.fluxcd.io/summary": "annotated",
        "c": "told",
        "d": "told",
        "summary": "told",
    }
    await world.post(metadata=metadata)
    (body,) = await world.told()
    assert body["metadata"] == {
        "a": "annotated",
        "b": "alert",
        "c": "told",
        "d": "told",
        "own": "alert",
        "summary": "told",
    }
    event = await world.event("metadata key conflicts detected", "alert")
    assert (event["type"], event["reason"], event["count"]) == ("Warning", "MetadataAppendFailed", 1)
    annotated, alert = "involved object annotations", "Alert object .spec.eventMetadata"
    summary, told = "Alert object .spec.summary", "involved object controller metadata"
    assert event["metadata"]["annotations"] == {
        "b": f"{annotated}, {alert}",
        "c": f"{alert}, {told}",
        "d": f"{annotated}, {told}",
        "summary": f"{annotated}, {alert}, {summary}, {told}",
    }


@pytest.mark.case("notification-24")
async def test_a_missing_provider_is_told_and_others_get_theirs(world):
    await world.provider()
    await world.alert("a", provider="nobody")
    await world.alert("b")
    await world.post()
    assert len(await world.told()) == 1
    about = (
        f"failed to dispatch notification for Kustomization/{world.namespace}/app: failed to read provider"
    )
    event = await world.event(about, "a")
    assert (event["type"], event["reason"]) == ("Warning", "NotificationDispatchFailed")
    assert event["message"].endswith('Provider.notification.toolkit.fluxcd.io "nobody" not found')
    assert await world.events("b") == []


@pytest.mark.case("notification-9")
async def test_providers_have_a_finalizer_and_alerts_lose_theirs(world):
    for spec in ({}, {"suspend": True}):
        await world.provider("any", **spec)
        await world.until(
            PROVIDER, "any", lambda obj: obj and obj["metadata"].get("finalizers") == ["finalizers.fluxcd.io"]
        )
        await world.delete(PROVIDER, "any")
        await world.gone(PROVIDER, "any")
    await world.provider()
    await world.alert("old", metadata={"finalizers": ["finalizers.fluxcd.io", "example.com/other"]})
    await world.until(ALERT, "old", lambda obj: obj["metadata"]["finalizers"] == ["example.com/other"])
    event = await world.event("removed finalizer from Alert to migrate to static Alert", "old")
    assert (event["type"], event["reason"], event["count"]) == ("Normal", "Migration", 1)
    await world.edit(ALERT, "old", {"metadata": {"finalizers": None}, "spec": {"suspend": True}})
    changed = await world.edit(ALERT, "old", {"spec": {"suspend": False}})
    assert "finalizers" not in changed["metadata"]
    assert await world.events("old") == ["removed finalizer from Alert to migrate to static Alert"]
