"""What goes wrong with remotes, credentials and files on disk, and how it heals."""

import asyncio
import os
import time
from pathlib import Path

import pytest

from shared.testing.git_server import Access, GitServer
from shared.testing.git_upstream import Upstream
from shared.testing.tls import Authority

FILES = {"app.yaml": "a: 1\n"}


def condition(obj, type_):
    found = [each for each in obj["status"]["conditions"] if each["type"] == type_]
    return found[0] if found else None


@pytest.mark.case("source-g20")
@pytest.mark.case("source-g21")
async def test_a_missing_branch_is_told_and_its_return_too(source):
    commit = source.upstream.commit(FILES)
    await source.repository()
    before = await source.ready()
    generation = before["status"]["observedGeneration"]
    source.upstream.remove("refs/heads/main")
    source.upstream.point("refs/heads/other", commit)
    await source.change(interval="2h")
    broken = await source.fails("GitOperationFailed", "failed to checkout and determine revision: ")
    assert condition(broken, "FetchFailed")["status"] == "True"
    assert condition(broken, "Reconciling")["reason"] == "ProgressingWithRetry"
    assert broken["status"]["observedGeneration"] == generation
    warnings = await source.events("GitOperationFailed", at_least=2)
    assert {event["type"] for event in warnings} == {"Warning"}
    assert broken["status"]["artifact"] == before["status"]["artifact"]
    assert (await source.fetch(broken))[0] == 200
    source.upstream.point("refs/heads/main", commit)
    healed = await source.ready()
    assert condition(healed, "FetchFailed") is None
    recovery = (await source.events("Succeeded"))[0]
    assert recovery["type"] == "Normal"
    assert recovery["metadata"]["annotations"]["source.toolkit.fluxcd.io/revision"] == f"main@sha1:{commit}"
    assert sum(event["count"] for event in await source.events("NewArtifact")) == 1


@pytest.mark.case("source-g22")
async def test_an_empty_repository_is_called_that(source):
    await source.repository()
    obj = await source.fails("EmptyGitRepository", "git repository is empty")
    assert condition(obj, "FetchFailed")["reason"] == "EmptyGitRepository"


async def test_a_missing_secret_may_come_later(source, tmp_path):
    async with GitServer(tmp_path, access=Access(basic=("ada", "s3cret-pass"))) as server:
        source.upstream.commit(FILES)
        await source.repository(url=server.url(), secretRef={"name": "login"})
        await source.fails("AuthenticationFailed", f"failed to get secret '{source.namespace}/login'")
        await source.secret("login", username="ada", password="s3cret-pass")
        await source.ready()


@pytest.mark.case("source-g26")
async def test_credentials_that_do_not_fit_are_refused_and_a_token_wins(source, tmp_path):
    source.upstream.commit(FILES)
    authority = Authority()
    async with GitServer(
        tmp_path, access=Access(bearer="t0ken-of-mine"), tls=authority.server_context()
    ) as server:
        await source.secret("half", password="s3cret-pass", ca_crt=authority.pem)
        await source.repository("half", url=server.url(), secretRef={"name": "half"})
        text = "invalid 'https' auth option: 'password' requires 'username' to be set"
        await source.fails("AuthenticationFailed", text, "half")
        await source.secret(
            "token", bearerToken="t0ken-of-mine", username="ada", password="x", ca_crt=authority.pem
        )
        await source.repository("token", url=server.url(), secretRef={"name": "token"})
        await source.ready("token")
        sent = {exchange.headers.get("Authorization") for exchange in server.log}
        assert sent == {"Bearer t0ken-of-mine"}
    assert "s3cret-pass" not in source.process.log.read_text()
    assert "t0ken-of-mine" not in source.process.log.read_text()


@pytest.mark.case("source-g27")
async def test_authorities_of_the_secret_are_trusted_and_certificates_shown(source, tmp_path):
    source.upstream.commit(FILES)
    authority, other = Authority(), Authority()
    context = authority.server_context(clients=True)
    client = authority.client("ada")
    async with GitServer(tmp_path, tls=context) as server:
        await source.secret(
            "good", ca_crt=authority.pem, caFile=other.pem, tls_crt=client.certificate, tls_key=client.key
        )
        await source.secret("wrong", caFile=other.pem, tls_crt=client.certificate, tls_key=client.key)
        await source.repository("good", url=server.url(), secretRef={"name": "good"})
        await source.repository("wrong", url=server.url(), secretRef={"name": "wrong"})
        await source.ready("good")
        await source.fails("GitOperationFailed", "the certificate of 127.0.0.1", "wrong")
        stranger = authority.client("eve")
        await source.secret("mixed", ca_crt=authority.pem, tls_crt=client.certificate, tls_key=stranger.key)
        await source.repository("mixed", url=server.url(), secretRef={"name": "mixed"})
        text = "failed to configure authentication options: the values of keys 'tls.crt' and 'tls.key'"
        await source.fails("AuthenticationFailed", text, "mixed")


@pytest.mark.case("source-g41")
async def test_a_lost_file_is_made_anew(source):
    source.upstream.commit(FILES)
    await source.repository()
    before = await source.ready()
    (source.storage / before["status"]["artifact"]["path"]).unlink()
    after = await source.reconcile()
    assert after["status"]["artifact"]["digest"] == before["status"]["artifact"]["digest"]
    assert (await source.fetch(after))[0] == 200
    assert sum(event["count"] for event in await source.events("NewArtifact")) == 1


@pytest.mark.case("source-g42")
async def test_an_altered_file_is_told_and_made_anew(source):
    source.upstream.commit(FILES)
    await source.repository()
    artifact = (await source.ready())["status"]["artifact"]
    file = source.storage / artifact["path"]
    content = bytearray(file.read_bytes())
    content[20] ^= 1
    file.write_bytes(content)
    after = await source.reconcile()
    warning = (await source.events("ArtifactVerificationFailed"))[0]
    assert warning["type"] == "Warning"
    assert warning["message"].endswith(f"computed digest doesn't match '{artifact['digest']}'")
    assert after["status"]["artifact"]["digest"] == artifact["digest"]
    assert (await source.fetch(after))[2] != bytes(content)


@pytest.mark.case("source-g44")
async def test_old_files_go_by_age_and_number(source):
    source.upstream.commit(FILES)
    await source.repository()
    file = source.storage / (await source.ready())["status"]["artifact"]["path"]
    for name, age in (("a", 300), ("b", 90), ("c", 10)):
        old = file.with_name(name * 40 + ".tar.gz")
        for path in (old, Path(f"{old}.lock")):
            path.write_text("x")
            os.utime(path, (time.time() - age, time.time() - age))
    await source.reconcile()
    kept = sorted(path.name for path in file.parent.iterdir())
    assert kept == sorted([file.name, file.name + ".lock", "c" * 40 + ".tar.gz", "c" * 40 + ".tar.gz.lock"])


@pytest.mark.case("source-g45")
@pytest.mark.parametrize("suspend", [False, True])
async def test_deletion_leaves_nothing_behind(source, suspend):
    source.upstream.commit(FILES)
    await source.repository()
    artifact = (await source.ready())["status"]["artifact"]
    folder = (source.storage / artifact["path"]).parent
    if suspend:
        await source.change(suspend=True)
    await source.delete()
    await source.until(lambda obj: obj is None)
    assert not folder.exists()
    await source.events("GarbageCollectionSucceeded")


@pytest.mark.case("source-g47")
async def test_the_artifact_server_serves_artifacts_and_nothing_else(source):
    source.upstream.commit(FILES)
    await source.repository()
    obj = await source.ready()
    artifact = obj["status"]["artifact"]
    root = artifact["url"].removesuffix(artifact["path"])
    status, headers, body = await source.fetch(obj)
    assert (status, int(headers["Content-Length"]), len(body)) == (200, artifact["size"], artifact["size"])
    assert "Content-Encoding" not in headers
    assert (await source.fetch(obj, headers={"Range": "bytes=0-9"}))[0] == 206
    assert (await source.fetch(root))[0] == 200
    assert (await source.fetch(f"{root}%2e%2e/etc/passwd"))[0] == 404
    assert (await source.fetch(obj, method="PUT"))[0] == 405


@pytest.mark.case("source-g50")
async def test_a_remote_that_hangs_costs_its_time_limit(source):
    source.upstream.commit(FILES)
    source.server.hold = asyncio.Event()
    await source.repository(timeout="1s")
    await source.fails("GitOperationFailed", "context deadline exceeded")
    source.server.hold.set()
    source.server.hold = None
    await source.change(timeout="60s")
    await source.ready()


@pytest.mark.case("source-g51")
async def test_a_reference_that_is_on_no_branch_is_fetched(source):
    source.upstream.commit(FILES)
    commit = source.upstream.commit({"pull": "x"}, branch="pull")
    source.upstream.point("refs/pull/1/head", commit)
    source.upstream.remove("refs/heads/pull")
    await source.repository(ref={"name": "refs/pull/1/head"})
    assert (await source.ready())["status"]["artifact"]["revision"] == f"refs/pull/1/head@sha1:{commit}"


async def test_one_hanging_remote_costs_nobody_else_his_turn(source, tmp_path):
    other = Upstream(tmp_path, "other.git")
    other.commit(FILES)
    source.upstream.commit(FILES)
    async with GitServer(tmp_path) as healthy:
        source.server.hold = asyncio.Event()
        await source.repository("hangs", timeout="5s")
        await source.server.held.wait()
        await source.repository("healthy", url=healthy.url("other.git"))
        await source.ready("healthy")
        source.server.hold.set()


@pytest.mark.case("source-g46")
async def test_a_suspended_object_answers_requests_without_traffic(source):
    source.upstream.commit(FILES)
    await source.repository()
    await source.ready()
    await source.change(suspend=True)
    source.server.log.clear()
    obj = await source.reconcile()
    assert obj["status"]["observedGeneration"] == obj["metadata"]["generation"]
    assert source.server.log == []


@pytest.mark.case("runtime-41")
async def test_half_a_client_certificate_is_refused_by_the_name_of_what_is_missing(source, tmp_path):
    source.upstream.commit(FILES)
    authority = Authority()
    async with GitServer(tmp_path, tls=authority.server_context()) as server:
        await source.secret("half", ca_crt=authority.pem, tls_crt=authority.client("ada").certificate)
        await source.secret("trust", ca_crt=authority.pem)
        await source.repository("half", url=server.url(), secretRef={"name": "half"})
        await source.repository("trust", url=server.url(), secretRef={"name": "trust"})
        await source.fails("AuthenticationFailed", "tls.key", "half")
        await source.ready("trust")
