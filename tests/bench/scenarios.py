"""The scenarios, in the order in which they run; each says what it cost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from drive import BUCKETS, CHARTS, IMAGES, INDEXES, KUSTOMIZATIONS, REPOSITORIES, Drive
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
from meter import Cost, Meter
from origins import chart_repository

from localcluster.demo.repository import DemoRepository
from shared.testing.bucket_server import BucketServer, run_bucket_server
from shared.testing.registry import run_registry

_SETTLE_SECONDS = 3.0
_SHARED = "apps"
_CHANGED, _COMMITTED = "2", "3"


@dataclass
class Bench:
    """One run: `count` apps, from one source for all or from one source each."""

    drive: Drive
    meter: Meter
    git: DemoRepository
    scratch: Path
    count: int
    source_each: bool
    images: dict[str, str] = field(default_factory=dict)
    """Addresses of images by the apps in them, where sources are in a registry."""
    costs: dict[str, Cost] = field(default_factory=dict)

    @property
    def apps(self) -> list[str]:
        """The names of all apps."""
        return [app(number) for number in range(self.count)]

    @property
    def sources(self) -> list[str]:
        """The names of all their sources."""
        return self.apps if self.source_each else [_SHARED]

    def source_of(self, name: str) -> str:
        """The source of an app."""
        return name if self.source_each else _SHARED

    def source(self, name: str) -> dict:
        """A source as it is created."""
        return image(name, self.images[name]) if self.images else repository(name, self.git.url)

    def rollout(self, of: str, **options: str) -> dict:
        """A Kustomization of an app as it is created."""
        kind = "OCIRepository" if self.images else "GitRepository"
        return kustomization(of, self.source_of(of), kind=kind, **options)

    @contextmanager
    def measured(self, scenario: str, objects: int) -> Iterator[None]:
        """Measures the block."""
        before = self.meter.read()
        yield
        self.costs[scenario] = self.meter.since(before, objects)

    async def request(self, commit: str) -> None:
        """Asks all sources to look, and waits until the apps are at the commit."""
        await self.drive.request(REPOSITORIES, self.sources)
        await self.drive.until_ready(KUSTOMIZATIONS, self.apps, commit=commit)


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
)

OF_IMAGES: tuple[Callable, ...] = (install, no_op, chain)
"""Those in which nothing is committed."""


async def run(bench: Bench, chosen: tuple[Callable, ...] = ALL) -> dict[str, Cost]:
    """All scenarios in turn, with a pause before each."""
    for scenario in chosen:
        await asyncio.sleep(_SETTLE_SECONDS)
        await scenario(bench)
    return bench.costs
