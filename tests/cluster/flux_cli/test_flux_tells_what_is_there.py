"""Commands of flux that read: each has to find what it looks for where Headrace has put it."""

import pytest

from shared.lang import yaml
from shared.testing.patience import until


@pytest.fixture(scope="module")
def shared(new_team):
    """One app for all tests that only read."""
    return new_team().with_app()


@pytest.fixture(scope="module")
def shop(new_team):
    """A team with a workload, a Secret, and an object without namespace that has a colon in its name."""
    team = new_team()
    containers = [{"name": "main", "image": "web:1", "resources": {"requests": {"cpu": "1000m"}}}]
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": containers}}
    contents = {
        "apps/v1 Deployment web": {"spec": {"selector": {"matchLabels": labels}, "template": template}},
        "rbac.authorization.k8s.io/v1 ClusterRole shop:reader": {"rules": []},
        "v1 Secret login": {"stringData": {"password": "before"}},
    }
    objects = []
    for words, content in contents.items():
        version, kind, name = words.split()
        objects.append({"apiVersion": version, "kind": kind, "metadata": {"name": name}, **content})
    team.upstream.commit(
        {"deploy/a.yaml": None, "deploy/b.yaml": None, "deploy/shop.yaml": yaml.dump_all(objects)}
    )
    team.create_source()
    made = team.create_kustomization()
    assert made.code == 0, made.progress
    yield team
    # The role belongs to no namespace, so it would stay.
    team.flux("delete", "kustomization", "app", "--silent")
    team.kubectl("wait", "--for=delete", "clusterrole/shop:reader", "--timeout=60s")


def test_a_source_and_a_kustomization_are_created_and_waited_for(team):
    source = team.create_source()
    assert f"✔ fetched revision: {team.revision}" in source.progress
    made = team.create_kustomization("--wait")
    assert made.code == 0
    assert f"✔ applied revision {team.revision}" in made.progress
    assert team.live("configmap", "b")["data"] == {"k": "one"}


def test_everything_is_listed(shared):
    short = shared.revision[: len("main@sha1:") + 8]
    listed = shared.flux("get", "all", "-A").lines
    assert (
        f"{shared.namespace} gitrepository/app {short} False True stored artifact for revision '{short}'"
        in listed
    )
    assert f"{shared.namespace} kustomization/app {short} False True Applied revision: {short}" in listed


def test_lists_can_be_chosen_by_status(app):
    app.kustomization("lost", path="./nowhere")
    app.kubectl("wait", "kustomization/lost", "--for=condition=Ready=False", "--timeout=30s")
    assert [line.split()[0] for line in app.flux("get", "ks", "--status-selector=ready=false").lines] == [
        "NAME",
        "lost",
    ]
    assert [line.split()[0] for line in app.flux("get", "ks", "--status-selector=ready=true").lines] == [
        "NAME",
        "app",
    ]


def test_statistics_count_what_is_suspended_and_what_is_stored(app):
    app.flux("suspend", "kustomization", "app")
    # Columns: kind, running, failing, suspended, storage.
    rows = {line.split()[0]: line.split()[1:] for line in app.flux("stats").lines}
    assert rows["Kustomization"] == ["0", "0", "1", "-"]
    assert rows["GitRepository"][:3] == ["1", "0", "0"]
    size = app.live("gitrepository", "app")["status"]["artifact"]["size"]
    assert rows["GitRepository"][3:] == [str(size), "B"]


def test_the_tree_shows_what_was_applied(shared):
    assert shared.flux("tree", "kustomization", "app").lines == [
        f"Kustomization/{shared.namespace}/app",
        f"├── ConfigMap/{shared.namespace}/a",
        f"└── ConfigMap/{shared.namespace}/b",
    ]


def test_the_tree_names_objects_without_namespace_and_with_colons(shop):
    assert set(shop.flux("tree", "kustomization", "app").lines[1:]) == {
        "├── ClusterRole/shop:reader",
        f"├── Secret/{shop.namespace}/login",
        f"└── Deployment/{shop.namespace}/web",
    }


def test_events_are_those_of_the_kustomization_and_its_source(shared):
    finished = "Normal ReconciliationSucceeded Kustomization/app Reconciliation finished"
    stored = "Normal NewArtifact GitRepository/app stored artifact for commit 'first'"

    def told(lines):
        # Events are sent when there is time, each controller by itself.
        return all(any(text in each for each in lines) for text in (stored, finished))

    listed = until(lambda: shared.flux("events", "--for", "Kustomization/app").lines, told)
    progress = next(
        number
        for number, each in enumerate(listed)
        if f"Normal Progressing Kustomization/app ConfigMap/{shared.namespace}/a created" in each
    )
    assert listed[progress + 1] == f"ConfigMap/{shared.namespace}/b created"
    assert not any("Warning" in each for each in listed)


def test_an_object_is_traced_to_its_commit(shared):
    lines = shared.flux("trace", "configmap", "a").lines
    assert "Status: Managed by Flux" in lines
    assert "Kustomization: app" in lines
    assert "GitRepository: app" in lines
    assert f"URL: {shared.url}" in lines
    assert lines.count(f"Revision: {shared.revision}") == 2
    assert f"Message: Applied revision: {shared.revision}" in lines


def test_a_pod_is_traced_through_its_owners(shop):
    shop.kubectl("wait", "deployment/web", "--for=jsonpath={.status.replicas}=1", "--timeout=30s")
    pod = shop.kubectl("get", "pods", "-o", "jsonpath={.items[0].metadata.name}")
    lines = shop.flux("trace", "pod", pod).lines
    assert f"Object: Pod/{pod}" in lines
    assert "Kustomization: app" in lines
    assert "Object: ClusterRole/shop:reader" in shop.flux("trace", "clusterrole", "shop:reader").lines


@pytest.mark.parametrize("kind", ["kustomization", "source git"])
def test_an_export_is_what_was_asked_for_and_can_be_applied_again(shared, kind):
    exported = shared.flux("export", *kind.split(), "app").out
    assert "status:" not in exported
    assert "finalizers" not in exported
    assert shared.kubectl("diff", "-f", "-", stdin=exported) == ""


def test_a_diff_shows_what_a_change_would_do_and_nothing_else(shared, tmp_path):
    for name in ("a", "b"):
        source = shared.upstream.git("show", f"HEAD:deploy/{name}.yaml")
        (tmp_path / f"{name}.yaml").write_text(source + "\n")
    same = shared.flux("diff", "kustomization", "app", "--path", str(tmp_path))
    assert same.out == ""
    changed = tmp_path / "a.yaml"
    changed.write_text(changed.read_text().replace("one", "two"))
    said = shared.flux.run("diff", "kustomization", "app", "--path", str(tmp_path))
    assert said.code == 1
    assert f"► ConfigMap/{shared.namespace}/a drifted" in said.out
    assert f"ConfigMap/{shared.namespace}/b" not in said.out
    assert shared.live("configmap", "a")["data"] == {"k": "one"}


def test_a_diff_shows_no_value_of_a_secret(shop, tmp_path):
    manifests = tmp_path / "shop.yaml"
    manifests.write_text(shop.upstream.git("show", "HEAD:deploy/shop.yaml") + "\n")
    assert shop.flux("diff", "kustomization", "app", "--path", str(tmp_path)).out == ""
    manifests.write_text(manifests.read_text().replace("before", "after-that").replace("web:1", "web:2"))
    said = shop.flux.run("diff", "kustomization", "app", "--path", str(tmp_path))
    assert said.code == 1
    assert f"► Secret/{shop.namespace}/login drifted" in said.out
    assert "after-that" not in said.out + said.progress
    assert "+ web:2" in said.out


def test_the_status_is_shown_for_debugging(shared):
    shown = shared.flux("debug", "kustomization", "app", "--show-status").out
    assert f"lastAppliedRevision: {shared.revision}" in shown
    assert "totalReconciliations: 1" in shown
