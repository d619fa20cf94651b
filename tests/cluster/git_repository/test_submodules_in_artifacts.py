"""`spec.recurseSubmodules` puts submodules of the commit into the artifact, without giving secrets away."""

import pytest

from shared.testing.git_server import Access, GitServer
from shared.testing.git_upstream import Upstream

FILES = {"app.yaml": "a: 1\n"}


@pytest.fixture
def library(tmp_path):
    """Another repository on the same server."""
    return Upstream(tmp_path, "lib.git")


def condition(obj, type_):
    found = [each for each in obj["status"]["conditions"] if each["type"] == type_]
    return found[0] if found else None


def put(upstream, url, commit, path="lib"):
    """Commits a submodule at a path."""
    upstream.commit(FILES | {".gitmodules": f'[submodule "{path}"]\n\tpath = {path}\n\turl = {url}\n'})
    upstream.git("update-index", "--add", "--cacheinfo", f"160000,{commit},{path}")
    upstream.git("commit", "-q", "-m", f"submodule at {commit}")
    upstream.point("refs/heads/main", "HEAD")


async def test_submodules_are_part_of_the_artifact_when_wanted(source, library):
    put(source.upstream, "../lib.git", library.commit({"base.yaml": "x", "docs/a.png": "x"}))
    await source.repository()
    without = (await source.ready())["status"]
    assert "observedRecurseSubmodules" not in without
    await source.change(recurseSubmodules=True)
    obj = await source.ready()
    assert await source.names(obj) == ["app.yaml", "lib/base.yaml"]  # and no pictures, as everywhere
    assert obj["status"]["observedRecurseSubmodules"] is True
    assert obj["status"]["artifact"]["revision"] == without["artifact"]["revision"]
    await source.change(recurseSubmodules=False)
    assert (await source.ready())["status"]["artifact"]["digest"] == without["artifact"]["digest"]


@pytest.mark.case("source-g53")
async def test_credentials_stay_with_the_parents_host(source, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    foreign = Upstream(tmp_path / "elsewhere", "lib.git")
    commit = foreign.commit({"base.yaml": "x"})
    async with (
        GitServer(tmp_path, access=Access(basic=("ada", "s3cret-pass"))) as server,
        GitServer(tmp_path / "elsewhere") as elsewhere,
    ):
        put(source.upstream, elsewhere.url("lib.git"), commit)
        await source.secret("login", username="ada", password="s3cret-pass")
        await source.repository(url=server.url(), secretRef={"name": "login"}, recurseSubmodules=True)
        assert "lib/base.yaml" in await source.names(await source.ready())
        assert elsewhere.log != []
        assert [each for each in elsewhere.log if "Authorization" in each.headers] == []
        assert any("Authorization" in each.headers for each in server.log)
    assert "s3cret-pass" not in source.process.log.read_text()


@pytest.mark.case("source-g53")
async def test_a_version_has_the_submodules_of_its_commit(source, library):
    put(source.upstream, "../lib.git", library.commit({"base.yaml": "old"}))
    source.upstream.tag("v1.0.0")
    put(source.upstream, "../lib.git", library.commit({"base.yaml": None, "more.yaml": "new"}))
    await source.repository("version", ref={"semver": "1.x"}, recurseSubmodules=True)
    await source.repository("branch", recurseSubmodules=True)
    assert await source.names(await source.ready("version")) == ["app.yaml", "lib/base.yaml"]
    assert await source.names(await source.ready("branch")) == ["app.yaml", "lib/more.yaml"]


async def test_a_part_of_the_tree_needs_no_other_submodules(source, library):
    put(source.upstream, "../nobody.git", library.commit({"x": "x"}), path="bad/lib")
    await source.repository(recurseSubmodules=True, sparseCheckout=["app.yaml"])
    assert await source.names(await source.ready()) == ["app.yaml"]
    put(source.upstream, "../lib.git", library.commit({"deploy/y": "y"}), path="lib")
    await source.change(sparseCheckout=["lib/deploy"])
    assert await source.names(await source.ready()) == ["lib/deploy/y"]


async def test_a_submodule_that_fails_is_named_and_the_artifact_stays(source, library):
    commit = library.commit({"base.yaml": "x"})
    put(source.upstream, "../lib.git", commit)
    await source.repository(recurseSubmodules=True)
    before = (await source.ready())["status"]["artifact"]
    put(source.upstream, "file:///etc", commit)
    await source.reconcile()
    text = (
        "failed to checkout and determine revision: unable to update submodule 'lib': "
        "its url has the scheme 'file'"
    )
    broken = await source.fails("GitOperationFailed", text)
    assert condition(broken, "FetchFailed")["reason"] == "GitOperationFailed"
    assert broken["status"]["artifact"] == before
