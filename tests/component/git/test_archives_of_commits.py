"""From a commit on a real server to an archive: what is dropped, what is kept, and always the same bytes."""

import asyncio
import hashlib
import io
import subprocess
import sys
import tarfile

import pytest

from shared.api.source_v1 import GitRepositoryRef
from shared.artifact.archive import fingerprint, write_archive
from shared.artifact.ignoring import kept
from shared.git import Remote
from shared.testing.git_server import GitServer

MAIN = GitRepositoryRef(branch="main")
PROGRAM = """
import asyncio, hashlib, io, sys
from pathlib import Path
import aiohttp
from shared.api.source_v1 import GitRepositoryRef
from shared.artifact.archive import write_archive
from shared.artifact.ignoring import kept
from shared.git import GitClient, Remote

async def main(url, directory):
    async with aiohttp.ClientSession() as session:
        git, remote = GitClient(Path(directory), session), Remote.parse(url)
        selected = await git.resolve(remote, GitRepositoryRef(branch="main"))
        async with git.fetch(remote, selected) as checkout:
            out = io.BytesIO()
            write_archive(kept(checkout.tree, None), out)
        await git.close()
    print(hashlib.sha256(out.getvalue()).hexdigest())

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture
async def archive(root, client, upstream):
    async with GitServer(root) as server:
        remote = Remote.parse(server.url())

        async def archived(ignore=None):
            selected = await client.resolve(remote, MAIN)
            async with client.fetch(remote, selected) as checkout:
                out = io.BytesIO()
                entries = kept(checkout.tree, ignore)
                await asyncio.to_thread(write_archive, entries, out)
                return out.getvalue(), await asyncio.to_thread(fingerprint, entries)

        archived.url = server.url()
        yield archived


def members(data):
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {info.name: info for info in archive}


async def test_links_are_dropped_and_executables_keep_running(upstream, archive):
    upstream.commit({"a/run": "x", "a/plain": "y"}, executable=["a/run"], links={"link": "a/plain"})
    data, _ = await archive()
    assert {name: info.mode for name, info in members(data).items()} == {
        ".": 0o750,
        "a": 0o750,
        "a/plain": 0o600,
        "a/run": 0o700,
    }


async def test_names_come_in_the_order_of_their_bytes(upstream, archive):
    upstream.commit(dict.fromkeys(["b/x", "b.yaml", "b-y", "B", "a/z", "ä"], "x"))
    data, _ = await archive()
    assert list(members(data)) == [".", "B", "a", "a/z", "b", "b/x", "b-y", "b.yaml", "ä"]


async def test_a_submodule_is_an_empty_directory(upstream, archive):
    commit = upstream.commit({"a": "x"})
    upstream.git("update-index", "--add", "--cacheinfo", f"160000,{commit},modules/other")
    upstream.git("commit", "-q", "-m", "with a submodule")
    upstream.point("refs/heads/main", "HEAD")
    data, _ = await archive()
    assert list(members(data)) == [".", "a", "modules", "modules/other"]
    assert members(data)["modules/other"].isdir()


async def test_commits_with_the_same_kept_files_have_one_fingerprint_and_one_archive(upstream, archive):
    upstream.commit({"a.yaml": "x", "docs/a.md": "one"})
    before = await archive("docs")
    upstream.commit({"docs/a.md": "two"})
    assert await archive("docs") == before
    upstream.commit({"a.yaml": "y"})
    after = await archive("docs")
    assert after[0] != before[0]
    assert after[1] != before[1]


@pytest.mark.case("source-g19")
async def test_two_processes_make_the_same_archive(upstream, archive, tmp_path):
    upstream.commit({f"apps/{number}/app.yaml": f"number: {number}\n" * 200 for number in range(50)})
    digests = {hashlib.sha256((await archive())[0]).hexdigest()}
    for name in ("first", "second"):
        command = [sys.executable, "-c", PROGRAM, archive.url, str(tmp_path / name)]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
        digests.add(done.stdout.strip())
    assert len(digests) == 1
