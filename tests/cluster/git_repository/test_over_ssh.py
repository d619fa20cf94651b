"""GitRepositories over SSH: only with a key, only from a host that is known, and nobody sees the key."""

import asyncssh
import pytest

from shared.testing.ssh_server import SshServer


@pytest.fixture
async def ssh(tmp_path):
    async with SshServer(tmp_path) as server:
        yield server


async def refused(source, text, name="app"):
    failed = await source.fails("AuthenticationFailed", text, name)
    assert source.condition(failed, "FetchFailed")["status"] == "True"
    assert "artifact" not in failed["status"]
    return failed


async def test_a_repository_becomes_an_artifact_and_follows_its_branch(source, ssh):
    first = source.upstream.commit({"app.yaml": "a: 1\n"})
    await source.secret("login", **ssh.secret_texts())
    await source.repository(url=ssh.url(), secretRef={"name": "login"})
    ready = await source.ready()
    assert ready["status"]["artifact"]["revision"] == f"main@sha1:{first}"
    assert await source.names(ready) == ["app.yaml"]
    commands = len(ssh.commands)
    await source.reconcile()
    assert len(ssh.commands) - commands == 1  # references are listed, nothing is fetched

    second = source.upstream.commit({"app.yaml": "a: 2\n"})
    again = await source.reconcile()
    assert again["status"]["artifact"]["revision"] == f"main@sha1:{second}"


@pytest.mark.case("source-g23")
async def test_a_key_and_known_hosts_are_required(source, ssh):
    source.upstream.commit({"a": "1"})
    await source.repository(url=ssh.url())
    await refused(source, "invalid 'ssh' auth option: 'identity' is required")
    await source.secret("key-only", identity=ssh.identity())
    await source.change(secretRef={"name": "key-only"})
    failed = await refused(source, "invalid 'ssh' auth option: 'known_hosts' is required")
    assert source.condition(failed, "Ready")["message"].startswith(
        "failed to configure authentication options: "
    )
    assert ssh.logins == 0


@pytest.mark.case("source-g24")
async def test_an_encrypted_key_needs_its_password(source, ssh):
    source.upstream.commit({"a": "1"})
    locked = ssh.secret_texts() | {"identity": ssh.identity("open sesame")}
    await source.secret("locked", **locked)
    await source.repository(url=ssh.url(), secretRef={"name": "locked"})
    await refused(
        source,
        "SSH identity key is encrypted but no 'password' field was provided in the secret "
        f"'{source.namespace}/locked'",
    )
    await source.secret("unlocked", **locked, password="open sesame")
    await source.change(secretRef={"name": "unlocked"})
    assert await source.names(await source.ready()) == ["a"]
    await source.secret("wrong", **locked, password="close sesame")
    await source.change(secretRef={"name": "wrong"})
    await source.fails("AuthenticationFailed", "'password' does not decrypt 'identity'")
    for secret in ("sesame", "PRIVATE KEY"):
        assert secret not in source.process.log.read_text()


@pytest.mark.case("source-g25")
async def test_a_host_that_is_not_known_gets_nothing_and_gives_nothing(source, ssh):
    source.upstream.commit({"a": "1"})
    other = asyncssh.generate_private_key("ssh-ed25519")
    for name, known_hosts, text in (
        ("unknown", ssh.known_hosts(host="example.org"), "knownhosts: key is unknown"),
        ("mismatch", ssh.known_hosts(other), "knownhosts: key mismatch"),
    ):
        await source.secret(name, identity=ssh.identity(), known_hosts=known_hosts)
        await source.repository(name, url=ssh.url(), secretRef={"name": name})
        failed = await source.fails("GitOperationFailed", f"ssh: handshake failed: {text}", name)
        assert "artifact" not in failed["status"]
        (event, *_) = await source.events("GitOperationFailed", name)
        assert event["message"].startswith("failed to checkout and determine revision: unable to list remote")
    assert (ssh.logins, ssh.commands, ssh.sent) == (0, [], 0)


async def test_a_login_that_the_server_refuses_is_a_failed_operation(source, ssh):
    source.upstream.commit({"a": "1"})
    await source.secret("login", **ssh.secret_texts())
    await source.repository(url=ssh.url(user="bob"), secretRef={"name": "login"})
    await source.fails("GitOperationFailed", "does not accept the key of user 'bob'")
