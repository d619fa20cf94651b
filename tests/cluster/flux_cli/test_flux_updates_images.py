"""The commands of flux for images, as its documentation has them."""

import asyncio

from shared.lang import yaml
from shared.testing.registry import RegistryStore, run_registry


async def test_flux_looks_after_images(team, tmp_path):
    with run_registry(tmp_path) as store:
        await asyncio.to_thread(_images, team, store)


def pushed_file(team):
    team.upstream.git("fetch", "-q", str(team.upstream.bare), "main")
    return team.upstream.git("show", "FETCH_HEAD:deploy/web.yaml")


def _images(team, store: RegistryStore):
    flux, name = team.flux, f"{team.namespace}/web"
    image = f"{store.host}/{name}"
    store.push(name, "1.0.0", {"a": "1"})
    flux("create", "image", "repository", "web", f"--image={image}", "--interval=5m")
    flux("create", "image", "policy", "web", "--image-ref=web", "--select-semver=1.x")
    assert flux("get", "image", "policy").lines[1].startswith(f"web {image} 1.0.0 True Latest image tag for")
    assert "True successful scan: found 1 tags" in flux("get", "image", "repository").lines[1]

    marker = f'# {{"$imagepolicy": "{team.namespace}:web:tag"}}'
    team.upstream.commit({"deploy/web.yaml": f"kind: A\ntag: none {marker}\n"})
    team.create_source()
    flux(
        "create", "image", "update", "web", "--git-repo-ref=app", "--git-repo-path=./deploy",
        "--checkout-branch=main", "--push-branch=main", "--author-name=Bot", "--author-email=bot@example.org",
        "--commit-template={{ range .Changed.Changes }}{{ .NewValue }}{{ end }}",
    )  # fmt: skip
    pushed = team.live("imageupdateautomation", "web")["status"]["lastPushCommit"]
    assert pushed_file(team) == f"kind: A\ntag: 1.0.0 {marker}"
    assert "True repository up-to-date" in flux("get", "image", "update").lines[1]

    store.push(name, "1.1.0", {"a": "2"})
    scanned = flux("reconcile", "image", "repository", "web")
    assert "scan fetched 2 tags" in scanned.progress or "found 2 tags" in scanned.progress
    flux("reconcile", "image", "policy", "web")
    flux("reconcile", "image", "update", "web")
    assert team.live("imageupdateautomation", "web")["status"]["lastPushCommit"] != pushed
    assert pushed_file(team) == f"kind: A\ntag: 1.1.0 {marker}"

    resources = {"update": "imageupdateautomation", "policy": "imagepolicy", "repository": "imagerepository"}
    for kind in resources:
        flux("suspend", "image", kind, "web")
        assert team.live(resources[kind], "web")["spec"]["suspend"] is True
        flux("resume", "image", kind, "web")
        exported = yaml.load(flux("export", "image", kind, "web").out)
        assert exported["metadata"]["name"] == "web"
        flux("delete", "image", kind, "web", "--silent")
