"""Requests are counted, refusals are collected, and nothing is touched that need not be."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.kube.errors import Forbidden, Invalid, NotFound
from shared.kube.resources import Resource
from shared.ssa import (
    Action,
    Applied,
    ApplyFailed,
    ApplyOptions,
    DryRunFailed,
    Entry,
    ObjectId,
    Policies,
    PruneFailed,
    Rollout,
    StageFailed,
    Takeover,
    by_hand,
    plan,
    prune,
)
from shared.status.kstatus import CheckSpec, CustomChecks, StatusReader

PREFIX = "kustomize.toolkit.fluxcd.io"
OWNER = {f"{PREFIX}/name": "apps", f"{PREFIX}/namespace": "flux-system"}
OPTIONS = ApplyOptions(
    "kustomize-controller",
    Policies(PREFIX),
    owner_labels=OWNER,
    takeover=Takeover("kustomize-controller", by_hand("kustomize-controller")),
    stage_timeout=timedelta(seconds=1),
)
FORCED = ApplyOptions("kustomize-controller", Policies(PREFIX), force=True)
IMMUTABLE = Invalid(422, "Invalid", "field is immutable")


def config(name, data=None, kind="ConfigMap", labels=None, **policies):
    annotations = {f"{PREFIX}/{key}": value for key, value in policies.items()}
    metadata = {"name": name, "namespace": "n", "labels": OWNER if labels is None else labels}
    if annotations:
        metadata["annotations"] = annotations
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, "data": data or {}}


def ids(*objects):
    return {ObjectId.of(obj) for obj in objects}


async def actions(memory, objects, expected=frozenset(), options=OPTIONS):
    found = await plan(memory, objects, options, expected)
    return [step.action for step in found.steps]


def put(memory, obj, uid="uid-1"):
    return memory.put(obj | {"metadata": obj["metadata"] | {"uid": uid}})


async def run(memory, watches, objects, expected=frozenset(), options=OPTIONS):
    applied = Applied()
    await Rollout(memory, watches, options).run(objects, applied, expected=expected)
    return applied


async def test_a_new_object_costs_a_dry_run_and_an_apply(memory, watches):
    applied = await run(memory, watches, [config("a")])
    assert memory.asked == {"dry-run": 1, "apply": 1}
    assert [str(change) for change in applied.changes] == ["ConfigMap/n/a created"]
    assert applied.objects[ObjectId("n", "a", "", "ConfigMap")]["metadata"]["resourceVersion"]


async def test_an_unchanged_object_costs_a_read_and_a_dry_run(memory, watches):
    put(memory, config("a"))
    applied = await run(memory, watches, [config("a")], ids(config("a")))
    assert memory.asked == {"get": 1, "dry-run": 1}
    assert not applied.writes
    assert len(applied.objects) == 1


async def test_an_object_that_was_there_unexpectedly_is_read_after_the_dry_run(memory):
    put(memory, config("a"))
    assert await actions(memory, [config("a", {"k": "v"})]) == [Action.CONFIGURED]
    assert memory.asked == {"dry-run": 1, "get": 1}


async def test_planning_changes_nothing(memory):
    put(memory, config("a"))
    found = await plan(memory, [config("a", {"k": "v"}), config("b")], OPTIONS)
    assert memory.written == []
    assert [str(item) for item in found.steps[0].differences] == ["add /data/k"]
    assert found.inventory.write() == [
        {"id": "n_a__ConfigMap", "v": "v1"},
        {"id": "n_b__ConfigMap", "v": "v1"},
    ]


async def test_the_caller_decides_between_plan_and_apply(memory, watches):
    class NotApproved(Exception):
        pass

    async def refuse(found):
        assert found.writes
        raise NotApproved

    with pytest.raises(NotApproved):
        await Rollout(memory, watches, OPTIONS).run([config("a")], Applied(), decide=refuse)
    assert memory.written == []


async def test_fields_that_somebody_edited_by_hand_are_taken_over(memory, watches):
    live = config("a")
    live["metadata"]["managedFields"] = [{"manager": "kubectl-edit", "operation": "Update", "fieldsV1": {}}]
    put(memory, live)
    await run(memory, watches, [config("a")], ids(live))
    assert memory.written == ["patch a", "apply a"]


@pytest.mark.parametrize(
    ("version", "action", "written"),
    [("v1beta1", Action.CONFIGURED, ["patch a", "apply a"]), ("v1", Action.UNCHANGED, [])],
)
async def test_moving_fields_to_another_version_is_a_change(memory, watches, version, action, written):
    entry = {"manager": "tool", "operation": "Update", "apiVersion": version, "fieldsV1": {}}
    live = config("a")
    put(memory, live | {"metadata": live["metadata"] | {"managedFields": [entry]}})
    options = replace(OPTIONS, migrate_api_version=True)
    applied = await run(memory, watches, [live], ids(live), options)
    assert [change.action for change in applied.changes] == [action]
    assert memory.written == written


async def test_merge_leaves_them_alone(memory, watches):
    live = config("a", ssa="Merge")
    live["metadata"]["managedFields"] = [{"manager": "kubectl-edit", "operation": "Update", "fieldsV1": {}}]
    put(memory, live)
    await run(memory, watches, [config("a", ssa="Merge")], ids(live))
    assert memory.written == []


@pytest.mark.parametrize(
    ("desired", "live"),
    [
        ({"ssa": "Ignore"}, {}),
        ({"reconcile": "disabled"}, {}),
        ({}, {"ssa": "ignore"}),
        ({"ssa": "IfNotPresent"}, {}),
    ],
)
@pytest.mark.parametrize("known", [True, False])
async def test_objects_that_are_left_alone(memory, desired, live, known):
    put(memory, config("a", **live))
    memory.refused_objects["a"] = Invalid(422, "Invalid", "would be refused")
    wanted = config("a", {"k": "v"}, **desired)
    assert await actions(memory, [wanted], ids(wanted) if known else frozenset()) == [Action.SKIPPED]


@pytest.mark.parametrize("policy", [{"reconcile": "disabled"}, {"ssa": "Ignore"}])
async def test_an_object_that_is_left_alone_may_be_of_a_kind_that_nobody_knows(memory, watches, policy):
    unknown = config("w", kind="Widget", **policy)
    applied = await run(memory, watches, [config("a"), unknown])
    assert [str(change) for change in applied.changes] == ["ConfigMap/n/a created", "Widget/n/w skipped"]
    assert Entry.of(unknown) in applied.entries


async def test_an_object_that_is_left_alone_is_recorded_without_a_namespace_that_its_kind_has_not(memory):
    found = await plan(memory, [config("a", kind="Namespace", reconcile="disabled")], OPTIONS)
    assert [entry.id for entry in found.inventory] == [ObjectId("", "a", "", "Namespace")]


async def test_if_not_present_creates(memory):
    assert await actions(memory, [config("a", ssa="IfNotPresent")]) == [Action.CREATED]


async def test_all_refusals_of_a_stage_are_told_and_nothing_of_it_is_applied(memory, watches):
    memory.refused_objects = {
        "b": Invalid(422, "Invalid", "bad"),
        "d": Forbidden(403, "Forbidden", "not you"),
    }
    with pytest.raises(DryRunFailed) as caught:
        await run(memory, watches, [config(name) for name in "dcba"])
    assert str(caught.value) == (
        "ConfigMap/n/b dry-run failed (Invalid): bad\nConfigMap/n/d dry-run failed (Forbidden): not you"
    )
    assert memory.written == []


async def test_earlier_stages_stay_applied(memory, watches):
    memory.refused_objects = {"b": Invalid(422, "Invalid", "bad")}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}
    applied = Applied()
    with pytest.raises(DryRunFailed):
        await Rollout(memory, watches, OPTIONS).run([config("b"), namespace], applied)
    assert [str(change) for change in applied.changes] == ["Namespace/n created"]


async def test_a_refused_apply_leaves_what_was_done_before(memory, watches):
    async def spoil(_plan):
        memory.refused_objects = {"b": Invalid(422, "Invalid", "bad")}

    applied = Applied()
    with pytest.raises(ApplyFailed, match=r"^ConfigMap/n/b apply failed: bad$"):
        await Rollout(memory, watches, OPTIONS).run([config("a"), config("b")], applied, decide=spoil)
    assert [str(change) for change in applied.changes] == ["ConfigMap/n/a created"]


async def test_a_namespace_is_taken_off_where_the_kind_has_none(memory):
    obj = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n", "namespace": "flux-system"}}
    found = await plan(memory, [obj], OPTIONS)
    assert found.steps[0].id == ObjectId("", "n", "", "Namespace")


async def test_a_namespace_is_asked_for_where_the_kind_has_one(memory):
    obj = config("a")
    del obj["metadata"]["namespace"]
    with pytest.raises(DryRunFailed, match=r"^ConfigMap/a namespace not specified: "):
        await plan(memory, [obj], OPTIONS)


async def test_an_immutable_field_is_refused_without_force(memory):
    put(memory, config("a"))
    memory.refused_objects["a"] = IMMUTABLE
    with pytest.raises(DryRunFailed, match="field is immutable"):
        await plan(memory, [config("a", {"k": "v"})], OPTIONS)


@pytest.mark.parametrize(
    ("options", "desired", "live"),
    [(FORCED, {}, {}), (OPTIONS, {"force": "Enabled"}, {}), (OPTIONS, {}, {"force": "enabled"})],
)
async def test_an_object_is_recreated_by_force(memory, watches, options, desired, live):
    put(memory, config("a", **live))
    memory.refused_objects["a"] = IMMUTABLE
    found = await plan(memory, [config("a", {"k": "v"}, **desired)], options)
    assert [step.recreate for step in found.steps] == [True]
    assert memory.written == []

    async def allow(_plan):
        del memory.refused_objects["a"]

    wanted = [config("a", {"k": "v"}, **desired)]
    await Rollout(memory, watches, options).run(wanted, Applied(), decide=allow)
    assert memory.written == ["delete a", "apply a"]


async def test_force_deletes_nothing_that_can_not_be_created_again(memory):
    put(memory, config("a"))
    memory.refused_objects = {
        "a": Invalid(422, "Invalid", "typo"),
        "new": Invalid(422, "Invalid", "typo too"),
    }
    with pytest.raises(DryRunFailed, match="a new object would be refused too"):
        await plan(memory, [config("a", {"k": "v"})], FORCED)
    assert memory.written == []


async def test_force_never_deletes_a_definition(memory):
    kind = "CustomResourceDefinition"
    crd = {"apiVersion": "apiextensions.k8s.io/v1", "kind": kind, "metadata": {"name": "a"}}
    put(memory, crd)
    memory.refused_objects["a"] = IMMUTABLE
    with pytest.raises(DryRunFailed, match="not recreated by force"):
        await plan(memory, [crd], FORCED)


async def test_definitions_are_waited_for(memory, watches):
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "a"},
    }
    with pytest.raises(StageFailed, match="CustomResourceDefinition/a status: 'InProgress'"):
        await run(memory, watches, [crd, config("a")])
    assert memory.written == ["apply a"]


async def test_own_checks_tell_whether_a_stage_is_in_effect(memory, watches):
    waiting = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}
    checks = CustomChecks.compile([CheckSpec("v1", "Namespace", "has(metadata.annotations)")])
    rollout = Rollout(memory, watches, OPTIONS, StatusReader(checks))
    with pytest.raises(StageFailed, match="Namespace/n status: 'InProgress'"):
        await rollout.run([waiting, config("a")], Applied())
    assert memory.written == ["apply n"]
    done = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n", "annotations": {"a": "b"}}}
    await rollout.run([done, config("a")], Applied())
    assert memory.written == ["apply n", "apply n", "apply a"]


def stale(*objects):
    return [Entry.of(obj) for obj in objects]


async def test_stale_objects_go_in_reverse_order(memory):
    objects = [put(memory, config(name, kind=kind)) for name, kind in (("a", "ConfigMap"), ("b", "Secret"))]
    pruned = await prune(memory, stale(*objects, config("gone")), OPTIONS)
    pruned.check()
    assert memory.written == ["delete b", "delete a"]
    assert [str(change) for change in pruned.changes] == [
        "Secret/n/b deleted",
        "ConfigMap/n/gone deleted",
        "ConfigMap/n/a deleted",
    ]
    assert pruned.uids.keys() == ids(*objects)


@pytest.mark.parametrize(
    "live",
    [
        config("a", labels={}),
        config("a", labels=OWNER | {f"{PREFIX}/name": "other"}),
        config("a", prune="Disabled"),
        config("a", reconcile="disabled"),
        config("a", ssa="Ignore"),
    ],
)
async def test_what_is_not_ours_or_wants_to_stay_is_skipped(memory, live):
    put(memory, live)
    pruned = await prune(memory, stale(config("a")), OPTIONS)
    assert [change.action for change in pruned.changes] == [Action.SKIPPED]
    assert memory.written == []
    assert len(pruned.survivors) == 0


async def test_if_not_present_objects_are_pruned(memory):
    put(memory, config("a", ssa="IfNotPresent"))
    await prune(memory, stale(config("a")), OPTIONS)
    assert memory.written == ["delete a"]


async def test_an_object_whose_kind_is_gone_is_gone(memory):
    widget = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "a", "namespace": "n"}}
    pruned = await prune(memory, stale(widget), OPTIONS)
    assert [str(change) for change in pruned.changes] == ["Widget/n/a deleted"]


async def test_an_object_whose_version_went_since_it_was_looked_up_is_deleted(memory, monkeypatch):
    put(memory, config("a"))
    asked_again = []
    old, new = (Resource("", version, "configmaps", "ConfigMap") for version in ("v1beta1", "v1"))
    get_served = memory.get

    async def find(group, kind):
        return new if asked_again else old

    async def get(resource, namespace, name):
        if resource is old:
            raise NotFound(404, "Unknown", "404 page not found")
        return await get_served(resource, namespace, name)

    monkeypatch.setattr(memory.discovery, "find", find)
    monkeypatch.setattr(memory.discovery, "invalidate", lambda: asked_again.append(True))
    monkeypatch.setattr(memory, "get", get)
    await prune(memory, stale(config("a")), OPTIONS)
    assert memory.written == ["delete a"]


async def test_refused_deletes_are_collected_and_survive(memory):
    put(memory, config("a"))
    put(memory, config("b"))
    memory.refuse["delete"] = Forbidden(403, "Forbidden", "denied")
    pruned = await prune(memory, stale(config("a"), config("b")), OPTIONS)
    with pytest.raises(PruneFailed) as caught:
        pruned.check()
    assert str(caught.value) == (
        "delete failed, errors: ConfigMap/n/b delete failed: denied;ConfigMap/n/a delete failed: denied;"
    )
    assert [entry.id.name for entry in pruned.survivors] == ["a", "b"]
    assert pruned.changes == ()
