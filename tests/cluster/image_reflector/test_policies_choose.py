"""Policies choose one of the tags, anew whenever they change, and look up its digest where that is wanted."""

import asyncio

import pytest

from shared.kube.errors import ApiError
from shared.kube.resources import Resource

POLICIES = Resource("image.toolkit.fluxcd.io", "v1", "imagepolicies", "ImagePolicy")
SEMVER = {"semver": {"range": ">=1.0.0"}}


def latest(obj):
    return (obj["status"].get("latestRef") or {}).get("tag")


def chooses(tag):
    return lambda obj: obj is not None and latest(obj) == tag


@pytest.mark.parametrize(
    ("tags", "spec", "chosen"),
    [
        pytest.param(
            ("1.0.0", "1.0.0.1", "1.0.0p", "1.0.1", "1.2.0"),
            {"policy": {"semver": {"range": "1.0.x"}}},
            "1.0.1",
            marks=pytest.mark.case("image-18"),
        ),
        (("1.0.0", "1.1.0-rc.1"), {"policy": {"semver": {"range": ">=1.0.0-0"}}}, "1.1.0-rc.1"),
        (("1.0.0", "1.1.0-rc.1"), {"policy": {"semver": {"range": ">=1.0.0"}}}, "1.0.0"),
        (("1.2.3", "v1.2.3"), {"policy": {"semver": {"range": "*"}}}, "v1.2.3"),
        pytest.param(
            ("main-abc-100", "main-def-20", "main-0a1-99", "dev-fff-500"),
            {
                "policy": {"numerical": {"order": "asc"}},
                "filterTags": {"pattern": "^main-[a-f0-9]+-(?P<ts>[0-9]+)", "extract": "$ts"},
            },
            "main-abc-100",
            marks=pytest.mark.case("image-20"),
        ),
        (("10", "9", "2"), {"policy": {"numerical": {"order": "desc"}}}, "2"),
        (("a", "b", "c"), {"policy": {"alphabetical": {}}}, "c"),
        (("a", "b", "c"), {"policy": {"alphabetical": {"order": "desc"}}}, "a"),
    ],
)
async def test_what_is_chosen(images, tags, spec, chosen):
    images.push(*tags)
    await images.repositories.create()
    await images.policies.create(**spec)
    ready = await images.policies.ready()
    assert ready["status"]["latestRef"] == {"name": images.image, "tag": chosen}
    message = f"Latest image tag for {images.image} resolved to {chosen}"
    assert images.policies.condition(ready, "Ready")["message"] == message


@pytest.mark.case("image-19")
async def test_pre_releases_only_where_the_range_names_one(images):
    images.push("1.0.0", "1.1.0-rc.1")
    await images.repositories.create()
    await images.policies.create("pre", policy={"semver": {"range": ">=1.0.0-0"}})
    await images.policies.create("stable", policy=SEMVER)
    assert latest(await images.policies.ready("pre")) == "1.1.0-rc.1"
    assert latest(await images.policies.ready("stable")) == "1.0.0"


@pytest.mark.case("image-21")
async def test_numbers_only(images):
    images.push("3", "7")
    await images.repositories.create()
    await images.policies.create(policy={"numerical": {"order": "desc"}})
    assert latest(await images.policies.ready()) == "3"
    images.push("v8")
    await images.repositories.reconcile()
    failed = await images.policies.fails("Failure", "failed to parse invalid numeric value 'v8'")
    assert latest(failed) == "3"


@pytest.mark.case("image-22")
async def test_a_pattern_that_is_none_stalls(images):
    images.push("1")
    await images.repositories.create()
    await images.policies.create(policy={"numerical": {}}, filterTags={"pattern": "v(?!x)"})
    text = "failed to filter tags: invalid regular expression pattern 'v(?!x)'"
    await images.policies.stalls("InvalidPolicy", text)


@pytest.mark.parametrize(
    ("policy", "text"),
    [
        ({}, "invalid policy: given ImagePolicyChoice object is invalid"),
        ({"semver": {"range": "one"}}, 'invalid policy: improper constraint: "one"'),
        ({"semver": {"range": ""}}, 'invalid policy: improper constraint: ""'),
    ],
)
async def test_a_policy_that_is_none_stalls(images, policy, text):
    images.push("1")
    await images.repositories.create()
    await images.repositories.ready()
    await images.policies.create(policy=policy)
    await images.policies.stalls("InvalidPolicy", text)


@pytest.mark.case("image-23")
async def test_a_newer_tag_wins_at_once(images):
    images.push("1.0.0")
    await images.repositories.create()
    await images.policies.create(policy=SEMVER)
    await images.policies.ready()
    images.push("1.1.0")
    await images.repositories.reconcile()
    ready = await images.policies.until(chooses("1.1.0"))
    assert ready["status"]["observedPreviousRef"] == {"name": images.image, "tag": "1.0.0"}
    message = images.policies.condition(ready, "Ready")["message"]
    assert message.endswith(f"resolved to 1.1.0 (previously {images.image}:1.0.0)")
    assert len(await images.policies.events("Succeeded", saying=message)) == 1


@pytest.mark.case("image-24")
async def test_the_same_tags_reconcile_nobody(images):
    images.push("1.0.0")
    await images.repositories.create()
    await images.policies.create(policy=SEMVER)
    before = await images.policies.ready()
    await images.repositories.reconcile()
    await images.repositories.reconcile()
    # Whatever the scan triggered would have come before the answer to a request that is made now.
    await images.policies.create("other", policy=SEMVER)
    await images.policies.ready("other")
    after = await images.policies.get()
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]


@pytest.mark.case("image-15")
async def test_digests_of_a_registry_without_tls(images):
    images.push("1.0.0")
    await images.repositories.create(insecure=True)
    await images.policies.create(policy=SEMVER, digestReflectionPolicy="Always", interval="10m")
    ready = await images.policies.ready()
    digest = ready["status"]["latestRef"]["digest"]
    assert digest.startswith("sha256:")
    assert images.policies.condition(ready, "Ready")["message"].endswith(f"1.0.0 with digest {digest}")


@pytest.mark.case("image-25", "image-26")
async def test_digests_are_kept_or_looked_up_again(images):
    images.push("1.0.0")
    await images.repositories.create()
    await images.policies.create("once", policy=SEMVER, digestReflectionPolicy="IfNotPresent")
    await images.policies.create("again", policy=SEMVER, digestReflectionPolicy="Always", interval="10m")
    first = (await images.policies.ready("once"))["status"]["latestRef"]["digest"]
    assert (await images.policies.ready("again"))["status"]["latestRef"]["digest"] == first
    images.store.push(images.name, "1.0.0", {"other": "content"})
    assert (await images.policies.reconcile("once"))["status"]["latestRef"]["digest"] == first
    moved = await images.policies.reconcile("again")
    assert moved["status"]["latestRef"]["digest"] != first
    assert moved["status"]["observedPreviousRef"]["digest"] == first
    second = moved["status"]["latestRef"]["digest"]
    await images.policies.change("again", digestReflectionPolicy="Never", interval=None)
    never = await images.policies.ready("again")
    assert never["status"]["latestRef"] == {"name": images.image, "tag": "1.0.0"}
    assert never["status"]["observedPreviousRef"]["digest"] == second


async def test_the_digest_is_looked_up_at_the_interval(images):
    images.push("1.0.0")
    await images.repositories.create()
    await images.policies.create(policy=SEMVER, digestReflectionPolicy="Always", interval="1s")
    first = (await images.policies.ready())["status"]["latestRef"]["digest"]
    images.store.push(images.name, "1.0.0", {"other": "content"})
    await images.policies.until(lambda obj: obj["status"]["latestRef"]["digest"] != first)


@pytest.mark.case("image-28")
async def test_an_interval_and_always_belong_together(images):
    with pytest.raises(ApiError) as caught:
        await images.policies.create(policy=SEMVER, digestReflectionPolicy="Always")
    text = "spec.interval must be set when spec.digestReflectionPolicy is set to 'Always'"
    assert text in str(caught.value)
    with pytest.raises(ApiError) as caught:
        await images.policies.create(policy=SEMVER, interval="10m")
    text = "spec.interval is only accepted when spec.digestReflectionPolicy is set to 'Always'"
    assert text in str(caught.value)


async def test_a_policy_waits_for_its_repository(images):
    await images.policies.create(policy=SEMVER)
    await images.policies.fails("DependencyNotReady", "referenced ImageRepository does not exist: ")
    images.push("1.0.0")
    await images.repositories.create()
    assert latest(await images.policies.ready()) == "1.0.0"


async def test_a_policy_waits_for_tags(images):
    images.gate.hold = asyncio.Event()
    await images.repositories.create()
    await images.policies.create(policy=SEMVER)
    text = "retrying in 30s error: no tags in database"
    await images.policies.fails("DependencyNotReady", text)
    images.push("1.0.0")
    images.gate.hold.set()
    assert latest(await images.policies.ready()) == "1.0.0"


async def test_another_image_is_chosen_once_it_was_scanned(images):
    images.push("1.0.0")
    await images.repositories.create()
    await images.policies.create(policy=SEMVER)
    first = (await images.policies.ready())["status"]["latestRef"]
    mirror = f"{images.image}-mirror"
    await images.repositories.change(image=mirror)
    await images.repositories.fails("ReadOperationFailed", "NAME_UNKNOWN")
    await images.policies.reconcile()
    waiting = await images.policies.fails("DependencyNotReady", "no tags in database")
    assert waiting["status"]["latestRef"] == first
    images.store.push(f"{images.name}-mirror", "1.0.0", {"tag": "1.0.0"})
    ready = await images.policies.ready()
    assert ready["status"]["latestRef"] == {"name": mirror, "tag": "1.0.0"}
    assert ready["status"]["observedPreviousRef"] == first
    await images.repositories.change(image=images.image)
    await images.policies.until(lambda obj: obj["status"]["latestRef"] == first)


async def test_an_invalid_repository_stalls_the_policy(images):
    await images.repositories.create(image="https://x/y")
    await images.policies.create(policy=SEMVER)
    await images.policies.stalls("ImageURLInvalid", "should not include URL scheme")


@pytest.mark.case("image-27")
async def test_other_namespaces_have_to_be_let_in(cluster, images):
    images.push("1.0.0")
    await images.repositories.create()
    await images.repositories.ready()
    other = f"{images.namespace}-b"
    namespace = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": other, "labels": {"team": "b"}},
    }
    await images.client.create(await images.client.discovery.find("", "Namespace"), namespace)
    policies = images.kind(POLICIES, {"policy": SEMVER}, other)
    where = {"name": "app", "namespace": images.namespace}
    await policies.create(imageRepositoryRef=where)
    prefix = "failed to get the referred ImageRepository: access denied: "
    text = f"{prefix}'{images.namespace}/app' can't be accessed due to missing ACL labels on 'accessFrom'"
    await policies.fails("AccessDenied", text)
    selectors = [{"matchLabels": {"team": "a"}}]
    await images.repositories.change(accessFrom={"namespaceSelectors": selectors})
    text = f"can't be accessed due to ACL labels mismatch on namespace '{other}'"
    await policies.fails("AccessDenied", text)
    selectors.append({"matchLabels": {"team": "b"}})
    await images.repositories.change(accessFrom={"namespaceSelectors": selectors})
    assert latest(await policies.ready()) == "1.0.0"
    await policies.delete()
    await policies.until(lambda obj: obj is None)
