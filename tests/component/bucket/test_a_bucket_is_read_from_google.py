"""What is asked of Google Cloud Storage, and what is made of its answers."""

import asyncio
import itertools
import json
import sys
from datetime import timedelta
from functools import cache
from urllib.parse import unquote

import aiohttp
import pytest
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from shared.auth import SecretError
from source_controller.bucket.google import GoogleAccess, open_google, service_account
from source_controller.bucket.store import ExtraMissing, ObjectGone, StoreError, limited


@cache
def private_key():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


class Google:
    """One bucket, and the service that gives tokens."""

    def __init__(self):
        self.objects = {}
        self.page = 1000
        self.token = "h1dden-token"
        self.log = []
        self.url = ""
        self.refuse = self.hold = None
        self._states = itertools.count(1)

    def put(self, name, content):
        self.objects[name] = (content, next(self._states))
        return self.etag(name)

    def etag(self, name):
        return f"C{self.objects[name][1]}="

    def key(self, **known):
        return {
            "type": "service_account",
            "client_email": "reader@project.example.com",
            "private_key": private_key(),
            "token_uri": f"{self.url}/token",
        } | known

    async def give_token(self, request):
        form = await request.post()
        if self.hold:
            await self.hold.wait()
        self.log.append("TOKEN")
        if form["grant_type"] != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            return web.json_response({"error": "invalid_grant"}, status=400)
        return web.json_response({"access_token": self.token, "expires_in": 3600, "token_type": "Bearer"})

    async def answer(self, request):
        path = unquote(request.raw_path.partition("?")[0].removeprefix("/storage/v1/b/manifests"))
        self.log.append(f"{path or 'BUCKET'} {request.query.get('alt', '')}".strip())
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return web.json_response(
                {"error": {"code": 401, "message": "Invalid Credentials\nmore"}}, status=401
            )
        if self.refuse:
            return self.refuse()
        if not path:
            return web.json_response({"name": "manifests"})
        return self.list(request) if path == "/o" else self.object(request, path.removeprefix("/o/"))

    def list(self, request):
        names = sorted(name for name in self.objects if name.startswith(request.query["prefix"]))
        start = int(request.query.get("pageToken", 0))
        items = [self.described(name) for name in names[start : start + self.page]]
        found = {"kind": "storage#objects"} | ({"items": items} if items else {})
        if start + self.page < len(names):
            found["nextPageToken"] = str(start + self.page)
        return web.json_response(found)

    def object(self, request, name):
        wanted = request.query.get("generation")
        if name not in self.objects or (wanted and wanted != self.described(name)["generation"]):
            return web.json_response(
                {"error": {"code": 404, "message": f"No such object: {name}"}}, status=404
            )
        if request.query.get("alt") == "media":
            return web.Response(body=self.objects[name][0])
        return web.json_response(self.described(name))

    def described(self, name):
        return {"name": name, "etag": self.etag(name), "generation": str(self.objects[name][1])}


@pytest.fixture
async def google():
    google, application = Google(), web.Application()
    application.router.add_post("/token", google.give_token)
    application.router.add_get("/storage/v1/b/manifests{path:.*}", google.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    google.url = "http://{}:{}".format(*runner.addresses[0])
    yield google
    await runner.cleanup()


@pytest.fixture
async def opened(google):
    async with aiohttp.ClientSession() as session:

        def opened(bucket="manifests", **key):
            return open_google(session, GoogleAccess(bucket, google.key(**key), service=google.url))

        yield opened


async def listed(store, prefix=""):
    return {key: etag async for found in store.listing(prefix) for key, etag in found.items()}


async def test_objects_are_listed_and_downloaded(google, opened, tmp_path):
    content = bytes(range(256)) * 5000
    etags = {name: google.put(name, content) for name in ("a/b c?.yaml", "ü", "a%2Fb")}
    async with opened() as store:
        assert await store.exists()
        assert await listed(store) == etags
        assert await listed(store, "a/") == {"a/b c?.yaml": etags["a/b c?.yaml"]}
        for number, (name, etag) in enumerate(etags.items()):
            assert await store.download(name, etag, tmp_path / str(number)) == etag
            assert (tmp_path / str(number)).read_bytes() == content
    assert google.log.count("TOKEN") == 1


async def test_lists_come_in_pages(google, opened):
    google.page = 100
    etags = {f"{number:03}": google.put(f"{number:03}", b"") for number in range(250)}
    async with opened() as store:
        assert await listed(store) == etags
    assert google.log == ["TOKEN", "/o", "/o", "/o"]


async def test_an_object_that_has_changed_comes_as_it_is_now(google, opened, tmp_path):
    old = google.put("a", b"old")
    async with opened() as store:
        await listed(store)
        new = google.put("a", b"new")
        assert await store.download("a", old, tmp_path / "a") == new
    assert (tmp_path / "a").read_bytes() == b"new"


async def test_what_is_not_there_is_told_apart(google, opened, tmp_path):
    old = google.put("a", b"old")
    async with opened() as store:
        await listed(store)
        del google.objects["a"]
        with pytest.raises(ObjectGone):
            await store.download("a", old, tmp_path / "a")
        with pytest.raises(ObjectGone):
            await store.read(".sourceignore", 10)
        google.refuse = lambda: web.json_response({"error": {"message": "no bucket"}}, status=404)
        assert not await store.exists()
        with pytest.raises(StoreError, match="bucket 'manifests' not found") as caught:
            await store.download("a", old, tmp_path / "a")
        assert not isinstance(caught.value, ObjectGone)


async def test_small_objects_have_a_limit(google, opened):
    google.put("a", b"x" * 100)
    async with opened() as store:
        assert await store.read("a", 100) == b"x" * 100
        with pytest.raises(StoreError, match="more than 99 bytes"):
            await store.read("a", 99)


async def test_answers_of_others_and_refusals_are_told(google, opened):
    async with opened() as store:
        google.refuse = lambda: web.Response(text="<html>")
        with pytest.raises(StoreError, match="isn't one of Google"):
            await listed(store)
        google.refuse = lambda: web.json_response({"error": {"message": "No access."}}, status=403)
        with pytest.raises(StoreError, match=r"^403: No access\. \(check the Secret"):
            await store.exists()
        google.refuse, google.token = None, "another"
        with pytest.raises(StoreError, match=r"^401: Invalid Credentials \(check the Secret"):
            await store.exists()
    async with opened("a/b") as store:
        with pytest.raises(StoreError, match=r"spec\.bucketName"):
            await store.exists()


async def test_a_key_that_can_not_be_used_is_told_and_not_shown(google, opened):
    with pytest.raises(StoreError, match="not a key that can be used") as caught:
        async with opened(private_key="h1dden"):
            pass
    assert "h1dden" not in str(caught.value)
    with pytest.raises(StoreError, match="failed to log in"):
        async with opened(token_uri=f"{google.url}/nowhere"):
            pass
    assert google.log == []


async def test_a_service_for_tokens_that_hangs_is_left_alone(google, opened):
    google.hold = asyncio.Event()

    async def ask():
        async with limited(timedelta(milliseconds=300)), opened():
            pass

    with pytest.raises(StoreError, match="context deadline exceeded"):
        await ask()
    google.hold.set()


async def test_a_library_that_is_missing_is_said_so(opened, monkeypatch):
    monkeypatch.setitem(sys.modules, "google.oauth2.service_account", None)
    monkeypatch.delattr("google.oauth2.service_account", raising=False)
    with pytest.raises(ExtraMissing):
        async with opened():
            pass


@pytest.mark.parametrize("value", [b"h1dden", b"[]", b"{}", b'{"type": "external_account"}', b"\xff"])
def test_only_keys_of_service_accounts_are_taken(value):
    with pytest.raises(SecretError, match="invalid 's' secret data: the value of 'serviceaccount'") as caught:
        service_account("s", {"serviceaccount": value})
    assert "h1dden" not in str(caught.value)


def test_a_key_is_needed_and_does_not_show():
    with pytest.raises(SecretError, match="required fields 'serviceaccount'"):
        service_account("s", {})
    key = service_account("s", {"serviceaccount": json.dumps(Google().key()).encode()})
    assert "PRIVATE KEY" not in repr(GoogleAccess("b", key))
