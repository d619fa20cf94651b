"""Images: what scanning many repositories costs, and what an automation over many files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from bench import Bench
from drive import AUTOMATIONS, IMAGE_REPOSITORIES, POLICIES
from load import NAMESPACE, app, tenant

_TAGS = 1000
_FILES, _MARKERS = 10_000, 200
_FILE = """apiVersion: v1
kind: ConfigMap
metadata:
  name: file-{number}
data:
  image: registry.example.com/app:1.0{marker}
"""


async def tags(bench: Bench) -> None:
    """As many repositories as apps, each with a policy: the first scan, and another one without news."""
    await bench.drive.create(tenant())
    names = [f"image-{app(number)}" for number in range(bench.count)]
    with _registry() as host:
        with bench.measured(f"first scan of {bench.count} x {_TAGS} tags", bench.count):
            await bench.drive.create([*(_repository(name, host) for name in names), *map(_policy, names)])
            await bench.drive.until_ready(POLICIES, names)
        with bench.measured(f"next scan of {bench.count} x {_TAGS} tags", bench.count):
            token = await bench.drive.request(IMAGE_REPOSITORIES, names)
            await bench.drive.until_ready(IMAGE_REPOSITORIES, names, token=token)


async def automation(bench: Bench) -> None:
    """A repository of many files of which some have markers: all of them, none, and all of them again."""
    await bench.drive.create(tenant())
    folder = bench.git.worktree / "many"
    for number in range(_FILES):
        target = folder / f"{number // 100:03}" / f"{number:05}.yaml"
        target.parent.mkdir(parents=True, exist_ok=True)
        marked = number % (_FILES // _MARKERS) == 0
        marker = f' # {{"$imagepolicy": "{NAMESPACE}:many"}}' if marked else ""
        target.write_text(_FILE.format(number=number, marker=marker))
    bench.git.commit("Many files")
    await bench.drive.create([_git_repository(bench.git.url), _policy("many", suspend=True)])
    await bench.drive.choose("many", "registry.example.com/app", "2.0")
    with bench.measured(f"{_MARKERS} markers in {_FILES} files", 1):
        await bench.drive.create([_automation()])
        await bench.drive.until_ready(AUTOMATIONS, ["many"])
    with bench.measured("no news", 1):
        token = await bench.drive.request(AUTOMATIONS, ["many"])
        await bench.drive.until_ready(AUTOMATIONS, ["many"], token=token)
    pushed = bench.drive.pushed("many")
    with bench.measured(f"{_MARKERS} markers once more", 1):
        await bench.drive.choose("many", "registry.example.com/app", "3.0")
        await bench.drive.until_pushed("many", pushed)
    bench.git.pull()


@contextmanager
def _registry() -> Iterator[str]:
    """Lists the same tags for every repository."""
    body = ('{"tags":[' + ",".join(f'"1.{number}.0"' for number in range(_TAGS)) + "]}").encode()

    class Lists(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Lists)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


def _object(api: str, kind: str, name: str, spec: dict) -> dict:
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec}


def _repository(name: str, host: str) -> dict:
    spec = {"image": f"{host}/bench/{name}", "interval": "60m", "insecure": True}
    return _object("image.toolkit.fluxcd.io/v1", "ImageRepository", name, spec)


def _policy(name: str, *, suspend: bool = False) -> dict:
    spec = {"imageRepositoryRef": {"name": name}, "policy": {"semver": {"range": "1.x"}}}
    spec["suspend"] = suspend
    return _object("image.toolkit.fluxcd.io/v1", "ImagePolicy", name, spec)


def _git_repository(url: str) -> dict:
    spec = {"interval": "60m", "url": url, "ref": {"branch": "main"}, "suspend": True}
    return _object("source.toolkit.fluxcd.io/v1", "GitRepository", "many", spec)


def _automation() -> dict:
    git = {"commit": {"author": {"email": "bench@example.com"}}}
    spec = {
        "interval": "60m",
        "sourceRef": {"kind": "GitRepository", "name": "many"},
        "git": git,
        "update": {"path": "many"},
    }
    return _object("image.toolkit.fluxcd.io/v1", "ImageUpdateAutomation", "many", spec)
