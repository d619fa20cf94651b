"""What the planner and the applier rely on is what a real API server does."""

from datetime import timedelta

import pytest

from shared.ssa import DryRunFailed, HealthWaiter

DEPLOYMENT = {
    "replicas": 0,
    "selector": {"matchLabels": {"app": "web"}},
    "template": {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "app", "image": "app:1", "ports": [{"containerPort": 80}]}]},
    },
}


def lines(applied):
    return [f"{change.id.kind}/{change.id.name} {change.action}" for change in applied.changes]


async def test_a_definition_and_its_object_in_one_pass(ssa):
    group = f"{ssa.namespace}.example.com"
    versions = [
        {
            "name": "v1",
            "served": True,
            "storage": True,
            "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
        }
    ]
    definition = ssa.make(
        "CustomResourceDefinition",
        f"widgets.{group}",
        "apiextensions.k8s.io/v1",
        spec={
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": "Widget", "plural": "widgets"},
            "versions": versions,
        },
    )
    widget = ssa.make("Widget", "w", f"{group}/v1", spec={"size": 1})
    applied = await ssa.run(widget, definition)
    assert lines(applied) == [f"CustomResourceDefinition/widgets.{group} created", "Widget/w created"]
    resource = await ssa.client.discovery.find("apiextensions.k8s.io", "CustomResourceDefinition")
    await ssa.client.delete(resource, None, f"widgets.{group}")


async def test_a_new_object_costs_two_requests_and_an_unchanged_one_two_without_a_write(ssa):
    objects = [ssa.make(data={"k": "v"}), ssa.make("Deployment", "web", "apps/v1", spec=DEPLOYMENT)]
    first = await ssa.run(*objects)
    assert ssa.client.asked == {"dry PATCH": 2, "PATCH": 2}
    # Its controller annotates the Deployment while it rolls out.
    limit = timedelta(seconds=20)
    await HealthWaiter(ssa.watches).wait(ssa.client, first.objects, first.objects, timeout=limit)
    second = await ssa.run(*objects, expected=first.objects.keys())
    assert not second.writes
    assert ssa.client.asked == {"dry PATCH": 2, "GET": 2}
    # The cluster's own controllers write statuses meanwhile; what counts is that nobody wrote the objects.
    generations = [obj["metadata"].get("generation") for obj in first.objects.values()]
    assert generations == [obj["metadata"].get("generation") for obj in second.objects.values()]


async def test_an_edit_with_kubectl_is_reverted_and_its_entry_is_gone(ssa):
    first = await ssa.run(ssa.make(data={"k": "v"}))
    await ssa.edit({"data": {"k": "edited", "extra": "1"}}, "kubectl-edit")
    assert lines(await ssa.run(ssa.make(data={"k": "v"}), expected=first.objects.keys())) == [
        "ConfigMap/a configured"
    ]
    live = await ssa.live()
    assert live["data"] == {"k": "v"}
    assert [entry["manager"] for entry in live["metadata"]["managedFields"]] == ["kustomize-controller"]


async def test_a_field_of_another_manager_stays(ssa):
    first = await ssa.run(ssa.make(data={"k": "v"}))
    await ssa.edit({"data": {"other": "1"}}, "flux-client-side-apply")
    assert not (await ssa.run(ssa.make(data={"k": "v"}), expected=first.objects.keys())).writes
    assert (await ssa.live())["data"] == {"k": "v", "other": "1"}


async def test_with_merge_an_edit_with_kubectl_stays(ssa):
    wanted = ssa.make(annotations={"ssa": "Merge"}, data={"k": "v"})
    first = await ssa.run(wanted)
    await ssa.edit({"metadata": {"labels": {"mine": "yes"}}}, "kubectl-label")
    await ssa.run(wanted, expected=first.objects.keys())
    assert (await ssa.live())["metadata"]["labels"]["mine"] == "yes"


async def test_an_immutable_secret_needs_force_and_no_value_is_told(ssa):
    old = ssa.make("Secret", data={"k": "b2xkLXZhbHVl"}, immutable=True)
    new = ssa.make("Secret", data={"k": "bmV3LXZhbHVl"}, immutable=True)
    await ssa.run(old)
    before = await ssa.live("Secret")
    with pytest.raises(DryRunFailed, match="immutable") as caught:
        await ssa.run(new, ssa.make(name="beside"))
    assert "bmV3" not in str(caught.value)
    assert ssa.client.asked["PATCH"] == 0
    assert lines(
        await ssa.run(ssa.make("Secret", annotations={"force": "enabled"}, data=new["data"], immutable=True))
    ) == ["Secret/a created"]
    assert (await ssa.live("Secret"))["metadata"]["uid"] != before["metadata"]["uid"]


async def test_force_does_not_delete_for_a_typo(ssa):
    await ssa.run(ssa.make("Deployment", "web", "apps/v1", spec=DEPLOYMENT))
    before = await ssa.live("Deployment", "web", "apps")
    with pytest.raises(DryRunFailed, match="a new object would be refused too"):
        await ssa.run(
            ssa.make("Deployment", "web", "apps/v1", spec=DEPLOYMENT | {"replicas": -1}), force=True
        )
    after = await ssa.live("Deployment", "web", "apps")
    assert after["metadata"]["uid"] == before["metadata"]["uid"]


async def test_unknown_fields_of_built_in_kinds_are_dropped_and_told(ssa):
    applied = await ssa.run(ssa.make("Deployment", "web", "apps/v1", spec=DEPLOYMENT | {"replica": 1}))
    assert lines(applied) == ["Deployment/web created"]
    assert [".spec.replica" in warning for warning in applied.warnings] == [True]


async def test_all_mistakes_of_a_stage_are_told_and_nothing_of_it_is_applied(ssa):
    objects = [ssa.make(name=f"good-{index}") for index in range(8)]
    with pytest.raises(DryRunFailed) as caught:
        await ssa.run(*objects, ssa.make(name="Bad_1"), ssa.make(name="Bad_2"))
    assert [str(error).split(" dry-run failed")[0] for error in caught.value.errors] == [
        f"ConfigMap/{ssa.namespace}/Bad_1",
        f"ConfigMap/{ssa.namespace}/Bad_2",
    ]
    assert ssa.client.asked["PATCH"] == 0
