"""Charts that come from a GitRepository."""

import hashlib

import pytest
import yaml

from shared.kube.errors import ApiError
from shared.testing.chart_server import helm, write_chart


@pytest.mark.case("source-o40")
async def test_a_chart_is_built_when_its_version_changes(charts, upstream, make_tree):
    upstream.commit(make_tree("charts/app", "app"))
    await charts.of_git("./charts/app")
    before = await charts.ready()
    assert before["status"]["artifact"]["revision"] == "0.1.0"
    assert charts.condition(before, "Ready")["message"] == "packaged 'app' chart with version '0.1.0'"
    upstream.commit({"charts/app/templates/more.yaml": "# nothing\n"})
    repository = await charts.git.reconcile("repo")
    revision = repository["status"]["artifact"]["revision"]
    after = await charts.until(lambda obj: obj["status"]["observedSourceArtifactRevision"] == revision)
    assert after["status"]["artifact"] == before["status"]["artifact"]
    upstream.commit(
        {"charts/app/Chart.yaml": yaml.safe_dump({"apiVersion": "v2", "name": "app", "version": "0.2.0"})}
    )
    await charts.git.reconcile("repo")
    after = await charts.until(lambda obj: obj["status"]["artifact"]["revision"] == "0.2.0")
    assert "app/templates/more.yaml" in await charts.content(after)


@pytest.mark.case("source-o40")
async def test_a_chart_is_built_for_every_revision_where_that_is_wanted(charts, upstream, make_tree):
    upstream.commit(make_tree("charts/app", "app"))
    await charts.of_git("charts/app", reconcileStrategy="Revision")
    obj = await charts.ready()
    first = await charts.revision()
    assert obj["status"]["artifact"]["revision"] == f"0.1.0+{first[:12]}"
    assert charts.condition(obj, "Ready")["reason"] == "ChartPackageSucceeded"
    upstream.commit({"charts/app/templates/more.yaml": "# nothing\n"})
    await charts.git.reconcile("repo")
    second = await charts.revision()
    version = f"0.1.0+{second[:12]}"
    obj = await charts.until(lambda obj: obj["status"]["artifact"]["revision"] == version)
    packed = yaml.safe_load((await charts.content(obj))["app/Chart.yaml"])
    assert packed["version"] == version


@pytest.mark.case("source-o42")
async def test_values_files_lie_at_the_root_of_the_source(charts, upstream, make_tree):
    upstream.commit(make_tree("charts/app", "app", files={"values-prod.yaml": "replicas: 9\n"}))
    await charts.of_git("charts/app", valuesFiles=["values-prod.yaml"])
    await charts.stalls(
        "ValuesFilesError",
        "no values file found at path '/values-prod.yaml' (reference 'values-prod.yaml')",
    )
    upstream.commit({"values-prod.yaml": "replicas: 3\n"})
    await charts.git.reconcile("repo")
    obj = await charts.ready()
    assert obj["status"]["artifact"]["revision"] == "0.1.0+1"
    assert await charts.values(obj) == {"replicas": 3}


async def test_revision_and_values_both_show_in_the_version(charts, upstream, make_tree):
    upstream.commit(make_tree("charts/app", "app") | {"prod.yaml": "replicas: 3\n"})
    await charts.of_git("charts/app", valuesFiles=["prod.yaml"], reconcileStrategy="Revision")
    obj = await charts.ready()
    commit = await charts.revision()
    assert obj["status"]["artifact"]["revision"] == f"0.1.0+{commit[:12]}.1"


@pytest.mark.case("source-o45")
async def test_a_source_of_another_namespace_doesnt_matter(charts, upstream, make_tree, other_namespace):
    upstream.commit(make_tree("charts/app", "app"))
    await charts.of_git("charts/app")
    before = await charts.ready()
    twin = other_namespace(charts.git)
    await twin.create("repo")
    await twin.ready("repo")
    upstream.commit({"README": "new"})
    await twin.reconcile("repo")
    # A turn of the chart would have written the new revision; its own source still has the old one.
    after = await charts.reconcile()
    observed = before["status"]["observedSourceArtifactRevision"]
    assert after["status"]["observedSourceArtifactRevision"] == observed


@pytest.mark.case("source-o46")
async def test_dependencies_come_with_the_credentials_of_the_namespace(charts, http, upstream, make_tree):
    http.add("sub", "1.2.3")
    http.login = "ada:secret"
    wanted = [{"name": "sub", "version": "1.x", "repository": f"{http.url}/"}]
    upstream.commit(make_tree("app", "app", dependencies=wanted))
    await charts.of_git("app")
    await charts.fails("DependencyBuildError", "failed to add remote dependency 'sub': ")
    await charts.secret("login", username="ada", password="secret")
    await charts.repositories.create("charts", secretRef={"name": "login"})
    await charts.repositories.ready("charts")
    obj = await charts.ready()
    assert yaml.safe_load((await charts.content(obj))["app/charts/sub/Chart.yaml"])["version"] == "1.2.3"


@pytest.mark.case("source-o46")
async def test_dependencies_come_anonymously_where_nobody_knows_their_repository(
    charts, http, upstream, make_tree
):
    http.add("sub", "1.2.3")
    wanted = [{"name": "sub", "version": "^1", "repository": http.url, "alias": "other"}]
    upstream.commit(make_tree("app", "app", dependencies=wanted))
    await charts.of_git("app")
    obj = await charts.ready()
    assert "app/charts/other/Chart.yaml" in await charts.content(obj)
    assert all("Authorization" not in request.headers for request in http.requests)
    (event,) = await charts.events("ResolvedDependencies")
    assert event["message"] == "resolved 1 chart dependencies"


@pytest.mark.case("source-o46")
async def test_an_aliased_repository_of_a_dependency_is_refused(charts, upstream, make_tree):
    wanted = [{"name": "sub", "version": "^1", "repository": "@stable"}]
    upstream.commit(make_tree("app", "app", dependencies=wanted))
    await charts.of_git("app")
    await charts.fails("DependencyBuildError", "aliased repository dependency is not supported: @stable")


async def test_dependencies_may_lie_beside_the_chart(charts, upstream, make_tree):
    wanted = [{"name": "common", "version": "0.1.x", "repository": "file://../common"}]
    upstream.commit(
        make_tree("charts/app", "app", dependencies=wanted) | make_tree("charts/common", "common")
    )
    await charts.of_git("charts/app")
    obj = await charts.ready()
    assert "app/charts/common/Chart.yaml" in await charts.content(obj)


async def test_a_dependency_out_of_the_tree_is_looked_for_at_its_root(charts, upstream, make_tree):
    wanted = [{"name": "common", "version": "*", "repository": "file://../../../../etc"}]
    upstream.commit(make_tree("charts/app", "app", dependencies=wanted))
    await charts.of_git("charts/app")
    await charts.fails("DependencyBuildError", "no chart found at '/etc' (reference 'file://")


async def test_a_package_is_served_as_it_is(charts, upstream, tmp_path):
    folder = write_chart(tmp_path / "made" / "app", "app", "1.0.0")
    helm("package", folder, "--destination", tmp_path, home=tmp_path)
    package = (tmp_path / "app-1.0.0.tgz").read_bytes()
    upstream.commit({"packages/app.tgz": package})
    await charts.of_git("packages/app.tgz")
    obj = await charts.ready()
    digest = hashlib.sha256(package).hexdigest()
    assert obj["status"]["artifact"]["digest"] == f"sha256:{digest}"
    assert charts.condition(obj, "Ready")["reason"] == "ChartPullSucceeded"


async def test_a_chart_that_isnt_there_stalls_until_it_is(charts, upstream, make_tree):
    upstream.commit({"README": "nothing"})
    await charts.of_git("charts/app")
    await charts.stalls("InvalidChartReference", "no chart found at '/charts/app' (reference 'charts/app')")
    upstream.commit(make_tree("charts/app", "app"))
    await charts.git.reconcile("repo")
    await charts.ready()


async def test_an_absolute_path_is_refused(charts, upstream, make_tree):
    upstream.commit(make_tree("charts/app", "app"))
    await charts.of_git("/charts/app")
    await charts.stalls("InvalidChartReference", "local chart reference path is expected to be relative")


async def test_a_package_of_ours_installs(charts, upstream, make_tree, tmp_path):
    wanted = [{"name": "common", "version": "0.1.x", "repository": "file://../common"}]
    upstream.commit(
        make_tree("charts/app", "app", dependencies=wanted) | make_tree("charts/common", "common")
    )
    await charts.of_git("charts/app")
    _, _, body = await charts.fetch(await charts.ready())
    (tmp_path / "app.tgz").write_bytes(body)
    shown = helm("template", "release", tmp_path / "app.tgz", home=tmp_path)
    assert shown.count("kind: ConfigMap") == 2


async def test_the_same_content_makes_the_same_package(charts, upstream, make_tree):
    upstream.commit(make_tree("charts/app", "app"))
    await charts.of_git("charts/app")
    first = await charts.ready()
    await charts.change(interval="2h")  # an edit builds anew
    second = await charts.ready()
    assert second["status"]["artifact"]["digest"] == first["status"]["artifact"]["digest"]


@pytest.mark.case("source-o24")
async def test_only_charts_of_a_repository_can_ask_for_verification(charts):
    with pytest.raises(ApiError, match=r"spec\.verify is only supported when .* is 'HelmRepository'"):
        await charts.create(
            sourceRef={"kind": "GitRepository", "name": "repo"}, verify={"provider": "cosign"}
        )
