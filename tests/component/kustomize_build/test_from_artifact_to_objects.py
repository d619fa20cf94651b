"""The whole way: from an archive on a real server to the objects that it asks for."""

import hashlib
import io
import tarfile

import aiohttp
import pytest
from aiohttp import web

from kustomize_controller.kustomization.request import BuildRequest, Overlay
from shared.artifact import ArtifactFetcher

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n"
KUSTOMIZATION = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"


@pytest.fixture
async def serve():
    """Serve contents by path from loopback; gives the base URL."""
    runners = []

    async def start(contents):
        async def answer(request):
            return web.Response(body=contents[request.path])

        app = web.Application()
        app.router.add_get("/{path:.*}", answer)
        runners.append(web.AppRunner(app))
        await runners[-1].setup()
        await web.TCPSite(runners[-1], "127.0.0.1", 0).start()
        host, port = runners[-1].addresses[0]
        return f"http://{host}:{port}"

    yield start
    for runner in runners:
        await runner.cleanup()


def archive():
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as out:
        link = tarfile.TarInfo("app/secret.yaml")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        out.addfile(link)
        file = tarfile.TarInfo("app/a.yaml")
        file.size = len(CONFIG)
        out.addfile(file, io.BytesIO(CONFIG.encode()))
    return packed.getvalue()


@pytest.mark.case("kustomize-7")
async def test_a_link_in_an_archive_is_absent_and_the_rest_is_built(builder, serve, tmp_path):
    content = archive()
    base = await serve({"/a.tar.gz": content})
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    async with aiohttp.ClientSession() as session:
        fetcher = ArtifactFetcher(session, tmp_path / "artifacts")
        async with fetcher.fetch(f"{base}/a.tar.gz", digest) as tree:
            built = await builder.build(
                tree, BuildRequest("app", Overlay(target_namespace="tenant"), artifact_digest=digest)
            )
            again = await builder.build(tree, BuildRequest("app", artifact_digest=digest))
        await fetcher.close()
    assert built.objects[0]["metadata"] == {"name": "a", "namespace": "tenant"}
    assert [item["metadata"] for item in again.objects] == [{"name": "a"}]


async def test_a_file_of_another_machine_is_used_and_never_cached(make_builder, serve, tree):
    contents = {"/c.yaml": CONFIG.encode()}
    base = await serve(contents)
    root = tree({"kustomization.yaml": KUSTOMIZATION + f"resources: ['{base}/c.yaml']\n"})
    builder = make_builder()
    request = BuildRequest(artifact_digest="sha256:1")
    assert [o["metadata"]["name"] for o in (await builder.build(root, request)).objects] == ["a"]
    contents["/c.yaml"] = CONFIG.replace("name: a", "name: changed").encode()
    assert [o["metadata"]["name"] for o in (await builder.build(root, request)).objects] == ["changed"]
