"""`flux uninstall` where Headrace applies its own manifests from Git, as a bootstrap leaves it."""

import subprocess
from pathlib import Path

import pytest

from localcluster import programs
from shared.lang import json, yaml
from shared.testing.controllers import Suite
from shared.testing.git_upstream import Upstream

CHARTS = Path(__file__).parents[3] / "charts"
SYSTEM = "flux-system"
PART_OF = "app.kubernetes.io/part-of=flux"


def rendered(chart):
    command = [str(programs.ensure("helm")), "template", chart, str(CHARTS / chart), "-n", SYSTEM]
    # Nothing is wrong with the node, but it does not say so.
    command += ["--set", "tolerations[0].operator=Exists"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return [obj for obj in yaml.load_all(done.stdout) if obj]


def components():
    """What a bootstrap installs."""
    labels = {"app.kubernetes.io/part-of": "flux", "app.kubernetes.io/instance": SYSTEM}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM, "labels": labels}}
    return [namespace, *rendered("source-controller"), *rendered("kustomize-controller")]


def sync(url):
    """The source and the Kustomization of a bootstrap."""
    specs = {
        "source.toolkit.fluxcd.io/v1 GitRepository": {
            "ref": {"branch": "main"},
            "url": url,
            "interval": "1m",
        },
        "kustomize.toolkit.fluxcd.io/v1 Kustomization": {
            "interval": "10m",
            "path": "./clusters/test",
            "prune": True,
            "sourceRef": {"kind": "GitRepository", "name": SYSTEM},
        },
    }
    return [
        dict(zip(("apiVersion", "kind"), kind.split(), strict=True))
        | {"metadata": {"name": SYSTEM, "namespace": SYSTEM}, "spec": spec}
        for kind, spec in specs.items()
    ]


@pytest.fixture(scope="module")
def headrace(own_cluster, git, tmp_path_factory):
    """Headrace, bootstrapped."""
    server, folder = git
    upstream = Upstream(folder, "fleet.git")
    files = {"gotk-components.yaml": components(), "gotk-sync.yaml": sync(server.url(upstream.path))}
    upstream.commit({f"clusters/test/{SYSTEM}/{name}": yaml.dump_all(objs) for name, objs in files.items()})
    apply = ("apply", "--server-side", "--field-manager=flux", "-f", "-")
    own_cluster.kubectl(*apply, stdin=yaml.dump_all(files["gotk-components.yaml"]))
    own_cluster.kubectl("wait", "crd", "-l", PART_OF, "--for=condition=Established", "--timeout=30s")
    suite = Suite(own_cluster, tmp_path_factory.mktemp("headrace"))
    suite.start()
    own_cluster.kubectl(*apply, stdin=yaml.dump_all(files["gotk-sync.yaml"]))
    waited = ("wait", f"kustomization/{SYSTEM}", "-n", SYSTEM, "--for=condition=Ready", "--timeout=60s")
    own_cluster.kubectl(*waited)
    yield suite
    suite.stop()


@pytest.mark.case("runtime-49")
def test_nothing_is_left_but_what_was_applied(cli, node, own_cluster, headrace, new_team):
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
    assert not headrace.source.running
    assert not headrace.kustomize.running
    assert json.loads(team.kubectl("get", "configmap", "a", "-o", "json"))["data"] == {"k": "one"}
