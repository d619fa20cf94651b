"""One run: what the scenarios work with, and what they cost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from drive import KUSTOMIZATIONS, REPOSITORIES, Drive
from load import app, image, kustomization, repository
from meter import Cost, Meter

from localcluster.demo.repository import DemoRepository

_SHARED = "apps"


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
