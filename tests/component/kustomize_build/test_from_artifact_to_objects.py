"""The whole way: from an archive on a real server to the objects that it asks for."""

import hashlib
import io
import os
import tarfile
from datetime import timedelta

import aiohttp
import pytest
from aiohttp import web

from kustomize_controller.kustomization.request import BuildRequest, Overlay
from shared.artifact import ArtifactFetcher
from shared.process import Limits, run

ENVIRONMENT = {"PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"}
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


async def run_git(*arguments, cwd):
    await run(
        ["/usr/bin/env", "git", "-c", "user.name=Test", "-c", "user.email=test@example.com", *arguments],
        cwd=cwd,
        env=ENVIRONMENT,
        timeout=timedelta(seconds=30),
        limits=Limits(),
    )


@pytest.fixture
async def git_base(tmp_path):
    """The URL of a repository with one manifest, served by Git itself."""
    work, served = tmp_path / "work", tmp_path / "served"
    work.mkdir()
    served.mkdir()
    (work / "kustomization.yaml").write_text(KUSTOMIZATION + "resources: [a.yaml]\n")
    (work / "a.yaml").write_text(CONFIG)
    await run_git("init", "--quiet", "--initial-branch=main", cwd=work)
    await run_git("add", ".", cwd=work)
    await run_git("commit", "--quiet", "--message=first", cwd=work)
    await run_git("clone", "--quiet", "--bare", "work", "served/base.git", cwd=tmp_path)

    async def backend(request):
        wire = {
            "GIT_PROJECT_ROOT": str(served),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": request.path.removeprefix("/team"),
            "QUERY_STRING": request.query_string,
            "REQUEST_METHOD": request.method,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
            "HTTP_GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
        }
        done = await run(
            ["/usr/bin/env", "git", "http-backend"],
            cwd=served,
            env=ENVIRONMENT | wire,
            timeout=timedelta(seconds=30),
            limits=Limits(),
            stdin=await request.read(),
        )
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        return web.Response(status=int(headers.pop("Status", "200")[:3]), headers=headers, body=body)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", backend)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    yield f"http://{host}:{port}/team/base.git?ref=main"
    await runner.cleanup()


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


async def test_a_git_base_of_another_machine_is_built_inside_the_jail(make_builder, git_base, tree):
    root = tree({"kustomization.yaml": KUSTOMIZATION + f"namePrefix: x-\nresources: ['{git_base}']\n"})
    built = await make_builder(remote_environment=ENVIRONMENT).build(root, BuildRequest())
    assert [item["metadata"]["name"] for item in built.objects] == ["x-a"]


async def test_a_file_of_another_machine_is_used_and_never_cached(make_builder, serve, tree):
    contents = {"/c.yaml": CONFIG.encode()}
    base = await serve(contents)
    root = tree({"kustomization.yaml": KUSTOMIZATION + f"resources: ['{base}/c.yaml']\n"})
    builder = make_builder()
    request = BuildRequest(artifact_digest="sha256:1")
    assert [o["metadata"]["name"] for o in (await builder.build(root, request)).objects] == ["a"]
    contents["/c.yaml"] = CONFIG.replace("name: a", "name: changed").encode()
    assert [o["metadata"]["name"] for o in (await builder.build(root, request)).objects] == ["changed"]
