"""Variables that ConfigMaps and Secrets hold, and what their changes bring about."""

import base64

import pytest

WATCHED = {"reconcile.fluxcd.io/watch": "Enabled"}


def config(config_map, name, labels=None, **data):
    return config_map(name, labels, None, **data)


@pytest.mark.case("kustomize-23")
async def test_an_optional_config_map_may_come_later(flux, config_map):
    await flux.publish(config_map("a", value="${size:=small}"))
    reference = {"kind": "ConfigMap", "name": "vars", "optional": True}
    await flux.kustomization(postBuild={"substitute": {"x": "y"}, "substituteFrom": [reference]})
    await flux.ready()
    assert (await flux.live("ConfigMap", "a"))["data"] == {"value": "small"}
    await flux.create(config_map("vars", WATCHED, size="large"))
    await flux.until("ConfigMap", "a", lambda obj: obj["data"] == {"value": "large"})
    await flux.edit("ConfigMap", "vars", {"data": {"size": "huge"}})
    await flux.until("ConfigMap", "a", lambda obj: obj["data"] == {"value": "huge"})


async def test_a_missing_config_map_is_tried_again_after_the_retry_interval(flux, config_map):
    artifact = await flux.publish(config_map("a", value="${size}"))
    reference = {"kind": "ConfigMap", "name": "vars"}
    await flux.kustomization(postBuild={"substituteFrom": [reference]})
    failed = await flux.fails("BuildFailed", "substitute from 'ConfigMap/vars' error: ")
    assert failed["status"]["lastAttemptedRevision"] == artifact["revision"]
    await flux.create(config_map("vars", size="large"))
    await flux.ready()
    assert (await flux.live("ConfigMap", "a"))["data"] == {"value": "large"}


async def test_a_path_that_is_not_there_comes_before_a_config_map_that_is_not(flux, config_map):
    await flux.publish(config_map("a"))
    reference = {"kind": "ConfigMap", "name": "vars"}
    await flux.kustomization(path="elsewhere", postBuild={"substituteFrom": [reference]})
    failed = await flux.fails("ArtifactFailed", "kustomization path not found")
    assert "lastAttemptedRevision" not in failed["status"]


async def test_an_undefined_variable_fails_and_is_named(flux, config_map):
    await flux.publish(config_map("a", value="${size}"))
    await flux.kustomization(postBuild={"substitute": {"x": "y"}})
    await flux.fails("BuildFailed", 'variable not set (strict mode): "size"')
    assert await flux.names() == []


async def test_a_value_that_is_not_text_fails_only_where_it_is_used(flux, config_map):
    blob = base64.b64encode(b"\xff\xfe").decode()
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "vars"}, "data": {"blob": blob}}
    await flux.create(secret | {"stringData": {"size": "large"}})
    await flux.publish(config_map("a", value="${size}"))
    await flux.kustomization(postBuild={"substituteFrom": [{"kind": "Secret", "name": "vars"}]})
    await flux.ready()
    assert (await flux.live("ConfigMap", "a"))["data"] == {"value": "large"}
    await flux.publish(config_map("a", value="${blob}"))
    await flux.fails("BuildFailed", "the value of key 'blob' in Secret/vars is not text")
