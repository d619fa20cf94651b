"""An API server of one kind over real HTTP, which can be made to misbehave."""

import asyncio

import pytest
from aiohttp import web

from shared.kube import Connection, KubeClient
from shared.kube.ambient import AmbientEndpoint
from shared.kube.slim import Configuration
from shared.lang.json import dumps

WIDGETS = "/apis/example.com/v1/namespaces/ns/widgets"


def status(code, reason="", message="said", **headers):
    body = dumps({"kind": "Status", "code": code, "reason": reason, "message": message})
    return web.Response(status=code, body=body, content_type="application/json", headers=headers)


class Api:
    """Widgets, their versions, and the watches that are open."""

    def __init__(self):
        self.objects = {}
        self.version = 100
        self.requests = []
        self.answers = []
        self.watches = []
        self.served = True
        self.oldest = 0

    def put(self, name, **spec):
        self.version += 1
        known = self.objects.get(name)
        obj = {
            "apiVersion": "example.com/v1",
            "kind": "Widget",
            "metadata": {
                "name": name,
                "namespace": "ns",
                "uid": known["metadata"]["uid"] if known else f"{name}-{self.version}",
                "resourceVersion": str(self.version),
            },
            "spec": spec,
        }
        self.objects[name] = obj
        self.tell("MODIFIED" if known else "ADDED", obj)
        return obj

    def remove(self, name):
        self.version += 1
        obj = self.objects.pop(name)
        obj["metadata"]["resourceVersion"] = str(self.version)
        self.tell("DELETED", obj)

    def tell(self, kind, obj):
        for _, queue in self.watches:
            queue.put_nowait(dumps({"type": kind, "object": obj}) + b"\n")

    def cut(self, last=b""):
        """Ends all watches, after some last bytes; an exception breaks the connection off."""
        for _, queue in self.watches:
            queue.put_nowait(last)
            queue.put_nowait(None)
        self.watches.clear()

    def break_off(self):
        for _, queue in self.watches:
            queue.put_nowait(ConnectionResetError())
        self.watches.clear()

    async def watching(self, count=1):
        async with asyncio.timeout(10):
            while len(self.watches) < count:  # noqa: ASYNC110 - opened by a request
                await asyncio.sleep(0.01)

    def asked(self, kind):
        return [query for what, query in self.requests if what == kind]

    async def handle(self, request):
        watch = request.query.get("watch") == "true"
        what = "watch" if watch else request.method
        if request.path in {"/api", "/apis"}:
            return web.json_response(self.discovery(request.path))
        self.requests.append((what, dict(request.query) | {"headers": dict(request.headers)}))
        if self.answers:
            answer = self.answers.pop(0)
            if answer is None:
                request.transport.abort()
                return web.Response()
            return answer
        if not self.served:
            return status(404, "NotFound")
        if watch:
            return await self.stream(request)
        if request.method == "GET" and request.path == WIDGETS:
            return self.page(request)
        name = request.path.rpartition("/")[2]
        return web.json_response(self.objects[name]) if name in self.objects else status(404, "NotFound")

    def discovery(self, path):
        if path == "/api" or not self.served:
            return {"items": []}
        widget = {"resource": "widgets", "responseKind": {"kind": "Widget"}, "scope": "Namespaced"}
        versions = [{"version": "v1", "resources": [widget]}]
        return {"items": [{"metadata": {"name": "example.com"}, "versions": versions}]}

    def page(self, request):
        names = sorted(self.objects)
        start = int(request.query.get("continue") or 0)
        end = start + int(request.query["limit"])
        items = [{key: self.objects[name][key] for key in ("metadata", "spec")} for name in names[start:end]]
        metadata = {"resourceVersion": str(self.version)}
        if end < len(names):
            metadata["continue"] = str(end)
        return web.json_response({"items": items, "metadata": metadata})

    async def stream(self, request):
        if int(request.query["resourceVersion"]) < self.oldest:
            return status(410, "Expired")
        response = web.StreamResponse()
        await response.prepare(request)
        queue = asyncio.Queue()
        self.watches.append((request, queue))
        while (line := await queue.get()) is not None:
            if isinstance(line, Exception):
                request.transport.abort()
                break
            await response.write(line)
        return response


@pytest.fixture
async def api():
    one = Api()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", one.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    one.port = runner.addresses[0][1]
    yield one
    one.cut()
    await runner.cleanup()


@pytest.fixture
async def client(api):
    configuration = Configuration()
    configuration.host = f"http://127.0.0.1:{api.port}/"
    configuration.api_key["BearerToken"] = "secret-token"
    configuration.api_key_prefix["BearerToken"] = "Bearer"
    connection = Connection(AmbientEndpoint(configuration))
    yield KubeClient(connection, user_agent="kustomize-controller")
    await connection.close()
