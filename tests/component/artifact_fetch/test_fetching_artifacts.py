"""Artifacts are downloaded once, verified, retried as promised, and lent out."""

import asyncio
import hashlib
import io
import tarfile
from datetime import timedelta

import aiohttp
import pytest
from aiohttp import web

from shared.artifact import (
    ArtifactCorrupt,
    ArtifactDownloadFailed,
    ArtifactFetcher,
    ArtifactNotFound,
    FetchPolicy,
)
from shared.lang.digest import Digest

PATH = "/gitrepository/default/app/archive.tar.gz"


def packed(**files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return out.getvalue()


def sha256(data):
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class Server:
    """An artifact server that answers from a script, and then with its content."""

    def __init__(self):
        self.content = packed(a="hello")
        self.script = []
        self.requests = []
        self.gate = None
        self.arrived = asyncio.Event()

    async def answer(self, request):
        self.requests.append(request)
        self.arrived.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.script:
            step = self.script.pop(0)
            if step == "drop":
                request.transport.abort()
                return web.Response()
            if step == "half":
                reply = web.StreamResponse(headers={"Content-Length": str(len(self.content))})
                await reply.prepare(request)
                await reply.write(self.content[: len(self.content) // 2])
                request.transport.abort()
                return reply
            status, headers = step if isinstance(step, tuple) else (step, {})
            return web.Response(status=status, headers=headers)
        return web.Response(body=self.content)


@pytest.fixture
async def server():
    server = Server()
    app = web.Application()
    app.router.add_get("/{path:.*}", server.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0]
    server.host = f"{host}:{port}"
    server.url = f"http://{server.host}{PATH}"
    yield server
    await runner.cleanup()


@pytest.fixture
def waits():
    return []


@pytest.fixture
async def make_fetcher(tmp_path, waits):
    async def sleep(duration):
        waits.append(duration.total_seconds())

    made = []
    async with aiohttp.ClientSession() as session:

        def make(host="", **policy):
            fetcher = ArtifactFetcher(
                session,
                tmp_path / f"scratch{len(made)}",
                policy=FetchPolicy(**policy),
                host=host,
                sleep=sleep,
            )
            made.append(fetcher)
            return fetcher

        yield make
        for fetcher in made:
            await fetcher.close()


@pytest.fixture
def fetcher(make_fetcher):
    return make_fetcher()


def scratch(tmp_path):
    return [path.name for path in (tmp_path / "scratch0").iterdir()]


async def test_lends_the_tree_of_a_verified_artifact(fetcher, server):
    async with fetcher.fetch(server.url, sha256(server.content)) as tree:
        assert (tree / "a").read_text() == "hello"


async def test_a_digest_without_algorithm_is_sha256(fetcher, server):
    async with fetcher.fetch(server.url, hashlib.sha256(server.content).hexdigest()) as tree:
        assert (tree / "a").exists()


@pytest.mark.parametrize("algorithm", ["sha384", "sha512", "blake3"])
async def test_other_algorithms_are_verified(fetcher, server, algorithm):
    async with fetcher.fetch(server.url, str(Digest.of(server.content, algorithm))) as tree:
        assert (tree / "a").exists()


async def test_a_wrong_digest_is_refused_before_anything_is_unpacked(fetcher, server, tmp_path, waits):
    wrong = sha256(b"something else")
    with pytest.raises(ArtifactCorrupt, match=f"computed digest doesn't match provided '{wrong}'"):
        async with fetcher.fetch(server.url, wrong):
            pass
    assert scratch(tmp_path) == []
    assert waits == []


@pytest.mark.parametrize("digest", ["", "sha256:abc", "md5:" + "0" * 32])
async def test_an_unusable_digest_is_refused_without_a_request(fetcher, server, digest):
    with pytest.raises(ArtifactCorrupt, match="failed to verify archive"):
        async with fetcher.fetch(server.url, digest):
            pass
    assert server.requests == []


async def test_a_damaged_archive_leaves_nothing(fetcher, server, tmp_path):
    server.content = b"no archive"
    with pytest.raises(ArtifactCorrupt, match="failed to extract archive"):
        async with fetcher.fetch(server.url, sha256(server.content)):
            pass
    assert scratch(tmp_path) == []


async def test_not_found_is_said_at_once(fetcher, server, waits):
    server.script = [404]
    with pytest.raises(ArtifactNotFound):
        async with fetcher.fetch(server.url, sha256(server.content)):
            pass
    assert (len(server.requests), waits) == (1, [])


async def test_trouble_that_may_pass_is_retried_with_growing_waits(fetcher, server, waits):
    # The HTTP client itself repeats a request once when the connection was lost before an answer.
    server.script = ["drop", "drop", 500, 503, "half", 429]
    async with fetcher.fetch(server.url, sha256(server.content)) as tree:
        assert (tree / "a").read_text() == "hello"
    assert waits == [5, 10, 20, 30, 30]


async def test_the_server_may_ask_for_another_wait(fetcher, server, waits):
    server.script = [(503, {"Retry-After": "1"}), (429, {"Retry-After": "3600"})]
    async with fetcher.fetch(server.url, sha256(server.content)):
        pass
    assert waits == [1, 30]


async def test_retries_end(make_fetcher, server, waits):
    server.script = [502] * 5
    with pytest.raises(ArtifactDownloadFailed, match=r"archive\.tar\.gz \(status: 502 Bad Gateway\)"):
        async with make_fetcher(retries=2).fetch(server.url, sha256(server.content)):
            pass
    assert (len(server.requests), waits) == (3, [5, 10])


@pytest.mark.parametrize("status", [400, 401, 403, 501])
async def test_other_answers_are_final(fetcher, server, waits, status):
    server.script = [status]
    with pytest.raises(ArtifactDownloadFailed, match=f"status: {status}"):
        async with fetcher.fetch(server.url, sha256(server.content)):
            pass
    assert waits == []


async def test_a_closed_port_is_retried_and_named(make_fetcher, unused_tcp_port, waits):
    url = f"http://127.0.0.1:{unused_tcp_port}/x.tar.gz"
    with pytest.raises(ArtifactDownloadFailed, match="failed to download archive from"):
        async with make_fetcher(retries=1).fetch(url, sha256(b"")):
            pass
    assert waits == [5]


async def test_the_size_of_a_download_can_be_limited(make_fetcher, server):
    with pytest.raises(ArtifactCorrupt, match="larger than 10 bytes"):
        async with make_fetcher(max_download=10).fetch(server.url, sha256(server.content)):
            pass


async def test_the_host_can_be_replaced(make_fetcher, server):
    fetcher = make_fetcher(host=server.host)
    url = f"http://source-controller.flux-system.svc.cluster.local.{PATH}?x=%2F"
    async with fetcher.fetch(url, sha256(server.content)):
        pass
    assert server.requests[0].raw_path == f"{PATH}?x=%2F"


async def test_many_consumers_share_one_download_and_one_tree(fetcher, server):
    async def use():
        async with fetcher.fetch(server.url, sha256(server.content)) as tree:
            return tree, (tree / "a").read_text()

    results = await asyncio.gather(*(use() for _ in range(20)))
    assert len(set(results)) == 1
    await use()
    assert len(server.requests) == 1


async def test_a_failure_is_shared_and_not_kept(fetcher, server):
    server.script = [403]

    async def use():
        async with fetcher.fetch(server.url, sha256(server.content)) as tree:
            return tree

    failures = await asyncio.gather(use(), use(), return_exceptions=True)
    assert [type(failure) for failure in failures] == [ArtifactDownloadFailed] * 2
    assert len(server.requests) == 1
    assert await use()


async def test_one_who_gives_up_doesn_t_take_it_from_the_others(fetcher, server):
    server.gate = asyncio.Event()

    async def use():
        async with fetcher.fetch(server.url, sha256(server.content)) as tree:
            return (tree / "a").read_text()

    first, second = asyncio.create_task(use()), asyncio.create_task(use())
    await server.arrived.wait()
    first.cancel()
    server.gate.set()
    assert await second == "hello"
    with pytest.raises(asyncio.CancelledError):
        await first
    assert len(server.requests) == 1


async def test_unused_trees_make_room_and_used_ones_stay(make_fetcher, server):
    fetcher = make_fetcher(keep_trees=1)
    contents = [packed(a=str(number)) for number in range(3)]

    async def lend(content):
        server.content = content
        return fetcher.fetch(server.url, sha256(content))

    async with await lend(contents[0]) as used:
        async with await lend(contents[1]) as second:
            assert used.exists()
        assert used.exists()
        assert not second.exists()
    async with await lend(contents[2]) as third:
        assert third.exists()
    assert not used.exists()
    assert third.exists()


async def test_trees_make_room_by_size(make_fetcher, server):
    fetcher = make_fetcher(keep_bytes=3)
    async with fetcher.fetch(server.url, sha256(server.content)) as tree:
        assert tree.exists()
    assert not tree.exists()


async def test_closing_removes_everything(fetcher, server, tmp_path):
    async with fetcher.fetch(server.url, sha256(server.content)):
        pass
    await fetcher.close()
    assert not (tmp_path / "scratch0").exists()


@pytest.mark.parametrize("url", ["", "file:///etc/passwd", "gopher://x/y", "http://", "http://[broken/x"])
async def test_an_invalid_url_is_refused(fetcher, url):
    with pytest.raises(ArtifactDownloadFailed, match="invalid URL"):
        async with fetcher.fetch(url, sha256(b"")):
            pass


async def test_no_credentials_of_a_url_are_shown(fetcher, server):
    server.script = [403]
    url = server.url.replace("http://", "http://user:pass@") + "?token=abc"
    with pytest.raises(ArtifactDownloadFailed) as failed:
        async with fetcher.fetch(url, sha256(server.content)):
            pass
    assert "pass" not in str(failed.value)
    assert "abc" not in str(failed.value)


async def test_waits_are_real_time_by_default(server, tmp_path, monkeypatch):
    slept = []

    async def sleep(seconds):
        slept.append(timedelta(seconds=seconds))

    monkeypatch.setattr("shared.artifact.fetch.asyncio.sleep", sleep)
    server.script = [(503, {"Retry-After": "2"})]
    async with aiohttp.ClientSession() as session:
        fetcher = ArtifactFetcher(session, tmp_path / "own")
        async with fetcher.fetch(server.url, sha256(server.content)):
            pass
        await fetcher.close()
    assert slept == [timedelta(seconds=2)]
