"""What is told of Alerts and Providers although nothing has gone wrong yet."""

import asyncio

import pytest

pytestmark = pytest.mark.looptime

#: Longer than anything missing is waited for.
LATER = 30


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"inclusionList": ["ok", "["]}, "failed to compile inclusion regex: [: missing ]: ["),
        (
            {"exclusionList": ["a(?=b)"]},
            "failed to compile exclusion regex: a(?=b): invalid perl operator: (?=",
        ),
        ({"inclusionList": [r"a\C"]}, r"failed to compile inclusion regex: a\C: invalid escape sequence: \C"),
        (
            {"inclusionList": [r"(\pL{30}){30}"]},
            r"failed to compile inclusion regex: (\pL{30}){30}: pattern too large - compile failed",
        ),
        (
            {"eventSources": [{"kind": "Bucket", "name": "a", "matchLabels": {"a b": "c"}}]},
            "error using matchLabels from event source Bucket/ns/a",
        ),
        (
            {"eventSources": [{"kind": "Bucket", "name": "a", "namespace": "*"}]},
            (
                "spec.eventSources[0].namespace: '*' is no namespace and matches nothing, "
                "name each namespace in a source of its own"
            ),
        ),
        ({"eventSources": "all"}, "spec.eventSources: input should be a valid tuple"),
        ({"providerRef": {"name": "other"}}, "spec.providerRef.name: there is no Provider 'ns/other'"),
    ],
    ids=str,
)
async def test_of_an_alert(world, spec, text):
    async with world.tended():
        world.provider()
        world.alert(**spec)
        await asyncio.sleep(LATER)
    assert world.texts("alert") == [f"InvalidConfig: {text}"]
    assert {event.severity for event in world.events} == {"error"}


async def test_of_an_alert_on_other_namespaces_where_they_are_refused(world):
    async with world.tended(cross_namespace=False):
        world.provider()
        world.alert(eventSources=[{"kind": "Bucket", "name": "a", "namespace": "other"}])
        await asyncio.sleep(LATER)
    (text,) = world.texts("alert")
    assert "events of 'Bucket/other/a' will not be told" in text


@pytest.mark.parametrize(
    ("spec", "severity", "text"),
    [
        ({"type": "fax"}, "error", "spec.type: input should be"),
        ({"address": None}, "error", "spec.address is needed by type 'slack'"),
        ({"type": "generic", "channel": "c"}, "info", "spec.channel has no effect"),
        (
            {"type": "github", "address": "https://github.com/acme"},
            "error",
            "spec.address: invalid repository id 'acme'",
        ),
        (
            {"type": "bitbucketserver", "address": "ssh://git@host/scm/acme/fleet"},
            "error",
            "spec.address: the address is not that of a clone by HTTP(S)",
        ),
        (
            {
                "type": "gitlab",
                "address": "https://host/acme/fleet",
                "commitStatusExpr": "event.metadata.cluster",
            },
            "error",
            (
                "spec.commitStatusExpr: failed to parse the CEL expression 'event.metadata.cluster': "
                "it gives dyn, not string; use string(...)"
            ),
        ),
        ({"secretRef": {"name": "gone"}}, "error", "spec.secretRef.name: there is no Secret 'ns/gone'"),
        ({"certSecretRef": {"name": "gone"}}, "error", "spec.certSecretRef.name: there is no Secret"),
        (
            {"secretRef": {"name": "../../flux-system/secrets/git"}},
            "error",
            "spec.secretRef.name: no Secret can be named '../../flux-system/secrets/git': a name is",
        ),
        ({"proxySecretRef": {"name": ""}}, "error", "spec.proxySecretRef.name: no Secret can be named ''"),
        (
            {"type": "googlepubsub", "channel": "c", "serviceAccountName": "robot"},
            "error",
            "spec.serviceAccountName needs the feature gate ObjectLevelWorkloadIdentity",
        ),
    ],
    ids=str,
)
async def test_of_a_provider(world, spec, severity, text):
    async with world.tended():
        world.provider(**spec)
        await asyncio.sleep(LATER)
    assert [event.severity for event in world.events] == [severity]
    (told,) = world.texts("chat")
    assert told.startswith(f"InvalidConfig: {text}")


async def test_nothing_of_sound_or_suspended_objects(world):
    world.secrets.add("token")
    async with world.tended():
        world.provider(secretRef={"name": "token"})
        world.provider("resting", suspend=True, address=None)
        world.alert()
        world.alert("resting", suspend=True, inclusionList=["["])
        await asyncio.sleep(LATER)
    assert world.events == []


async def test_each_mistake_once_for_each_generation(world):
    async with world.tended():
        world.provider()
        world.alert(inclusionList=["["])
        await asyncio.sleep(LATER)
        # Has the Alert looked at again, which itself is as it was.
        world.provider(channel="other")
        await asyncio.sleep(LATER)
        assert len(world.texts("alert")) == 1
        world.alert(inclusionList=["[", "("])
        await asyncio.sleep(LATER)
    assert [text[-1] for text in world.texts("alert")] == ["[", "[", "("]


async def test_what_comes_a_moment_later_is_not_missing(world):
    async with world.tended():
        world.alert()
        world.provider(secretRef={"name": "token"})
        await asyncio.sleep(5)
        world.secrets.add("token")
        await asyncio.sleep(LATER)
    assert world.events == []


async def test_a_provider_that_goes_is_told_to_its_alerts(world):
    async with world.tended():
        world.provider()
        world.alert()
        world.alert("other", providerRef={"name": "nobody"})
        await asyncio.sleep(LATER)
        assert world.texts("alert") == []
        world.remove("Provider", "chat")
        await asyncio.sleep(LATER)
    assert world.texts("alert") == ["InvalidConfig: spec.providerRef.name: there is no Provider 'ns/chat'"]
    assert len(world.texts("other")) == 1
