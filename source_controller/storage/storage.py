"""The shelf of artifacts: published whole, checked, collected, and removed with their objects.

It is a cache that can be rebuilt from the sources, so nothing here tries to survive a lost disk; but what
a URL was given out for is either exactly what its digest says, or not there.
"""

from __future__ import annotations

import asyncio
import shutil
from datetime import timedelta
from functools import partial
from pathlib import Path
from threading import Event
from typing import Protocol, Self

from shared.api.meta import Artifact
from shared.git.threads import run_in_thread
from shared.lang.digest import Algorithm, Digest
from shared.observe.clock import Clock
from source_controller.storage.errors import ArchiveFailed, DirectoryCreationFailed, RemovalFailed
from source_controller.storage.garbage import Retention, collect
from source_controller.storage.integrity import Integrity, Verdict
from source_controller.storage.layout import Layout, Place, advertised_address, open_root
from source_controller.storage.publish import (
    HashingSink,
    TwinAltered,
    Writer,
    Written,
    copy_file,
    link_file,
    locked,
    make_directory,
    make_link,
    pour,
    write_file,
)


class StorageSettings(Protocol):
    """The settings that a storage is made from."""

    @property
    def storage_path(self) -> str:
        """The root directory."""

    @property
    def storage_addr(self) -> str:
        """The address that is listened on."""

    @property
    def storage_adv_addr(self) -> str:
        """The address for URLs; empty derives it from the other."""

    @property
    def artifact_digest_algo(self) -> str:
        """The name of a digest algorithm."""

    @property
    def artifact_retention_ttl(self) -> timedelta:
        """How long a replaced file is kept."""

    @property
    def artifact_retention_records(self) -> int:
        """How many files of an object are kept."""


class Storage:
    """Artifacts of all source kinds below one root directory."""

    def __init__(
        self,
        root: Path,
        address: str,
        clock: Clock,
        *,
        retention: Retention | None = None,
        algorithm: Algorithm = Algorithm.SHA256,
    ) -> None:
        """Use a directory that is there; `address` is where its files will be served."""
        self.layout = Layout(root, address)
        self._clock = clock
        self._retention = retention or Retention()
        self._algorithm = algorithm
        self._integrity = Integrity(self.layout, clock)

    @classmethod
    def open(cls, settings: StorageSettings, clock: Clock) -> Self:
        """The storage that the settings describe.

        Raises:
            ValueError: a setting can't be used; names the flag.
        """
        return cls(
            open_root(settings.storage_path),
            advertised_address(settings.storage_adv_addr, settings.storage_addr),
            clock,
            retention=Retention(settings.artifact_retention_ttl, settings.artifact_retention_records),
            algorithm=Algorithm.named(settings.artifact_digest_algo),
        )

    def url(self, path: str) -> str:
        """The address of an artifact by its path, as advertised now."""
        return self.layout.url(path)

    def digest_of(self, path: str) -> Digest | None:
        """The digest of an artifact by its path, as far as known without reading the file."""
        return self._integrity.digest_of(path)

    async def publish(self, place: Place, *, revision: str, filename: str, write: Writer) -> Artifact:
        """Store what `write` writes, which runs in a thread; the file appears complete or not at all.

        Raises:
            StorageError: one of its family says what failed; errors of `write` itself come out as they are.
        """
        target = await self._target(place, filename)
        async with locked(target):

            def work(stop: Event) -> Written:
                return write_file(target, self._algorithm, write, stop)

            written = await run_in_thread(None, work)
            return self._artifact(place, revision, target, written)

    async def publish_file(self, place: Place, *, revision: str, filename: str, source: Path) -> Artifact:
        """Store a copy of a file.

        Raises:
            StorageError: one of its family says what failed.
        """
        return await self.publish(place, revision=revision, filename=filename, write=partial(pour, source))

    async def reuse(
        self, place: Place, artifact: Artifact, *, revision: str, filename: str
    ) -> Artifact | None:
        """Let a new revision have the file of an older one, whose content is known to be the same.

        None if that file isn't there as it should be; then it has to be written.
        """
        if not (await self.verify(place, artifact)).whole:
            return None
        digest, source = Digest.parse(artifact.digest), self.layout.root / artifact.path
        target = await self._target(place, filename)
        if target == source:
            return artifact.model_copy(update={"revision": revision, "url": self.url(artifact.path)})
        async with locked(target):
            await asyncio.to_thread(link_file, source, target)
            return self._artifact(place, revision, target, Written(digest, target.lstat().st_size))

    async def copy(self, place: Place, twin: Artifact, *, revision: str, filename: str) -> Artifact | None:
        """Let an object have a file like that of another one, whose content is known to be the same.

        None if that file isn't there as it should be; then it has to be written.
        """
        source, digest = self.layout.file(twin.path), Digest.parse(twin.digest)
        if source is None:
            return None

        def write(sink: HashingSink) -> None:
            copy_file(source, digest, sink)

        try:
            return await self.publish(place, revision=revision, filename=filename, write=write)
        except TwinAltered:
            return None

    async def link(self, place: Place, artifact: Artifact, name: str) -> None:
        """Serve an artifact of an object under another name as well, in place of what had it before.

        Raises:
            StorageError: the link can't be made.
        """
        target = await self._target(place, name)
        await asyncio.to_thread(make_link, target, artifact.path.rpartition("/")[2])

    async def verify(self, place: Place, artifact: Artifact) -> Verdict:
        """Whether an artifact of this object is there and has its digest; an altered file is removed."""
        verdict = await asyncio.to_thread(self._integrity.check, place, artifact)
        if verdict.why:
            await self._remove(artifact.path)
        return verdict

    async def collect_garbage(self, place: Place, artifact: Artifact) -> int:
        """Remove older files of this object as the retention says; how many went."""
        current = artifact.path.rpartition("/")[2]
        if not place.holds(artifact.path):
            return 0
        try:
            directory = self.layout.directory(place)
        except ValueError:
            return 0  # nothing of ours is behind a link
        removed = await asyncio.to_thread(collect, directory, current, self._retention, self._clock)
        for name in removed:
            self._integrity.forget(f"{place.path}/{name}")
        return len(removed)

    async def remove_all(self, place: Place) -> bool:
        """Remove the directory of an object; whether there was one."""
        try:
            directory = self.layout.directory(place)
        except ValueError as error:
            raise RemovalFailed(f"garbage collection for deleted resource failed: {error}") from error
        self._integrity.forget(place.path)
        try:
            await asyncio.to_thread(shutil.rmtree, directory)
        except FileNotFoundError:
            return False
        except OSError as error:
            why = error.strerror or "input/output error"
            raise RemovalFailed(f"garbage collection for deleted resource failed: {why}") from error
        return True

    async def _remove(self, path: str) -> None:
        file = self.layout.file(path)
        if file is None:
            return
        try:
            await asyncio.to_thread(file.unlink, missing_ok=True)
        except OSError as error:
            why = error.strerror or "input/output error"
            raise RemovalFailed(f"failed to remove the altered artifact '{path}': {why}") from error

    async def _target(self, place: Place, filename: str) -> Path:
        path = f"{place.path}/{filename}"
        if not place.holds(path):
            raise ArchiveFailed(f"unable to archive artifact to storage: {filename!r} is no name for a file")
        try:
            directory = self.layout.directory(place)
        except ValueError as error:
            raise DirectoryCreationFailed(f"failed to create artifact directory: {error}") from error
        await asyncio.to_thread(make_directory, directory, self.layout.root)
        return directory / filename

    def _artifact(self, place: Place, revision: str, target: Path, written: Written) -> Artifact:
        path = f"{place.path}/{target.name}"
        self._integrity.remember(path, target, written.digest)
        return Artifact(
            path=path,
            url=self.url(path),
            revision=revision,
            digest=str(written.digest),
            last_update_time=self._clock.now().replace(microsecond=0),
            size=written.size,
        )
