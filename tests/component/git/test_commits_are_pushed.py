"""A commit is put on top of another one without a checkout, and pushed over HTTP and SSH."""

import asyncio
import subprocess
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from shared.api.source_v1 import GitRepositoryRef
from shared.git import CommitDraft, NotFastForward, PushRefused, Remote, RemoteError
from shared.testing.git_server import GitServer
from shared.testing.git_upstream import git_environment
from shared.testing.ssh_server import SshServer

WHEN = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
MAIN = GitRepositoryRef(branch="main")


def draft(message="Update images", name="Bot", **other):
    return CommitDraft(name, "bot@example.org", WHEN, message, **other)


@pytest.fixture(params=["http", "ssh"])
async def remote(request, root):
    if request.param == "http":
        async with GitServer(root) as server:
            yield Remote.parse(server.url())
    else:
        async with SshServer(root) as server:
            yield Remote.parse(server.url(), server.secret())


@asynccontextmanager
async def working(client, remote, ref=MAIN):
    async with client.work(remote, await client.resolve(remote, ref)) as workspace:
        yield workspace


def git(upstream, *arguments):
    command = ["git", "-C", str(upstream.bare), *arguments]
    return subprocess.run(command, env=git_environment(), capture_output=True, text=True, check=True).stdout


async def test_a_commit_changes_just_its_files(upstream, remote, client):
    files = {"a/b/c.yaml": "1", "a/b/run.sh": "#!/bin/sh\n", "a/z": "2", "top": "3"}
    base = upstream.commit(files, executable=["a/b/run.sh"], links={"a/link": "z"})
    async with working(client, remote) as workspace:
        made = await workspace.commit({"a/b/c.yaml": b"new", "a/b/run.sh": b"other\n"}, draft())
        await workspace.push([f"{made.hash}:refs/heads/main"])
    assert git(upstream, "rev-parse", "main").strip() == made.hash
    assert git(upstream, "rev-parse", "main^").strip() == base
    assert git(upstream, "show", "main:a/b/c.yaml") == "new"
    assert git(upstream, "diff", "--numstat", "main^", "main") == "1\t1\ta/b/c.yaml\n1\t1\ta/b/run.sh\n"
    assert git(upstream, "diff", "--summary", "main^", "main") == ""
    assert git(upstream, "fsck", "--strict") == ""
    shown = git(upstream, "log", "-1", "--format=%an|%ae|%ai|%cn|%B", "main")
    assert shown == "Bot|bot@example.org|2026-03-04 05:06:07 +0000|Bot|Update images\n"


async def test_an_author_may_have_no_name_and_no_way_to_break_the_commit(upstream, remote, client):
    upstream.commit({"a": "1"})
    async with working(client, remote) as workspace:
        made = await workspace.commit({"a": b"2"}, draft(name="", message="x\n\ny"))
        await workspace.push([f"{made.hash}:refs/heads/main"])
        evil = await workspace.commit({"a": b"3"}, draft(name="<E>\nparent vil"))
    assert (
        git(upstream, "cat-file", "commit", "main")
        .splitlines()[2]
        .startswith("author  <bot@example.org> 1772")
    )
    assert evil.author.name == "Eparent vil"


async def test_what_was_pushed_is_not_fetched_again(upstream, remote, client):
    upstream.commit({"a": "1", "b": "1"})
    async with working(client, remote) as workspace:
        first = await workspace.commit({"a": b"2"}, draft())
        await workspace.push([f"{first.hash}:refs/heads/main"])
    async with working(client, remote) as workspace:
        assert workspace.checkout.commit.hash == first.hash
        second = await workspace.commit({"b": b"2"}, draft())
        await workspace.push([f"{second.hash}:refs/heads/main"])
    assert git(upstream, "rev-list", "--count", "main") == "3\n"
    later = upstream.git("pull", "-q", str(upstream.bare), "main")
    assert later == ""
    third = upstream.commit({"c": "1"})
    async with working(client, remote) as workspace:
        assert workspace.checkout.commit.hash == third
        assert {entry.path for entry in workspace.checkout.tree} == {"a", "b", "c"}


async def test_a_new_branch_and_several_references(upstream, remote, client):
    upstream.commit({"a": "1"})
    async with working(client, remote) as workspace:
        made = await workspace.commit({"a": b"2"}, draft())
        await workspace.push([f"{made.hash}:refs/heads/auto"])
        await workspace.push([f"{made.hash}:refs/heads/other", f"{made.hash}:refs/tags/x"])
        await workspace.push([f"{made.hash}:refs/heads/other"])
    for name in ("auto", "other", "x"):
        assert git(upstream, "rev-parse", name).strip() == made.hash


async def test_who_was_overtaken_is_told(upstream, remote, client):
    upstream.commit({"a": "1"})
    async with working(client, remote) as workspace:
        made = await workspace.commit({"a": b"2"}, draft())
        ahead = upstream.commit({"b": "1"})
        with pytest.raises(NotFastForward):
            await workspace.push([f"{made.hash}:refs/heads/main"])
        assert git(upstream, "rev-parse", "main").strip() == ahead
        await workspace.push([f"+{made.hash}:refs/heads/main"])
    assert git(upstream, "rev-parse", "main").strip() == made.hash


async def test_the_words_of_a_hook_are_told(upstream, remote, client):
    upstream.commit({"a": "1"})
    hook = upstream.bare / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'no pushes on fridays' >&2\nexit 1\n")
    hook.chmod(0o755)
    async with working(client, remote) as workspace:
        made = await workspace.commit({"a": b"2"}, draft())
        with pytest.raises(
            PushRefused, match=r"refs/heads/main: pre-receive hook declined.*no pushes on fridays"
        ):
            await workspace.push([f"{made.hash}:refs/heads/main"])


async def test_options_reach_the_server(upstream, remote, client, tmp_path):
    upstream.commit({"a": "1"})
    upstream.configure("receive.advertisePushOptions", "true")
    hook = upstream.bare / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f'#!/bin/sh\nset | grep ^GIT_PUSH_OPTION_ > "{tmp_path}/options"\n')
    hook.chmod(0o755)
    async with working(client, remote) as workspace:
        made = await workspace.commit({"a": b"2"}, draft())
        await workspace.push([f"{made.hash}:refs/heads/main"], ["merge_request.create=", "title=a b"])
    options = (tmp_path / "options").read_text()
    assert "GIT_PUSH_OPTION_0='merge_request.create='" in options
    assert "GIT_PUSH_OPTION_1='title=a b'" in options


async def test_a_server_that_does_not_take_pushes(upstream, root, client):
    upstream.commit({"a": "1"})
    upstream.configure("http.receivepack", "false")
    async with GitServer(root) as server:
        remote = Remote.parse(server.url())
        async with working(client, remote) as workspace:
            made = await workspace.commit({"a": b"2"}, draft())
            with pytest.raises(RemoteError, match="authorization failed"):
                await workspace.push([f"{made.hash}:refs/heads/main"])


async def test_a_listing_from_before_a_push_serves_nobody(upstream, remote, client):
    upstream.commit({"a": "1"})
    before = asyncio.get_running_loop().time()
    selected = await client.resolve(remote, MAIN, since=before)
    assert await client.resolve(remote, MAIN, since=before) == selected
    async with client.work(remote, selected) as workspace:
        made = await workspace.commit({"a": b"2"}, draft())
        await workspace.push([f"{made.hash}:refs/heads/main"])
    assert (await client.resolve(remote, MAIN, since=before)).commit == made.hash


async def test_a_commit_beside_one_that_is_here_is_overtaken(upstream, remote, client):
    upstream.commit({"a": "1"})
    async with working(client, remote) as workspace:
        first = await workspace.commit({"a": b"2"}, draft())
        second = await workspace.commit({"a": b"3"}, draft())
        await workspace.push([f"{first.hash}:refs/heads/main"])
        with pytest.raises(NotFastForward):
            await workspace.push([f"{second.hash}:refs/heads/main"])
