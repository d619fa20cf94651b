"""Fields of the spec that change what is built, from the object to the cluster."""

import base64

import pytest

from shared.lang import yaml

PREFIX = "kustomize.toolkit.fluxcd.io"


async def test_every_overlay_field_reaches_the_objects(flux, config_map, deployment):
    component = {"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component"}
    component |= {"commonAnnotations": {"component": "yes"}}
    await flux.publish(
        files={
            "deploy/web.yaml": yaml.dump_all([deployment(image="web"), config_map("settings")]),
            "parts/one/kustomization.yaml": yaml.dump(component),
        }
    )
    await flux.kustomization(
        path="./deploy",
        namePrefix="pre-",
        nameSuffix="-post",
        commonMetadata={"labels": {"team": "web"}, "annotations": {"note": "x"}},
        images=[{"name": "web", "newName": "mirror/web", "newTag": "v2"}],
        components=["../parts/one", "../parts/missing"],
        ignoreMissingComponents=True,
        buildMetadata=["originAnnotations"],
        patches=[
            {
                "patch": '[{"op": "add", "path": "/spec/paused", "value": true}]',
                "target": {"kind": "Deployment", "name": "web"},
            },
            {"patch": yaml.dump(config_map("settings", more="1") | {"data": {"more": "1"}})},
        ],
    )
    await flux.ready()
    web = await flux.live("Deployment.apps", "pre-web-post")
    assert web["spec"]["template"]["spec"]["containers"][0]["image"] == "mirror/web:v2"
    assert web["spec"]["paused"] is True
    assert web["metadata"]["labels"]["team"] == "web"
    annotations = web["metadata"]["annotations"]
    assert (annotations["note"], annotations["component"]) == ("x", "yes")
    assert "web.yaml" in annotations["config.kubernetes.io/origin"]
    settings = await flux.live("ConfigMap", "pre-settings-post")
    assert settings["data"] == {"k": "v", "more": "1"}


async def test_variables_come_from_all_places_and_the_last_wins(flux, config_map):
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "vars"}}
    await flux.create(secret | {"stringData": {"one": "secret", "two": "secret"}})
    await flux.create(config_map("vars", one="config", two="config", three="config"))
    await flux.publish(config_map("a", value="${one} ${two} ${three}"))
    await flux.kustomization(
        postBuild={
            "substitute": {"one": "inline"},
            "substituteFrom": [{"kind": "ConfigMap", "name": "vars"}, {"kind": "Secret", "name": "vars"}],
        }
    )
    await flux.ready()
    assert (await flux.live("ConfigMap", "a"))["data"] == {"value": "inline secret config"}


@pytest.mark.case("kustomize-25")
async def test_a_secret_that_is_still_encrypted_is_refused(flux, config_map):
    ciphertext = "ENC[AES256_GCM,data:AAAA,iv:AAAA,tag:AAAA,type:str]"
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s"},
        "stringData": {"k": ciphertext},
    }
    sops = {"mac": ciphertext, "version": "3.13.2"}
    await flux.publish(config_map("a"), secret | {"sops": sops})
    await flux.kustomization()
    await flux.fails("ReconciliationFailed", f"Secret/{flux.namespace}/s is SOPS encrypted")
    assert await flux.names("Secret") == []
    assert await flux.names() == []
    secret["metadata"]["annotations"] = {f"{PREFIX}/decrypt": "disabled"}
    await flux.publish(config_map("a"), secret | {"sops": sops})
    await flux.ready()
    assert base64.b64decode((await flux.live("Secret", "s"))["data"]["k"]).decode() == ciphertext


async def test_a_parent_waits_for_its_children_and_takes_them_along(flux, config_map):
    def child(name, **spec):
        source = {"kind": "GitRepository", "name": "leaves"}
        body = {"interval": "1h", "prune": True, "sourceRef": source, "targetNamespace": flux.namespace}
        metadata = {"name": name, "namespace": flux.namespace}
        return {
            "apiVersion": f"{PREFIX}/v1",
            "kind": "Kustomization",
            "metadata": metadata,
            "spec": body | spec,
        }

    await flux.publish(config_map("leaf"), source="leaves")
    await flux.publish(child("child"), child("second", path="./", dependsOn=[{"name": "child"}]))
    await flux.kustomization(wait=True, targetNamespace=None)
    await flux.ready()
    assert flux.condition(await flux.live(f"Kustomization.{PREFIX}", "child"), "Ready")["status"] == "True"
    assert await flux.names() == ["leaf"]
    await flux.publish(files={"README.md": "no children"})
    await flux.ready()
    for name in ("child", "second"):
        await flux.gone(f"Kustomization.{PREFIX}", name)
    assert await flux.names() == []
