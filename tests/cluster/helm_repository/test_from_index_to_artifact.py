"""The index of a repository of charts becomes an artifact, and repositories in registries rest."""

import asyncio
import hashlib
import json
from datetime import UTC, datetime

import pytest

from shared.status.kstatus import Status, status_of
from shared.testing.source import EVENTS

INDEX = b"""apiVersion: v1
entries:
  web:
  - {name: web, version: 1.0.0, urls: [web-1.0.0.tgz]}
  - {name: web, version: 1.10.0, appVersion: 1.5, urls: [web-1.10.0.tgz]}
  - {name: web, urls: [web-none.tgz]}
  - {name: web, version: 1.9.0, urls: [web-1.9.0.tgz]}
generated: 2026-01-02T03:04:05Z
"""
OTHER = INDEX.replace(b"1.9.0", b"1.8.0")


def artifact(obj):
    return obj["status"]["artifact"]


@pytest.mark.case("source-o29")
async def test_an_index_in_yaml_is_stored_as_json(repositories):
    repositories.http.index = INDEX
    await repositories.create()
    ready = await repositories.ready()
    hexes = hashlib.sha256(INDEX).hexdigest()
    assert artifact(ready)["revision"] == f"sha256:{hexes}"
    assert artifact(ready)["path"].endswith(f"/app/index-{hexes}.yaml")
    _, _, body = await repositories.fetch(ready)
    assert artifact(ready)["digest"] == f"sha256:{hashlib.sha256(body).hexdigest()}"
    assert artifact(ready)["digest"] != artifact(ready)["revision"]
    index = json.loads(body)
    assert [entry["version"] for entry in index["entries"]["web"]] == ["1.10.0", "1.9.0", "1.0.0"]
    assert index["entries"]["web"][0]["appVersion"] == "1.5"
    assert ready["status"]["url"].endswith("/index.yaml")
    assert (await repositories.fetch(ready["status"]["url"]))[2] == body
    message = f"stored artifact: revision 'sha256:{hexes}'"
    assert repositories.condition(ready, "Ready")["message"] == message
    (event,) = await repositories.events("NewArtifact")
    assert event["message"] == f"stored fetched index of size {len(body)}B from '{ready['spec']['url']}'"
    assert repositories.http.requests[0].headers["User-Agent"].startswith("Helm/")


async def test_a_new_index_replaces_the_old_one(repositories):
    repositories.http.index = INDEX
    await repositories.create()
    first = await repositories.ready()
    repositories.http.index = OTHER
    second = await repositories.reconcile()
    assert artifact(second)["revision"] == f"sha256:{hashlib.sha256(OTHER).hexdigest()}"
    assert artifact(second)["revision"] != artifact(first)["revision"]


@pytest.mark.case("source-o34")
@pytest.mark.parametrize("etag", ["", '"v1"'])
async def test_an_unchanged_index_is_left_alone(repositories, etag):
    repositories.http.index, repositories.http.etag = INDEX, etag
    await repositories.create()
    first = await repositories.ready()
    file = repositories.storage / artifact(first)["path"]
    written = file.stat().st_mtime_ns
    second = await repositories.reconcile()
    assert artifact(second) == artifact(first)
    assert file.stat().st_mtime_ns == written
    assert repositories.http.requests[-1].headers.get("If-None-Match", "") == etag
    assert len(await repositories.events("ArtifactUpToDate")) == 1
    assert len(await repositories.events("NewArtifact")) == 1


@pytest.mark.case("source-o30")
async def test_what_is_no_index_is_refused_and_what_is_no_chart_is_dropped(repositories):
    repositories.http.index = b"# " + b"x" * 20_000 + b"\n" + INDEX
    await repositories.create("large")
    failed = await repositories.fails("Failed", "20000 bytes", "large")
    assert repositories.condition(failed, "FetchFailed")["status"] == "True"
    repositories.http.index = b"surprise: 1\n" + INDEX
    await repositories.create("unknown")
    failed = await repositories.fails("IndexationFailed", "unknown field 'surprise'", "unknown")
    assert repositories.condition(failed, "FetchFailed")["reason"] == "IndexationFailed"
    repositories.http.index = INDEX
    await repositories.create("good")
    _, _, body = await repositories.fetch(await repositories.ready("good"))
    assert b"web-none.tgz" not in body


async def test_a_repository_that_comes_back_recovers(repositories):
    repositories.http.status = 404
    await repositories.create()
    await repositories.fails("Failed", "/charts/index.yaml : 404 Not Found")
    repositories.http.index, repositories.http.status = INDEX, 200
    await repositories.ready()


@pytest.mark.case("source-o31")
async def test_a_query_stays_behind_the_file(repositories):
    repositories.http.index = INDEX
    await repositories.create(url=f"{repositories.http.address}/charts?token=x")
    await repositories.ready()
    assert repositories.http.asked == ["/charts/index.yaml?token=x"]


@pytest.mark.case("source-o28")
async def test_a_registry_needs_its_type(repositories):
    await repositories.create(url="oci://127.0.0.1/charts")
    text = "invalid Helm repository URL: 'oci' URL scheme cannot be used with 'default' HelmRepository type"
    await repositories.stalls("URLInvalid", text)


@pytest.mark.case("source-o26")
async def test_a_registry_rests(repositories):
    await repositories.create(type="oci", url="oci://127.0.0.1/charts")
    obj = await repositories.until(lambda obj: obj is not None and obj.get("status") == {})
    assert "finalizers" not in obj["metadata"]
    assert status_of(obj, datetime.now(UTC)).status is Status.CURRENT
    listed = await repositories.client.list(EVENTS, repositories.namespace)
    assert listed["items"] == []
    await repositories.delete()
    assert await repositories.get() is None


@pytest.mark.case("source-o27")
async def test_an_index_goes_when_its_repository_becomes_a_registry_and_comes_back(repositories):
    repositories.http.index = INDEX
    await repositories.create()
    first = await repositories.ready()
    folder = (repositories.storage / artifact(first)["path"]).parent
    assert folder.is_dir()
    await repositories.change(type="oci")
    done = await repositories.until(
        lambda obj: obj.get("status") == {} and not obj["metadata"].get("finalizers")
    )
    assert not folder.exists()
    await repositories.change(type="default")
    again = await repositories.ready()
    assert again["metadata"]["generation"] > done["metadata"]["generation"]
    assert artifact(again)["digest"] == artifact(first)["digest"]
    assert folder.is_dir()


async def test_nothing_is_left_of_a_deleted_repository(repositories):
    repositories.http.index = INDEX
    await repositories.create()
    folder = (repositories.storage / artifact(await repositories.ready())["path"]).parent
    await repositories.delete()
    async with asyncio.timeout(20):
        while await repositories.get() is not None:  # noqa: ASYNC110 - a watch might begin too late
            await asyncio.sleep(0.02)
    assert not folder.exists()


@pytest.mark.case("source-o33")
async def test_without_an_interval_the_index_is_looked_at_every_minute(repositories):
    repositories.http.index = INDEX
    await repositories.create(interval=None)
    await repositories.ready()
    lines = [json.loads(line) for line in repositories.process.tail(500).splitlines() if line.startswith("{")]
    mine = [line["msg"] for line in lines if line.get("namespace") == repositories.namespace]
    assert any(text.endswith("next run in 1m0s") for text in mine), mine
