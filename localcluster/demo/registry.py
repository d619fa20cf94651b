"""The registry that the demo takes charts and images from: a real one on loopback."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from localcluster import programs
from shared.testing.registry import RegistryStore, run_registry


class DemoRegistry:
    """Takes charts as their authors publish them: `helm package`, then `helm push`."""

    def __init__(self, store: RegistryStore, folder: Path) -> None:
        self.host = store.host
        self._store = store
        self._folder = folder

    def publish(self, chart: Path) -> str:
        """Publishes the chart in a folder; gives the name of the package."""
        self._helm("package", str(chart), "--destination", str(self._folder))
        package = max(self._folder.glob(f"{chart.name}-*.tgz"), key=lambda found: found.stat().st_mtime_ns)
        self._helm("push", str(package), f"oci://{self.host}/charts", "--plain-http")
        return package.name

    def push(self, repository: str, tag: str) -> None:
        """Puts an image there, as a build would."""
        self._store.push(repository, tag, {"VERSION": tag})

    def _helm(self, *arguments: str) -> None:
        own = {f"HELM_{what}_HOME": str(self._folder / what.lower()) for what in ("CACHE", "CONFIG", "DATA")}
        done = subprocess.run(
            [str(programs.path("helm")), *arguments],
            env=os.environ | own,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        if done.returncode:
            raise RuntimeError(f"helm {arguments[0]}: {done.stderr.strip()}")


@contextmanager
def demo_registry(folder: Path) -> Iterator[DemoRegistry]:
    """A registry, for as long as the block lasts."""
    own = folder / "charts"
    own.mkdir()
    with run_registry(own) as store:
        yield DemoRegistry(store, own)
