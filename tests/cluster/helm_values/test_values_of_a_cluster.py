"""Values from ConfigMaps and Secrets of a real API server."""

import base64
from pathlib import Path

import pytest

from helm_controller.values.composing import ValuesComposer, ValuesFailed
from shared.api.helm_v2 import ValuesReference
from shared.kube import Connection, KubeClient


@pytest.fixture
async def client(cluster):
    connection = await Connection.load(Path(cluster.kubeconfig))
    yield KubeClient(connection)
    await connection.close()


@pytest.fixture
def create(client, namespace):
    async def create(kind, name, **data):
        resource = await client.discovery.find("", kind)
        field = "stringData" if kind == "Secret" else "data"
        metadata = {"name": name, "namespace": namespace}
        await client.create(resource, {"apiVersion": "v1", "kind": kind, "metadata": metadata, field: data})

    return create


@pytest.fixture
def composed(client, namespace):
    async def composed(*references, inline=None, client=client):
        models = [ValuesReference.model_validate(reference) for reference in references]
        return (await ValuesComposer(client).compose(namespace, models, inline)).values

    return composed


def at(path, key, **more):
    return {"kind": "Secret", "name": "texts", "valuesKey": key, "targetPath": path} | more


async def test_maps_and_texts_of_the_cluster_become_values(create, composed):
    await create("ConfigMap", "map", **{"values.yaml": "a: {x: 1}\nlist: [1]"})
    await create("Secret", "texts", key="ä")
    values = await composed({"kind": "ConfigMap", "name": "map"}, at("a.w", "key"), inline={"b": 2})
    assert values == {"a": {"x": 1, "w": "ä"}, "list": [1], "b": 2}


async def test_a_missing_secret_fails_unless_it_is_optional(composed, namespace):
    missing = {"kind": "Secret", "name": "gone"}
    with pytest.raises(ValuesFailed) as failed:
        await composed(missing)
    assert str(failed.value) == (
        f"could not resolve Secret chart values reference '{namespace}/gone' with key 'values.yaml': "
        "resource not found"
    )
    assert await composed(missing | {"optional": True}, inline={"a": 1}) == {"a": 1}


async def test_a_comma_ends_a_text_that_is_not_literal(create, composed):
    await create("Secret", "texts", key="a:1,b:2")
    with pytest.raises(ValuesFailed, match=r"failed to merge value: at x: .*set literal: true"):
        await composed(at("x", "key"))
    assert await composed(at("x", "key", literal=True)) == {"x": "a:1,b:2"}


@pytest.mark.case("helm-13")
async def test_quotes_make_a_string_of_what_is_a_boolean_without_them(create, composed):
    await create("Secret", "texts", quoted='"true"', bare="true")
    values = await composed(at("quoted", "quoted"), at("bare", "bare"))
    assert values["quoted"] == "true"
    assert values["bare"] is True


@pytest.mark.case("helm-14")
async def test_inline_values_win_for_the_same_key_but_not_for_a_path_into_their_maps(create, composed):
    await create("Secret", "texts", key="ref")
    assert await composed(at("x", "key"), inline={"x": "inline"}) == {"x": "inline"}
    assert await composed(at("a.x", "key"), inline={"a": {"x": "inline"}}) == {"a": {"x": "ref"}}


async def test_bytes_that_are_no_text_are_refused(client, composed, namespace):
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "texts", "namespace": namespace}}
    blob = base64.b64encode(b"\xff\xfe").decode()
    await client.create(await client.discovery.find("", "Secret"), secret | {"data": {"key": blob}})
    with pytest.raises(ValuesFailed, match="failed to read values data: it is no text"):
        await composed(at("x", "key"))


async def test_what_may_not_be_read_is_told_in_the_words_of_the_server(client, composed, namespace):
    nobody = client.impersonate("nobody")
    with pytest.raises(
        ValuesFailed, match='secrets "texts" is forbidden: User "nobody" cannot get'
    ) as failed:
        await composed(at("x", "key", optional=True), client=nobody)
    assert f"Secret chart values reference '{namespace}/texts' with key 'key'" in str(failed.value)
