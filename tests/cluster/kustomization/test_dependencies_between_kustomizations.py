"""`spec.dependsOn`: who waits, and that news wakes those who wait.

The fallback is 30 s, longer than any test here is willing to wait: what goes on was woken.
"""

import pytest


async def test_a_chain_goes_on_by_itself(flux, config_map, job):
    await flux.publish(config_map("a"))
    await flux.kustomization("third", dependsOn=[{"name": "second"}])
    third = await flux.fails("DependencyNotReady", name="third")
    missing = f"dependency '{flux.namespace}/second' not found: "
    assert flux.condition(third, "Ready")["message"].startswith(missing)
    await flux.kustomization("second", dependsOn=[{"name": "first"}])
    await flux.fails("DependencyNotReady", f"dependency '{flux.namespace}/second' is not ready", "third")
    await flux.kustomization("first")
    await flux.ready("third")
    notice = await flux.event("Dependencies do not meet ready condition, retrying in 30s", "third")
    assert notice["type"] == "Normal"


@pytest.mark.case("kustomize-44")
async def test_a_dependency_on_the_same_source_has_to_catch_up(flux, config_map):
    await flux.publish(config_map("a"))
    await flux.kustomization("base")
    await flux.ready("base")
    await flux.kustomization("app", dependsOn=[{"name": "base"}])
    await flux.ready("app")
    await flux.change("base", suspend=True)
    await flux.publish(config_map("a", k="new"))
    await flux.fails(
        "DependencyNotReady", f"dependency '{flux.namespace}/base' revision is not up to date", "app"
    )
    await flux.change("base", suspend=False)
    await flux.ready("app")


@pytest.mark.case("kustomize-45")
async def test_an_expression_decides_instead_of_readiness(flux, config_map):
    await flux.publish(config_map("a"))
    await flux.kustomization("base", path="./nowhere")
    await flux.fails("ArtifactFailed", name="base")
    expression = (
        "dep.status.conditions.exists(c, c.type == 'Ready' && c.status == 'False') && self.spec.prune"
    )
    await flux.kustomization("app", dependsOn=[{"name": "base", "readyExpr": expression}])
    await flux.ready("app")


async def test_an_expression_that_turns_true_wakes(flux, config_map):
    await flux.publish(config_map("a"))
    await flux.kustomization("base")
    await flux.ready("base")
    expression = "has(dep.metadata.annotations) && 'go' in dep.metadata.annotations"
    await flux.kustomization("app", dependsOn=[{"name": "base", "readyExpr": expression}])
    await flux.fails("DependencyNotReady", "is not ready according to readyExpr eval", "app")
    patch = {"metadata": {"annotations": {"go": "yes"}}}
    await flux.edit("Kustomization.kustomize.toolkit.fluxcd.io", "base", patch)
    await flux.ready("app")


@pytest.mark.parametrize("expression", ["dep.", "1 + 1"])
async def test_an_unreadable_expression_stalls(flux, config_map, expression):
    await flux.publish(config_map("a"))
    await flux.kustomization("base")
    await flux.ready("base")
    await flux.kustomization("app", dependsOn=[{"name": "base", "readyExpr": expression}])
    app = await flux.fails("InvalidCELExpression", "failed to evaluate dependency base")
    assert flux.condition(app, "Stalled")["status"] == "True"


async def test_those_who_wait_for_each_other_wait_in_peace_until_one_gives_in(flux, config_map):
    await flux.publish(config_map("a"))
    await flux.sources_seen()
    await flux.kustomization("a", dependsOn=[{"name": "b"}])
    await flux.kustomization("b", dependsOn=[{"name": "a"}])
    await flux.fails("DependencyNotReady", f"dependency '{flux.namespace}/b' is not ready", "a")
    await flux.fails("DependencyNotReady", f"dependency '{flux.namespace}/a' is not ready", "b")
    for name in "ab" * 10:
        await flux.reconcile(name)
    # Were the news of a turn news to who waits, each of the twenty would wake the other: forty and more. What
    # comes besides the twenty is how the two found each other: not there yet, there, not ready.
    assert sum(map(flux.count_of_turns, "ab")) < 30
    await flux.change("a", dependsOn=None)
    await flux.ready("a")
    await flux.ready("b")


async def test_who_depends_on_itself_waits(flux, config_map):
    await flux.publish(config_map("a"))
    await flux.kustomization(dependsOn=[{"name": "app"}])
    await flux.fails("DependencyNotReady", f"dependency '{flux.namespace}/app' is not ready")
    await flux.change(dependsOn=None)
    await flux.ready()
