"""The artifact server: files below the storage path, and nothing else.

It lists nothing, so a tenant can't learn what other tenants have; locks and files that are being written
are not there for it. Files are sent by the kernel.
"""

from __future__ import annotations

import stat
from typing import Final

from aiohttp import web

from shared.observe import metrics
from source_controller.storage import Storage
from source_controller.storage.layout import is_artifact

_METHODS: Final = "GET, HEAD"
_DEPTH: Final = 4


def artifact_application(storage: Storage) -> web.Application:
    """Answers GET and HEAD of artifacts, with ranges and conditions; `/` is the readiness probe."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = _answer(storage, request)
        metrics.artifact_requests.labels(str(response.status)).inc()
        return response

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    return application


def _answer(storage: Storage, request: web.Request) -> web.StreamResponse:
    if request.method not in {"GET", "HEAD"}:
        return web.Response(status=405, headers={"Allow": _METHODS})
    path = request.match_info["path"]
    if not path:
        return web.Response()
    place = storage.layout.locate(path) if path.count("/") == _DEPTH - 1 else None
    if place is None or not is_artifact(place.name):
        return web.Response(status=404)
    try:
        facts = place.lstat()
    except OSError:
        return web.Response(status=404)
    if not stat.S_ISREG(facts.st_mode):
        return web.Response(status=404)
    # A type of its own keeps aiohttp from declaring the archive as a compressed something-else.
    return web.FileResponse(place, headers={"Content-Type": "application/gzip"})
