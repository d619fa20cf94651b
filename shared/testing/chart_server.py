"""A repository of charts over HTTP: a directory that the real helm filled, served with a log of requests."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self

import yaml
from aiohttp import web

from localcluster import programs
from shared.testing.loopback import LoopbackServer

CONFIG_MAP: Final = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}
data:
  replicas: "{{ .Values.replicas }}"
"""


def write_chart(
    folder: Path, name: str, version: str = "0.1.0", files: Mapping[str, str] | None = None, **metadata: Any
) -> Path:
    """A chart in a directory, with a template and values; more files, and more keys for Chart.yaml."""
    chart = {"apiVersion": "v2", "name": name, "version": version} | metadata
    content = {
        "Chart.yaml": yaml.safe_dump(chart),
        "values.yaml": "replicas: 1\n",
        "templates/config.yaml": CONFIG_MAP,
    }
    for path, text in (content | dict(files or {})).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return folder


def helm(*arguments: str | Path, home: Path) -> str:
    """Runs the real helm in a home of its own; what it printed."""
    environment = {"HOME": str(home), "PATH": "/usr/bin:/bin"}
    command = [str(programs.ensure("helm")), *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"helm {arguments[0]}: {done.stderr.strip()}")
    return done.stdout


class ChartServer(LoopbackServer):
    """Serves the packages that are added to it, and their index."""

    def __init__(self, folder: Path) -> None:
        """`folder` is for the packages; it need not be there."""
        self.folder = folder
        self.served = folder / "charts"
        self.served.mkdir(parents=True)
        self.login = ""
        """`user:password` of who may read; empty for everybody."""
        self.requests: list[web.Request] = []
        self.address = ""
        self._charts = 0

    @property
    def url(self) -> str:
        """For `spec.url`."""
        return f"{self.address}/charts"

    @property
    def asked(self) -> list[str]:
        """The paths of all requests so far."""
        return [request.path for request in self.requests]

    def add(self, name: str, *versions: str, files: Mapping[str, str] | None = None, **metadata: Any) -> None:
        """Adds versions of a chart, and brings the index up to date."""
        for version in versions:
            self._charts += 1
            chart = write_chart(self.folder / f"c{self._charts}" / name, name, version, files, **metadata)
            helm("package", chart, "--destination", self.served, home=self.folder)
        helm("repo", "index", self.served, home=self.folder)

    def package(self, name: str, version: str) -> bytes:
        """The bytes of a package."""
        return (self.served / f"{name}-{version}.tgz").read_bytes()

    def rewrite_index(self, index: Mapping[str, Any]) -> None:
        """Puts another index in place of the one that helm made."""
        (self.served / "index.yaml").write_text(yaml.safe_dump(dict(index)))

    def index(self) -> dict[str, Any]:
        """The index as helm made it."""
        found: dict[str, Any] = yaml.safe_load((self.served / "index.yaml").read_text())
        return found

    def application(self) -> web.Application:
        """What is served."""
        application = web.Application()
        application.router.add_get("/{path:.*}", self._answer)
        return application

    async def __aenter__(self) -> Self:
        """Listen on loopback."""
        await super().__aenter__()
        self.address = f"http://127.0.0.1:{self.port}"
        return self

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        if self.login:
            wanted = "Basic " + base64.b64encode(self.login.encode()).decode()
            if request.headers.get("Authorization") != wanted:
                return web.Response(status=401)
        file = self.folder / request.match_info["path"]
        if not file.is_file() or self.folder not in file.resolve().parents:
            return web.Response(status=404)
        return web.Response(body=file.read_bytes())
