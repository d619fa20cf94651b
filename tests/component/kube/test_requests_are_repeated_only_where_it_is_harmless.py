import asyncio

import pytest
from aiohttp import web

from shared.kube import Resource
from shared.kube.errors import NotFound, ServerError, TooManyRequests, Unreachable
from shared.observe import metrics

WIDGET = Resource("example.com", "v1", "widgets", "Widget")


def busy():
    return web.Response(status=429, headers={"Retry-After": "0.01"}, body=b"slow down")


async def test_who_asks_is_said_in_headers(api, client):
    api.put("a")
    await client.get(WIDGET, "ns", "a")
    await client.impersonate("system:serviceaccount:ns:web").get(WIDGET, "ns", "a")
    own, other = (query["headers"] for query in api.asked("GET"))
    assert own["Authorization"] == other["Authorization"] == "Bearer secret-token"
    assert own["User-Agent"] == "kustomize-controller"
    assert "Impersonate-User" not in own
    assert other["Impersonate-User"] == "system:serviceaccount:ns:web"
    assert client.impersonate("") is client


async def test_a_long_list_comes_page_by_page(api, client):
    for number in range(1201):
        api.put(f"w{number:04}")
    page = await client.list(WIDGET, "ns", label_selector="a=b")
    assert len({item["metadata"]["name"] for item in page["items"]}) == 1201
    asked = api.asked("GET")
    assert [query.get("continue") for query in asked] == [None, "500", "1000"]
    assert {query["labelSelector"] for query in asked} == {"a=b"}


async def test_a_server_that_asks_to_wait_is_asked_again(api, client):
    api.put("a")
    api.answers = [busy(), busy()]
    assert (await client.get(WIDGET, "ns", "a"))["metadata"]["name"] == "a"
    assert len(api.asked("GET")) == 3


async def test_a_server_that_asks_to_wait_for_ever_is_given_up(api, client):
    api.answers = [busy() for _ in range(9)]
    with pytest.raises(TooManyRequests, match="slow down"):
        await client.get(WIDGET, "ns", "a")
    assert len(api.asked("GET")) == 4


async def test_a_connection_that_broke_is_tried_again_but_not_for_ever(api, client):
    api.put("a")
    api.answers = [None]
    await client.get(WIDGET, "ns", "a")
    asked = len(api.asked("GET"))
    api.answers = [None] * 9
    with pytest.raises(Unreachable):
        await client.get(WIDGET, "ns", "a")
    # The HTTP library repeats once, too, on a connection that was open already.
    assert len(api.asked("GET")) - asked <= 4


async def test_a_create_is_never_sent_twice(api, client):
    api.answers = [None]
    with pytest.raises(Unreachable):
        await client.create(WIDGET, {"metadata": {"name": "a", "namespace": "ns"}})
    assert len(api.asked("POST")) == 1


async def test_trouble_of_the_server_is_its_callers(api, client):
    api.answers = [web.Response(status=503, body=b"<html>gateway</html>")]
    with pytest.raises(ServerError, match="503"):
        await client.get(WIDGET, "ns", "a")
    assert len(api.asked("GET")) == 1


async def test_an_answer_that_is_no_object_is_named(api, client):
    api.answers = [web.Response(body=b"[]")]
    with pytest.raises(Unreachable, match="no object"):
        await client.get(WIDGET, "ns", "a")


async def test_nobody_there_is_unreachable_and_no_token_is_told(api, client, unused_tcp_port):
    client._connection.server = f"http://127.0.0.1:{unused_tcp_port}"
    with pytest.raises(Unreachable) as caught:
        await client.get(WIDGET, "ns", "a")
    assert "secret-token" not in f"{caught.value!r} {client._connection!r}"


async def test_requests_are_counted_by_code(api, client):
    series = metrics.client_requests.labels("404", "GET", f"127.0.0.1:{api.port}")
    with pytest.raises(NotFound):
        await client.get(WIDGET, "ns", "nope")
    assert series._value.get() == 1


async def test_requests_without_an_answer_are_counted_as_errors(api, client, unused_tcp_port):
    client._connection.server = f"http://127.0.0.1:{unused_tcp_port}"
    with pytest.raises(Unreachable):
        await client.get(WIDGET, "ns", "a")
    with pytest.raises(Unreachable):
        async for _ in client.watch(WIDGET, "ns"):
            pass
    for method in ("GET", "WATCH"):
        series = metrics.client_requests.labels("<error>", method, f"127.0.0.1:{api.port}")
        assert series._value.get() == 1


async def test_a_server_that_takes_a_request_and_never_answers_is_given_up(client, monkeypatch):
    client._connection.seconds = 0.1
    taken = []

    async def take(reader, writer):
        taken.append(writer)
        await reader.read()

    async with await asyncio.start_server(take, "127.0.0.1", 0) as server:
        client._connection.server = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for method in ("GET", "PATCH"):
            with pytest.raises(Unreachable, match=f"^{method} /apis/example.com/v1/x: "):
                await client.request(method, "/apis/example.com/v1/x")
        for writer in taken:
            writer.close()
    assert len(taken) == 2
