"""References are listed and commits fetched over SSH, from hosts that are known and to nobody else."""

import asyncio
import base64
import hashlib
import hmac
import os
from datetime import timedelta

import asyncssh
import pytest

from shared.api.source_v1 import GitRepositoryRef
from shared.auth import SecretError
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
from shared.git.ssh import EncryptedIdentity, SshAlgorithms
from shared.testing.git_upstream import Upstream
from shared.testing.ssh_server import SshServer

BULK = os.urandom(3_000_000)
MAIN = GitRepositoryRef(branch="main")


@pytest.fixture
async def server(root):
    async with SshServer(root) as server:
        yield server


def remote_of(server, path="app.git", user="git", timeout=None, **data):
    return Remote.parse(server.url(path, user), server.secret(**data), timeout=timeout)


async def checked_out(client, remote, **ref):
    """What a reference brings: revision, commit, and the files as (path, content)."""
    head = await client.resolve(remote, GitRepositoryRef(**ref))
    async with client.fetch(remote, head) as checkout:
        files = await asyncio.to_thread(
            lambda: [(entry.path, entry.read()) for entry in checkout.tree if entry.content]
        )
        return head.revision, checkout.commit, files


async def test_a_branch_brings_its_commit_and_only_what_is_new(upstream, server, client):
    first = upstream.commit({"bulk": BULK, "small": "1"})
    remote = remote_of(server)
    assert await checked_out(client, remote, branch="main") == (
        f"main@sha1:{first}",
        (await checked_out(client, remote, branch="main"))[1],
        [("bulk", BULK), ("small", b"1")],
    )
    assert server.sent > len(BULK)

    sent = server.sent
    second = upstream.commit({"small": "2"})
    revision, _, files = await checked_out(client, remote, branch="main")
    assert revision == f"main@sha1:{second}"
    assert files == [("bulk", BULK), ("small", b"2")]
    assert server.sent - sent < 10_000
    assert set(server.commands) == {"git-upload-pack '/app.git'"}


async def test_an_unchanged_remote_is_only_listed(upstream, server, client):
    for number in range(30):
        upstream.tag(f"other-{number}", commit=upstream.commit({"a": str(number)}))
    remote = remote_of(server)
    await checked_out(client, remote, branch="main")
    commands, sent = len(server.commands), server.sent
    await checked_out(client, remote, branch="main")
    assert len(server.commands) - commands == 1
    assert server.sent - sent < 500


async def test_tags_versions_and_references_are_resolved(upstream, server, client):
    commit = upstream.commit({"a": "1"})
    tag = upstream.tag("v1.0.0", message="release")
    proposed = upstream.commit({"a": "2"}, branch="proposal")
    upstream.point("refs/pull/1/head", proposed)
    for ref in ({"tag": "v1.0.0"}, {"semver": "1.x"}):
        revision, found, files = await checked_out(client, remote_of(server), **ref)
        assert revision == f"v1.0.0@sha1:{commit}"
        assert (found.hash, found.tag) == (commit, tag)
        assert files == [("a", b"1")]
    revision, _, files = await checked_out(client, remote_of(server), name="refs/pull/1/head")
    assert (revision, files) == (f"refs/pull/1/head@sha1:{proposed}", [("a", b"2")])


@pytest.mark.parametrize("allowed", ["true", "false"])
@pytest.mark.parametrize("branch", [{}, {"branch": "main"}])
async def test_a_commit_is_found_in_the_history(upstream, server, client, allowed, branch):
    upstream.configure("uploadpack.allowAnySHA1InWant", allowed)
    wanted = upstream.commit({"a": "1"})
    upstream.commit({"a": "2", "bulk": BULK})
    _, commit, files = await checked_out(client, remote_of(server), commit=wanted, **branch)
    assert commit.hash == wanted
    assert files == [("a", b"1")]
    assert (server.sent < len(BULK)) is (allowed == "true")


async def test_a_server_of_the_old_protocol_is_understood(upstream, server, client):
    commit = upstream.commit({"a": "1"})
    upstream.tag("v1.0.0", message="release")
    server.only_version_0 = True
    for ref, name in (({"branch": "main"}, "main"), ({"tag": "v1.0.0"}, "v1.0.0")):
        revision, _, files = await checked_out(client, remote_of(server), **ref)
        assert (revision, files) == (f"{name}@sha1:{commit}", [("a", b"1")])


async def test_what_is_missing_is_told_apart(upstream, server, client):
    remote = remote_of(server)
    with pytest.raises(EmptyRepository):
        await client.resolve(remote, MAIN)
    upstream.commit({"a": "1"})
    with pytest.raises(ReferenceNotFound, match=r"couldn't find remote ref \"refs/heads/gone\"$"):
        await client.resolve(remote, GitRepositoryRef(branch="gone"))
    with pytest.raises(CommitNotFound, match=r"object not found$"):
        await checked_out(client, remote, commit="1" * 40)
    text = r"^unable to clone: repository not found: git repository: 'ssh://git@127.*/none.git'$"
    with pytest.raises(RepositoryNotFound, match=text):
        await client.resolve(remote_of(server, "none.git"), MAIN)


@pytest.mark.parametrize(
    ("complaint", "kind"),
    [
        ("ERROR: Repository not found.", RepositoryNotFound),
        ("ERROR: Permission to org/app.git denied to you.", AuthorizationFailed),
        ("maintenance until noon", RemoteError),
    ],
)
async def test_a_refusal_is_told_in_the_words_of_the_remote(server, client, complaint, kind):
    server.refusal = complaint
    with pytest.raises(RemoteError, match="unable to") as caught:
        await client.resolve(remote_of(server), MAIN)
    assert type(caught.value) is kind
    assert kind is RepositoryNotFound or complaint in str(caught.value)


async def test_paths_are_quoted_for_the_shell_of_the_remote(root, server, client):
    for path, command in (
        ("it's here!.git", "git-upload-pack '/it'\\''s here'\\!'.git'"),
        ("~ada/app.git", "git-upload-pack '~ada/app.git'"),
    ):
        Upstream(root, path).commit({"a": "1"})
        _, _, files = await checked_out(client, remote_of(server, path), branch="main")
        assert files == [("a", b"1")]
        assert server.commands[-1] == command


async def test_only_the_right_user_gets_in(upstream, server, client):
    upstream.commit({"a": "1"})
    server.users = {"git", "ada"}
    for user in ("", "git", "ada"):
        assert (await checked_out(client, remote_of(server, user=user), branch="main"))[2] == [("a", b"1")]
    stranger = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
    for remote in (remote_of(server, user="bob"), remote_of(server, identity=stranger)):
        with pytest.raises(AuthenticationRequired, match=r"ssh: unable to authenticate: .* of user '"):
            await client.resolve(remote, MAIN)


async def test_a_host_must_be_known_by_its_key(upstream, server, client):
    upstream.commit({"a": "1"})
    other = asyncssh.generate_private_key("ssh-ed25519")
    logins = server.logins
    for known_hosts, text in (
        (server.known_hosts(host="127.0.0.1"), "key is unknown"),  # that is port 22
        (server.known_hosts(host="example.org"), "key is unknown"),
        (server.known_hosts(host=f"[127.0.0.*]:{server.port},![127.0.0.1]:{server.port}"), "key is unknown"),
        (server.known_hosts(other), "key mismatch"),
        (server.known_hosts() + server.known_hosts(marker="@revoked"), "revoked"),
        (server.known_hosts(marker="@cert-authority"), "no common algorithm"),
    ):
        with pytest.raises(RemoteError, match=f"ssh: handshake failed: (knownhosts|ssh): .*{text}"):
            await client.resolve(remote_of(server, known_hosts=known_hosts), MAIN)
    assert (server.logins, server.commands, server.sent) == (logins, [], 0)


async def test_hosts_are_known_in_many_ways(upstream, server, client):
    upstream.commit({"a": "1"})
    other = asyncssh.generate_private_key("ssh-ed25519")
    rsa = asyncssh.generate_private_key("ssh-rsa", key_size=2048)
    hashed = "|1|c2FsdHNhbHRzYWx0c2FsdA==|"
    host = f"[127.0.0.1]:{server.port}"
    salted = hmac.new(b"saltsaltsaltsalt", host.encode(), hashlib.sha1).digest()
    for known_hosts in (
        "# comment\n\n" + server.known_hosts(),
        server.known_hosts(host=f"example.org,{host}"),
        server.known_hosts(host=f"[127.0.0.*]:{server.port}"),
        server.known_hosts(host=hashed + base64.b64encode(salted).decode()),
        server.known_hosts(other) + server.known_hosts(rsa) + server.known_hosts(),
        f"{host} ssh-unheard-of AAAA\n" + server.known_hosts(),
    ):
        await client.resolve(remote_of(server, known_hosts=known_hosts), MAIN)


async def test_an_authority_vouches_for_hosts(root, upstream, client):
    upstream.commit({"a": "1"})
    authority = asyncssh.generate_private_key("ssh-ed25519")
    key = asyncssh.generate_private_key("ssh-ed25519")
    certificate = authority.generate_host_certificate(key, "host", principals=["127.0.0.1"])
    async with SshServer(root, host_key=(key, certificate)) as server:
        known = server.known_hosts(authority, marker="@cert-authority", host=f"[127.0.0.1]:{server.port}")
        await client.resolve(remote_of(server, known_hosts=known), MAIN)
        stranger = asyncssh.generate_private_key("ssh-ed25519")
        unknown = server.known_hosts(stranger, marker="@cert-authority", host=f"[127.0.0.1]:{server.port}")
        with pytest.raises(RemoteError, match="knownhosts: key mismatch"):
            await client.resolve(remote_of(server, known_hosts=unknown), MAIN)


async def test_keys_that_nobody_shares_are_named(root, upstream, client):
    rsa = asyncssh.generate_private_key("ssh-rsa", key_size=2048)
    async with SshServer(root) as server:
        remote = remote_of(server, known_hosts=server.known_hosts(rsa))
        with pytest.raises(RemoteError, match=r"no common algorithm: .*'known_hosts' has ssh-rsa SHA256:"):
            await client.resolve(remote, MAIN)
    upstream.commit({"a": "1"})
    async with SshServer(root, host_key=rsa) as server:
        await client.resolve(remote_of(server), MAIN)


async def test_algorithms_can_be_chosen(root, upstream, tmp_path, client_in):
    upstream.commit({"a": "1"})
    chosen = SshAlgorithms.checked(("ecdh-sha2-nistp256",), ("rsa-sha2-256",))
    rsa = asyncssh.generate_private_key("ssh-rsa", key_size=2048)
    async with client_in(tmp_path / "copies", ssh=chosen) as client:
        async with SshServer(root, host_key=rsa) as server:
            await client.resolve(remote_of(server), MAIN)
        for server in (
            SshServer(root, host_key=rsa, algorithms={"kex_algs": ["curve25519-sha256"]}),
            SshServer(root),  # with a key of another kind
        ):
            async with server:
                with pytest.raises(RemoteError, match="ssh: no common algorithm"):
                    await client.resolve(remote_of(server), MAIN)
    with pytest.raises(ValueError, match=r"unknown key exchange algorithm 'rot13', known are .*curve25519"):
        SshAlgorithms.checked(("rot13",), ())
    with pytest.raises(ValueError, match=r"unknown host key algorithm 'rot13', known are .*ssh-ed25519"):
        SshAlgorithms.checked((), ("rot13",))


@pytest.mark.parametrize("form", ["openssh", "pkcs8-pem", "pkcs1-pem"])
async def test_encrypted_keys_need_their_password(root, upstream, client, form):
    upstream.commit({"a": "1"})
    kind = {"algorithm": "ecdsa-sha2-nistp256"} if form == "pkcs1-pem" else {"algorithm": "ssh-ed25519"}
    key = asyncssh.generate_private_key(kind["algorithm"])
    async with SshServer(root, user_key=key) as server:
        locked = server.identity("open sesame", form)
        for password in ("open sesame", "open sesame\n"):
            remote = remote_of(server, identity=locked, password=password)
            assert "sesame" not in repr(remote)
            await client.resolve(remote, MAIN)
        with pytest.raises(EncryptedIdentity, match="SSH identity key is encrypted but no 'password' field"):
            remote_of(server, identity=locked)
        with pytest.raises(SecretError, match=r"'password' does not decrypt 'identity'$"):
            remote_of(server, identity=locked, password="wrong")
        await client.resolve(remote_of(server, password="not needed"), MAIN)


async def test_a_secret_that_does_not_fit_is_explained(server):
    for data, text in (
        ({"identity": ""}, "invalid 'ssh' auth option: 'identity' is required"),
        ({"known_hosts": ""}, "invalid 'ssh' auth option: 'known_hosts' is required"),
        ({"identity": "hidden"}, "'identity' is not a private key in PEM or OpenSSH format"),
        ({"known_hosts": "\nhidden"}, "line 2 of 'known_hosts' is not"),
        ({"known_hosts": "@hidden a b c"}, "line 1 of 'known_hosts' is not"),
    ):
        with pytest.raises(SecretError, match=text) as caught:
            remote_of(server, **data)
        assert "hidden" not in str(caught.value)
    with pytest.raises(SecretError, match="'identity' is required"):
        Remote.parse(server.url())


async def test_copies_are_not_shared_across_logins(upstream, server, client):
    upstream.commit({"bulk": BULK})
    server.users = {"git", "ada"}
    await checked_out(client, remote_of(server), branch="main")
    for remote in (
        remote_of(server, user="ada"),
        remote_of(server, known_hosts="#\n" + server.known_hosts()),
    ):
        sent = server.sent
        await checked_out(client, remote, branch="main")
        assert server.sent - sent > len(BULK)


async def test_a_remote_that_hangs_ends_with_the_time_limit(upstream, server, client):
    hash_ = upstream.commit({"a": "1"})
    head = await client.resolve(remote_of(server), MAIN)
    server.hold = asyncio.Event()
    hurried = remote_of(server, timeout=timedelta(milliseconds=500))
    with pytest.raises(RemoteTimeout, match="context deadline exceeded"):
        await client.resolve(hurried, MAIN)
    with pytest.raises(RemoteTimeout, match="context deadline exceeded"):
        async with client.fetch(hurried, head):
            pass
    server.hold.set()
    server.hold = None
    assert (await checked_out(client, remote_of(server), branch="main"))[1].hash == hash_


async def test_a_host_that_says_nothing_ends_with_the_time_limit(server, client):
    async def silent(_reader, writer):
        silences.append(writer)

    silences = []
    listener = await asyncio.start_server(silent, "127.0.0.1", 0)
    try:
        port = listener.sockets[0].getsockname()[1]
        limit = timedelta(milliseconds=300)
        remote = Remote.parse(f"ssh://git@127.0.0.1:{port}/app.git", server.secret(), timeout=limit)
        with pytest.raises(RemoteTimeout, match="context deadline exceeded"):
            await client.resolve(remote, MAIN)
    finally:
        for writer in silences:
            writer.close()
        listener.close()
        await listener.wait_closed()


async def test_a_host_that_is_away_is_named(root, client):
    async with SshServer(root) as server:
        remote = remote_of(server)
    with pytest.raises(RemoteError, match=rf"can't connect to 127.0.0.1:{server.port}: "):
        await client.resolve(remote, MAIN)
    nowhere = Remote.parse("ssh://git@host.invalid/app.git", server.secret())
    with pytest.raises(RemoteError, match=r"the host host\.invalid can't be resolved"):
        await client.resolve(nowhere, MAIN)


async def test_a_connection_that_breaks_is_no_missing_commit(upstream, server, client):
    """Otherwise the whole history would be asked for."""
    upstream.configure("uploadpack.allowAnySHA1InWant", "true")
    wanted = upstream.commit({"bulk": BULK})
    remote = remote_of(server)
    server.break_after = 100_000
    head = await client.resolve(remote, GitRepositoryRef(commit=wanted))
    with pytest.raises(RemoteError, match=r"^unable to clone 'ssh://.*ended the connection"):
        async with client.fetch(remote, head):
            pass
    assert len(server.commands) == 1
    server.break_after = 0
    assert (await checked_out(client, remote, commit=wanted))[1].hash == wanted


async def test_a_cancelled_fetch_leaves_nothing_running(upstream, server, client):
    upstream.commit({"a": "1"})
    remote = remote_of(server)
    head = await client.resolve(remote, MAIN)
    server.hold = asyncio.Event()

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
    assert (await checked_out(client, remote, branch="main"))[2] == [("a", b"1")]
