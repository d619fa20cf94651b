"""Manifests whose objects are not of the form that everybody counts on."""

from pathlib import Path

import pytest

from helm_controller.release.manifest import objects_in
from helm_controller.release.model import Release
from helm_controller.rendering.post import PostRenderer, PostRenderError, PostRendering
from helm_controller.rendering.slots import RenderSlots

STRATEGIES = ["nohooks", "combined", "separate"]
SOUND = """
{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: ConfigMap, metadata: {name: a, labels: null}}]}
"""


async def rendered(manifest, strategy, hooks=()):
    text = f"---\n# Source: demo/templates/a.yaml\n{manifest}\n"
    raw = [{"path": "demo/templates/hook.yaml", "manifest": hook} for hook in hooks]
    release = Release.of_wire(
        {"name": "demo", "namespace": "apps", "version": 1, "manifest": text, "hooks": raw}
    )
    wanted = PostRendering({"origin": "x"}, strategy=strategy)
    return await PostRenderer(Path("no-program"), Path("nowhere"), RenderSlots()).apply(release, wanted)


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_lists_are_taken_apart_and_marked(strategy):
    found = objects_in((await rendered(SOUND, strategy)).manifest)
    assert [obj["metadata"] for obj in found] == [{"name": "a", "labels": {"origin": "x"}}]


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(
    ("manifest", "told"),
    [
        ("{apiVersion: v1, kind: A, metadata: {name: a, labels: [b]}}", "metadata.labels must be a map"),
        ("{apiVersion: v1, kind: A, metadata: {name: a, labels: b}}", "metadata.labels must be a map"),
        (
            "{apiVersion: v1, kind: A, metadata: {name: a, annotations: b}}",
            "metadata.annotations must be a map",
        ),
        (
            "{apiVersion: v1, kind: A, metadata: {name: 1}}",
            "metadata.name must be a string, put it in quotes",
        ),
        ("{apiVersion: v1, kind: A, metadata: {namespace: 1}}", "metadata.namespace must be a string"),
        ("{apiVersion: 1, kind: A, metadata: {name: a}}", "apiVersion must be a string"),
        ("{apiVersion: v1, kind: [A], metadata: {name: a}}", "kind must be a string"),
        ("{apiVersion: v1, kind: A, metadata: {name: a}, b: 1, b: 2}", "not valid YAML at document 1"),
        ("{apiVersion: v1, kind: A, metadata: {generateName: a-}}", "A has no metadata.name"),
        ("{apiVersion: v1, kind: A, metadata: {name: null}}", "A has no metadata.name"),
        ("{apiVersion: v1, kind: A, metadata: {name: ''}}", "A has no metadata.name"),
        (
            "{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: A, metadata: {}}]}",
            "A has no metadata",
        ),
        ("{apiVersion: v1, kind: List, items: [null]}", "each document needs apiVersion and kind"),
        ("{apiVersion: v1, kind: List, items: [{kind: A}]}", "each document needs apiVersion and kind"),
        ("{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: A}]}", "no metadata"),
    ],
)
async def test_what_is_no_object_is_told_with_its_template(strategy, manifest, told):
    with pytest.raises(PostRenderError, match=f" demo/templates/a.yaml: {told}"):
        await rendered(manifest, strategy)


HOOK = "{apiVersion: v1, kind: Pod, metadata: {generateName: a-, annotations: {helm.sh/hook: test}}}"


@pytest.mark.parametrize("strategy", ["combined", "separate"])
async def test_hooks_need_a_name_too(strategy):
    with pytest.raises(PostRenderError, match=r": demo/templates/hook\.yaml: Pod has no metadata\.name"):
        await rendered(SOUND, strategy, hooks=[HOOK])


@pytest.mark.parametrize("hook", [HOOK, "{apiVersion: v1, kind: Pod, a: 1, a: 2}", "a: ["])
async def test_hooks_stay_as_they_are_where_they_are_not_post_rendered(hook):
    release = await rendered(SOUND, "nohooks", hooks=[hook])
    assert [each.manifest for each in release.hooks] == [hook]
