"""All tags of a repository, page by page, and what is no list of them."""

import pytest
from aiohttp import web

from shared.auth import RegistryLogin
from shared.oci import ContentRefused
from shared.testing.registry import Gate

JSON = "application/json"


@pytest.fixture
def serve(gate, name):
    """Serves pages by the text that asks for them, with their links."""

    def serve(**pages):
        def answer(request):
            if not request.path.startswith(f"/v2/{name}/tags/list"):
                return None
            tags, link = pages[request.query.get("last", "first")]
            headers = {"Link": link} if link else {}
            return web.json_response({"name": name, "tags": tags}, headers=headers)

        gate.fault = answer

    return serve


async def test_all_pages_of_tags_are_read(registry, store, name, gate):
    wanted = {f"v{number}" for number in range(7)}
    for tag in wanted:
        store.push(name, tag, {"a": "1"})

    def small_pages(request):
        if request.path.endswith("/tags/list") and "n=1000" in request.query_string:
            target = f"/v2/{name}/tags/list?n=3"
            return web.Response(status=307, headers={"Location": target})
        return None

    gate.fault = small_pages
    assert set(await registry().tags()) == wanted
    assert gate.seen("GET", "last=") == 2


@pytest.mark.parametrize(
    "link",
    [
        '</v2/{name}/tags/list?last=b>; rel="next"',
        "</v2/{name}/tags/list?last=b>; rel=next",
        "</v2/{name}/tags/list?last=b>",
        '</v2/{name}/tags/list?last=a>; rel="prev", <?last=b&n=1>; rel="next"',
        '<http://elsewhere.example/v2/{name}/tags/list?last=b>; rel="next"',
        "</v2/{name}/tags/list?last=b>; rel='next'",
        '</v2/{name}/tags/list?last=b>; title="b, <c>"; rel="next", ',
    ],
)
async def test_a_link_leads_to_the_next_page_of_the_same_host(registry, serve, gate, name, link):
    serve(first=(["a", "b"], link.format(name=name)), b=(["c"], None))
    assert await registry().tags() == ["a", "b", "c"]
    assert len(gate.log) == 2


async def test_a_page_without_tags_is_not_the_last_one(registry, serve, name):
    def link(last):
        return f'</v2/{name}/tags/list?last={last}>; rel="next"'

    serve(first=(["a"], link("a")), a=([], link("b")), b=(None, link("c")), c=(["d"], None))
    assert await registry().tags() == ["a", "d"]


async def test_a_page_that_leads_to_itself_is_read_once(registry, serve, gate, name):
    serve(first=(["1"], f"<http://{gate.host}/v2/{name}/tags/list?n=1000>"))
    assert await registry().tags() == ["1"]
    assert len(gate.log) == 1


@pytest.mark.parametrize("last", ["b", "a"])
async def test_pages_that_repeat_are_read_once(registry, serve, gate, name, last):
    links = [f'</v2/{name}/tags/list?last={each}>; rel="next"' for each in ("a", "b", last)]
    serve(first=(["1"], links[0]), a=(["2"], links[1]), b=(["3"], links[2]))
    assert await registry().tags() == ["1", "2", "3"]
    assert len(gate.log) == 3


async def test_the_next_page_is_asked_of_the_registry_whatever_its_path(registry, store, gate, serve):
    async with Gate(store) as other:
        serve(first=(["a"], f'<//{gate.host}//{other.host}/v2/tags/list>; rel="next"'))
        with pytest.raises(Exception, match=f"GET http://{gate.host}//{other.host}/v2/tags/list: "):
            await registry().tags()
        assert other.log == []


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("no json", "not valid JSON"),
        ("[]", "an array instead of an object"),
        ("null", "null instead of an object"),
        ('{"tags": "latest"}', "has a string instead of an array"),
        ('{"tags": 5}', "has a number instead of an array"),
        ('{"tags": ["a", null]}', "has null among its tags"),
        ('{"tags": [1]}', "has a number among its tags"),
        ('{"errors": [{"code": "DENIED", "message": "go  away"}]}', "is an error: DENIED: go away"),
    ],
)
async def test_what_is_no_page_is_refused(registry, gate, body, text):
    gate.fault = lambda request: web.Response(text=body, content_type=JSON)
    with pytest.raises(ContentRefused, match=text):
        await registry().tags()


@pytest.mark.parametrize("body", ["{}", '{"tags": null}', '{"name": "x", "tags": []}'])
async def test_a_repository_may_have_no_tags(registry, gate, body):
    gate.fault = lambda request: web.Response(text=body, content_type=JSON)
    assert await registry().tags() == []


@pytest.mark.parametrize("link", ["", "<>", '</v2/{name}/tags/list?last=b>; rel="prev"'])
async def test_a_page_may_lead_to_no_other(registry, serve, name, link):
    serve(first=(["a"], link.format(name=name)))
    assert await registry().tags() == ["a"]


@pytest.mark.parametrize(
    "link",
    [
        '/v2/{name}/tags/list?last=b; rel="next"',
        '</v2/{name}/tags/list?last=b; rel="next"',
        "garbage",
        '</v2/{name}/tags/list>; rel="prev", /v2/{name}/tags/list?last=b; rel="next"',
    ],
)
async def test_a_malformed_link_does_not_end_the_list(registry, serve, name, link):
    serve(first=(["a"], link.format(name=name)), b=(["c"], None))
    with pytest.raises(ContentRefused, match="a malformed link to its next page"):
        await registry().tags()


@pytest.mark.parametrize("prefix", ["", "http://{home}"])
async def test_the_next_page_is_where_a_redirect_led_to(registry, store, gate, name, prefix):
    """By the path of the other host; the login stays behind. A link that leads back has it again."""
    gate.basic = ("ada", "hidden")
    async with Gate(store) as other:

        def elsewhere(request):
            if request.query.get("last"):
                return web.json_response({"tags": ["b"]})
            link = prefix.format(home=gate.host) + "/v2/there/tags/list?last=a"
            return web.json_response({"tags": ["a"]}, headers={"Link": f'<{link}>; rel="next"'})

        def redirecting(request):
            if request.query.get("last"):
                return web.json_response({"tags": ["back"]})
            if "Authorization" not in request.headers:
                return None
            target = f"http://{other.host}/v2/there/tags/list?n=1000"
            return web.Response(status=307, headers={"Location": target})

        other.fault, gate.fault = elsewhere, redirecting
        login = RegistryLogin("ada", "hidden")
        found = await registry(login=login, insecure=True).tags()
        assert found == (["a", "back"] if prefix else ["a", "b"])
        assert not any("Authorization" in each.headers for each in other.log)


@pytest.mark.parametrize("target", ["http://h:99999/v2/", "http://[::1/v2/", "mailto:.example/v2/"])
async def test_a_link_that_leads_nowhere_is_refused(registry, serve, target):
    serve(first=(["a"], f'<{target}>; rel="next"'))
    with pytest.raises(ContentRefused, match="goes on at a malformed address"):
        await registry().tags()


async def test_pages_may_be_large_and_not_too_large(registry, serve, name):
    tags = [f"{number}-{'x' * 120}" for number in range(80_000)]
    serve(first=(tags, None))
    assert len(await registry().tags()) == 80_000
    links = [f"</v2/{name}/tags/list?last={number}>" for number in range(8)]
    pages = {str(number): (tags, links[number + 1]) for number in range(7)}
    serve(first=(tags, links[0]), **pages)
    with pytest.raises(ContentRefused, match="larger than 67108864 bytes"):
        await registry().tags(most=10**9)


async def test_there_may_be_only_so_many_tags(registry, serve):
    serve(first=(["a", "b", "c"], None))
    with pytest.raises(ContentRefused, match="more than 2 tags"):
        await registry().tags(most=2)
