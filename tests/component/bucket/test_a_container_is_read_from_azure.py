"""What is asked of Azure, and what is made of its answers."""

import asyncio
import sys
from datetime import timedelta

import pytest
from aiohttp import web
from yarl import URL

from shared.auth import BasicAuth, Proxy
from shared.testing.blob_server import BlobServer
from shared.testing.proxy import ForwardProxy
from shared.testing.tls import Authority
from source_controller.bucket.azure import AzureAccess, open_azure
from source_controller.bucket.azure_login import AccountKey, ClientCertificate, SharedAccess
from source_controller.bucket.store import ExtraMissing, ObjectGone, StoreError, limited

KEY = "aDFkZGVuLWtleQ=="


@pytest.fixture
async def blobs():
    async with BlobServer() as server:
        yield server


def access(blobs, bucket="manifests", **known):
    return AzureAccess(URL(known.pop("endpoint", blobs.url)), bucket, **known)


async def listed(store, prefix=""):
    return {key: etag async for found in store.listing(prefix) for key, etag in found.items()}


async def test_blobs_are_listed_and_downloaded_with_the_same_states(blobs, tmp_path):
    blobs.blobs = {"a b/ü.yaml": b"content", "empty": b"", "other": b"x"}
    async with open_azure(access(blobs)) as store:
        assert await store.exists()
        found = await listed(store)
        assert found == {name: f'"{blobs.etag(name)}"' for name in blobs.blobs}
        assert await listed(store, "a") == {"a b/ü.yaml": found["a b/ü.yaml"]}
        for number, (name, content) in enumerate(blobs.blobs.items()):
            file = tmp_path / str(number)
            assert await store.download(name, found[name], file) == found[name]
            assert file.read_bytes() == content


async def test_lists_come_in_pages(blobs):
    blobs.blobs, blobs.page = {f"{number:03}": b"" for number in range(250)}, 100
    async with open_azure(access(blobs)) as store:
        assert list(await listed(store)) == list(blobs.blobs)
    assert blobs.log == ["LIST"] * 3


async def test_a_large_blob_comes_in_pieces(blobs, tmp_path):
    blobs.blobs["large"] = bytes(range(256)) * 40_000
    async with open_azure(access(blobs)) as store:
        await store.download("large", f'"{blobs.etag("large")}"', tmp_path / "large")
    assert (tmp_path / "large").read_bytes() == blobs.blobs["large"]
    assert len(blobs.log) == 3


async def test_a_blob_that_has_changed_comes_as_it_is_now(blobs, tmp_path):
    blobs.blobs["a"] = b"old"
    old = f'"{blobs.etag("a")}"'
    blobs.blobs["a"] = b"new"
    async with open_azure(access(blobs)) as store:
        assert await store.download("a", old, tmp_path / "a") == f'"{blobs.etag("a")}"' != old
    assert (tmp_path / "a").read_bytes() == b"new"


async def test_what_is_not_there_is_told_apart(blobs, tmp_path):
    async with open_azure(access(blobs)) as store:
        with pytest.raises(ObjectGone):
            await store.read("a", 10)
        with pytest.raises(ObjectGone):
            await store.download("a", '"x"', tmp_path / "a")
    async with open_azure(access(blobs, "missing")) as store:
        assert not await store.exists()
        with pytest.raises(StoreError, match="ContainerNotFound") as caught:
            await store.download("a", '"x"', tmp_path / "a")
        assert not isinstance(caught.value, ObjectGone)


async def test_small_blobs_have_a_limit(blobs):
    blobs.blobs["a"] = b"x" * 100
    async with open_azure(access(blobs)) as store:
        assert await store.read("a", 100) == b"x" * 100
        with pytest.raises(StoreError, match="more than 99 bytes"):
            await store.read("a", 99)


@pytest.mark.parametrize("name", ["a", "A-b", "a/b", "", "../abc", "abc?x", "abc-"])
async def test_a_name_that_is_none_is_refused(blobs, name):
    async with open_azure(access(blobs, name)) as store:
        with pytest.raises(StoreError, match=r"spec.bucketName"):
            await store.exists()
    assert blobs.log == []


async def test_a_query_lets_in_and_has_the_last_word(blobs):
    blobs.query = "right+/="
    login = SharedAccess("sv=2024&sig=right%2B%2F%3D")
    async with open_azure(access(blobs, login=login, endpoint=f"{blobs.url}?sig=wrong")) as store:
        assert await store.exists()


async def test_a_query_that_does_not_let_in_is_never_shown(blobs):
    blobs.query = "right"
    async with open_azure(access(blobs, login=SharedAccess("sig=h1dden"))) as store:
        with pytest.raises(StoreError, match="the caller might lack sufficient permissions") as caught:
            await store.exists()
    assert "RequestId" not in str(caught.value)
    assert "h1dden" not in repr(SharedAccess("sig=h1dden"))


async def test_the_key_of_an_account_signs(blobs):
    blobs.account = "ada"
    async with open_azure(access(blobs, login=AccountKey("ada", KEY))) as store:
        assert await store.exists()


async def test_a_certificate_that_is_none_is_named(blobs):
    login = ClientCertificate("t", "c", b"h1dden")
    with pytest.raises(StoreError, match="'clientCertificate' is no certificate") as caught:
        async with open_azure(access(blobs, login=login)):
            pass
    assert "h1dden" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_a_proxy_is_gone_through(blobs, scheme):
    async with ForwardProxy(scheme, ("ada", "p:w@")) as proxy:
        way = Proxy(URL(proxy.url), BasicAuth("ada", "p:w@"))
        async with open_azure(access(blobs, proxy=way)) as store:
            assert await store.exists()
        assert proxy.targets == [f"127.0.0.1:{blobs.port}"]


async def test_a_server_that_nobody_trusts_is_not_talked_to():
    async with BlobServer(tls=Authority().server_context()) as blobs:
        async with open_azure(access(blobs)) as store:
            with pytest.raises(StoreError, match="is not trusted"):
                await store.exists()
        assert blobs.log == []


async def test_libraries_that_are_missing_are_said_so(blobs, monkeypatch):
    monkeypatch.setitem(sys.modules, "azure.storage.blob.aio", None)
    with pytest.raises(ExtraMissing):
        async with open_azure(access(blobs)):
            pass


async def test_trouble_is_told_once(blobs):
    async with open_azure(AzureAccess(URL("http://127.0.0.1:9"), "manifests")) as store:
        with pytest.raises(StoreError, match=r"can't connect to 127.0.0.1:9"):
            await store.exists()


async def test_a_server_that_hangs_is_left_alone():
    async def hang(request):
        await asyncio.Event().wait()

    application = web.Application()
    application.router.add_get("/{path:.*}", hang)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    where = AzureAccess(URL("http://{}:{}".format(*runner.addresses[0])), "manifests")

    async def ask():
        async with open_azure(where) as store, limited(timedelta(milliseconds=300)):
            await store.exists()

    with pytest.raises(StoreError, match="context deadline exceeded"):
        await ask()
    await runner.cleanup()
