"""A HelmRelease changes hands between Flux's helm-controller and ours, both ways, and nothing happens."""

import copy

import pytest

from shared.lang import yaml
from shared.testing.flux_helm import FluxHelmController
from shared.testing.helm import HELM_RELEASE
from tests.cluster.helm_release.shapes import SHAPES

HAND = "test.headrace.io/own"
FLUX = {HAND: "flux"}


@pytest.fixture(scope="module")
def flux(cluster, suite, tmp_path_factory):
    process = FluxHelmController(cluster, tmp_path_factory.mktemp("flux"), f"{HAND}=flux")
    process.start()
    yield process
    process.stop()


async def settled(releases, end):
    def met(obj):
        ready = releases.condition(obj, "Ready")
        reconciling = releases.condition(obj, "Reconciling")["status"]
        stalled = releases.condition(obj, "Stalled")["status"]
        status = (obj or {}).get("status") or {}
        asked = ((obj or {})["metadata"].get("annotations") or {}).get("reconcile.fluxcd.io/requestedAt")
        return (
            ("True" in (stalled if end == "Stalled" else ready["status"]))
            and reconciling != "True"
            and status.get("observedGeneration") == obj["metadata"]["generation"]
            and status.get("lastHandledReconcileAt") == asked
        )

    return await releases.until(HELM_RELEASE, "app", met, 30)


async def made(releases, how, hands):
    """The HelmRelease made from scratch by whoever works on `hands`."""
    spec = copy.deepcopy(how.spec)
    if spec.get("targetNamespace"):
        spec["targetNamespace"] = (releases.namespace + "-" + "t" * 60)[:60]
    await releases.release(labels=hands, **spec)
    steps = list(how.changes)
    while steps:
        step = steps.pop(0)
        end = "Ready"
        if isinstance(step, str):
            end = step
            await settled(releases, end)
            continue
        if step is how.changes[0]:
            await settled(releases, end)
        await releases.change(**step)
        if steps and not isinstance(steps[0], str):
            await settled(releases, end)
    return await settled(releases, how.end)


async def handed(releases, how, labels):
    """The HelmRelease after its first turn in other hands."""
    await releases.edit(HELM_RELEASE, "app", {"metadata": {"labels": {HAND: labels.get(HAND)}}})
    await releases.reconcile()
    return await settled(releases, how.end)


def lasting(obj):
    """The status without times."""
    status = copy.deepcopy(obj["status"])
    del status["lastHandledReconcileAt"]
    for condition in status["conditions"]:
        del condition["lastTransitionTime"]
    status["conditions"].sort(key=lambda condition: condition["type"])
    return status


def comparable(obj):
    """The status without what must differ between two releases: times, and what is made of them."""
    status = (
        lasting(obj)
        if "lastHandledReconcileAt" in obj["status"]
        else lasting({"status": {**obj["status"], "lastHandledReconcileAt": ""}})
    )
    status.pop("lastAttemptedReleaseActionDuration", None)
    for condition in status["conditions"]:
        # Below the empty line ours tells more.
        condition["message"] = condition["message"].partition("\n\n")[0]
    for snapshot in status["history"]:
        for key in ("digest", "firstDeployed", "lastDeployed"):
            del snapshot[key]
        for hook in (snapshot.get("testHooks") or {}).values():
            hook.pop("lastStarted", None)
            hook.pop("lastCompleted", None)
    return status


async def stored(releases, obj):
    """What stands in the records, without times: manifests and hooks read as YAML."""
    latest = obj["status"]["history"][0]
    found = await releases.records(latest["name"])
    for record in found:
        for key in ("first_deployed", "last_deployed", "rollback_revision"):
            record["info"].pop(key, None)
        record["manifest"] = yaml.load_all(record.get("manifest", ""))
        for hook in record.get("hooks") or ():
            hook["manifest"] = yaml.load_all(hook["manifest"])
            hook["last_run"] = {"phase": hook["last_run"]["phase"]}
        for kind in ("templates", "files"):
            for part in record["chart"].get(kind) or ():
                part.pop("modtime", None)
        record["chart"].pop("modtime", None)
        record["chart"].pop("schemamodtime", None)
    return found


def differences(ours, theirs, place=""):
    """Where two documents differ."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        keys = sorted({*ours, *theirs})
        return [
            each
            for key in keys
            for each in differences(ours.get(key, "absent"), theirs.get(key, "absent"), f"{place}/{key}")
        ]
    if isinstance(ours, (list, tuple)) and isinstance(theirs, (list, tuple)) and len(ours) == len(theirs):
        return [
            each
            for index, pair in enumerate(zip(ours, theirs, strict=True))
            for each in differences(*pair, f"{place}/{index}")
        ]
    return [] if (type(ours), ours) == (type(theirs), theirs) else [f"{place}: {ours!r} is not {theirs!r}"]


def revisions(records):
    return [(record["version"], record["info"]["status"]) for record in records]


@pytest.mark.case("helm-17")
@pytest.mark.parametrize("name", SHAPES)
async def test_it_stays_as_it_is_in_other_hands(releases, flux, name):
    how = SHAPES[name]
    for obj in how.objects:
        await releases.create(copy.deepcopy(obj))
    await releases.chart(how.templates, values=how.values, files=how.files, version=how.version)
    written = {}
    # Ours is the first: what Flux writes while it lets an object go hits the next one of the name.
    for first, second in ((FLUX, {}),) if how.theirs else (({}, FLUX), (FLUX, {})):
        by = "flux" if first else "headrace"
        obj = await made(releases, how, first)
        records = await stored(releases, obj)
        written[by] = (comparable(obj), records)
        obj = await handed(releases, how, first)
        for hands in (second, first):
            taken = await handed(releases, how, hands)
            where = f"made by {by}, in the hands of {'flux' if hands else 'headrace'}"
            found = differences(lasting(taken), lasting(obj))
            assert not found, "\n".join((where, *found))
            assert revisions(await stored(releases, taken)) == revisions(records)
        await releases.remove()
    if not how.theirs:
        found = differences(written["headrace"], written["flux"])
        assert not found, "\n".join(found)
