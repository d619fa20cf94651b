"""Local copies that nobody uses go when there are too many bytes, the longest unused first."""

import aiohttp
import pytest

from shared.api.source_v1 import GitRepositoryRef
from shared.git import GitClient, Remote
from shared.testing.git_server import GitServer
from shared.testing.git_upstream import Upstream

BRANCH = GitRepositoryRef(branch="main")


@pytest.fixture
async def server(tmp_path):
    root = tmp_path / "served"
    root.mkdir()
    for name in ("a", "b", "c"):
        Upstream(root, f"{name}.git").commit({"file": name * 1000})
    async with GitServer(root) as server:
        yield server


@pytest.fixture
async def client(tmp_path):
    async with aiohttp.ClientSession() as session:
        client = GitClient(tmp_path / "copies", session, keep_bytes=0)
        yield client
        await client.close()


async def fetched(client, server, name):
    """The one file of a repository."""
    remote = Remote.parse(server.url(f"{name}.git"))
    async with client.fetch(remote, await client.resolve(remote, BRANCH)) as checkout:
        return [entry.read().decode() for entry in checkout.tree]


async def test_what_is_over_the_limit_goes_and_comes_back(client, server, tmp_path):
    for name in ("a", "b", "a"):
        assert await fetched(client, server, name) == [name * 1000]
        assert not any((tmp_path / "copies").rglob("*.pack"))


async def test_a_copy_in_use_stays(client, server, tmp_path):
    remote = Remote.parse(server.url("a.git"))
    async with client.fetch(remote, await client.resolve(remote, BRANCH)) as checkout:
        assert await fetched(client, server, "b") == ["b" * 1000]
        assert [entry.read().decode() for entry in checkout.tree] == ["a" * 1000]
    assert not any((tmp_path / "copies").rglob("*.pack"))


async def test_the_longest_unused_goes_first(server, tmp_path):
    async with aiohttp.ClientSession() as session:
        probe = GitClient(tmp_path / "probe", session)
        await fetched(probe, server, "a")
        await probe.close()
        size = sum(path.lstat().st_size for path in (tmp_path / "probe").rglob("*"))
        client = GitClient(tmp_path / "copies", session, keep_bytes=int(size * 2.5))
        for name in ("a", "b", "a", "c"):
            await fetched(client, server, name)
        await client.close()
    kept = {path.parents[2].name for path in (tmp_path / "copies").rglob("*.pack")}
    assert kept == {f"{Remote.parse(server.url(f'{name}.git')).key}.git" for name in ("a", "c")}
