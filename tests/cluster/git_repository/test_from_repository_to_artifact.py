"""What a GitRepository points at becomes an artifact, with the revision, status and events that Flux
users know.
"""

import hashlib
import random
import stat
from datetime import UTC, datetime, timedelta

import pytest

FILES = {
    "deploy/app.yaml": "a: 1\n",
    "a.png": "x",
    "docs/read.md": "x",
    "sub/.sops.yaml": "x",
    ".gitignore": "x",
}


def condition(obj, type_):
    found = [each for each in obj["status"]["conditions"] if each["type"] == type_]
    return found[0] if found else None


@pytest.mark.case("source-g4")
async def test_a_branch_becomes_an_artifact(source):
    commit = source.upstream.commit(FILES)
    await source.repository()
    obj = await source.ready()
    artifact, revision = obj["status"]["artifact"], f"main@sha1:{commit}"
    assert artifact["path"] == f"gitrepository/{source.namespace}/app/{commit}.tar.gz"
    assert artifact["url"].endswith(artifact["path"])
    assert artifact["revision"] == revision
    assert artifact["lastUpdateTime"].endswith("Z")
    _, _, body = await source.fetch(obj)
    assert artifact["digest"] == f"sha256:{hashlib.sha256(body).hexdigest()}"
    assert artifact["size"] == len(body)
    for type_ in ("Ready", "ArtifactInStorage"):
        said = condition(obj, type_)
        assert (said["status"], said["reason"]) == ("True", "Succeeded")
        assert said["message"] == f"stored artifact for revision '{revision}'"


@pytest.mark.case("source-g5")
async def test_revisions_name_branches_in_short_and_references_in_full(source):
    commit = source.upstream.commit(FILES, branch="feature/x")
    await source.repository("short", ref={"branch": "feature/x"})
    await source.repository("full", ref={"name": "refs/heads/feature/x"})
    assert (await source.ready("short"))["status"]["artifact"]["revision"] == f"feature/x@sha1:{commit}"
    assert (await source.ready("full"))["status"]["artifact"][
        "revision"
    ] == f"refs/heads/feature/x@sha1:{commit}"


@pytest.mark.case("source-g6")
async def test_a_pinned_commit_is_its_own_revision(source):
    pinned = source.upstream.commit(FILES)
    source.upstream.commit({"later": "x"})
    await source.repository("alone", ref={"commit": pinned})
    await source.repository("branch", ref={"commit": pinned, "branch": "main"})
    alone = await source.ready("alone")
    assert alone["status"]["artifact"]["revision"] == f"sha1:{pinned}"
    assert "later" not in await source.names(alone)
    assert (await source.ready("branch"))["status"]["artifact"]["revision"] == f"main@sha1:{pinned}"


@pytest.mark.case("source-g7")
async def test_a_tag_wins_over_a_range(source):
    source.upstream.commit(FILES)
    source.upstream.tag("v1.0.0")
    source.upstream.commit({"later": "x"})
    source.upstream.tag("v2.0.0")
    await source.repository(ref={"tag": "v1.0.0", "semver": ">=1.0.0"})
    assert (await source.ready())["status"]["artifact"]["revision"].startswith("v1.0.0@")


@pytest.mark.case("source-g8")
async def test_an_annotated_tag_is_the_commit_it_points_to(source):
    commit = source.upstream.commit(FILES)
    assert source.upstream.tag("v1.0.0", message="one") != commit
    await source.repository(ref={"tag": "v1.0.0"})
    obj = await source.ready()
    assert obj["status"]["artifact"]["revision"] == f"v1.0.0@sha1:{commit}"
    again = await source.reconcile()
    assert again["status"]["artifact"] == obj["status"]["artifact"]
    assert (await source.events("GitOperationSucceeded"))[0]["message"].startswith("no changes since")


@pytest.mark.case("source-g9")
async def test_a_range_takes_the_highest_version_in_it(source):
    for tag in ("v1.0.0", "1.1.0", "v1.2", "2.0.0-rc.1"):
        source.upstream.commit({"version": tag})
        source.upstream.tag(tag)
    await source.repository("stable", ref={"semver": ">=1.0.0"})
    await source.repository("all", ref={"semver": ">=1.0.0-0"})
    assert (await source.ready("stable"))["status"]["artifact"]["revision"].startswith("1.1.0@")
    assert (await source.ready("all"))["status"]["artifact"]["revision"].startswith("2.0.0-rc.1@")


@pytest.mark.case("source-g10")
async def test_builds_of_one_version_are_told_apart_by_their_dates(source):
    source.upstream.commit({"build": "b"}, at=datetime(2026, 3, 1, tzinfo=UTC))
    source.upstream.tag("1.0.0+b")
    source.upstream.commit({"build": "a"}, at=datetime(2026, 2, 1, tzinfo=UTC))
    source.upstream.tag("1.0.0+a")
    await source.repository(ref={"semver": "1.0.x"})
    assert (await source.ready())["status"]["artifact"]["revision"].startswith("1.0.0+b@")


@pytest.mark.case("source-g11")
async def test_an_unchanged_remote_costs_a_look_at_its_references(source):
    source.upstream.commit(FILES)
    await source.repository()
    before = await source.ready()
    await source.events("NewArtifact")
    source.server.log.clear()
    after = await source.reconcile()
    assert [
        exchange.path for exchange in source.server.log if exchange.path.endswith("/git-upload-pack")
    ] != []
    assert source.server.sent() < 2000
    assert after["status"]["artifact"] == before["status"]["artifact"]
    told = await source.events("GitOperationSucceeded")
    revision = before["status"]["artifact"]["revision"]
    assert told[0]["type"] == "Normal"
    assert told[0]["message"] == f"no changes since last reconciliation: observed revision '{revision}'"
    assert sum(event["count"] for event in await source.events("NewArtifact")) == 1


@pytest.mark.case("source-g12")
async def test_other_ignore_rules_make_another_artifact_of_the_same_revision(source):
    source.upstream.commit(FILES)
    await source.repository()
    before = (await source.ready())["status"]
    await source.change(ignore="docs/\n")
    after = (await source.ready())["status"]
    assert (after["artifact"]["path"], after["artifact"]["revision"]) == (
        before["artifact"]["path"],
        before["artifact"]["revision"],
    )
    assert after["artifact"]["digest"] != before["artifact"]["digest"]
    assert after["observedIgnore"] == "docs/\n"
    told = await source.events("NewArtifact", at_least=2)
    assert sum(event["count"] for event in told) == 2


@pytest.mark.case("source-g13")
async def test_empty_ignore_rules_differ_from_none_once(source):
    source.upstream.commit(FILES)
    await source.repository()
    await source.ready()
    await source.change(ignore="")
    changed = await source.ready()
    assert changed["status"]["observedIgnore"] == ""
    source.server.log.clear()
    await source.reconcile()
    assert source.server.sent() < 2000


@pytest.mark.case("source-g14")
async def test_what_is_rarely_wanted_is_left_out_by_default(source):
    source.upstream.commit(FILES | {".github/x": "x"})
    await source.repository()
    assert await source.names(await source.ready()) == ["deploy/app.yaml", "docs/read.md"]


@pytest.mark.case("source-g15")
async def test_own_rules_replace_the_defaults(source):
    source.upstream.commit(FILES)
    await source.repository(ignore="docs/")
    assert await source.names(await source.ready()) == ["a.png", "deploy/app.yaml", "sub/.sops.yaml"]


@pytest.mark.case("source-g16")
async def test_one_directory_is_kept_of_everything(source):
    source.upstream.commit(FILES | {"deploy/sub/more.yaml": "x"})
    await source.repository(ignore="/*\n!/deploy")
    members = await source.members(await source.ready())
    assert [member.name for member in members] == [
        ".", "deploy", "deploy/app.yaml", "deploy/sub", "deploy/sub/more.yaml",
    ]  # fmt: skip


@pytest.mark.case("source-g17")
async def test_an_ignore_file_rules_its_directory(source):
    source.upstream.commit({"sub/.sourceignore": "*.txt\n", "sub/a.txt": "x", "a.txt": "x", "a.png": "x"})
    await source.repository()
    names = await source.names(await source.ready())
    assert "sub/a.txt" not in names
    assert {"a.txt", "a.png"} <= set(names)


@pytest.mark.case("source-g18")
async def test_archives_have_no_owners_no_times_and_three_modes(source):
    source.upstream.commit({"bin/run": "#!/bin/sh\n", "a": "x"}, executable=["bin/run"], links={"link": "a"})
    await source.repository()
    members = await source.members(await source.ready())
    assert members[0].name == "."
    assert {member.name: stat.S_IMODE(member.mode) for member in members} == {
        ".": 0o750, "a": 0o600, "bin": 0o750, "bin/run": 0o700,
    }  # fmt: skip
    assert {(member.uid, member.gid, member.uname, member.gname, member.mtime) for member in members} == {
        (0, 0, "", "", 0)
    }


@pytest.mark.case("source-g52")
async def test_long_subjects_are_cut_in_events(source):
    subject = "0123456789" * 6
    source.upstream.commit(FILES, f"{subject}\n\nand a body")
    await source.repository()
    await source.ready()
    assert (await source.events("NewArtifact"))[0][
        "message"
    ] == f"stored artifact for commit '{subject[:50]}...'"


async def test_events_name_revision_and_digest(source):
    source.upstream.commit(FILES)
    await source.repository()
    artifact = (await source.ready())["status"]["artifact"]
    event = (await source.events("NewArtifact"))[0]
    assert event["metadata"]["annotations"] == {
        "source.toolkit.fluxcd.io/revision": artifact["revision"],
        "source.toolkit.fluxcd.io/digest": artifact["digest"],
    }


async def test_a_new_commit_is_fetched_alone(source):
    source.upstream.commit({f"d{number}/f": "x" * 5000 + str(number) for number in range(50)})
    await source.repository()
    await source.ready()
    first = source.server.sent()
    source.server.log.clear()
    commit = source.upstream.commit({"new": "x"})
    obj = await source.reconcile()
    assert obj["status"]["artifact"]["revision"] == f"main@sha1:{commit}"
    assert source.server.sent() < first / 3


async def test_last_update_time_is_that_of_the_file(source):
    source.upstream.commit(FILES)
    before = datetime.now(UTC) - timedelta(seconds=2)
    await source.repository()
    stamp = (await source.ready())["status"]["artifact"]["lastUpdateTime"]
    assert before <= datetime.fromisoformat(stamp) <= datetime.now(UTC)


async def test_a_commit_without_changes_gets_the_same_content(source):
    source.upstream.commit(FILES)
    await source.repository()
    before = (await source.ready())["status"]["artifact"]
    commit = source.upstream.commit({}, "nothing changed")
    obj = await source.reconcile()
    after = obj["status"]["artifact"]
    assert after["revision"] == f"main@sha1:{commit}"
    assert after["path"].endswith(f"/{commit}.tar.gz")
    assert (after["digest"], after["size"]) == (before["digest"], before["size"])
    assert hashlib.sha256((await source.fetch(obj))[2]).hexdigest() in after["digest"]
    assert sum(event["count"] for event in await source.events("NewArtifact")) == 1


async def test_answers_of_the_artifact_server_are_counted(source):
    source.upstream.commit(FILES)
    await source.repository()
    await source.fetch(await source.ready())
    assert 'headrace_artifact_requests_total{code="200"}' in source.process.metrics()


@pytest.mark.case("source-g40")
async def test_a_part_of_the_tree_is_enough(source):
    source.upstream.commit({"app/a.yaml": "x", "app/sub/b.yaml": "x", "apps/c.yaml": "x", "d.yaml": "x"})
    await source.repository(sparseCheckout=["./app"])
    obj = await source.ready()
    assert await source.names(obj) == ["app/a.yaml", "app/sub/b.yaml"]
    assert obj["status"]["observedSparseCheckout"] == ["./app"]
    await source.change(sparseCheckout=["./app", "nowhere"])
    text = (
        "failed to sparse checkout directories : sparse checkout dir 'nowhere' does not exist in repository"
    )
    await source.fails("GitOperationFailed", text)
    await source.change(sparseCheckout=None)
    assert "d.yaml" in await source.names(await source.ready())


@pytest.mark.case("source-g49")
async def test_one_fetch_serves_all_objects_of_one_remote(source):
    dice = random.Random(1)
    source.upstream.commit({f"d{number}/f": dice.randbytes(5_000) for number in range(20)})
    names = [f"app-{number}" for number in range(50)]
    for name in names:
        await source.repository(name)
    for name in names:
        await source.ready(name)
    packs = [exchange for exchange in source.server.log if exchange.sent > 50_000]
    assert len(packs) == 1
    await source.secret("login", username="ada", password="s3cret-pass")
    await source.repository("other", secretRef={"name": "login"})
    await source.ready("other")
    packs = [exchange for exchange in source.server.log if exchange.sent > 50_000]
    assert len(packs) == 2
