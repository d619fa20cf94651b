"""From the address of an index to JSON in a file, without ever holding the index in memory."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from shared.api.meta import Artifact
from shared.api.source_v1 import HelmRepository
from shared.lang.digest import Algorithm, Digest, DigestError, hasher
from shared.process import Limits, ProcessError, run
from shared.process.scratch import scratch_folder
from shared.runtime.outcome import Failure
from source_controller.artifacts import FETCH_FAILED, place_of, storing
from source_controller.helm_repository.client import Downloaded, DownloadError, HelmHttp, TooLarge, Validators
from source_controller.helm_repository.conditions import Reason
from source_controller.helm_repository.indexing import REFUSED
from source_controller.storage import Place, Storage

_CHUNK: Final = 1 << 20
_ENVIRONMENT: Final = {"LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
_LONGEST: Final = timedelta(minutes=2)
_LEAST_MEMORY: Final = 512 << 20
_MEMORY_PER_BYTE: Final = 24
_INDEXING: Final = "source_controller.helm_repository.indexing"


@dataclass(frozen=True, slots=True)
class _Known:
    """What the last answer was, and to whom."""

    asked: str
    revision: str
    validators: Validators


@dataclass(frozen=True, slots=True)
class Fetched:
    """An index that was downloaded, in a file that goes with the block."""

    file: Path
    revision: str
    validators: Validators


class Indexes:
    """Downloads and stores indexes."""

    def __init__(self, storage: Storage, scratch: Path, *, limit: int, algorithm: Algorithm) -> None:
        """`limit` is in bytes; `scratch` is a directory for what is only needed for a moment."""
        self._storage = storage
        self._scratch = scratch
        self._limit = limit
        self._algorithm = algorithm
        self._known: dict[Place, _Known] = {}

    @asynccontextmanager
    async def fetched(
        self, obj: HelmRepository, http: HelmHttp, current: Artifact | None
    ) -> AsyncIterator[Fetched | None]:
        """The index as it is now; None if it is what is stored already.

        Raises:
            Failure: it can't be had.
        """
        async with scratch_folder(self._scratch) as folder:
            yield await self._download(obj, http, current, folder / "index")

    @asynccontextmanager
    async def fresh(self, http: HelmHttp) -> AsyncIterator[Path]:
        """The index of a repository that nothing is stored of, as JSON.

        Raises:
            Failure: it can't be had.
        """
        async with scratch_folder(self._scratch) as folder:
            file = folder / "index"
            answer = await self._downloaded(http, file, None)
            yield await self.indexed(Fetched(file, "", answer.validators))

    async def publish(self, obj: HelmRepository, http: HelmHttp, fetched: Fetched, file: Path) -> Artifact:
        """Stores the JSON that `indexed` made.

        Raises:
            Failure: the storage refuses.
        """
        name = f"index-{fetched.revision.partition(':')[2]}.yaml"
        with storing():
            artifact = await self._storage.publish_file(
                place_of(obj), revision=fetched.revision, filename=name, source=file
            )
        self._remember(obj, http, fetched.revision, fetched.validators)
        return artifact

    async def indexed(self, fetched: Fetched) -> Path:
        """The index as JSON, made by a process of its own.

        Raises:
            Failure: it is no index.
        """
        target = fetched.file.with_suffix(".json")
        size = (await asyncio.to_thread(fetched.file.stat)).st_size
        memory = _LEAST_MEMORY + _MEMORY_PER_BYTE * size
        try:
            ended = await run(
                [sys.executable, "-P", "-m", _INDEXING, fetched.file, target],
                cwd=Path.cwd(),
                env=_ENVIRONMENT,
                timeout=_LONGEST,
                limits=Limits(memory=memory, cpu_seconds=int(_LONGEST.total_seconds())),
                check=False,
            )
        except ProcessError as error:
            raise _unreadable(str(error)) from error
        if ended.returncode == REFUSED:
            raise _unreadable(ended.stderr.decode(errors="replace"))
        if ended.returncode:
            raise _unreadable("the program that reads it broke off, perhaps for want of memory")
        return target

    def forget(self, place: Place) -> None:
        """Lets go of what is known about an object that is no more."""
        self._known.pop(place, None)

    async def _download(
        self, obj: HelmRepository, http: HelmHttp, current: Artifact | None, file: Path
    ) -> Fetched | None:
        known = self._known.get(place_of(obj))
        fits = (
            current and known and (known.asked, known.revision) == (http.access.fingerprint, current.revision)
        )
        answer = await self._downloaded(http, file, known.validators if known and fits else None)
        if not answer.changed:
            return None
        if (
            current is not None
            and await _digest(file, _algorithm(current, self._algorithm)) == current.revision
        ):
            self._remember(obj, http, current.revision, answer.validators)
            return None
        return Fetched(file, await _digest(file, self._algorithm), answer.validators)

    async def _downloaded(self, http: HelmHttp, file: Path, known: Validators | None) -> Downloaded:
        try:
            return await http.download(http.index_url, file, self._limit, known=known, compressed=True)
        except TooLarge as error:
            text = f"index exceeds the maximum index file size of {error.limit} bytes"
            raise _failed(text) from error
        except DownloadError as error:
            raise _failed(str(error), error.retry_after) from error
        except OSError as error:
            raise _failed(error.strerror or "input/output error") from error

    def _remember(self, obj: HelmRepository, http: HelmHttp, revision: str, validators: Validators) -> None:
        self._known[place_of(obj)] = _Known(http.access.fingerprint, revision, validators)


def _algorithm(artifact: Artifact, otherwise: Algorithm) -> Algorithm:
    try:
        return Digest.parse(artifact.revision).algorithm
    except DigestError:
        return otherwise


async def _digest(file: Path, algorithm: Algorithm) -> str:
    def work() -> str:
        running = hasher(algorithm)
        with file.open("rb", buffering=0) as content:
            while chunk := content.read(_CHUNK):
                running.update(chunk)
        return f"{algorithm}:{running.hexdigest()}"

    return await asyncio.to_thread(work)


def _failed(why: str, retry_after: timedelta | None = None) -> Failure:
    text = f"failed to fetch Helm repository index: failed to cache index to temporary file: {why}"
    return Failure(Reason.FAILED, text, condition=FETCH_FAILED, retry_after=retry_after)


def _unreadable(why: str) -> Failure:
    text = f"failed to load Helm repository from index YAML: {why}"
    return Failure(Reason.INDEXATION_FAILED, text, condition=FETCH_FAILED)
