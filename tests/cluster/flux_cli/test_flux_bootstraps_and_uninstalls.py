"""A cluster from its first commit to its end: `flux bootstrap git` with the chart of the suite, then
`flux uninstall`.
"""

import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from localcluster import programs
from shared.lang import json
from shared.testing.controllers import Suite
from shared.testing.git_upstream import Upstream

CHARTS = Path(__file__).parents[3] / "charts"
SYSTEM = "flux-system"
PART_OF = "app.kubernetes.io/part-of=flux"
CONTROLLERS = ("source-controller", "kustomize-controller", "helm-controller", "notification-controller")


def helm(*arguments):
    command = [str(programs.ensure("helm")), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.fixture(scope="module")
def manifests(tmp_path_factory):
    """What a bootstrap is to install: the chart of the suite, rendered into a folder for kustomize."""
    charts = tmp_path_factory.mktemp("suite") / "charts"
    shutil.copytree(CHARTS, charts, ignore=shutil.ignore_patterns("*.tgz"))
    helm("dependency", "build", str(charts / "headrace"))
    values = ["namespace.create=true"]
    # Nothing is wrong with the node, but it does not say so.
    values += [f"{name}.tolerations[0].operator=Exists" for name in CONTROLLERS]
    options = [f"--set={value}" for value in values]
    folder = tmp_path_factory.mktemp("manifests")
    rendered = helm("template", "headrace", str(charts / "headrace"), f"--namespace={SYSTEM}", *options)
    (folder / "headrace.yaml").write_text(rendered)
    (folder / "kustomization.yaml").write_text("resources: [headrace.yaml]\n")
    return folder


@pytest.fixture(scope="module")
def fleet(git):
    """An empty repository that may be pushed to, and its address."""
    server, folder = git
    upstream = Upstream(folder, "fleet.git")
    upstream.commit({"README.md": "All our clusters.\n"})
    return upstream, server.url(upstream.path)


@pytest.fixture(scope="module")
def bootstrap(cli, fleet, manifests):
    """Runs `flux bootstrap git`."""
    _, url = fleet

    def run():
        return cli.run(
            "bootstrap", "git", f"--url={url}", "--branch=main", "--path=clusters/test", "--silent",
            "--allow-insecure-http", "--token-auth", "--username=git", "--password=secret",
            f"--components={','.join(CONTROLLERS)}", f"--manifests={manifests}",
        )  # fmt: skip

    return run


@pytest.fixture(scope="module")
def bootstrapped(own_cluster, bootstrap, node_for, tmp_path_factory):
    """Headrace as a bootstrap has made it, its node, and what flux said then and the next time."""
    suite = Suite(own_cluster, tmp_path_factory.mktemp("headrace"))
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(bootstrap)
        for name in CONTROLLERS:
            own_cluster.kubectl("wait", "--for=create", f"deployment/{name}", "-n", SYSTEM, "--timeout=60s")
        suite.start()
        with node_for(own_cluster, suite) as node:
            said = running.result()
            yield suite, node, (said, bootstrap())
    suite.stop()


@pytest.fixture(scope="module")
def headrace(bootstrapped):
    return bootstrapped[0]


def test_a_bootstrap_ends_when_the_cluster_follows_the_repository(bootstrapped, fleet):
    upstream, _ = fleet
    _, _, (first, again) = bootstrapped
    assert first.code == 0, first.progress
    assert "✔ all components are healthy" in first.progress.splitlines()
    assert again.code == 0, again.progress
    assert "✔ sync manifests are up to date" in again.progress.splitlines()
    upstream.git("pull", "-q", str(upstream.bare), "main")
    files = upstream.git("ls-files", "clusters").split()
    folder = f"clusters/test/{SYSTEM}"
    assert files == [f"{folder}/{name}.yaml" for name in ("gotk-components", "gotk-sync", "kustomization")]


@pytest.mark.case("runtime-49")
def test_an_uninstall_leaves_nothing_but_what_was_applied(cli, bootstrapped, own_cluster, new_team):
    suite, node, _ = bootstrapped
    team = new_team().with_app()
    assert "✔ bootstrapped: true" in cli("check").progress.splitlines()
    with node.ending_pods():
        said = cli("uninstall", "--silent")
        own_cluster.kubectl("wait", "--for=delete", f"namespace/{SYSTEM}", "--timeout=60s")
        own_cluster.kubectl("wait", "--for=delete", "crd", "-l", PART_OF, "--timeout=60s")
    assert said.progress.rstrip().endswith("✔ uninstall finished")
    assert "✗" not in said.progress

    kinds = own_cluster.kubectl("api-resources", "--namespaced=false", "--verbs=list", "-o", "name").split()
    assert "clusterroles.rbac.authorization.k8s.io" in kinds
    assert own_cluster.kubectl("get", ",".join(kinds), "-l", PART_OF, "-o", "name") == ""
    # Nothing was left out for want of a label.
    rights = own_cluster.kubectl("get", "clusterroles,clusterrolebindings", "-o", "name").split()
    assert [name for name in rights if name.endswith(f"-{SYSTEM}")] == []
    assert not any(process.running for process in suite.processes)
    assert json.loads(team.kubectl("get", "configmap", "a", "-o", "json"))["data"] == {"k": "one"}
