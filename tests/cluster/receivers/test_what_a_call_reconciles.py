"""Which objects a call asks to reconcile, and what becomes of the others when one can't be asked for."""

import json

import pytest

KUSTOMIZATION = "Kustomization.kustomize.toolkit.fluxcd.io"
RECEIVER = "Receiver.notification.toolkit.fluxcd.io"
IMAGE = "req.tag.split(':')[0] == res.metadata.annotations['image']"


async def annotated(hooks, *names):
    return {name for name in names if await hooks.requested(name)}


@pytest.mark.case("notification-45")
async def test_labels_and_expressions_choose(hooks):
    for name, labels, image in (
        ("a", {"team": "one"}, "app"),
        ("b", {"team": "one"}, "other"),
        ("c", {"team": "two"}, "app"),
    ):
        await hooks.repository(name, labels, {"image": image})
    some = {"kind": "GitRepository", "name": "*", "matchLabels": {"team": "one"}}
    path = await hooks.receiver("generic", resources=[some], resourceFilter=IMAGE)
    assert await hooks.call(path, b'{"tag": "app:1.0"}') == (200, "")
    assert await annotated(hooks, "a", "b", "c") == {"a"}
    assert await hooks.call(path, b'{"tag": "none:1.0"}') == (200, "")
    # An object without the field that is read.
    await hooks.repository("d", {"team": "one"})
    status, told = await hooks.call(path, b'{"tag": "other:1.0"}')
    assert (status, told) == (500, "not all resources could be reconciled")
    assert await annotated(hooks, "a", "b", "c", "d") == {"a", "b"}


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b'{"tag": "app:1.0"}', "application/json; charset=utf-8", 200),
        (b'["app:1.0"]', "application/json", 500),
        (b'"app:1.0"', "application/json", 500),
        (b"null", "application/json", 500),
        (b"", "application/json", 500),
        (b'{"tag"', "application/json", 500),
        # What is not called JSON is an empty object, in which the field is missing.
        (b'{"tag": "app:1.0"}', "application/cloudevents+json", 500),
    ],
)
async def test_filters_read_objects(hooks, body, content_type, status):
    await hooks.repository(annotations={"image": "app"})
    path = await hooks.receiver(resourceFilter=IMAGE)
    assert (await hooks.call(path, body, content_type=content_type))[0] == status
    assert bool(await hooks.requested()) == (status == 200)


async def test_without_filters_nobody_reads_the_body(hooks):
    await hooks.repository()
    path = await hooks.receiver()
    assert await hooks.call(path, b"[") == (200, "")
    assert await hooks.requested()


async def test_both_filters_have_to_be_true(hooks):
    for name in ("a", "b"):
        await hooks.repository(name)
    resources = [
        {
            "kind": "GitRepository",
            "name": name,
            "filter": f"req.name == '{name}' && res.kind == 'GitRepository'",
        }
        for name in ("a", "b")
    ]
    path = await hooks.receiver(
        resources=resources, resourceFilter="req.n == 1 && res.apiVersion == 'source.toolkit.fluxcd.io/v1'"
    )
    assert await hooks.call(path, b'{"name": "a", "n": 2}') == (200, "")
    assert await annotated(hooks, "a", "b") == set()
    assert await hooks.call(path, b'{"name": "a", "n": 1}') == (200, "")
    assert await annotated(hooks, "a", "b") == {"a"}


@pytest.mark.case("notification-46")
async def test_one_bad_entry_keeps_no_other_from_being_reconciled(working, cluster):
    async with working("--no-cross-namespace-refs") as hooks:
        await hooks.repository("good")
        await hooks.create(
            {
                "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
                "kind": "Kustomization",
                "metadata": {"name": "good"},
                "spec": {"interval": "1h", "prune": False, "suspend": True, "sourceRef": SOURCE},
            }
        )
        good = {"kind": "GitRepository", "name": "good"}
        foreign = {"kind": "GitRepository", "name": "good", "namespace": "default"}
        for number, bad in enumerate(
            (
                {"kind": "Kustomization", "name": "good"},
                {"kind": "GitRepository", "name": "missing"},
                {"kind": "GitRepository", "name": "missing", "filter": "true"},
                {"kind": "GitRepository", "name": "*"},
                foreign,
                {"kind": "ImageRepository", "name": "good", "apiVersion": "image.example/v9"},
            )
        ):
            path = await hooks.receiver(name=f"hook-{number}", resources=[bad, good])
            before = await hooks.requested("good")
            assert await hooks.call(path, b"{}") == (500, "not all resources could be reconciled"), bad
            assert await hooks.requested("good") > before, bad
        assert await hooks.requested("good", KUSTOMIZATION) == ""
        log = hooks.process.log.read_text()
        assert 'apiVersion must be specified for kind \\"Kustomization\\"' in log
        assert "cross-namespace references are not allowed" in log


async def test_other_versions_and_namespaces_can_be_named(hooks, namespace):
    await hooks.create(
        {
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
            "kind": "Kustomization",
            "metadata": {"name": "app", "namespace": namespace},
            "spec": {"interval": "1h", "prune": False, "suspend": True, "sourceRef": SOURCE},
        }
    )
    entry = {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "name": "app",
        "namespace": namespace,
    }
    none = {"kind": "GitRepository", "name": "*", "matchLabels": {"team": "none"}}
    path = await hooks.receiver(resources=[entry, none])
    assert await hooks.call(path) == (200, "")
    assert await hooks.requested("app", KUSTOMIZATION, namespace)


@pytest.mark.case("notification-47")
async def test_what_is_no_call_of_a_receiver(hooks):
    await hooks.repository()
    path = await hooks.receiver()
    large = b"x" * (3 * 1024 * 1024)
    assert await hooks.call(path, large) == (200, "")
    assert (await hooks.call(path, large + b"x"))[0] == 413
    assert (await hooks.call("/hook/unknown", large + b"x"))[0] == 413
    assert (await hooks.call(f"{path}?x=1"))[0] == 404
    assert (await hooks.call(f"{path}/"))[0] == 404
    await hooks.edit(RECEIVER, "hook", {"spec": {"suspend": True}})
    await hooks.settled()
    assert await hooks.call(path) == (503, "the receiver is suspended or not ready")
    assert (await hooks.live(RECEIVER, "hook"))["status"]["webhookPath"] == path


async def test_many_objects_are_asked_for_by_one_call(hooks):
    names = [f"app-{number}" for number in range(30)]
    for name in names:
        await hooks.repository(name, {"all": "yes"})
    some = {"kind": "GitRepository", "name": "*", "matchLabels": {"all": "yes"}}
    path = await hooks.receiver(resources=[some], resourceFilter="req.all == true")
    assert await hooks.call(path, json.dumps({"all": True, "n": list(range(20000))}).encode()) == (200, "")
    assert await annotated(hooks, *names) == set(names)


SOURCE = {"kind": "GitRepository", "name": "app"}


async def test_a_replica_that_does_not_lead_answers_as_well(working):
    flags = ("--enable-leader-election", "--leader-election-release-on-cancel=true")
    async with working(*flags, namespace="flux-system") as leader:
        await leader.repository("replicated")
        path = await leader.receiver(resources=[{"kind": "GitRepository", "name": "replicated"}])
        async with working(*flags, namespace="flux-system", name="standby") as standby:
            before = await leader.requested("replicated")
            assert await standby.call(path) == (200, "")
            assert await leader.requested("replicated") > before
            reconciled = (
                'controller_runtime_reconcile_total{controller="receiver",result="requeue_after"} 0.0'
            )
            assert reconciled in standby.process.metrics()
        await leader.delete("GitRepository.source.toolkit.fluxcd.io", "replicated")


async def test_names_are_no_way_to_another_namespace(working):
    async with working("--no-cross-namespace-refs") as hooks, working() as others:
        await others.repository()
        await hooks.repository("ours")
        out = {"kind": "GitRepository", "name": f"../../{others.namespace}/gitrepositories/app"}
        path = await hooks.receiver(resources=[out, {"kind": "GitRepository", "name": "ours"}])
        assert await hooks.call(path) == (500, "not all resources could be reconciled")
        assert f"no GitRepository can be named '{out['name']}'" in hooks.process.log.read_text()
        assert await hooks.requested("ours")
        assert not await others.requested()
        await hooks.declare(name="lost", secretRef={"name": f"../../{others.namespace}/secrets/token"})
        ready = hooks.condition(await hooks.settled("lost", "False"), "Ready")
        assert ready["reason"] == "TokenNotFound"
        assert "no Secret can be named" in ready["message"]
