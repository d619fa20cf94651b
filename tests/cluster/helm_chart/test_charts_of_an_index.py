"""Charts that come from a HelmRepository with an index."""

import pytest


@pytest.mark.case("source-o35")
async def test_the_highest_stable_version_of_a_range_is_served_as_it_came(charts, http):
    http.add("app", "6.0.0", "6.1.0", "7.0.0", "6.2.0-rc1")
    obj = await charts.of_index(version="6.x")
    artifact = obj["status"]["artifact"]
    assert artifact["revision"] == "6.1.0"
    assert artifact["path"].endswith("/app-6.1.0.tgz")
    assert obj["status"]["observedChartName"] == "app"
    assert obj["status"]["url"].endswith("/latest.tar.gz")
    ready = charts.condition(obj, "Ready")
    assert (ready["reason"], ready["message"]) == (
        "ChartPullSucceeded",
        "pulled 'app' chart with version '6.1.0'",
    )
    _, _, body = await charts.fetch(obj)
    assert body == http.package("app", "6.1.0")
    (event,) = await charts.events("ChartPullSucceeded")
    assert event["message"] == "pulled 'app' chart with version '6.1.0'"


@pytest.mark.case("source-o36")
async def test_of_versions_that_differ_in_build_metadata_the_newest_wins(charts, http):
    http.add("app", "1.0.0+1", "1.0.0+2")
    index = http.index()
    created = {"1.0.0+1": "2026-01-01T00:00:00Z", "1.0.0+2": "2026-01-02T00:00:00Z"}
    for entry in index["entries"]["app"]:
        entry["created"] = created[entry["version"]]
    http.rewrite_index(index)
    obj = await charts.of_index()
    assert obj["status"]["artifact"]["revision"] == "1.0.0+2"


@pytest.mark.case("source-o37")
@pytest.mark.parametrize("name", ["App", "my_app", "a" * 10_000 + "_", "a//b", "../a"])
async def test_a_name_that_no_chart_can_have_stalls(charts, http, name):
    http.add("app", "1.0.0")
    await charts.repositories.create("charts")
    await charts.repositories.ready("charts")
    await charts.create(chart=name)
    await charts.stalls("InvalidChartReference", "invalid chart reference: invalid chart name")


@pytest.mark.case("source-o38")
async def test_a_version_that_is_published_later_ends_the_stall_at_once(charts, http):
    http.add("app", "1.0.0")
    await charts.repositories.create("charts")
    await charts.repositories.ready("charts")
    await charts.create(version="2.x")
    await charts.stalls("InvalidChartReference", "no 'app' chart with version matching '2.x' found")
    http.add("app", "2.0.1")
    await charts.repositories.reconcile("charts")
    obj = await charts.ready()
    assert obj["status"]["artifact"]["revision"] == "2.0.1"


async def test_a_chart_that_the_index_lacks_stalls(charts, http):
    http.add("app", "1.0.0")
    await charts.repositories.create("charts")
    await charts.repositories.ready("charts")
    await charts.create(chart="other")
    await charts.stalls("InvalidChartReference", "no chart name found")


async def test_a_chart_whose_version_stays_isnt_downloaded_again(charts, http):
    http.add("app", "1.0.0")
    before = await charts.of_index()
    http.add("other", "1.0.0")
    await charts.repositories.reconcile("charts")
    revision = (await charts.repositories.get("charts"))["status"]["artifact"]["revision"]
    after = await charts.until(lambda obj: obj["status"]["observedSourceArtifactRevision"] == revision)
    assert after["status"]["artifact"] == before["status"]["artifact"]
    assert http.asked.count("/charts/app-1.0.0.tgz") == 1


async def test_a_new_version_replaces_the_old_one(charts, http):
    http.add("app", "1.0.0")
    await charts.of_index()
    http.add("app", "1.1.0")
    await charts.repositories.reconcile("charts")
    obj = await charts.until(lambda obj: obj["status"]["artifact"]["revision"] == "1.1.0")
    _, _, body = await charts.fetch(obj)
    assert body == http.package("app", "1.1.0")


@pytest.mark.case("source-o41")
async def test_values_files_are_merged_in_their_order(charts, http):
    values = {
        "values.yaml": "a: {x: 1, z: [1, 2]}\nkeep: true\n",
        "values-prod.yaml": "a: {z: [3], w: null}\n",
    }
    http.add("app", "1.0.0", files=values)
    await charts.of_index()
    await charts.change(interval="2h")
    await charts.ready()
    await charts.change(valuesFiles=["values.yaml", "values-prod.yaml"])
    obj = await charts.ready()
    assert obj["metadata"]["generation"] == 3
    assert obj["status"]["artifact"]["revision"] == "1.0.0+3"
    ready = charts.condition(obj, "Ready")
    assert ready["reason"] == "ChartPackageSucceeded"
    assert ready["message"] == (
        "packaged 'app' chart with version '1.0.0+3' and merged values files [values.yaml values-prod.yaml]"
    )
    assert await charts.values(obj) == {"a": {"x": 1, "z": [3], "w": None}, "keep": True}


@pytest.mark.case("source-o41")
async def test_the_own_values_alone_change_nothing(charts, http):
    http.add("app", "1.0.0")
    obj = await charts.of_index(valuesFiles=["./values.yaml"])
    assert obj["status"]["artifact"]["revision"] == "1.0.0"
    _, _, body = await charts.fetch(obj)
    assert body == http.package("app", "1.0.0")


@pytest.mark.case("source-o43")
async def test_values_files_may_be_missing_where_that_is_said(charts, http):
    http.add("app", "1.0.0", files={"values-prod.yaml": "replicas: 3\n"})
    files = ["values-prod.yaml", "values-none.yaml"]
    obj = await charts.of_index(valuesFiles=files, ignoreMissingValuesFiles=True)
    assert obj["status"]["observedValuesFiles"] == ["values-prod.yaml"]
    assert await charts.values(obj) == {"replicas": 3}
    again = await charts.reconcile()
    assert again["status"]["artifact"] == obj["status"]["artifact"]
    assert charts.condition(again, "Ready")["message"].endswith("merged values files [values-prod.yaml]")
    await charts.change(ignoreMissingValuesFiles=False, valuesFiles=["values-prod.yaml"])
    obj = await charts.until(lambda obj: "observedValuesFiles" not in obj["status"])
    await charts.ready()


async def test_a_missing_values_file_stalls(charts, http):
    http.add("app", "1.0.0")
    await charts.repositories.create("charts")
    await charts.repositories.ready("charts")
    await charts.create(valuesFiles=["values-none.yaml"])
    await charts.stalls(
        "ValuesFilesError",
        "values files merge error: failed to merge chart values: "
        "no values file found at path 'values-none.yaml'",
    )


@pytest.mark.case("source-o44")
async def test_a_source_without_artifact_is_waited_for(charts, http):
    http.add("app", "1.0.0")
    await charts.repositories.create("charts", suspend=True)
    await charts.create()
    await charts.fails("NoSourceArtifact", "no artifact available for HelmRepository source 'charts'")
    events = await charts.events("NoSourceArtifact")
    assert {event["type"] for event in events} == {"Normal"}
    await charts.repositories.change("charts", suspend=False)
    await charts.ready()


async def test_a_source_that_isnt_there_is_waited_for(charts, http):
    http.add("app", "1.0.0")
    await charts.create()
    await charts.fails("SourceUnavailable", "failed to get source: ")
    await charts.repositories.create("charts")
    await charts.ready()


@pytest.mark.case("source-o47")
async def test_a_refused_login_is_retried(charts, http):
    http.add("app", "1.0.0")
    await charts.repositories.create("charts")
    await charts.repositories.ready("charts")
    http.login = "ada:secret"
    await charts.create()
    obj = await charts.fails("AuthenticationFailed", "401")
    assert charts.condition(obj, "Stalled")["status"] != "True"
    (event, *_) = await charts.events("AuthenticationFailed")
    assert event["type"] == "Warning"
    http.login = ""
    await charts.ready()


@pytest.mark.case("source-o24")
async def test_charts_of_an_index_cant_be_verified(charts, http):
    http.add("app", "1.0.0")
    await charts.repositories.create("charts")
    await charts.repositories.ready("charts")
    await charts.create(verify={"provider": "cosign"})
    obj = await charts.fails("VerificationError", "chart verification error: not implemented")
    failed = charts.condition(obj, "BuildFailed")
    assert (failed["status"], failed["reason"]) == ("True", "ChartVerificationError")
    assert charts.condition(obj, "SourceVerified")["status"] == "False"


@pytest.mark.case("source-o32")
async def test_a_login_stays_with_its_host_unless_told_otherwise(charts, http, elsewhere):
    elsewhere.add("app", "1.0.0")
    elsewhere.add("app", "1.1.0")
    index = elsewhere.index()
    for entry in index["entries"]["app"]:
        entry["urls"] = [f"{elsewhere.url}/app-{entry['version']}.tgz"]
    http.rewrite_index(index)
    http.login = "ada:secret"
    await charts.secret("login", username="ada", password="secret")
    await charts.repositories.create("charts", secretRef={"name": "login"})
    await charts.repositories.ready("charts")
    await charts.create()
    await charts.ready()
    assert "Authorization" not in elsewhere.requests[-1].headers
    await charts.repositories.change("charts", passCredentials=True)
    await charts.repositories.ready("charts")
    await charts.change(version="1.0.0")
    await charts.ready()
    assert elsewhere.requests[-1].path.endswith("/app-1.0.0.tgz")
    assert elsewhere.requests[-1].headers["Authorization"].startswith("Basic ")


async def test_a_deleted_chart_leaves_nothing_behind(charts, http):
    http.add("app", "1.0.0")
    obj = await charts.of_index()
    folder = (charts.storage / obj["status"]["artifact"]["path"]).parent
    assert folder.is_dir()
    await charts.delete()
    await charts.until(lambda obj: obj is None)
    assert not folder.exists()
