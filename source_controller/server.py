"""Serves artifacts over plain HTTP, read-only, without listings.

What isn't the regular file of an artifact doesn't exist here: directories, locks, files being written,
and everything outside the root are all the same 404; so is a link, but to an artifact of the same object.
Files are sent by the kernel (`sendfile`) and never labelled as encoded, or clients would unpack them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import hdrs, web

from source_controller.storage import Storage

_TYPES: Final = {".yaml": "application/yaml"}
_ARCHIVE: Final = "application/gzip"
_SOON: Final = "1"

Promised = Callable[[str], bool]
Count = Callable[[int], None]


def artifact_application(
    storage: Storage, *, promised: Promised | None = None, count: Count | None = None
) -> web.Application:
    """The application; `promised` knows paths that are advertised although their file isn't there now.

    Those get 503 and a hint to come back soon. `count` is told the status of every answer.
    """

    async def alive(request: web.Request) -> web.Response:
        del request
        return web.Response()

    async def serve(request: web.Request) -> web.StreamResponse:
        path = request.match_info["path"]
        file = await asyncio.to_thread(storage.layout.served, path)
        if file is not None:
            return web.FileResponse(file, headers={hdrs.CONTENT_TYPE: _TYPES.get(file.suffix, _ARCHIVE)})
        if promised is not None and promised(path):
            return web.Response(status=503, headers={hdrs.RETRY_AFTER: _SOON})
        return web.Response(status=404)

    application = web.Application()
    if count is not None:
        application.on_response_prepare.append(_counting(count))
    application.router.add_get("/", alive)
    application.router.add_get("/{path:.+}", serve)
    return application


def _counting(count: Count) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """Counts when an answer begins: only then is it known whether a file is sent in part or not at all."""

    async def counting(request: web.Request, response: web.StreamResponse) -> None:
        del request
        count(response.status)

    return counting
