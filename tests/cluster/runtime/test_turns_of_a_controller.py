"""What the frame around a reconciler does to objects of a real API server."""

import asyncio
import json
from datetime import timedelta

import pytest

from shared.api import wire
from shared.observe import metrics
from shared.runtime.outcome import Done, Failure, Stalled, Waiting
from shared.testing.kstatus_contract import violations

DONE = Done(timedelta(minutes=5), "Succeeded", "fine")
FAILURE = Failure("BuildFailed", "broken")
LATER = Failure("BuildFailed", "broken", retry_after=timedelta(minutes=10))
WAITING = Waiting("DependencyNotReady", "not yet", timedelta(minutes=10))
STALLED = Stalled("InvalidPath", "no such path")


def said(obj, kind):
    found = [each for each in obj["status"].get("conditions", ()) if each["type"] == kind]
    return (found[0]["status"], found[0]["reason"]) if found else None


def observed(generation=1):
    return lambda obj: obj["status"]["observedGeneration"] == generation


def not_ready(obj):
    return said(obj, "Ready")[0] == "False" if said(obj, "Ready") else False


def foreign(state):
    """A status patch as another writer sends it."""
    moment = "2026-01-02T03:04:05Z"
    said = {"type": "Foreign", "reason": "Other", "message": "", "lastTransitionTime": moment}
    return {"status": {"conditions": [said | {"status": state}]}}


def status_writes(world, name="a"):
    return [body for _, path, body in world.client.writes if path.endswith(f"/{name}/status")]


@pytest.mark.case("runtime-2")
async def test_the_finalizer_comes_first_and_the_work_at_once_after_it(world):
    await world.create()
    world.client.writes.clear()
    await world.start()
    obj = await world.until(observed())
    (first, _, body), *later = [write for write in world.client.writes if "/events" not in write[1]]
    assert first == "PATCH"
    sent = json.loads(body)
    assert list(sent) == ["metadata"]
    assert sent["metadata"].keys() == {"finalizers", "resourceVersion"}
    assert sent["metadata"]["finalizers"] == ["finalizers.fluxcd.io"]
    assert [path.rpartition("/")[2] for _, path, _ in later] == ["status"]
    assert obj["metadata"]["finalizers"] == ["finalizers.fluxcd.io"]
    assert world.script.turns == ["a"]


@pytest.mark.case("runtime-7")
async def test_a_failure_for_now_is_retried_and_leaves_the_generation(world):
    world.answer("a", LATER)
    await world.create()
    await world.start()
    obj = await world.until(not_ready)
    assert said(obj, "Ready") == ("False", "BuildFailed")
    assert said(obj, "Reconciling") == ("True", "ProgressingWithRetry")
    assert obj["status"]["observedGeneration"] == -1


@pytest.mark.case("runtime-8")
async def test_a_failure_for_good_stalls_and_queues_nothing(world):
    terminal = metrics.terminal_errors.labels("kustomization")._value.get()
    world.answer("a", STALLED)
    await world.create()
    await world.start()
    obj = await world.until(observed())
    assert said(obj, "Stalled") == ("True", "InvalidPath")
    assert said(obj, "Ready") == ("False", "InvalidPath")
    assert said(obj, "Reconciling") is None
    await world.rest()
    assert world.script.turns.count("a") == 1
    others = {world.key(name) for name in world.script.turns[1:]}
    await world.eventually(lambda: world.controller._queue._waiting.keys() == others)
    assert metrics.terminal_errors.labels("kustomization")._value.get() == terminal + 1


@pytest.mark.parametrize("second", [DONE, LATER, WAITING, STALLED, RuntimeError("bug")], ids=str)
@pytest.mark.parametrize("first", [DONE, LATER, WAITING, STALLED, RuntimeError("bug")], ids=str)
async def test_every_finished_turn_keeps_the_contract(world, first, second):
    world.answer("a", first, second, second)
    await world.create()
    await world.start(min_retry=timedelta(minutes=10), max_retry=timedelta(minutes=10))
    obj = await world.until(lambda obj: said(obj, "Ready") is not None)
    assert violations(obj) == []
    await world.edit({"metadata": {"annotations": {wire.REQUESTED_AT: "T1"}}})
    obj = await world.until(lambda obj: obj["status"]["lastHandledReconcileAt"] == "T1")
    assert violations(obj) == []
    await world.edit({"spec": {"interval": "9m"}, "metadata": {"annotations": {wire.REQUESTED_AT: "T2"}}})
    obj = await world.until(lambda obj: obj["status"]["lastHandledReconcileAt"] == "T2")
    assert violations(obj) == []


@pytest.mark.case("runtime-10")
async def test_a_failing_turn_acknowledges_the_request(world):
    world.answer("a", LATER)
    await world.create(annotations={wire.REQUESTED_AT: "T1"})
    await world.start()
    obj = await world.until(not_ready)
    assert obj["status"]["lastHandledReconcileAt"] == "T1"


async def test_a_suspended_object_acknowledges_the_request_and_is_not_reconciled(world):
    await world.create(suspend=True)
    await world.start()
    await world.edit({"metadata": {"annotations": {wire.REQUESTED_AT: "T1"}}})
    await world.until(lambda obj: obj["status"]["lastHandledReconcileAt"] == "T1")
    assert world.script.turns == []
    await world.edit({"spec": {"suspend": False}})
    await world.until(observed(2))
    assert world.script.turns == ["a"]


async def test_an_object_that_was_ready_stays_ready_while_it_is_suspended(world):
    await world.create()
    await world.start()
    await world.until(observed())
    await world.edit({"spec": {"suspend": True}})
    obj = await world.until(observed(2))
    assert said(obj, "Ready") == ("True", "Succeeded")
    assert violations(obj) == []
    assert world.script.turns == ["a"]


@pytest.mark.case("runtime-12", "runtime-13")
async def test_labels_and_a_request_taken_away_start_no_turn(world):
    await world.create(annotations={wire.REQUESTED_AT: "T1"})
    await world.start()
    await world.until(observed())
    await world.edit({"metadata": {"labels": {"team": "a"}}})
    await world.edit({"metadata": {"annotations": {wire.REQUESTED_AT: None}}})
    await world.rest()
    assert world.script.turns.count("a") == 1


@pytest.mark.case("runtime-18")
async def test_a_turn_that_changes_nothing_writes_nothing(world):
    await world.create()
    await world.start()
    before = await world.until(observed())
    await world.rest()
    world.client.writes.clear()
    world.controller.trigger(world.key(), "GitRepository/ns/s")
    await world.eventually(lambda: world.script.turns.count("a") == 2)
    await world.rest()
    assert not [path for _, path, _ in world.client.writes if "/kustomizations/a" in path]
    assert (await world.get())["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]


@pytest.mark.case("runtime-23")
async def test_an_exception_is_counted_once_and_retried_and_all_goes_on(world):
    before = metrics.reconcile_panics.labels("kustomization")._value.get()
    world.answer("a", RuntimeError("secret detail"))
    await world.create()
    await world.start()
    await world.until(observed())
    assert world.script.turns.count("a") == 2
    assert metrics.reconcile_panics.labels("kustomization")._value.get() == before + 1
    await world.rest()
    assert not any(b"secret detail" in (body or b"") for _, _, body in world.client.writes)


@pytest.mark.case("runtime-22")
async def test_an_edit_is_served_before_the_backlog_of_the_start(world):
    await asyncio.gather(*(world.create(f"o{number:02}") for number in range(100)))
    gate = asyncio.Event()

    async def wait(obj, turn):
        await gate.wait()
        return DONE

    for number in range(100):
        world.answer(f"o{number:02}", wait)
    await world.start(concurrent=1)
    await world.eventually(lambda: world.script.turns)
    served = world.script.turns[0]
    edited = next(name for name in ("o99", "o98") if name != served)
    await world.edit({"spec": {"interval": "9m"}}, edited)
    await world.eventually(lambda: world.informer.store.header(world.key(edited)).generation == 2)
    gate.set()
    await world.eventually(lambda: len(set(world.script.turns)) == 100)
    assert world.script.turns.index(edited) <= 1


async def test_a_parked_turn_leaves_its_worker_to_others(world):
    gate = asyncio.Event()

    async def park(obj, turn):
        await turn.park(gate.wait())
        return DONE

    world.answer("a", park)
    await world.create()
    await world.start(concurrent=1)
    await world.eventually(lambda: world.script.turns == ["a"])
    await world.create("b")
    await world.until(observed(), "b")
    assert (await world.get())["status"]["observedGeneration"] == -1
    gate.set()
    await world.until(observed())


async def test_an_edit_ends_a_wait_and_the_new_generation_follows(world):
    async def park(obj, turn):
        turn.progress("checking health")
        return await turn.park(asyncio.Event().wait())

    world.answer("a", park)
    await world.create()
    await world.start(cancel_waits=True)
    await world.eventually(lambda: world.script.turns == ["a"])
    await world.edit({"spec": {"interval": "9m"}})
    obj = await world.until(observed(2))
    assert said(obj, "Ready") == ("True", "Succeeded")
    canceled = [body for body in status_writes(world) if b"HealthCheckCanceled" in body]
    assert canceled
    assert f"New reconciliation triggered by Kustomization/{world.namespace}/a".encode() in canceled[0]


async def test_a_spec_that_changes_meanwhile_is_finished_as_read_and_then_done_anew(world):
    gate = asyncio.Event()
    generations = []

    async def slow(obj, turn):
        generations.append(obj.generation)
        await gate.wait()
        return DONE

    world.answer("a", slow, slow)
    await world.create()
    await world.start()
    await world.eventually(lambda: generations == [1])
    await world.edit({"spec": {"interval": "9m"}})
    await world.eventually(lambda: world.informer.store.header(world.key()).generation == 2)
    gate.set()
    await world.until(observed(2))
    assert generations == [1, 2]


@pytest.mark.case("runtime-29")
async def test_a_deleted_object_is_finalized_and_no_series_names_it(world):
    await world.create("named-in-metrics")
    await world.start()
    await world.until(observed(), "named-in-metrics")
    await world.eventually(lambda: b'name="named-in-metrics"' in metrics.exposition()[0])
    await world.delete("named-in-metrics")
    await world.eventually(lambda: world.key("named-in-metrics") not in world.informer.store)
    await world.rest()
    assert world.script.turns[:2] == ["named-in-metrics", "-named-in-metrics"]
    assert b"named-in-metrics" not in metrics.exposition()[0]


async def test_a_deleted_object_keeps_the_finalizers_of_others(world):
    await world.create()
    await world.start()
    await world.until(observed())
    await world.edit({"metadata": {"finalizers": ["finalizers.fluxcd.io", "example.com/other"]}})
    await world.delete()
    obj = await world.until(lambda obj: obj["metadata"]["finalizers"] == ["example.com/other"])
    assert obj["metadata"]["deletionTimestamp"]
    await world.rest()
    assert world.script.turns[:2] == ["a", "-a"]
    assert world.script.turns.count("-a") == 1


async def test_a_finalizer_is_removed_although_others_write_at_the_same_time(world):
    panics = metrics.reconcile_panics.labels("kustomization")._value.get()
    await world.create()
    await world.start()
    await world.until(observed())
    edited = []

    async def interfere(path):
        if path.endswith("/a") and world.script.turns[-1] == "-a" and not edited:
            edited.append(path)
            await world.edit({"metadata": {"labels": {"other": "writer"}}})

    world.client.before_write = interfere
    await world.delete()
    await world.eventually(lambda: world.key() not in world.informer.store)
    assert edited
    assert metrics.reconcile_panics.labels("kustomization")._value.get() == panics


async def test_an_object_that_replaces_a_deleted_one_has_its_own_turn(world):
    await world.create()
    await world.start()
    await world.until(observed())
    await world.delete()
    await world.eventually(lambda: world.key() not in world.informer.store)
    await world.create()
    await world.until(observed())
    assert world.script.turns == ["a", "-a", "a"]


@pytest.mark.case("runtime-16")
async def test_a_status_that_meets_two_conflicts_goes_through_and_leaves_foreign_conditions(world):
    await world.create()
    states = iter(["False", "True"])
    tries = []

    async def interfere(path):
        if not path.endswith("/a/status"):
            return
        state = next(states, None)
        if state is not None:
            world.client.before_write = None
            await world.edit(foreign(state), subresource="status")
            world.client.before_write = interfere
        tries.append(state)

    world.client.before_write = interfere
    await world.start()
    obj = await world.until(observed())
    assert tries == ["False", "True", None]
    assert said(obj, "Foreign") == ("True", "Other")
    assert said(obj, "Ready") == ("True", "Succeeded")
    assert world.script.turns == ["a"]


@pytest.mark.case("runtime-17")
async def test_a_foreign_condition_that_both_moved_is_a_conflict_and_the_turn_is_repeated(world):
    await world.create()
    edited = []

    async def interfere(path):
        if path.endswith("/a/status") and not edited:
            edited.append(path)
            await world.edit(foreign("False"), subresource="status")

    async def meddle(obj, turn):
        turn.draft.conditions.set("Foreign", "True", "Ours", "not ours to say")
        return DONE

    world.answer("a", meddle)
    world.client.before_write = interfere
    await world.start()
    obj = await world.until(observed())
    assert world.script.turns == ["a", "a"]
    assert said(obj, "Foreign") == ("False", "Other")
    assert not any(b"not ours to say" in body for body in status_writes(world)[2:])


async def test_a_turn_reads_what_the_one_before_it_wrote(world):
    """Whatever the watch is late with: a write of our own is in the cache when it returns."""
    seen = []

    async def write(obj, turn):
        seen.append((turn.raw["status"].get("inventory") or {}).get("entries"))
        turn.draft["inventory"] = {"entries": [{"id": f"x_{len(seen)}__ConfigMap", "v": "v1"}]}
        if len(seen) < 4:
            world.controller.trigger(world.key(), "GitRepository/ns/s")
        return DONE

    world.answer("a", *[write] * 4)
    await world.create()
    await world.start()
    await world.eventually(lambda: len(seen) == 4)
    ids = [entries and entries[0]["id"] for entries in seen]
    assert ids == [None, "x_1__ConfigMap", "x_2__ConfigMap", "x_3__ConfigMap"]


async def test_an_object_with_a_name_of_253_characters_has_its_event(world):
    name = "x" * 253
    world.answer(name, STALLED)
    await world.create(name)
    await world.start()
    await world.until(observed(), name)
    await world.events.flush()
    events = await world.client.discovery.find("", "Event")
    found = (await world.client.list(events, world.namespace))["items"]
    assert [(event["type"], event["reason"]) for event in found] == [("Warning", "InvalidPath")]
    assert found[0]["involvedObject"]["name"] == name
