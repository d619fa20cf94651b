"""Where sources of the bench come from when that is neither Git nor a registry: a repository of charts."""

from __future__ import annotations

import io
import tarfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from load import app

_VERSIONS = 130
_ENTRY = """\
  - apiVersion: v2
    appVersion: "{version}"
    created: "2026-01-02T03:04:05.000000000Z"
    description: A chart of the bench, with a description of a usual length, as charts have it
    digest: 0000000000000000000000000000000000000000000000000000000000000000
    home: https://example.com/charts/{name}
    keywords:
    - bench
    - example
    maintainers:
    - email: ada@example.com
      name: Ada Example
    name: {name}
    sources:
    - https://example.com/source/{name}
    type: application
    urls:
    - {name}-{version}.tgz
    version: {version}
"""


def index(count: int, generated: str) -> bytes:
    """The index of a repository with so many charts, of 130 versions each: 30 MB for 500."""
    charts = []
    for name in map(app, range(count)):
        entries = (_ENTRY.format(name=name, version=f"1.{minor}.0") for minor in range(_VERSIONS))
        charts.append(f"  {name}:\n{''.join(entries)}")
    return f"apiVersion: v1\nentries:\n{''.join(charts)}generated: {generated}\n".encode()


def package(name: str, version: str) -> bytes:
    """A small chart."""
    files = {
        "Chart.yaml": f"apiVersion: v2\nname: {name}\nversion: {version}\n",
        "values.yaml": "replicas: 1\n",
        "templates/config.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: app\n",
    }
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for path, text in files.items():
            info = tarfile.TarInfo(f"{name}/{path}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return packed.getvalue()


class ChartRepository:
    """Serves an index, and any version of any chart."""

    def __init__(self, count: int) -> None:
        self.url = ""
        self._count = count
        self._index = index(count, "2026-01-02T03:04:05Z")

    @property
    def size(self) -> int:
        """Of the index, in bytes."""
        return len(self._index)

    def publish(self) -> None:
        """Makes the index another one in which no chart has changed."""
        self._index = index(self._count, "2026-01-03T03:04:05Z")

    async def answer(self, request: web.Request) -> web.Response:
        """The index, or a package."""
        file = request.match_info["file"]
        if file == "index.yaml":
            return web.Response(body=self._index)
        name, _, version = file.removesuffix(".tgz").rpartition("-")
        return web.Response(body=package(name, version))


@asynccontextmanager
async def chart_repository(count: int) -> AsyncIterator[ChartRepository]:
    """A repository of charts on loopback."""
    repository = ChartRepository(count)
    application = web.Application()
    application.router.add_get("/{file}", repository.answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        repository.url = f"http://{host}:{port}"
        yield repository
    finally:
        await runner.cleanup()
