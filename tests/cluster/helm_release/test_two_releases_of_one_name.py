"""Two HelmReleases that name one release: the first keeps it."""

import pytest

from shared.testing.helm import HELM_RELEASE


@pytest.fixture
async def first(releases, config_map_template):
    """A HelmRelease `first` with the release `shared`."""
    await releases.chart(config_map_template)
    await releases.release("first", releaseName="shared", values={"greeting": "first"})
    await releases.ready("first")
    return "first"


async def refused(releases):
    text = f"belongs to HelmRelease {releases.namespace}/first"
    return await releases.states("Stalled", "ReleaseTaken", text, "second")


async def greeting(releases):
    return (await releases.live("ConfigMap", "shared-config"))["data"]["greeting"]


async def test_the_second_is_told_whose_it_is_and_touches_nothing(releases, first):
    before = await releases.records("shared")
    await releases.release("second", releaseName="shared", values={"greeting": "second"})
    obj = await refused(releases)
    assert releases.condition(obj, "Ready")["status"] == "False"
    assert await releases.records("shared") == before
    assert (await releases.reconcile(first))["status"]["history"][0]["version"] == 1
    assert await greeting(releases) == "first"


async def test_the_second_goes_without_taking_anything_along(releases, first):
    await releases.release("second", releaseName="shared")
    await refused(releases)
    await releases.remove("second")
    assert await greeting(releases) == "first"
    assert len(await releases.records("shared")) == 1


async def test_another_name_helps_the_second(releases, first):
    await releases.release("second", releaseName="shared")
    await refused(releases)
    await releases.change("second", releaseName="other")
    await releases.ready("second")
    assert await releases.live("ConfigMap", "other-config") is not None
    assert await greeting(releases) == "first"


async def test_a_suspended_one_gives_its_release_away(releases, first):
    await releases.change(first, suspend=True)
    await releases.release("second", releaseName="shared", values={"greeting": "second"})
    await releases.upgraded(2, "second")
    assert await greeting(releases) == "second"
    # When it comes back it finds its release taken, and its end takes nothing along.
    await releases.change(first, suspend=False)
    text = f"belongs to HelmRelease {releases.namespace}/second"
    await releases.states("Stalled", "ReleaseTaken", text, first)
    await releases.remove(first)
    assert await greeting(releases) == "second"
    assert (await releases.reconcile("second"))["status"]["history"][0]["version"] == 2


async def test_of_two_that_begin_at_once_one_gets_it(releases, config_map_template):
    await releases.chart(config_map_template)
    for name in ("one", "two"):
        await releases.release(name, releaseName="shared", values={"greeting": name})

    def settled(obj):
        ready = releases.condition(obj, "Ready")
        stalled = releases.condition(obj, "Stalled")
        return ready["status"] == "True" or stalled["reason"] == "ReleaseTaken"

    seen = [await releases.until(HELM_RELEASE, name, settled) for name in ("one", "two")]
    (winner,) = [
        obj["metadata"]["name"] for obj in seen if releases.condition(obj, "Ready")["status"] == "True"
    ]
    assert await greeting(releases) == winner
    assert [record["version"] for record in await releases.records("shared")] == [1]
