"""References are listed and commits fetched from a real Git server, and only what is new travels."""

import asyncio
import os
from datetime import timedelta

import pytest

from shared.api.source_v1 import GitRepositoryRef
from shared.auth import BasicAuth
from shared.git import (
    AuthenticationRequired,
    AuthorizationFailed,
    CommitNotFound,
    EmptyRepository,
    ReferenceNotFound,
    Remote,
    RemoteError,
    RemoteTimeout,
    RepositoryNotFound,
)
from shared.testing.git_server import Access, GitServer
from shared.testing.tls import Authority

BULK = os.urandom(200_000)


@pytest.fixture
async def server(root):
    async with GitServer(root) as server:
        yield server


async def checked_out(client, remote, **ref):
    """What a reference brings: revision, commit, and the files as (path, mode, content)."""
    head = await client.resolve(remote, GitRepositoryRef(**ref))
    async with client.fetch(remote, head) as checkout:
        files = await asyncio.to_thread(
            lambda: [
                (entry.path, oct(entry.mode), entry.read() if entry.content else b"")
                for entry in checkout.tree
            ]
        )
        return head.revision, checkout.commit, files


async def test_a_branch_brings_its_commit_and_its_files(upstream, server, client):
    hash_ = upstream.commit(
        {"b": "2", "a/z": "1", "a.txt": "3", "run": "#!"},
        "subject\n\nbody",
        executable=["run"],
        links={"l": "b"},
    )
    revision, commit, files = await checked_out(client, Remote.parse(server.url()), branch="main")
    assert revision == f"main@sha1:{hash_}"
    assert (commit.hash, commit.subject, commit.message) == (hash_, "subject", "subject\n\nbody\n")
    assert files == [
        ("a", "0o40755", b""),
        ("a/z", "0o100644", b"1"),
        ("a.txt", "0o100644", b"3"),
        ("b", "0o100644", b"2"),
        ("run", "0o100755", b"#!"),
    ]


async def test_only_what_is_new_travels(upstream, server, client):
    upstream.commit({"bulk": BULK, "small": "1"})
    remote = Remote.parse(server.url())
    await checked_out(client, remote, branch="main")
    assert server.sent() > len(BULK)

    before = server.sent()
    upstream.commit({"small": "2"})
    _, _, files = await checked_out(client, remote, branch="main")
    assert ("small", "0o100644", b"2") in files
    assert ("bulk", "0o100644", BULK) in files
    assert server.sent() - before < 10_000


async def test_an_unchanged_remote_is_only_listed(upstream, server, client):
    for number in range(30):
        upstream.tag(f"other-{number}", commit=upstream.commit({"a": str(number)}))
    remote = Remote.parse(server.url())
    await checked_out(client, remote, branch="main")
    asked, sent = len(server.log), server.sent()
    await checked_out(client, remote, branch="main")
    assert [exchange.path for exchange in server.log[asked:]] == [
        "/app.git/info/refs",
        "/app.git/git-upload-pack",
    ]
    assert server.sent() - sent < 500


async def test_a_branch_is_fetched_without_its_history(upstream, server, client):
    upstream.commit({"old": BULK})
    upstream.commit({"old": None, "new": "1"})
    await checked_out(client, Remote.parse(server.url()), branch="main")
    assert server.sent() < 10_000


async def test_all_of_the_history_comes_where_it_is_wanted(upstream, server, client_in, tmp_path):
    old = upstream.commit({"old": BULK})
    upstream.commit({"old": None, "new": "1"})
    remote = Remote.parse(server.url())
    async with client_in(tmp_path / "whole", shallow=False) as client:
        await checked_out(client, remote, branch="main")
        assert server.sent() > len(BULK)
        asked = len(server.log)
        _, commit, _ = await checked_out(client, remote, commit=old)
        assert commit.hash == old
        assert len(server.log) == asked
        newer = upstream.commit({"new": "2"})
        sent = server.sent()
        _, commit, _ = await checked_out(client, remote, branch="main")
        assert commit.hash == newer
        assert server.sent() - sent < 10_000


async def test_an_annotated_tag_is_its_commit(upstream, server, client):
    commit = upstream.commit({"a": "1"})
    tag = upstream.tag("v1.0.0", message="release")
    upstream.commit({"a": "2"})
    for ref in ({"tag": "v1.0.0"}, {"semver": "1.x"}):
        revision, found, files = await checked_out(client, Remote.parse(server.url()), **ref)
        assert revision == f"v1.0.0@sha1:{commit}"
        assert (found.hash, found.tag) == (commit, tag)
        assert files == [("a", "0o100644", b"1")]


async def test_equal_versions_are_decided_by_the_date_of_the_commit(upstream, server, client):
    upstream.tag("1.0.0+b", commit=upstream.commit({"a": "older"}))
    upstream.tag("1.0.0+a", commit=upstream.commit({"a": "newer"}))
    revision, _, _ = await checked_out(client, Remote.parse(server.url()), semver="1.0.x")
    assert revision.startswith("1.0.0+a@")


async def test_a_reference_that_is_no_branch_is_fetched(upstream, server, client):
    upstream.commit({"a": "1"})
    proposed = upstream.commit({"a": "2"}, branch="proposal")
    upstream.point("refs/pull/1/head", proposed)
    upstream.remove("refs/heads/proposal")
    revision, _, files = await checked_out(client, Remote.parse(server.url()), name="refs/pull/1/head")
    assert revision == f"refs/pull/1/head@sha1:{proposed}"
    assert files == [("a", "0o100644", b"2")]


@pytest.mark.parametrize("allowed", ["true", "false"])
@pytest.mark.parametrize("branch", [{}, {"branch": "main"}])
async def test_a_commit_is_found_in_the_history(upstream, server, client, allowed, branch):
    upstream.configure("uploadpack.allowAnySHA1InWant", allowed)
    wanted = upstream.commit({"a": "1"})
    upstream.commit({"a": "2", "bulk": BULK})
    remote = Remote.parse(server.url())
    _, commit, files = await checked_out(client, remote, commit=wanted, **branch)
    assert commit.hash == wanted
    assert files == [("a", "0o100644", b"1")]
    assert (server.sent() < len(BULK)) is (allowed == "true")

    asked = len(server.log)
    await checked_out(client, remote, commit=wanted, **branch)
    assert len(server.log) == asked


async def test_a_commit_that_is_nowhere_is_named(upstream, server, client):
    upstream.commit({"a": "1"})
    missing = "1" * 40
    with pytest.raises(
        CommitNotFound, match=f"^unable to resolve commit object for '{missing}': object not found$"
    ):
        await checked_out(client, Remote.parse(server.url()), commit=missing)


async def test_a_server_of_the_old_protocol_is_understood(upstream, server, client):
    commit = upstream.commit({"a": "1"})
    upstream.tag("v1.0.0", message="release")
    server.only_version_0 = True
    for ref, name in (({"branch": "main"}, "main"), ({"tag": "v1.0.0"}, "v1.0.0")):
        revision, _, files = await checked_out(client, Remote.parse(server.url()), **ref)
        assert revision == f"{name}@sha1:{commit}"
        assert files == [("a", "0o100644", b"1")]


async def test_what_is_missing_is_told_apart(upstream, root, server, client):
    remote = Remote.parse(server.url())
    with pytest.raises(EmptyRepository):
        await client.resolve(remote, GitRepositoryRef(branch="main"))
    with pytest.raises(RemoteError, match=r"^unable to clone: remote repository is empty: git repository: '"):
        await client.resolve(remote, GitRepositoryRef(tag="v1"))
    upstream.commit({"a": "1"})
    text = rf"^unable to clone '{remote.url}': couldn't find remote ref \"refs/heads/gone\"$"
    with pytest.raises(ReferenceNotFound, match=text):
        await client.resolve(remote, GitRepositoryRef(branch="gone"))
    with pytest.raises(
        RepositoryNotFound, match=r"repository not found: git repository: 'http://.*/none.git'$"
    ):
        await client.resolve(Remote.parse(server.url("none.git")), GitRepositoryRef(branch="main"))


async def test_a_login_is_needed_right_and_never_shown(upstream, server, client):
    upstream.commit({"a": "1"})
    server.access = Access(basic=("ada", "hidden"))
    for url, secret in (
        (server.url(), {}),
        (server.url(login="ada:hid"), {}),
        (server.url(), {"bearerToken": b"hid"}),
    ):
        remote = Remote.parse(url, secret)
        assert "hid" not in repr(remote)
        with pytest.raises(AuthenticationRequired, match="authentication required") as caught:
            await client.resolve(remote, GitRepositoryRef(branch="main"))
        assert "hid" not in str(caught.value)
    right = {"username": b"ada", "password": b"hidden"}
    for remote in (Remote.parse(server.url(), right), Remote.parse(server.url(login="ada:hidden"))):
        assert remote.credentials == BasicAuth("ada", "hidden")
        _, _, files = await checked_out(client, remote, branch="main")
        assert files == [("a", "0o100644", b"1")]
    server.access.forbidden = True
    with pytest.raises(AuthorizationFailed, match="authorization failed"):
        await client.resolve(Remote.parse(server.url(), right), GitRepositoryRef(branch="main"))


async def test_copies_are_not_shared_across_credentials(upstream, server, client):
    upstream.commit({"bulk": BULK})
    await checked_out(client, Remote.parse(server.url()), branch="main")
    sent = server.sent()
    await checked_out(client, Remote.parse(server.url(login="ada:x")), branch="main")
    assert server.sent() - sent > len(BULK)


async def test_tls_needs_the_authority_and_the_client_certificate(upstream, root, client):
    upstream.commit({"a": "1"})
    authority = Authority()
    pair = authority.client("ada")
    trusted = {"ca.crt": authority.pem, "tls.crt": pair.certificate, "tls.key": pair.key}
    async with GitServer(root, tls=authority.server_context(clients=True)) as server:
        _, _, files = await checked_out(client, Remote.parse(server.url(), trusted), branch="main")
        assert files == [("a", "0o100644", b"1")]
        for secret in ({}, {"caFile": Authority().pem}, {"ca.crt": authority.pem}):
            with pytest.raises(RemoteError, match=r"^unable to list remote for 'https://127"):
                await client.resolve(Remote.parse(server.url(), secret), GitRepositoryRef(branch="main"))


async def test_a_remote_that_hangs_ends_with_the_time_limit(upstream, server, client):
    hash_ = upstream.commit({"a": "1"})
    remote = Remote.parse(server.url())
    head = await client.resolve(remote, GitRepositoryRef(branch="main"))
    server.hold = asyncio.Event()
    hurried = Remote.parse(server.url(), timeout=timedelta(milliseconds=200))
    with pytest.raises(RemoteTimeout, match="context deadline exceeded"):
        await client.resolve(hurried, GitRepositoryRef(branch="main"))
    with pytest.raises(RemoteTimeout, match="context deadline exceeded"):
        async with client.fetch(hurried, head):
            pass
    server.hold.set()
    server.hold = None
    assert (await checked_out(client, remote, branch="main"))[1].hash == hash_


async def test_a_cancelled_fetch_leaves_nothing_running(upstream, server, client):
    upstream.commit({"a": "1"})
    remote = Remote.parse(server.url())
    head = await client.resolve(remote, GitRepositoryRef(branch="main"))
    server.hold = asyncio.Event()
    server.held.clear()

    async def fetch():
        async with client.fetch(remote, head):
            pass

    task = asyncio.create_task(fetch())
    await server.held.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    server.hold.set()
    server.hold = None
    assert (await checked_out(client, remote, branch="main"))[2] == [("a", "0o100644", b"1")]


async def test_a_copy_survives_a_restart(upstream, server, tmp_path, client_in):
    upstream.commit({"bulk": BULK})
    remote = Remote.parse(server.url())
    async with client_in(tmp_path / "copies") as client:
        await checked_out(client, remote, branch="main")
    sent = server.sent()
    async with client_in(tmp_path / "copies") as client:
        await checked_out(client, remote, branch="main")
    assert server.sent() - sent < 500


@pytest.mark.parametrize("pattern", ["**/*.pack", "HEAD", "**/*.idx", "config"])
async def test_a_damaged_copy_is_made_anew(upstream, server, tmp_path, pattern, client_in):
    upstream.commit({"bulk": BULK})
    remote = Remote.parse(server.url())
    async with client_in(tmp_path / "copies") as client:
        await checked_out(client, remote, branch="main")
    for path in (tmp_path / "copies").glob(f"*.git/{pattern}"):
        path.chmod(0o600)
        path.write_bytes(b"damaged")
    async with client_in(tmp_path / "copies") as client:
        upstream.commit({"a": "1"})
        _, _, files = await checked_out(client, remote, branch="main")
    assert files == [("a", "0o100644", b"1"), ("bulk", "0o100644", BULK)]


async def test_credentials_do_not_follow_a_redirect_to_another_place(upstream, root, server, client):
    upstream.commit({"a": "1"})
    async with GitServer(root) as other:
        server.redirect_to = other.url("").rstrip("/")
        remote = Remote.parse(server.url(login="ada:hidden"))
        _, _, files = await checked_out(client, remote, branch="main")
        assert files == [("a", "0o100644", b"1")]
        assert all("Authorization" in exchange.headers for exchange in server.log)
        assert not any("Authorization" in exchange.headers for exchange in other.log)


async def test_a_reference_that_moves_after_the_listing_is_named_as_it_came(upstream, server, client):
    upstream.commit({"a": "1"})
    upstream.tag("v1", message="one")
    remote = Remote.parse(server.url())
    branch = await client.resolve(remote, GitRepositoryRef(branch="main"))
    tag = await client.resolve(remote, GitRepositoryRef(tag="v1"))
    moved = upstream.commit({"a": "2"})
    again = upstream.tag("v1", message="two")
    for head, revision in ((branch, f"main@sha1:{moved}"), (tag, f"v1@sha1:{moved}")):
        async with client.fetch(remote, head) as checkout:
            arrived = head.arrived(checkout.commit)
            assert (arrived.revision, arrived.commit) == (revision, moved)
            assert [entry.read() for entry in checkout.tree] == [b"2"]
    assert arrived.target == again
    async with client.fetch(remote, arrived) as checkout:
        assert arrived.arrived(checkout.commit) is arrived


async def test_a_redirect_elsewhere_is_not_shown_the_client_certificate(upstream, root, client):
    upstream.commit({"a": "1"})
    authority = Authority()
    pair = authority.client("ada")
    secret = {"ca.crt": authority.pem, "tls.crt": pair.certificate, "tls.key": pair.key}
    demanding = authority.server_context(clients=True)
    async with GitServer(root, tls=demanding) as other, GitServer(root, tls=demanding) as server:
        server.redirect_to = other.url("").rstrip("/")
        with pytest.raises(RemoteError, match=r"^unable to list remote for 'https://127"):
            await client.resolve(Remote.parse(server.url(), secret), GitRepositoryRef(branch="main"))
        assert (len(server.log), other.log) == (1, [])
