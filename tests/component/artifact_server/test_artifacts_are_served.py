"""The artifact server over a real socket: files as they are, and nothing else."""

import asyncio
import hashlib
from datetime import UTC, datetime

import aiohttp
import pytest
from aiohttp import web

from source_controller.server import artifact_application
from source_controller.storage import Place, Storage

CONTENT = bytes(range(256)) * 1000
PLACE = Place("GitRepository", "default", "app")


class Clock:
    def now(self):
        return datetime.now(UTC)

    def monotonic(self):
        return 0.0


@pytest.fixture
async def storage(tmp_path):
    return Storage(tmp_path, "host", Clock())


@pytest.fixture
async def artifact(storage):
    return await storage.publish(
        PLACE, revision="r", filename="1.tar.gz", write=lambda sink: sink.write(CONTENT)
    )


@pytest.fixture
def counted():
    return []


@pytest.fixture
async def port(storage, counted):
    application = artifact_application(
        storage, promised=lambda path: path.endswith("promised.tar.gz"), count=counted.append
    )
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


@pytest.fixture
async def session(port):
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}/", auto_decompress=False) as session:
        yield session


async def test_a_file_comes_as_it_is(session, artifact):
    async with session.get(artifact.path, headers={"Accept-Encoding": "gzip, br"}) as answer:
        assert answer.status == 200
        assert f"sha256:{hashlib.sha256(await answer.read()).hexdigest()}" == artifact.digest
        assert answer.headers["Content-Length"] == str(artifact.size)
        assert answer.headers["Content-Type"] == "application/gzip"
        assert answer.headers["Accept-Ranges"] == "bytes"
        assert "Content-Encoding" not in answer.headers
        assert answer.headers["Last-Modified"]
        assert answer.headers["ETag"]


async def test_head_tells_the_same_without_the_content(session, artifact):
    async with session.head(artifact.path) as answer:
        assert (answer.status, answer.headers["Content-Length"]) == (200, str(artifact.size))
        assert await answer.read() == b""


async def test_a_part_can_be_asked_for(session, artifact):
    async with session.get(artifact.path, headers={"Range": "bytes=10-19"}) as answer:
        assert answer.status == 206
        assert answer.headers["Content-Range"] == f"bytes 10-19/{len(CONTENT)}"
        assert await answer.read() == CONTENT[10:20]


async def test_what_is_known_is_not_sent_again(session, artifact):
    async with session.get(artifact.path) as first:
        known = first.headers
    for condition in ({"If-Modified-Since": known["Last-Modified"]}, {"If-None-Match": known["ETag"]}):
        async with session.get(artifact.path, headers=condition) as answer:
            assert answer.status == 304


async def test_the_root_is_alive_and_empty(session):
    async with session.get("") as answer:
        assert (answer.status, await answer.read()) == (200, b"")


@pytest.mark.parametrize(
    "path",
    [
        "gitrepository",
        "gitrepository/",
        "gitrepository/default/app",
        "gitrepository/default/app/",
        "gitrepository/default/app/1.tar.gz.lock",
        "gitrepository/default/app/2.tar.gz",
        "gitrepository/default/app/%2e%2e/app/1.tar.gz",
        "gitrepository%2fdefault%2fapp%2f..%2f..%2fx.tar.gz",
    ],
)
async def test_everything_else_is_not_there(port, artifact, path):
    assert (await raw(port, "GET", f"/{path}")) == 404


@pytest.mark.parametrize(
    "path", ["/../", "/../../etc/passwd", "/gitrepository/../../etc/passwd", "//etc/passwd"]
)
async def test_paths_lead_nowhere_else(port, artifact, path):
    assert (await raw(port, "GET", path)) == 404


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH", "OPTIONS"])
async def test_nothing_can_be_changed(session, artifact, method):
    for path in ("", artifact.path, "missing"):
        async with session.request(method, path) as answer:
            assert answer.status == 405


async def test_what_is_promised_may_be_there_soon(session):
    async with session.get("gitrepository/default/app/promised.tar.gz") as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")


async def test_every_answer_is_counted(session, artifact, counted):
    for method, path in (("GET", artifact.path), ("GET", "missing"), ("PUT", artifact.path)):
        async with session.request(method, path):
            pass
    for header in ({"Range": "bytes=0-9"}, {"Range": "bytes=999999999-"}, {"If-None-Match": "*"}):
        async with session.get(artifact.path, headers=header):
            pass
    assert counted == [200, 404, 405, 206, 416, 304]


async def raw(port, method, target):
    """The status for a request line as written, which no client has tidied up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    line = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return int(line.split()[1])


async def test_the_latest_artifact_is_served_under_its_own_name(storage, session, artifact):
    await storage.link(PLACE, artifact, "latest.tar.gz")
    async with session.get(f"{PLACE.path}/latest.tar.gz") as answer:
        assert (answer.status, await answer.read()) == (200, CONTENT)
    newer = await storage.publish(
        PLACE, revision="s", filename="2.tar.gz", write=lambda sink: sink.write(b"newer")
    )
    await storage.link(PLACE, newer, "latest.tar.gz")
    async with session.get(f"{PLACE.path}/latest.tar.gz") as answer:
        assert await answer.read() == b"newer"


async def test_no_link_leads_out_of_the_object(storage, session, artifact, tmp_path):
    secret = tmp_path / "secret.tar.gz"
    secret.write_bytes(b"secret")
    directory = tmp_path / PLACE.path
    (directory / "a.tar.gz").symlink_to(secret)
    (directory / "b.tar.gz").symlink_to("../../../secret.tar.gz")
    (directory / "c.tar.gz").symlink_to("c.tar.gz")
    for name in "abc":
        async with session.get(f"{PLACE.path}/{name}.tar.gz") as answer:
            assert answer.status == 404
