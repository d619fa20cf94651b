"""Variables come from references in their order and from the spec; the last that sets one wins."""

import base64

import pytest

from kustomize_controller.kustomization.variables import Variables
from shared.api.kustomize_v1 import Kustomization
from shared.kube.errors import NotFound
from shared.runtime.outcome import Failure

BLOB = base64.b64encode(b"\xff\xfe").decode()


def text(value):
    return base64.b64encode(value.encode()).decode()


class Cluster:
    """ConfigMaps and Secrets by kind and name."""

    def __init__(self, **data):
        self.data = data

    async def get(self, resource, namespace, name):
        assert namespace == "n"
        key = f"{resource.kind}_{name}"
        if key not in self.data:
            raise NotFound(404, "NotFound", f'{resource.plural} "{name}" not found')
        return {"data": self.data[key]}


async def values(cluster, *references, **inline):
    obj = Kustomization.model_validate(
        {
            "metadata": {"name": "app", "namespace": "n", "generation": 1},
            "spec": {
                "interval": "1h",
                "prune": True,
                "sourceRef": {"kind": "GitRepository", "name": "app"},
                "postBuild": {
                    "substitute": inline,
                    "substituteFrom": [{"kind": kind, "name": name} for kind, name in references],
                },
            },
        }
    )
    return await Variables(cluster).load(obj)


async def test_later_references_win_and_the_spec_over_all():
    cluster = Cluster(ConfigMap_a={"x": "1", "y": "1", "z": "1"}, Secret_b={"y": text("2"), "z": text("2")})
    found = await values(cluster, ("ConfigMap", "a"), ("Secret", "b"), z="3")
    assert found.text == {"x": "1", "y": "2", "z": "3"}


async def test_a_value_that_is_not_text_is_kept_apart_with_its_origin():
    found = await values(Cluster(Secret_b={"blob": BLOB, "v": text("1")}), ("Secret", "b"))
    assert (found.text, found.not_text) == ({"v": "1"}, {"blob": "Secret/b"})


@pytest.mark.parametrize("last", ["blob", "text"])
async def test_text_and_what_is_not_replace_each_other(last):
    cluster = Cluster(Secret_blob={"v": BLOB}, Secret_text={"v": text("1")})
    first = "text" if last == "blob" else "blob"
    found = await values(cluster, ("Secret", first), ("Secret", last))
    assert (found.text, found.not_text) == (
        ({}, {"v": "Secret/blob"}) if last == "blob" else ({"v": "1"}, {})
    )


async def test_a_missing_reference_is_named():
    with pytest.raises(Failure, match=r"substitute from 'Secret/b' error: secrets \"b\" not found"):
        await values(Cluster(), ("Secret", "b"))
