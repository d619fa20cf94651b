"""What a server that is none answers is an error of its callers, and never fills the memory."""

import pytest
from aiohttp import web

from shared.kube.errors import Unreachable
from shared.kube.resources import Resource

WIDGETS = Resource("example.com", "v1", "widgets", "Widget")


@pytest.mark.parametrize("body", ["", "hello", "[1]", '{"cut": '])
async def test_an_answer_that_can_not_be_read_is_none(api, client, body):
    api.answers = [web.Response(text=body)]
    with pytest.raises(Unreachable, match="something that is no object"):
        await client.get(WIDGETS, "team", "one")


async def test_an_answer_that_has_no_end_is_cut_off(api, client, monkeypatch):
    monkeypatch.setattr("shared.kube.client._LARGEST_ANSWER", 1 << 20)
    api.answers = [web.Response(body=b" " * (2 << 20)), web.json_response({"fine": True})]
    with pytest.raises(Unreachable, match="more than 1 MiB"):
        await client.get(WIDGETS, "team", "one")
    assert await client.get(WIDGETS, "team", "one") == {"fine": True}


@pytest.mark.parametrize(
    "document",
    [
        [],
        {"items": 5},
        {"items": ["x"]},
        {"items": [{"metadata": {"name": []}, "versions": [{"resources": [1]}]}]},
    ],
)
async def test_kinds_that_can_not_be_read_are_not_known(api, client, monkeypatch, document):
    monkeypatch.setattr(api, "discovery", lambda path: document)
    with pytest.raises(Unreachable, match="is it an API server"):
        await client.discovery.find("example.com", "Widget")
