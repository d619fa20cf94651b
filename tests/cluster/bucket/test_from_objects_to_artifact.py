"""The objects of a bucket become an artifact, and again when they change."""

import hashlib

import pytest
from aiohttp import web

EMPTY = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def revision(etags):
    lines = "".join(f"{key} {etags[key]}\n" for key in sorted(etags))
    return f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"


@pytest.mark.case("source-o49")
async def test_the_revision_is_made_of_keys_and_etags(buckets):
    etags = buckets.put(**{"b/c.yaml": "two", "a.yaml": "one"})
    await buckets.create()
    obj = await buckets.ready()
    artifact = obj["status"]["artifact"]
    assert artifact["revision"] == revision(etags)
    assert artifact["path"].endswith(f"/{artifact['revision'].removeprefix('sha256:')}.tar.gz")
    assert await buckets.files(obj) == {"a.yaml": b"one", "b/c.yaml": b"two"}
    assert [member.name for member in await buckets.members(obj)] == [".", "a.yaml", "b", "b/c.yaml"]
    text = f"stored artifact: revision '{artifact['revision']}'"
    for condition in ("Ready", "ArtifactInStorage"):
        found = buckets.condition(obj, condition)
        assert (found["status"], found["reason"], found["message"]) == ("True", "Succeeded", text)
    event = (await buckets.events("NewArtifact"))[0]
    assert event["message"] == f"stored artifact with 2 fetched files from '{buckets.bucket}' bucket"
    assert event["type"] == "Normal"
    prefix = "source.toolkit.fluxcd.io"
    assert event["metadata"]["annotations"][f"{prefix}/revision"] == artifact["revision"]
    assert obj["status"]["url"].endswith(f"/bucket/{buckets.namespace}/app/latest.tar.gz")
    assert (await buckets.fetch(obj["status"]["url"]))[2] == (await buckets.fetch(obj))[2]


async def test_a_bucket_without_objects_is_an_artifact(buckets):
    await buckets.create()
    obj = await buckets.ready()
    assert obj["status"]["artifact"]["revision"] == EMPTY
    assert await buckets.names(obj) == []


@pytest.mark.case("source-o50")
async def test_what_the_ignore_file_names_is_left_alone(buckets):
    etags = buckets.put(
        **{"a.yaml": "1", "b/notes.txt": "2", ".sourceignore": "# mine\n*.txt\n", "c.jpg": "3"}
    )
    await buckets.create()
    obj = await buckets.ready()
    counted = {key: etags[key] for key in ("a.yaml", "c.jpg")}
    assert obj["status"]["artifact"]["revision"] == revision(counted)
    assert await buckets.names(obj) == [".sourceignore", "a.yaml", "c.jpg"]
    assert buckets.downloads() == ["a.yaml", "c.jpg"]
    buckets.put(**{".sourceignore": "# ours\n*.txt\n"})
    again = await buckets.reconcile()
    assert again["status"]["artifact"] == obj["status"]["artifact"]


async def test_patterns_of_the_object_have_the_last_word(buckets):
    buckets.put(**{"a.yaml": "1", "b.txt": "2", "c.md": "3", ".sourceignore": "*.txt\n", ".git/x": "4"})
    await buckets.create(ignore="!b.txt\n*.md\n")
    obj = await buckets.ready()
    assert await buckets.names(obj) == [".git/x", ".sourceignore", "a.yaml", "b.txt"]
    assert obj["status"]["observedIgnore"] == "!b.txt\n*.md\n"


@pytest.mark.case("source-o51")
async def test_a_prefix_stays_in_paths_and_in_what_patterns_see(buckets):
    buckets.put(**{"apps/a.yaml": "1", "apps/b.yaml": "2", "other.yaml": "3", "apps.yaml": "4"})
    await buckets.create(prefix="apps/", ignore="/apps/b.yaml\n/a.yaml\n")
    obj = await buckets.ready()
    assert await buckets.names(obj) == ["apps/a.yaml"]


@pytest.mark.case("source-o52")
@pytest.mark.parametrize("provider", ["generic", "azure"])
async def test_a_poll_of_what_is_unchanged_downloads_nothing(buckets, provider, blobs):
    buckets.put(**{"a.yaml": "1", "b.yaml": "2"})
    blobs.blobs = {"a.yaml": b"1", "b.yaml": b"2"}
    await buckets.secret("nobody", authorityHost="https://login.example.com")
    azure = {"provider": provider, "endpoint": blobs.url, "bucketName": blobs.container}
    azure["secretRef"] = {"name": "nobody"}
    await buckets.create(**azure if provider == "azure" else {})
    before = await buckets.ready()
    for log in (buckets.gate.log, blobs.log):
        log.clear()
    after = await buckets.reconcile()
    assert after["status"]["artifact"] == before["status"]["artifact"]
    exists, ignore_file = f"HEAD {buckets.path()}", f"GET {buckets.path('.sourceignore')}"
    s3 = [exists, ignore_file, f"GET {buckets.path()}?list-type"]
    assert (buckets.gate.sent, blobs.log) == (
        ([], ["LIST", "GET .sourceignore", "LIST"]) if provider == "azure" else (s3, [])
    )
    events = await buckets.events("NewArtifact")
    assert sum(event["count"] for event in events) == 1


async def test_what_did_not_change_comes_from_the_artifact_before(buckets):
    old = buckets.put(**{"a.yaml": "1", "b/c.yaml": "2", "gone.yaml": "3"})
    await buckets.create()
    await buckets.ready()
    buckets.gate.log.clear()
    etags = old | buckets.put(**{"a.yaml": "new"})
    buckets.server.remove(buckets.bucket, "gone.yaml")
    del etags["gone.yaml"]
    obj = await buckets.reconcile()
    assert obj["status"]["artifact"]["revision"] == revision(etags)
    assert await buckets.files(obj) == {"a.yaml": b"new", "b/c.yaml": b"2"}
    assert buckets.downloads() == ["a.yaml"]


async def test_nothing_is_taken_over_from_another_bucket(buckets):
    buckets.put(**{"a.yaml": "same"})
    await buckets.create()
    before = await buckets.ready()
    other = f"{buckets.bucket}-2"
    buckets.server.create(other)
    buckets.server.put(other, "a.yaml", "same")
    buckets.server.put(other, "b.yaml", "more")
    buckets.gate.log.clear()
    await buckets.change(bucketName=other)
    obj = await buckets.ready()
    assert obj["status"]["artifact"]["revision"] != before["status"]["artifact"]["revision"]
    asked = [each.path for each in buckets.gate.log if each.method == "GET"]
    assert {f"/{other}/a.yaml", f"/{other}/b.yaml"} <= set(asked)


@pytest.mark.case("source-o53")
async def test_an_object_that_vanishes_meanwhile_is_left_out(buckets):
    etags = buckets.put(**{"a.yaml": "1", "b.yaml": "2"})

    def vanish(request):
        if request.path == buckets.path("b.yaml"):
            return web.Response(status=404, text="<Error><Code>NoSuchKey</Code></Error>")
        return None

    buckets.gate.fault = vanish
    await buckets.create()
    obj = await buckets.ready()
    assert obj["status"]["artifact"]["revision"] == revision({"a.yaml": etags["a.yaml"]})
    assert await buckets.files(obj) == {"a.yaml": b"1"}
    event = (await buckets.events("NewArtifact"))[0]
    assert event["message"] == f"stored artifact with 1 fetched files from '{buckets.bucket}' bucket"


async def test_an_object_that_changes_meanwhile_is_the_new_one(buckets):
    buckets.put(**{"a.yaml": "1"})
    new = {}

    def change(request):
        if request.path == buckets.path("a.yaml") and not new:
            new.update(buckets.put(**{"a.yaml": "2"}))

    buckets.gate.fault = change
    await buckets.create()
    obj = await buckets.ready()
    assert obj["status"]["artifact"]["revision"] == revision(new)
    assert await buckets.files(obj) == {"a.yaml": b"2"}


@pytest.mark.case("source-o54")
async def test_keys_never_lead_out(buckets):
    buckets.put(**{"../../etc/x": "1", "/a//b": "2", "c/../../d": "3"})
    await buckets.create()
    assert await buckets.files(await buckets.ready()) == {"etc/x": b"1", "a/b": b"2", "d": b"3"}


async def test_a_key_that_is_a_file_and_a_directory_is_told_with_its_twin(buckets):
    buckets.put(**{"a": "1", "a/b": "2"})
    await buckets.create()
    await buckets.fails("BucketOperationFailed", "the objects 'a' and 'a/b' can't both be files of one tree")
    await buckets.change(ignore="/a/b")
    assert await buckets.names(await buckets.ready()) == ["a"]


async def test_a_failure_in_between_leaves_the_artifact_where_it_is(buckets):
    buckets.put(**{"a.yaml": "1"})
    await buckets.create()
    before = await buckets.ready()
    buckets.put(**{"a.yaml": "2"})
    hidden = "https://store.example.com/x?X-Amz-Signature=h1dden"

    def fail(request):
        if request.path == buckets.path("a.yaml"):
            return web.Response(
                status=500, text=f"<Error><Code>Internal</Code><Message>{hidden}</Message></Error>"
            )
        return None

    buckets.gate.fault = fail
    await buckets.reconcile()
    text = f"fetch from bucket '{buckets.bucket}' failed: failed to get 'a.yaml' object: Internal: https://"
    failed = await buckets.fails("BucketOperationFailed", text)
    assert failed["status"]["artifact"] == before["status"]["artifact"]
    assert buckets.condition(failed, "FetchFailed")["status"] == "True"
    events = await buckets.events("BucketOperationFailed")
    assert "h1dden" not in str((failed, events)) + buckets.process.log.read_text()
    buckets.gate.fault = None
    assert await buckets.files(await buckets.ready()) == {"a.yaml": b"2"}


async def test_an_artifact_that_disappears_is_made_again(buckets):
    buckets.put(**{"a.yaml": "1"})
    await buckets.create()
    before = await buckets.ready()
    (buckets.storage / before["status"]["artifact"]["path"]).unlink()
    after = await buckets.reconcile()
    assert after["status"]["artifact"]["digest"] == before["status"]["artifact"]["digest"]
    assert await buckets.files(after) == {"a.yaml": b"1"}


async def test_a_deleted_bucket_leaves_nothing(buckets):
    buckets.put(**{"a.yaml": "1"})
    await buckets.create()
    await buckets.ready()
    folder = buckets.storage / "bucket" / buckets.namespace / "app"
    assert folder.is_dir()
    await buckets.delete()
    await buckets.until(lambda obj: obj is None)
    assert not folder.exists()
