"""Commands of flux that change something and wait until Headrace has seen to it."""

import pytest

from shared.lang import yaml
from shared.testing.git_server import Access, serve_in_thread

# Asks for no more than a parser can tell: the expression never ends.
BROKEN = "status.((("


@pytest.mark.case("runtime-45")
def test_reconciling_with_the_source_applies_what_was_just_committed(app):
    revision = app.commit("second", a="two")
    said = app.flux("reconcile", "ks", "app", "--with-source")
    assert f"✔ fetched revision {revision}" in said.progress
    assert f"✔ applied revision {revision}" in said.progress
    assert app.live("configmap", "a")["data"] == {"k": "two"}


@pytest.mark.case("runtime-46")
@pytest.mark.parametrize("command", ["reconcile", "resume"])
def test_broken_cel_ends_the_wait_at_once(app, command):
    checks = [{"apiVersion": "v1", "kind": "ConfigMap", "current": BROKEN}]
    app.kustomization("broken", wait=True, healthCheckExprs=checks, suspend=command == "resume")
    said = app.flux.run(command, "kustomization", "broken")
    assert said.code == 1
    assert BROKEN in said.progress
    assert "Syntax error" in said.progress
    # This is how a wait that takes its whole time ends.
    assert "context deadline exceeded" not in said.progress


@pytest.mark.case("runtime-47")
@pytest.mark.parametrize(
    ("kind", "name"), [("kustomization", "Kustomization"), ("source git", "GitRepository")]
)
def test_resuming_ends_although_nothing_changed(app, kind, name):
    app.flux("suspend", *kind.split(), "app")
    assert app.live(name, "app")["spec"]["suspend"] is True
    said = app.flux("resume", *kind.split(), "app")
    assert app.live(name, "app")["spec"].get("suspend", False) is False
    assert f"✔ {name} {'app ' if name == 'Kustomization' else ''}" in said.progress
    assert app.revision in said.progress


def test_a_suspended_kustomization_is_not_reconciled(app):
    app.flux("suspend", "kustomization", "app")
    refused = app.flux.run("reconcile", "kustomization", "app")
    assert refused.code == 1
    assert "resource is suspended" in refused.progress


def test_a_login_that_flux_made_opens_a_private_repository(team, git):
    _, folder = git
    create = ("create", "source", "git", "private", "--branch=main", "--secret-ref=login")
    team.flux(
        "create", "secret", "git", "login", "--url=https://a.test", "--username=ada", "--password=right"
    )
    with serve_in_thread(folder, access=Access(basic=("ada", "right"))) as server:
        said = team.flux(*create, f"--url={server.url(team.upstream.path)}")
    assert f"✔ fetched revision: {team.revision}" in said.progress
    exported = team.flux("export", "source", "git", "private", "--with-credentials").out
    assert [obj["kind"] for obj in yaml.load_all(exported)] == ["GitRepository", "Secret"]


def test_an_address_without_host_ends_the_wait_at_once(team):
    said = team.flux.run("create", "source", "git", "app", "--url=http://", "--branch=main")
    assert said.code == 1
    assert "it has no host" in said.progress


def test_deleting_prunes(app):
    app.flux("delete", "kustomization", "app", "--silent")
    app.kubectl("wait", "--for=delete", "configmap/a", "configmap/b", "kustomization/app", "--timeout=60s")
    app.flux("delete", "source", "git", "app", "--silent")
    app.kubectl("wait", "--for=delete", "gitrepository/app", "--timeout=60s")
