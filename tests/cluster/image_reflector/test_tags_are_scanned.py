"""The tags of a repository are listed when that is due, and kept."""

import asyncio
import json
import shutil

import pytest
from aiohttp import web

from shared.testing.registry import Gate
from shared.testing.tls import Authority

READY = "successful scan: found"


def result(obj):
    return obj["status"]["lastScanResult"]


@pytest.mark.case("image-1")
async def test_a_first_scan_finds_all_tags(images):
    images.push("a", "b", "c", "d")
    await images.repositories.create()
    ready = await images.repositories.ready()
    assert result(ready)["tagCount"] == 4
    assert result(ready)["latestTags"] == ["d", "c", "b", "a"]
    assert result(ready)["revision"] == "580584407"
    message = "successful scan: found 4 tags with checksum 580584407"
    condition = images.repositories.condition(ready, "Ready")
    assert (condition["reason"], condition["message"]) == ("Succeeded", message)
    assert ready["status"]["canonicalImageName"] == images.image
    (event,) = await images.repositories.events("Succeeded")
    assert (event["type"], event["message"]) == ("Normal", message)


@pytest.mark.case("image-2")
async def test_ten_tags_are_shown(images):
    images.push(*"abcdefghijk")
    await images.repositories.create()
    ready = await images.repositories.ready()
    assert result(ready)["tagCount"] == 11
    assert result(ready)["latestTags"] == list("kjihgfedcb")


@pytest.mark.case("image-3")
async def test_signatures_are_no_images(images, reflector):
    images.push("v1", "v1.sig")
    await images.repositories.create()
    ready = await images.repositories.ready()
    assert result(ready)["latestTags"] == ["v1"]
    assert ready["status"]["observedExclusionList"] == ["^.*\\.sig$"]
    kept = reflector.storage / "imagerepository" / images.namespace / "app" / "tags.txt"
    assert kept.read_text() == "v1\n"
    assert kept.stat().st_mode & 0o777 == 0o600


@pytest.mark.case("image-4")
async def test_exclusions(images):
    images.push(*"abcd")
    await images.repositories.create(exclusionList=["c", "a"])
    assert result(await images.repositories.ready())["latestTags"] == ["d", "b"]
    before = images.listings()
    await images.repositories.change(exclusionList=["d"])
    changed = await images.repositories.until(
        lambda obj: obj and obj["status"].get("observedExclusionList") == ["d"]
    )
    assert result(changed)["latestTags"] == ["c", "b", "a"]
    assert images.listings() == before + 1


async def test_a_bad_exclusion_stalls(images):
    images.push("a")
    await images.repositories.create(exclusionList=["("])
    await images.repositories.stalls("ReadOperationFailed", "scan failed: failed to compile regex (: ")


@pytest.mark.case("image-5")
async def test_what_is_not_due_is_not_scanned(images):
    images.push("a")
    await images.repositories.create(interval="10m")
    await images.repositories.ready()
    before = images.listings()
    # An edit that changes nothing of the scan gives a turn in the middle of the interval.
    await images.repositories.change(timeout="30s")
    ready = await images.repositories.ready()
    assert images.listings() == before
    assert ready["metadata"]["generation"] == 2
    await images.repositories.change(interval="3s")
    await images.repositories.ready()
    first = result(await images.repositories.get())["scanTime"]
    await images.repositories.until(lambda obj: result(obj)["scanTime"] != first)
    assert images.listings() > before


@pytest.mark.case("image-6")
async def test_a_request_is_a_scan(images):
    images.push("a")
    await images.repositories.create()
    await images.repositories.ready()
    before = images.listings()
    images.push("b")
    scanned = await images.repositories.reconcile()
    assert images.listings() == before + 1
    assert result(scanned)["tagCount"] == 2


@pytest.mark.case("image-7")
async def test_a_suspended_repository_only_answers(images):
    images.push("a")
    await images.repositories.create(suspend=True)
    await images.repositories.reconcile()
    assert images.listings() == 0


@pytest.mark.case("image-8")
async def test_a_scheme_stalls(images):
    await images.repositories.create(image="https://registry.example.com/x")
    text = "image 'https://registry.example.com/x' should not include URL scheme; remove 'https://'"
    await images.repositories.stalls("ImageURLInvalid", text)


@pytest.mark.case("image-9")
async def test_a_port_is_fine_and_a_tag_is_not(images):
    images.push("a")
    await images.repositories.create()
    ready = await images.repositories.ready()
    assert ":" in ready["status"]["canonicalImageName"]
    await images.repositories.create("tagged", image="registry.example.com/org/app:1.0")
    await images.repositories.stalls("ImageURLInvalid", "remove ':1.0'", "tagged")


@pytest.mark.case("image-12")
async def test_a_registry_may_ask_to_wait(images):
    images.push("a")
    asked = []

    def once(request):
        if "/tags/list" in request.path and not asked:
            asked.append(1)
            return web.Response(status=429, headers={"Retry-After": "1"})
        return None

    images.gate.fault = once
    await images.repositories.create()
    ready = await images.repositories.ready()
    assert result(ready)["tagCount"] == 1
    assert asked
    assert await images.repositories.events("ReadOperationFailed", at_least=0) == []


@pytest.mark.case("image-11")
async def test_pages_are_followed(images):
    pages = {"": ["a", "b"], "b": ["c", "d"], "d": ["e"]}

    def paged(request):
        if "/tags/list" not in request.path:
            return None
        page = pages[request.query.get("last", "")]
        following = {"b": "b", "d": "d"}.get(page[-1])
        link = f'</v2/{images.name}/tags/list?n=2&last={following}>; rel="next"'
        headers = {"Link": link} if following else {}
        return web.json_response({"name": images.name, "tags": page}, headers=headers)

    images.gate.fault = paged
    await images.repositories.create()
    ready = await images.repositories.ready()
    assert result(ready)["latestTags"] == ["e", "d", "c", "b", "a"]


async def test_a_hundred_thousand_tags(images, reflector):
    images.push("1.0.0")
    tags = [f"1.{number // 100}.{number % 100}" for number in range(100_000)]

    def paged(request):
        if "/tags/list" not in request.path:
            return None
        start = int(request.query.get("last", 0))
        link = f'</v2/{images.name}/tags/list?n=1000&last={start + 1000}>; rel="next"'
        headers = {"Link": link} if start + 1000 < len(tags) else {}
        return web.json_response({"name": images.name, "tags": tags[start : start + 1000]}, headers=headers)

    images.gate.fault = paged
    before = reflector.process.usage.resident
    await images.repositories.create()
    ready = await images.repositories.ready()
    assert (result(ready)["tagCount"], images.listings()) == (100_000, 100)
    await images.policies.create(policy={"semver": {"range": "1.x"}})
    assert (await images.policies.ready())["status"]["latestRef"]["tag"] == "1.999.99"
    assert reflector.process.usage.resident - before < 100 << 20


@pytest.mark.parametrize("body", ["no json", "[]", '{"tags": "a"}', '{"errors": [{"code": "DENIED"}]}'])
async def test_a_page_that_is_none_leaves_what_was_found(images, body):
    images.push("1.0.0")
    await images.repositories.create()
    await images.repositories.ready()
    images.gate.fault = lambda request: (
        web.Response(text=body, content_type="application/json") if "/tags/list" in request.path else None
    )
    await images.repositories.change(exclusionList=["x"])
    failed = await images.repositories.fails("ReadOperationFailed", "scan failed: the list of tags ")
    assert result(failed)["tagCount"] == 1
    await images.policies.create(policy={"semver": {"range": "*"}})
    assert (await images.policies.ready())["status"]["latestRef"]["tag"] == "1.0.0"


async def test_a_registry_that_hangs_ends_with_the_timeout(images):
    images.gate.hold = asyncio.Event()
    await images.repositories.create(timeout="1s")
    await images.repositories.fails("ReadOperationFailed", "scan failed: no answer within 1s")
    images.gate.hold.set()
    images.gate.hold = None
    images.push("a")
    await images.repositories.ready()


@pytest.mark.case("image-13")
async def test_the_longer_path_wins(images):
    images.push("a")
    images.gate.basic = ("right", "secret")
    host, _, port = images.gate.host.partition(":")
    config = {
        "auths": {
            f"127.*.*.*:{port}": {"username": "wrong", "password": "secret"},
            f"{host}:{port}/org": {"username": "right", "password": "secret"},
        }
    }
    await images.repositories.pull_secret("login", json.dumps(config))
    await images.repositories.create(secretRef={"name": "login"}, insecure=True)
    await images.repositories.ready()


async def test_missing_secrets_are_named(images):
    await images.repositories.create(secretRef={"name": "nobody"})
    text = f"failed to configure authentication options: failed to get secret '{images.namespace}/nobody'"
    await images.repositories.fails("AuthenticationFailed", text)
    images.push("a")
    await images.repositories.pull_secret("nobody", "{}")
    await images.repositories.ready()


@pytest.mark.case("image-16")
async def test_a_cloud_has_its_own_registries(images):
    await images.repositories.create(image="registry.example.com/org/x", provider="aws")
    text = "scan failed: invalid AWS registry: 'registry.example.com'"
    await images.repositories.fails("ReadOperationFailed", text)


async def test_identities_of_objects_need_a_gate(images):
    await images.repositories.create(provider="gcp", serviceAccountName="x", image="gcr.io/x/y")
    await images.repositories.stalls("FeatureGateDisabled", "ObjectLevelWorkloadIdentity")


async def test_what_is_deleted_leaves_no_tags(images, reflector):
    images.push("a")
    await images.repositories.create()
    await images.repositories.ready()
    folder = reflector.storage / "imagerepository" / images.namespace
    assert (folder / "app").is_dir()
    await images.repositories.delete()
    await images.repositories.until(lambda obj: obj is None)
    assert not folder.exists()


async def test_a_failed_scan_leaves_what_was_found(images):
    images.push("a", "b")
    await images.repositories.create()
    await images.repositories.ready()
    images.gate.fault = lambda request: web.Response(status=404) if "/tags/" in request.path else None
    await images.repositories.change(exclusionList=["x"])
    text = f"scan failed: GET http://{images.gate.host}/v2/{images.name}/tags/list: unexpected status"
    failed = await images.repositories.fails("ReadOperationFailed", text)
    assert result(failed)["tagCount"] == 2


@pytest.mark.case("image-14")
async def test_one_secret_for_certificate_and_login(images):
    authority = Authority()
    images.push("a")
    async with Gate(images.store, basic=("me", "secret"), tls=authority.server_context("127.0.0.1")) as gate:
        data = {"ca.crt": authority.pem, ".dockerconfigjson": gate.docker_config("me", "secret")}
        await images.repositories.secret("both", type_="kubernetes.io/dockerconfigjson", **data)
        both = {"name": "both"}
        await images.repositories.create(
            image=f"{gate.host}/{images.name}", secretRef=both, certSecretRef=both
        )
        await images.repositories.ready()


@pytest.mark.case("image-17")
async def test_a_lost_database_is_filled_again(images, another):
    own = another(images.namespace)
    labels = {"own": images.namespace}
    images.push("1.0.0")
    await images.repositories.create(labels=labels)
    own.process.start()
    await images.repositories.ready()
    await images.policies.create(labels=labels, policy={"semver": {"range": "*"}})
    chosen = (await images.policies.ready())["status"]["latestRef"]
    own.process.kill()
    shutil.rmtree(own.storage / "imagerepository")
    listings = images.listings()
    seen = []

    async def look():
        watch = images.client.watch(images.policies.resource, images.namespace, initial=True)
        async for event in watch:  # whoever cancels wants what was seen until then
            seen.append(event)  # noqa: PERF401

    looking = asyncio.create_task(look())
    images.gate.hold = asyncio.Event()
    own.process.start()
    await images.policies.until(lambda obj: images.policies.condition(obj, "Reconciling")["status"] == "True")
    images.gate.hold.set()
    await images.policies.until(lambda obj: not images.policies.condition(obj, "Reconciling")["status"])
    await images.policies.reconcile()
    looking.cancel()
    policies = [event.object for event in seen if event.type != "BOOKMARK"]
    assert policies
    assert all(policy["status"]["latestRef"] == chosen for policy in policies)
    assert all(images.policies.condition(policy, "Ready")["status"] == "True" for policy in policies)
    assert await images.policies.events("DependencyNotReady", at_least=0) == []
    assert images.listings() == listings + 1


async def test_a_damaged_file_is_made_anew_at_once(images, another):
    own = another(images.namespace)
    labels = {"own": images.namespace}
    images.push("1.0.0")
    await images.repositories.create(labels=labels)
    await images.policies.create(labels=labels, policy={"semver": {"range": "*"}})
    own.process.start()
    await images.policies.ready()
    listings = images.listings()
    folder = own.storage / "imagerepository" / images.namespace / "app"
    (folder / "tags.txt").unlink()
    (folder / "tags.txt.gz").write_bytes(b"\x1f\x8bno tags")
    ready = await images.policies.reconcile()
    assert images.policies.condition(ready, "Ready")["status"] == "True"
    assert images.listings() == listings + 1
    assert [each.name for each in folder.iterdir()] == ["tags.txt"]
