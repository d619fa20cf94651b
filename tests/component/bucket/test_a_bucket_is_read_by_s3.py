"""What is asked of a store that speaks S3, and what is made of its answers."""

import asyncio
import hashlib
from datetime import timedelta

import pytest
from aiohttp import web
from yarl import URL

from shared.auth import TlsMaterial
from shared.testing.bucket_server import BucketGate, page, refusal
from shared.testing.tls import Authority
from source_controller.bucket.library import S3Credentials
from source_controller.bucket.s3 import S3Access
from source_controller.bucket.store import ObjectGone, StoreError, limited

KEYS = S3Credentials("ada", "s3cret/with+signs")
LIMIT = 1000


async def listed(store, prefix=""):
    return {key: etag async for found in store.listing(prefix) for key, etag in found.items()}


async def test_objects_are_listed_and_downloaded(stores, access, server, bucket, tmp_path):
    etag = server.put(bucket, "a/b.yaml", "content")
    async with stores.open(access()) as store:
        assert await store.exists()
        assert await listed(store) == {"a/b.yaml": etag}
        assert await store.download("a/b.yaml", etag, tmp_path / "b") == etag
    assert (tmp_path / "b").read_text() == "content"


async def test_a_bucket_that_is_not_there_is_told_from_one_that_is(stores, access):
    async with stores.open(access(bucket="missing")) as store:
        assert not await store.exists()


@pytest.mark.parametrize("key", ["../../etc/x", "a//b", "/a", "a b+c%d?e#f&g", "grün/ключ", "./x", "~*'()"])
async def test_any_key_can_be_read_by_whoever_has_the_keys(
    stores, access, server, gate, bucket, tmp_path, key
):
    gate.keys = (KEYS.access_key, KEYS.secret_key)
    etag = server.put(bucket, key, key)
    async with stores.open(access(credentials=KEYS)) as store:
        assert await listed(store) == {key: etag}
        assert await store.download(key, etag, tmp_path / "file") == etag
    assert (tmp_path / "file").read_text() == key


async def test_ten_thousand_objects_come_in_pages(stores, access, gate):
    keys = [f"dir/{number:05}" for number in range(10_000)]

    def paged(request):
        if "list-type" not in request.query:
            return None
        start = int(request.query.get("continuation-token", "0"))
        following = start + LIMIT
        return page(keys[start:following], str(following) if following < len(keys) else "")

    gate.fault = paged
    async with stores.open(access()) as store:
        assert await listed(store) == {key: key for key in keys}
    assert len(gate.log) == 10


async def test_pages_of_a_server_come_together(stores, access, server, bucket):
    etags = {f"k{number:04}": server.put(bucket, f"k{number:04}", "x") for number in range(1005)}
    async with stores.open(access()) as store:
        assert await listed(store) == etags
        assert await listed(store, "k100") == {key: etags[key] for key in etags if key.startswith("k100")}


@pytest.mark.parametrize("following", ["again", ""])
async def test_a_list_that_never_ends_is_given_up(stores, access, gate, following):
    def endless(request):
        answer = page(["a"], following or "x")
        if not following:
            answer.text = answer.text.replace("<NextContinuationToken>x</NextContinuationToken>", "")
        return answer

    gate.fault = endless
    async with stores.open(access()) as store:
        with pytest.raises(StoreError, match="doesn't say where"):
            await listed(store)


async def test_an_object_that_has_changed_comes_as_it_is_now(stores, access, server, bucket, tmp_path):
    old = server.put(bucket, "a", "old")
    new = server.put(bucket, "a", "new")
    async with stores.open(access()) as store:
        assert await store.download("a", old, tmp_path / "a") == new
    assert (tmp_path / "a").read_text() == "new"


async def test_an_object_that_has_gone_is_told_from_a_bucket_that_has_gone(stores, access, tmp_path):
    async with stores.open(access()) as store:
        with pytest.raises(ObjectGone):
            await store.download("a", "x", tmp_path / "a")
        with pytest.raises(ObjectGone):
            await store.read("a", LIMIT)
    async with stores.open(access(bucket="missing")) as store:
        with pytest.raises(StoreError, match="NoSuchBucket") as caught:
            await store.download("a", "x", tmp_path / "a")
        assert not isinstance(caught.value, ObjectGone)


async def test_small_objects_have_a_limit(stores, access, server, bucket):
    server.put(bucket, "a", "x" * LIMIT)
    async with stores.open(access()) as store:
        assert await store.read("a", LIMIT) == b"x" * LIMIT
        with pytest.raises(StoreError, match=f"more than {LIMIT - 1} bytes"):
            await store.read("a", LIMIT - 1)


async def test_an_object_is_stored_as_it_lies_there(stores, access, server, bucket, tmp_path):
    raw = b"\x1f\x8b not really compressed"
    etag = server.put(bucket, "a.gz", raw, Content_Encoding="gzip")
    async with stores.open(access()) as store:
        await store.download("a.gz", etag, tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == raw


async def test_a_large_object_comes_whole(stores, access, server, bucket, tmp_path):
    content = bytes(range(256)) * 20_000
    etag = server.put(bucket, "large", content)
    async with stores.open(access()) as store:
        await store.download("large", etag, tmp_path / "large")
    assert hashlib.sha256((tmp_path / "large").read_bytes()).digest() == hashlib.sha256(content).digest()


async def test_wrong_keys_are_named_and_never_shown(stores, access, gate):
    gate.keys = ("ada", "right")
    async with stores.open(access(credentials=S3Credentials("ada", "h1dden"), region="us-east-1")) as store:
        with pytest.raises(
            StoreError, match=r"403: Forbidden \(check the Secret of spec.secretRef"
        ) as caught:
            await store.exists()
        with pytest.raises(StoreError, match="SignatureDoesNotMatch"):
            await listed(store)
    assert "h1dden" not in str(caught.value)
    assert "h1dden" not in repr(S3Credentials("ada", "h1dden", "h1dden"))


async def test_keys_that_are_only_good_for_a_while_come_with_their_token(stores, access, gate):
    gate.keys, gate.token = ("ada", "right"), "for-now"
    async with stores.open(access(credentials=S3Credentials("ada", "right", "for-now"))) as store:
        assert await store.exists()


async def test_nobody_signs_nothing(stores, access, gate):
    async with stores.open(access()) as store:
        assert await store.exists()
    assert [("authorization" in each.headers, each.method) for each in gate.log] == [(False, "HEAD")]


async def test_the_region_is_asked_for_once(stores, access, server, gate):
    server.create("far-away", "eu-central-1")
    for _ in range(2):
        async with stores.open(access(bucket="far-away", credentials=KEYS)) as store:
            assert await store.exists()
    assert gate.sent == ["GET /far-away?location", "HEAD /far-away", "HEAD /far-away"]
    assert "/eu-central-1/s3/" in gate.log[1].headers["authorization"]


async def test_the_region_is_asked_for_again_after_a_refusal(stores, access, server, gate):
    for _ in range(2):
        async with stores.open(access(bucket="not-yet", credentials=KEYS)) as store:
            assert not await store.exists()
    assert gate.sent == ["GET /not-yet?location", "HEAD /not-yet"] * 2


async def test_who_may_not_ask_for_the_region_can_still_read(stores, access, gate):
    gate.fault = lambda request: refusal("AccessDenied", "No.") if "location" in request.query else None
    async with stores.open(access(credentials=KEYS)) as store:
        assert await store.exists()
    assert "/us-east-1/s3/" in gate.log[-1].headers["authorization"]


@pytest.mark.parametrize(
    ("text", "why"),
    [("<html>hi</html>", "isn't one of S3, check spec.endpoint"), ("<html>hi<br></html>", "500")],
)
async def test_a_page_for_people_is_no_empty_bucket(stores, access, gate, text, why):
    gate.fault = lambda request: web.Response(text=text, content_type="text/html")
    async with stores.open(access()) as store:
        with pytest.raises(StoreError, match=why):
            await listed(store)


async def test_a_failing_server_is_asked_once(stores, access, gate):
    gate.fault = lambda request: refusal("InternalError", "We are sorry.", 500)
    async with stores.open(access()) as store:
        with pytest.raises(StoreError, match="InternalError: We are sorry"):
            await listed(store)
    assert len(gate.log) == 1


@pytest.mark.parametrize("region", ["eu-west-3", ""])
async def test_redirects_are_not_followed(stores, access, gate, server, region):
    async with BucketGate(server) as elsewhere:
        headers = {"Location": f"http://{elsewhere.host}/", "x-amz-bucket-region": region}
        gate.fault = lambda request: web.Response(status=307, headers=headers)
        async with stores.open(access(credentials=KEYS, region="us-east-1")) as store:
            with pytest.raises(
                StoreError, match=f"region '{region}', set spec.region" if region else "elsewhere"
            ):
                await listed(store)
        assert elsewhere.log == []


async def test_a_server_that_hangs_is_left_alone_at_once(stores, access, gate):
    gate.hold = asyncio.Event()

    async def ask():
        async with stores.open(access()) as store, limited(timedelta(milliseconds=300)):
            await store.exists()

    with pytest.raises(StoreError, match="context deadline exceeded"):
        await ask()
    gate.hold.set()


async def test_a_download_that_hangs_ends_with_whoever_waits_for_it(
    stores, access, server, gate, bucket, tmp_path
):
    etag = server.put(bucket, "a", "content")
    async with stores.open(access()) as store:
        assert await store.exists()
        gate.asked.clear()
        gate.hold = asyncio.Event()
        task = asyncio.create_task(store.download("a", etag, tmp_path / "a"))
        await gate.asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    gate.hold.set()


async def test_a_connection_that_breaks_off_is_no_object(stores, access, server, gate, bucket, tmp_path):
    gate.cut = True
    etag = server.put(bucket, "a", "x" * 100)
    async with stores.open(access()) as store:
        with pytest.raises(StoreError, match="ended the connection"):
            await store.download("a", etag, tmp_path / "a")


async def test_the_authority_of_a_secret_is_trusted_besides_the_others(stores, server, bucket):
    authority = Authority()
    async with BucketGate(server, tls=authority.server_context()) as gate:

        def to(tls):
            return S3Access(URL(f"https://{gate.host}"), bucket, tls=tls)

        for tls in (TlsMaterial(), TlsMaterial(Authority().pem)):
            async with stores.open(to(tls)) as store:
                with pytest.raises(StoreError, match="is not trusted"):
                    await store.exists()
        async with stores.open(to(TlsMaterial(authority.pem))) as store:
            assert await store.exists()
