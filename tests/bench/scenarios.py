"""The scenarios, in the order in which they run; each says what it cost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from bench import Bench
from drive import BUCKETS, CHARTS, IMAGES, INDEXES, KUSTOMIZATIONS, REPOSITORIES
from image_updates import automation, tags
from load import (
    BROKEN,
    app,
    bucket,
    chart,
    chart_index,
    image,
    keys,
    kustomization,
    repository,
    tenant,
    write_app,
    write_broken,
    write_files,
)
from meter import Cost
from origins import chart_repository
from releases import releases

from localcluster.demo.repository import DemoRepository
from shared.testing.bucket_server import BucketServer, run_bucket_server
from shared.testing.registry import run_registry

_SETTLE_SECONDS = 3.0
_CHANGED, _COMMITTED = "2", "3"


def prepare(worktree: Path, count: int) -> None:
    """Writes what the scenarios roll out."""
    for number in range(count):
        write_app(worktree, number)
    write_broken(worktree)


async def install(bench: Bench) -> None:
    """Everything at once, into an empty cluster."""
    await bench.drive.create(tenant())
    with bench.measured(f"install of {bench.count}", bench.count):
        await bench.drive.create(
            [
                *(bench.source(name) for name in bench.sources),
                *(bench.rollout(name) for name in bench.apps),
            ]
        )
        await bench.drive.until_ready(KUSTOMIZATIONS, bench.apps)


async def no_op(bench: Bench) -> None:
    """All are asked to reconcile though nothing changed, twice."""
    for scenario in (f"no-op of {bench.count}, first", f"no-op of {bench.count}, next"):
        with bench.measured(scenario, bench.count):
            token = await bench.drive.request(KUSTOMIZATIONS, bench.apps)
            await bench.drive.until_ready(KUSTOMIZATIONS, bench.apps, token=token)


async def upgrade(bench: Bench) -> None:
    """A commit that changes one object of each app."""
    for number in range(bench.count):
        write_app(bench.git.worktree, number, _CHANGED)
    commit = bench.git.commit("All change")
    with bench.measured(f"upgrade of {bench.count}", bench.count):
        await bench.request(commit)


async def one_commit(bench: Bench) -> None:
    """A commit that changes one app, from the request until that app is ready."""
    write_app(bench.git.worktree, 0, _COMMITTED)
    commit = bench.git.commit("One changes")
    name = app(0)
    with bench.measured("commit to ready of one", 1):
        await bench.drive.request(REPOSITORIES, [bench.source_of(name)])
        await bench.drive.until_ready(KUSTOMIZATIONS, [name], commit=commit)


async def among_failing(bench: Bench) -> None:
    """One app that is rolled out while fifty others fail and are tried again and again."""
    broken = [f"broken-{number:02}" for number in range(50)]
    await bench.drive.create(kustomization(BROKEN, bench.sources[0], name=name) for name in broken)
    await bench.drive.until_failing(KUSTOMIZATIONS, broken)
    with bench.measured("one among 50 failing", 1):
        await bench.drive.create([kustomization(app(0), bench.sources[0], name="well")])
        await bench.drive.until_ready(KUSTOMIZATIONS, ["well"])
    await bench.drive.delete(KUSTOMIZATIONS, broken)


async def chain(bench: Bench) -> None:
    """Ten that depend on each other, created last first."""
    links = [f"link-{number}" for number in range(10)]
    with bench.measured("dependsOn chain of 10", len(links)):
        await bench.drive.create(
            bench.rollout(app(0), name=name, after=links[number - 1] if number else "")
            for number, name in reversed(list(enumerate(links)))
        )
        await bench.drive.until_ready(KUSTOMIZATIONS, links)


async def big_repository(bench: Bench) -> None:
    """The first artifact of a repository of 20,000 files, and the next one after a commit."""
    folder = bench.scratch / "big"
    folder.mkdir()
    git = DemoRepository(folder)
    try:
        git.start()
        write_files(git.worktree, folders=500, files=40)
        commit = await asyncio.to_thread(git.commit, "Many files")
        with bench.measured("first artifact, 20,000 files", 1):
            await bench.drive.create([repository("big", git.url)])
            await bench.drive.until_ready(REPOSITORIES, ["big"], commit=commit)
        (git.worktree / "files" / "one-more.txt").write_text("one more\n")
        commit = await asyncio.to_thread(git.commit, "One more file")
        with bench.measured("next artifact, 20,000 files", 1):
            await bench.drive.request(REPOSITORIES, ["big"])
            await bench.drive.until_ready(REPOSITORIES, ["big"], commit=commit)
    finally:
        git.stop()


async def images(bench: Bench) -> None:
    """OCIRepositories of one small artifact, and their next look at it."""
    await bench.drive.create(tenant())
    folder = bench.scratch / "registry"
    folder.mkdir()
    with run_registry(folder) as store:
        store.push("app", "latest", {"app.yaml": "kind: ConfigMap\n"})
        names = [f"image-{number:03}" for number in range(bench.count)]
        url = f"oci://{store.host}/app"
        with bench.measured(f"{bench.count} images", bench.count):
            await bench.drive.create(image(name, url) for name in names)
            await bench.drive.until_ready(IMAGES, names)
        with bench.measured(f"no-op of {bench.count} images", bench.count):
            token = await bench.drive.request(IMAGES, names)
            await bench.drive.until_ready(IMAGES, names, token=token)


async def charts(bench: Bench) -> None:
    """A repository with a large index, a chart of each name in it, then an index in which nothing is new."""
    await bench.drive.create(tenant())
    async with chart_repository(bench.count) as origin:
        with bench.measured(f"index of {origin.size / 1e6:.0f} MB", 1):
            await bench.drive.create([chart_index("charts", origin.url)])
            await bench.drive.until_ready(INDEXES, ["charts"])
        with bench.measured(f"{bench.count} charts", bench.count):
            await bench.drive.create(chart(name, "charts") for name in bench.apps)
            await bench.drive.until_ready(CHARTS, bench.apps)
        with bench.measured(f"no-op of {bench.count} charts", bench.count):
            token = await bench.drive.request(CHARTS, bench.apps)
            await bench.drive.until_ready(CHARTS, bench.apps, token=token)
        origin.publish()
        with bench.measured("another index, same charts", bench.count):
            await bench.drive.request(INDEXES, ["charts"])
            await bench.drive.until_seen(CHARTS, bench.apps, INDEXES, "charts")


async def big_bucket(bench: Bench) -> None:
    """A bucket of 10,000 objects: its first artifact, nothing new, and one object more."""
    await bench.drive.create(tenant())
    folder = bench.scratch / "buckets"
    folder.mkdir()
    with run_bucket_server(folder) as server:
        await asyncio.to_thread(_fill, server)
        with bench.measured("bucket of 10,000 objects", 1):
            await bench.drive.create([keys("keys"), bucket("large", server.host, "keys")])
            await bench.drive.until_ready(BUCKETS, ["large"])
        with bench.measured("bucket, nothing new", 1):
            token = await bench.drive.request(BUCKETS, ["large"])
            await bench.drive.until_ready(BUCKETS, ["large"], token=token)
        server.put("large", "one/more", "object")
        with bench.measured("bucket, one object more", 1):
            token = await bench.drive.request(BUCKETS, ["large"])
            await bench.drive.until_ready(BUCKETS, ["large"], token=token)


def _fill(server: BucketServer) -> None:
    server.create("large")
    for number in range(10_000):
        server.put("large", f"folder-{number // 100:03}/object-{number % 100:02}", f"{number}\n" * 100)


ALL: tuple[Callable, ...] = (
    install,
    no_op,
    upgrade,
    one_commit,
    among_failing,
    chain,
    big_repository,
    images,
    charts,
    big_bucket,
    releases,
    tags,
    automation,
)

OF_IMAGES: tuple[Callable, ...] = (install, no_op, chain)
"""Those in which nothing is committed."""


async def run(bench: Bench, chosen: tuple[Callable, ...] = ALL) -> dict[str, Cost]:
    """All scenarios in turn, with a pause before each."""
    for scenario in chosen:
        await asyncio.sleep(_SETTLE_SECONDS)
        await scenario(bench)
    return bench.costs
