"""What flux says about Headrace itself: installed from its charts, at work on a node."""

import pytest

from localcluster import ClusterError
from shared.lang import json
from shared.testing.controllers import CONTROLLERS

SYSTEM = "flux-system"
PART_OF = "app.kubernetes.io/part-of=flux"
CUSTOM = "gitrepositories,kustomizations"


@pytest.mark.case("runtime-42")
def test_every_check_passes(cli, node, own_cluster):
    said = cli("check")
    assert said.progress.rstrip().endswith("✔ all checks passed")
    assert "✗" not in said.progress
    assert {f"✔ {name}: deployment ready" for name in CONTROLLERS} <= set(said.progress.splitlines())
    stored = "{range .items[*]}{.metadata.name}/{.status.storedVersions[-1:]} {end}"
    definitions = own_cluster.kubectl("get", "crd", "-l", PART_OF, "-o", f"jsonpath={stored}").split()
    assert "kustomizations.kustomize.toolkit.fluxcd.io/v1" in definitions
    assert {f"✔ {name}" for name in definitions} <= set(said.progress.splitlines())


@pytest.mark.case("runtime-43")
def test_the_version_names_the_distribution_and_each_controller(cli, headrace):
    versions = json.loads(cli("version", "-o", "json").out)
    assert versions.pop("distribution").startswith("flux-v2.9.")
    assert versions.pop("flux").startswith("v2.9.")
    assert versions == dict.fromkeys(CONTROLLERS, "v0.1.0")


@pytest.mark.case("runtime-48")
def test_logs_go_on_after_an_error_of_200_kib(cli, node, headrace, app):
    # No key may have a slash in it, and the API server complains of each.
    app.commit("bad", a={f"{number}/{'x' * 200}": "value" for number in range(1000)})
    with pytest.raises(ClusterError) as complaint:
        app.kubectl("create", "-f", "-", stdin=app.upstream.git("show", "HEAD:deploy/a.yaml"))
    assert len(str(complaint.value)) > 200 * 1024
    app.flux("reconcile", "source", "git", "app")
    app.kubectl("wait", "kustomization/app", "--for=condition=Ready=False", "--timeout=30s")
    app.commit("mended", a="two")
    app.flux("reconcile", "kustomization", "app", "--with-source")

    written = headrace.kustomize.log.read_bytes().splitlines()
    assert max(map(len, written)) < 64 * 1024
    shown = cli("logs", "-A").out.splitlines()
    about = [line for line in shown if f" Kustomization/app.{app.namespace} - " in line]
    failed = max(number for number, line in enumerate(about) if 'ConfigMap "a" is invalid' in line)
    assert "error" in about[failed].split()
    assert about[failed].endswith("...")
    assert any("Reconciliation finished" in line for line in about[failed + 1 :])
    # Nothing that was written before that is left out, of neither controller.
    written += headrace.source.log.read_bytes().splitlines()
    assert len(shown) >= sum(line.startswith(b"{") for line in written)


def test_logs_can_be_narrowed_down(cli, node, app):
    app.flux("reconcile", "kustomization", "app")
    options = ("--flux-namespace", SYSTEM, "--kind=kustomization", "--name=app", "--level=info")
    shown = app.flux("logs", *options).out.splitlines()
    assert shown
    assert all(f" info Kustomization/app.{app.namespace} - " in line for line in shown)
    assert app.flux("logs", "--flux-namespace", SYSTEM, "--name=nobody").out == ""


@pytest.mark.case("runtime-50")
def test_a_second_migration_finds_nothing_to_do(cli, app, own_cluster):
    def versions():
        objects = json.loads(own_cluster.kubectl("get", CUSTOM, "-A", "-o", "json"))["items"]
        definitions = json.loads(own_cluster.kubectl("get", "crd", "-o", "json"))["items"]
        assert all(len(crd["status"]["storedVersions"]) == 1 for crd in definitions)
        return {
            (obj["kind"], obj["metadata"].get("namespace"), obj["metadata"]["name"]): obj["metadata"][
                "resourceVersion"
            ]
            for obj in objects + definitions
        }

    first = cli("migrate")
    assert "✔ custom resources migrated successfully" in first.progress
    assert f"✔ Kustomization/{app.namespace}/app migrated to version v1" in first.progress
    before = versions()
    again = cli("migrate")
    assert "✔ custom resources migrated successfully" in again.progress
    assert versions() == before
