"""Charts for helm and for helm-controller, which takes their versions as they are, as helm does."""

import pytest

from shared.testing.helm import OWN, Releases
from shared.testing.helm_twins import Twins

GROUP = "differential"


@pytest.fixture(scope="session")
def helm_like_controller(suite):
    process = Releases.group_process(suite, GROUP, "--feature-gates=DisableChartDigestTracking=true")
    process.start()
    yield process
    assert process.running, process.tail()
    assert process.stop() == 0, process.tail()
    assert "unexpected error" not in process.log.read_text()


@pytest.fixture
async def twins(cluster, namespace, artifacts, suite, helm_like_controller, tmp_path):
    theirs = f"{namespace}-helm"
    cluster.kubectl("create", "namespace", theirs)
    async with Releases.connected(
        cluster.kubeconfig, namespace, artifacts, suite, helm_like_controller
    ) as releases:
        twins = Twins(releases, theirs, tmp_path, cluster.kubeconfig)
        twins.labels = {OWN: GROUP}
        yield twins
    cluster.kubectl("delete", "namespace", theirs, "--wait=false", "--ignore-not-found")


@pytest.fixture(params=[True, False], ids=["server-side", "client-side"])
def server_side(request):
    """Both ways to apply objects."""
    return request.param


@pytest.fixture
def how(server_side):
    """How an installation is told which way to go: flags of the program, `install` of the HelmRelease."""
    flags = ["--server-side=true", "--force-conflicts"] if server_side else ["--server-side=false"]
    return flags, {"install": {"serverSideApply": server_side}}


@pytest.fixture
def again(server_side):
    """What an upgrade of such a release needs; the way itself is found out."""
    return ["--force-conflicts"] if server_side else []


@pytest.fixture
def chart():
    """The files of a chart, from templates and what else there is."""

    def files(templates, *, values="{}", version="1.0.0", more=None, metadata=""):
        head = f"apiVersion: v2\nname: demo\nversion: {version}\nappVersion: app-{version}\n{metadata}"
        named = {f"templates/{path}": text for path, text in templates.items()}
        return {"Chart.yaml": head, "values.yaml": values, **named, **(more or {})}

    return files
