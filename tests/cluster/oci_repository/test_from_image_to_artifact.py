"""What a registry has becomes an artifact, and nothing is pulled that is there already."""

import asyncio
import hashlib

import pytest

from shared.testing.registry import CHART_LAYER, LAYER, packed


def artifact(obj):
    return obj["status"]["artifact"]


@pytest.mark.case("source-o1")
async def test_latest_is_pulled_by_default(images):
    digest = images.push(files={"app.yaml": "a: 1\n", "docs/x.md": "x"})
    await images.create()
    ready = await images.ready()
    assert artifact(ready)["revision"] == f"latest@{digest}"
    assert artifact(ready)["path"].endswith(f"/app/{digest}.tar.gz")
    message = f"stored artifact for digest 'latest@{digest}'"
    assert images.condition(ready, "Ready")["message"] == message
    assert images.condition(ready, "ArtifactInStorage")["message"] == message
    assert await images.files(ready) == {"app.yaml": b"a: 1\n", "docs/x.md": b"x"}
    (event,) = await images.events("NewArtifact")
    text = f"stored artifact with revision 'latest@{digest}' from '{images.gate.url(images.name)}'"
    assert event["message"] == text
    _, _, latest = await images.fetch(ready["status"]["url"])
    assert ready["status"]["url"].endswith("/latest.tar.gz")
    assert f"sha256:{hashlib.sha256(latest).hexdigest()}" == artifact(ready)["digest"]


@pytest.mark.case("source-o2")
async def test_a_digest_wins_and_is_not_looked_up(images):
    digest = images.push("v1", {"a": "1"})
    images.push("v2", {"a": "2"})
    await images.create(ref={"digest": str(digest), "semver": "*", "tag": "v2"})
    ready = await images.ready()
    assert artifact(ready)["revision"] == str(digest)
    assert await images.files(ready) == {"a": b"1"}
    assert images.gate.seen("HEAD") == 0
    assert images.gate.seen("GET", "/tags/") == 0


@pytest.mark.case("source-o3")
async def test_the_highest_version_in_a_range_is_chosen(images):
    for tag in ("1.0.0", "v1.1.0", "1.2.0-rc.1", "1.3", "v2025.02.03"):
        images.push(tag, {"tag": tag})
    for name, semver, tag in (
        ("stable", ">=1.0.0 <2", "v1.1.0"),
        ("candidate", ">=1.0.0-0 <2", "1.2.0-rc.1"),
        ("calendar", "*", "v2025.02.03"),
    ):
        await images.create(name, ref={"semver": semver})
        ready = await images.ready(name)
        assert artifact(ready)["revision"].startswith(f"{tag}@sha256:")
        assert await images.files(ready) == {"tag": tag.encode()}


@pytest.mark.case("source-o4")
async def test_tags_are_filtered_before_the_range(images):
    images.push("1.0.0-staging", {"a": "1"})
    images.push("1.1.0", {"a": "2"})
    await images.create(ref={"semver": ">=0.0.0-0", "semverFilter": ".*-staging"})
    assert artifact(await images.ready())["revision"].startswith("1.0.0-staging@")


@pytest.mark.case("source-o5")
async def test_tags_of_charts_have_an_underscore_for_a_plus(images):
    images.push("1.0.0_build.1", layers=[(CHART_LAYER, packed({"app/Chart.yaml": "name: app\n"}))])
    await images.create("chart", ref={"semver": "*"}, layerSelector={"mediaType": CHART_LAYER})
    assert artifact(await images.ready("chart"))["revision"].startswith("1.0.0_build.1@")
    await images.create("plain", ref={"semver": "*"})
    await images.fails("ReadOperationFailed", "no match found for semver: *", "plain")


@pytest.mark.case("source-o6")
async def test_an_address_with_a_tag_stalls(images):
    await images.create(url=f"{images.gate.url(images.name)}:1.0")
    obj = await images.stalls("URLInvalid", "URL validation failed for 'oci://")
    assert images.condition(obj, "FetchFailed")["reason"] == "URLInvalid"
    assert images.gate.log == []


@pytest.mark.case("source-o7")
async def test_the_layer_is_chosen_by_its_media_type(images):
    images.push(layers=[("a/b", packed({"first": "1"})), ("c/d", packed({"second": "2"}))])
    await images.create("first")
    assert await images.names(await images.ready("first")) == ["first"]
    await images.create("second", layerSelector={"mediaType": "c/d"})
    assert await images.names(await images.ready("second")) == ["second"]
    await images.create("none", layerSelector={"mediaType": "e/f"})
    text = "failed to find layer with media type 'e/f' in artifact"
    failed = await images.fails("OCIArtifactLayerOperationFailed", text, "none")
    assert images.condition(failed, "FetchFailed")["status"] == "True"


@pytest.mark.case("source-o8")
async def test_a_copied_layer_is_the_same_to_the_byte(images):
    layer = packed({"app/Chart.yaml": "name: app\n", "app/a.md": "x", ".sourceignore": "*"})
    images.push("1.0.0", layers=[(CHART_LAYER, layer)])
    selector = {"mediaType": CHART_LAYER, "operation": "copy"}
    await images.create(ref={"tag": "1.0.0"}, layerSelector=selector, ignore="*.md")
    ready = await images.ready()
    assert artifact(ready)["digest"] == f"sha256:{hashlib.sha256(layer).hexdigest()}"
    assert (await images.fetch(ready))[2] == layer
    assert ready["status"]["observedLayerSelector"] == selector
    await images.change(ignore="*.yaml")
    again = await images.ready()
    assert artifact(again)["digest"] == artifact(ready)["digest"]
    assert again["status"]["observedIgnore"] == "*.yaml"


@pytest.mark.case("source-o9")
async def test_links_are_dropped_and_escapes_refused(images):
    images.push("links", layers=[(LAYER, packed({"a": "1"}, {"link": "/etc/passwd"}))])
    await images.create("links", ref={"tag": "links"})
    assert [member.name for member in await images.members(await images.ready("links"))] == [".", "a"]
    images.push("escape", layers=[(LAYER, packed({"../x": "1"}))])
    await images.create("escape", ref={"tag": "escape"})
    text = "failed to extract layer contents from artifact"
    await images.fails("OCIArtifactLayerOperationFailed", text, "escape")


@pytest.mark.case("source-o10")
async def test_an_unchanged_tag_costs_one_request(images):
    images.push(files={"a": "1"})
    await images.create()
    before = await images.ready()
    seen = len(images.gate.log)
    after = await images.reconcile()
    assert [(each.method, each.status) for each in images.gate.log[seen:]] == [("HEAD", 200)]
    assert artifact(after) == artifact(before)
    (trace,) = await images.events("ArtifactUpToDate")
    revision = artifact(before)["revision"]
    assert trace["message"] == f"artifact up-to-date with remote revision: '{revision}'"
    assert len(await images.events("NewArtifact")) == 1


@pytest.mark.case("source-o11")
async def test_other_ignore_rules_make_the_artifact_anew(images):
    images.push(files={"a": "1"})
    await images.create()
    before = await images.ready()
    assert "observedIgnore" not in before["status"]
    pulled = images.gate.seen("GET", "/blobs/")
    await images.change(ignore="")
    after = await images.ready()
    assert after["status"]["observedIgnore"] == ""
    assert images.gate.seen("GET", "/blobs/") == pulled + 1
    assert artifact(after)["digest"] == artifact(before)["digest"]
    assert len(await images.events("NewArtifact")) == 1


@pytest.mark.case("source-o12")
async def test_annotations_tell_where_the_content_is_from(images):
    source, revision = "org.opencontainers.image.source", "org.opencontainers.image.revision"
    images.push("both", {"a": "1"}, annotations={source: "https://git", revision: "main@sha1:1", "x": "y"})
    await images.create("both", ref={"tag": "both"})
    ready = await images.ready("both")
    assert artifact(ready)["metadata"] == {source: "https://git", revision: "main@sha1:1", "x": "y"}
    (event,) = await images.events("NewArtifact", "both")
    assert event["message"].endswith(", origin source 'https://git', origin revision 'main@sha1:1'")
    images.push("one", {"a": "1"}, annotations={source: "https://git"})
    await images.create("one", ref={"tag": "one"})
    await images.ready("one")
    (event,) = await images.events("NewArtifact", "one")
    assert "origin" not in event["message"]


@pytest.mark.case("source-o13")
async def test_of_an_index_the_image_for_linux_on_amd64_is_taken(images):
    ours, other = images.push("amd64", {"a": "ours"}), images.push("arm64", {"a": "other"})
    index = images.store.push_index(images.name, "all", {"linux/arm64": other, "linux/amd64": ours})
    await images.create(ref={"tag": "all"})
    ready = await images.ready()
    assert artifact(ready)["revision"] == f"all@{index}"
    assert await images.files(ready) == {"a": b"ours"}


async def test_a_tag_that_moves_is_followed(images):
    images.push(files={"a": "1"})
    await images.create()
    await images.ready()
    digest = images.push(files={"a": "2"})
    after = await images.reconcile()
    assert artifact(after)["revision"] == f"latest@{digest}"
    assert await images.files(after) == {"a": b"2"}
    assert len(await images.events("NewArtifact", at_least=2)) == 2


async def test_ignore_rules_leave_files_out(images):
    images.push(files={"a.yaml": "1", "b.md": "2", "sub/.sourceignore": "*.txt\n", "sub/c.txt": "3"})
    await images.create(ignore="*.md")
    assert await images.names(await images.ready()) == ["a.yaml", "sub/.sourceignore"]


async def test_bad_ranges_filters_and_digests_say_so(images):
    images.push("1.0.0", {"a": "1"})
    await images.create("range", ref={"semver": "not a range"})
    await images.stalls("InvalidSemVer", "semver 'not a range' parse error", "range")
    await images.create("filter", ref={"semver": "*", "semverFilter": "("})
    await images.stalls("InvalidSemVer", "semverFilter is not a regular expression", "filter")
    await images.create("digest", ref={"digest": "sha256:1"})
    await images.fails(
        "OCIArtifactPullFailed", "failed to determine artifact digest: spec.ref.digest", "digest"
    )


async def test_what_is_not_there_yet_is_looked_for_again(images):
    await images.create(ref={"tag": "v1"})
    failed = await images.fails("OCIArtifactPullFailed", "failed to determine artifact digest: ")
    assert "/manifests/v1: MANIFEST_UNKNOWN: " in images.condition(failed, "Ready")["message"]
    images.push("v1", {"a": "1"})
    await images.ready()


async def test_a_registry_that_hangs_costs_nobody_else_a_turn(images):
    images.push(files={"a": "1"})
    images.gate.hold = asyncio.Event()
    await images.create("slow", timeout="1s")
    await images.fails("OCIArtifactPullFailed", "context deadline exceeded", "slow")
    images.gate.hold.set()
    images.gate.hold = None
    await images.change("slow", timeout="60s")
    await images.ready("slow")


async def test_deleting_removes_what_is_stored(images):
    images.push(files={"a": "1"})
    await images.create()
    ready = await images.ready()
    await images.delete()
    await images.until(lambda obj: obj is None)
    assert not (images.storage / artifact(ready)["path"]).parent.exists()
