"""What tags name, which tags there are, manifests and blobs, from a real registry."""

import os

import pytest
from aiohttp import web

from shared.auth import RegistryLogin, TlsMaterial
from shared.lang.digest import Digest
from shared.oci import (
    ContentRefused,
    NotFound,
    RegistryError,
    Repository,
    Unreachable,
)
from shared.oci.client import Access
from shared.oci.manifest import OCI_INDEX, OCI_MANIFEST
from shared.testing.registry import LAYER, Gate, packed
from shared.testing.tls import Authority


async def content(registry, reference):
    manifest = await registry.manifest(reference)
    return b"".join([piece async for piece in registry.blob(manifest.layers[0])])


async def test_a_tag_is_asked_for_without_its_content(registry, store, name, gate):
    digest = store.push(name, "v1", {"a": "1"})
    assert await registry().digest("v1") == digest
    assert [(each.method, each.path) for each in gate.log] == [("HEAD", f"/v2/{name}/manifests/v1")]
    assert gate.log[0].headers["User-Agent"].startswith("flux/v2")


async def test_a_manifest_and_its_layers_come_as_they_are(registry, store, name):
    data = packed({"a": os.urandom(3_000_000)})
    digest = store.push(name, "v1", layers=[(LAYER, data)], annotations={"k": "v"})
    manifest = await registry().manifest("v1")
    assert (manifest.digest, manifest.annotations, manifest.is_index) == (digest, {"k": "v"}, False)
    assert [layer.media_type for layer in manifest.layers] == [LAYER]
    assert await content(registry(), str(digest)) == data


async def test_the_image_for_our_platform_is_chosen(registry, store, name):
    ours, other = store.push(name, "amd64", {"a": "1"}), store.push(name, "arm64", {"a": "2"})
    index = store.push_index(name, "all", {"linux/arm64": other, "linux/amd64": ours})
    manifest = await registry().manifest("all")
    assert (manifest.digest, manifest.is_index) == (index, True)
    assert manifest.for_platform().digest == ours
    store.push_index(name, "arm", {"linux/arm64": other})
    with pytest.raises(ContentRefused, match="no image for linux/amd64"):
        (await registry().manifest("arm")).for_platform()


async def test_what_is_missing_is_named(registry, store, name, gate):
    store.push(name, "v1", {"a": "1"})
    for reference in ("v2", f"sha256:{'0' * 64}"):
        asked = f"GET http://{gate.host}/v2/{name}/manifests/{reference}: MANIFEST_UNKNOWN: manifest unknown"
        with pytest.raises(NotFound, match=asked):
            await registry().manifest(reference)
    with pytest.raises(NotFound):
        await registry().digest("v2")


@pytest.mark.case("source-o14")
@pytest.mark.parametrize("status", [200, 400, 404, 405, 500, 501])
async def test_a_registry_without_head_is_asked_for_the_manifest(registry, store, name, gate, status):
    digest = store.push(name, "v1", {"a": "1"})
    gate.fault = lambda request: web.Response(status=status) if request.method == "HEAD" else None
    assert await registry().digest("v1") == digest


@pytest.mark.parametrize(
    ("status", "headers"), [(429, {}), (503, {}), (401, {}), (403, {}), (429, {"Retry-After": "90"})]
)
async def test_a_registry_that_is_busy_or_closed_is_not_asked_for_more(registry, gate, status, headers):
    gate.fault = lambda request: web.Response(status=status, headers=headers)
    with pytest.raises(RegistryError):
        await registry().digest("v1")
    assert gate.seen("GET") == 0


async def test_old_images_have_a_digest_too(registry, gate):
    known = {"Docker-Content-Digest": str(Digest.of(b"old"))}

    def old(request):
        wanted = "application/vnd.docker.distribution.manifest.v1+prettyjws" in request.headers["Accept"]
        return web.Response(headers=known) if wanted else web.Response(status=404)

    gate.fault = old
    assert await registry().digest("v1") == Digest.of(b"old")


async def test_an_odd_tag_stays_a_tag(registry, gate):
    gate.fault = lambda request: web.Response(status=404)
    for tag in ("../../other/v1?x#y", "a b?X: y", "é"):
        with pytest.raises(NotFound):
            await registry().manifest(tag)
    assert [each.path.count("/") for each in gate.log] == [5, 5, 5]


async def test_refusals_tell_of_the_request_and_in_the_words_of_the_registry(registry, gate, name):
    errors = [{"code": "DENIED", "message": "not\n for\x00 you", "detail": "hidden"}, {"code": "TWO"}, {}, 5]
    gate.fault = lambda request: web.json_response({"errors": errors}, status=418)
    with pytest.raises(RegistryError) as caught:
        await registry().tags()
    assert str(caught.value) == f"GET http://{gate.host}/v2/{name}/tags/list: DENIED: not for you; TWO"
    for body in ("<html>", "[]", '{"errors": 5}', "x" * 200_000):
        gate.fault = lambda request, body=body: web.Response(text=body, status=499 + 11)
        with pytest.raises(
            RegistryError, match=f"{name}/tags/list: unexpected status code 510 Not Extended$"
        ):
            await registry().tags()


async def test_tls_is_checked_unless_told_otherwise(registries, store, name):
    digest = store.push(name, "v1", {"a": "1"})
    authority = Authority()
    async with Gate(store, tls=authority.server_context()) as gate:

        async def ask(**access):
            return await registries.registry(Repository(gate.host, name), Access(**access)).digest("v1")

        assert await ask(tls=TlsMaterial(authority.pem)) == digest
        assert await ask(insecure=True) == digest
        for access in (
            {},
            {"tls": TlsMaterial(Authority().pem)},
            {"tls": TlsMaterial(Authority().pem), "insecure": True},
        ):
            with pytest.raises(RegistryError, match=r"the certificate of 127\.0\.0\.1:\d+ is not trusted"):
                await ask(**access)


async def test_a_redirect_elsewhere_takes_no_login_along(registry, store, name, gate):
    store.push(name, "v1", {"a": "1"})
    async with Gate(store) as other:
        gate.basic = ("ada", "hidden")

        def elsewhere(request):
            if "/blobs/" in request.path and "Authorization" in request.headers:
                return web.Response(status=307, headers={"Location": f"http://{other.host}{request.path_qs}"})
            return None

        gate.fault = elsewhere
        await content(registry(login=RegistryLogin("ada", "hidden"), insecure=True), "v1")
        assert other.seen("GET", "/blobs/") == 1
        assert not any("Authorization" in each.headers for each in other.log)


async def test_what_is_not_as_promised_is_refused(registry, store, name, gate):
    digest = store.push(name, "v1", layers=[(LAYER, os.urandom(300_000))])

    def other(request):
        if "/blobs/" in request.path or str(digest) in request.path:
            return web.Response(body=b"something else", content_type="application/json")
        return None

    gate.fault = other
    with pytest.raises(ContentRefused, match="doesn't have the digest"):
        await content(registry(), "v1")
    with pytest.raises(ContentRefused, match="doesn't have the digest"):
        await registry().manifest(str(digest))


async def test_an_answer_that_breaks_off_is_no_answer(registry, store, name, gate):
    store.push(name, "v1", layers=[(LAYER, os.urandom(300_000))])
    gate.cut_after = 100_000
    with pytest.raises(Unreachable, match="ended the connection"):
        await content(registry(), "v1")


@pytest.mark.parametrize("target", ["http://a..b/x", "http://h:99999/", "http://[", "ftp://h/"])
async def test_a_redirect_to_nowhere_is_told(registry, gate, target):
    gate.fault = lambda request: web.Response(status=307, headers={"Location": target})
    with pytest.raises(RegistryError, match=r"127\.0\.0\.1 redirects to an? (malformed )?address"):
        await registry().manifest("v1")


async def test_a_manifest_that_fills_memory_is_refused(registry, name, gate):
    gate.fault = lambda request: web.Response(body=bytes(5 << 20), content_type="application/json")
    with pytest.raises(ContentRefused, match="larger than"):
        await registry().manifest("v1")
    gate.fault = lambda request: web.Response(body=b"[1]", content_type="application/json")
    with pytest.raises(ContentRefused, match="not in its format"):
        await registry().manifest("v1")


def test_digests_of_pushed_images_are_those_of_their_bytes(store, name):
    assert store.push(name, "v1", {"a": "1"}) == store.push(name, "v2", {"a": "1"})
    assert isinstance(store.push(name, "v1", {"a": "2"}), Digest)


SIGNATURE = "application/vnd.example.signature"


def referrer(number, type_=SIGNATURE):
    digest = f"sha256:{number:064x}"
    return {"mediaType": "a", "digest": digest, "size": 7, "artifactType": type_}


async def test_who_refers_to_an_image_is_asked_of_the_registry(gate, registry):
    index = {"schemaVersion": 2, "manifests": [referrer(1), referrer(2, "another/type"), referrer(3)]}

    def answer(request):
        return web.json_response(index) if "/referrers/sha256:" in request.path else None

    gate.fault = answer
    found = await registry().referrers(Digest.of(b"image"), SIGNATURE)
    assert [str(each.digest)[-1] for each in found] == ["1", "3"]


async def test_a_tag_says_it_where_the_registry_does_not_know(store, gate, registry, name):
    digest = Digest.of(b"image")
    assert await registry().referrers(digest, SIGNATURE) == []
    signature = store.push(name, "s")
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX}
    described = referrer(0) | {"digest": str(signature), "mediaType": OCI_MANIFEST}
    store.put(name, str(digest).replace(":", "-"), OCI_INDEX, index | {"manifests": [described]})
    (found,) = await registry().referrers(digest, SIGNATURE)
    assert found.digest == signature


@pytest.mark.parametrize("answer", ["[", '{"manifests": [{"artifactType": "%s"}]}' % SIGNATURE])  # noqa: UP031
async def test_what_is_no_list_of_referrers_is_refused(gate, registry, answer):
    gate.fault = lambda request: web.Response(text=answer) if "/referrers/" in request.path else None
    with pytest.raises(ContentRefused):
        await registry().referrers(Digest.of(b"image"), SIGNATURE)


async def test_too_many_referrers_are_refused(gate, registry):
    index = {"manifests": [{}] * 10_001}
    gate.fault = lambda request: web.json_response(index) if "/referrers/" in request.path else None
    with pytest.raises(ContentRefused, match="more than 10000 manifests refer to"):
        await registry().referrers(Digest.of(b"image"), SIGNATURE)
