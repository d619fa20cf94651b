"""From a layer to an artifact: downloaded to disk while it is hashed, then unpacked and packed, or copied."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Event
from typing import Final

from shared.api.meta import Artifact
from shared.api.source_v1 import OCILayerSelector, OCIRepository
from shared.artifact.archive import Sink, write_archive
from shared.artifact.directory import Directory
from shared.artifact.extract import ArchiveRefused, extract
from shared.artifact.ignoring import kept
from shared.git.threads import run_in_thread
from shared.oci import ContentRefused, Descriptor, Manifest, Registry
from shared.process.scratch import scratch_folder
from shared.runtime.outcome import Failure
from source_controller.artifacts import FETCH_FAILED, place_of, storing
from source_controller.oci_repository.conditions import Reason
from source_controller.storage import Storage

COPY: Final = "copy"


class Contents:
    """Turns layers into artifacts."""

    def __init__(self, storage: Storage, scratch: Path) -> None:
        """`scratch` is a directory for what is only needed for a moment."""
        self._storage = storage
        self._scratch = scratch

    async def publish(
        self, obj: OCIRepository, registry: Registry, manifest: Manifest, revision: str, filename: str
    ) -> Artifact:
        """The artifact of an image.

        Raises:
            OciError: the registry doesn't give the layer.
            Failure: the layer can't be used, or the storage refuses.
        """
        layer = chosen(manifest, obj.spec.layer_selector)
        copies = obj.spec.layer_selector is not None and obj.spec.layer_selector.operation == COPY
        async with self._downloaded(registry, layer) as (file, folder):
            with storing():
                artifact = await (
                    self._storage.publish_file(
                        place_of(obj), revision=revision, filename=filename, source=file
                    )
                    if copies
                    else self._packed(obj, file, folder, revision, filename)
                )
        return artifact.model_copy(update={"metadata": manifest.annotations or None})

    @asynccontextmanager
    async def _downloaded(self, registry: Registry, layer: Descriptor) -> AsyncIterator[tuple[Path, Path]]:
        """A layer in a file, beside an empty directory; both go with the block."""
        try:
            async with scratch_folder(self._scratch) as folder:
                file, target = folder / "layer", folder / "content"
                await asyncio.to_thread(target.mkdir)
                with file.open("wb", buffering=0) as out:
                    async for piece in registry.blob(layer):
                        await asyncio.to_thread(out.write, piece)
                yield file, target
        except OSError as error:
            why = error.strerror or "input/output error"
            raise layer_failure(f"failed to extract layer contents from artifact: {why}") from error

    async def _packed(
        self, obj: OCIRepository, file: Path, folder: Path, revision: str, filename: str
    ) -> Artifact:
        def unpack(stop: Event) -> None:
            del stop
            extract(file, folder)

        def write(sink: Sink) -> None:
            write_archive(kept(Directory(folder), obj.spec.ignore), sink)

        try:
            await run_in_thread(None, unpack)
        except ArchiveRefused as error:
            raise layer_failure(f"failed to extract layer contents from artifact: {error}") from error
        return await self._storage.publish(place_of(obj), revision=revision, filename=filename, write=write)


def chosen(manifest: Manifest, selector: OCILayerSelector | None) -> Descriptor:
    """The layer that is the content.

    Raises:
        Failure: there is none.
    """
    try:
        layers = manifest.layers
    except ContentRefused as error:
        raise layer_failure(f"failed to parse artifact layers: {error}") from error
    if not layers:
        raise layer_failure("no layers found in artifact")
    media_type = selector.media_type if selector else None
    if not media_type:
        return layers[0]
    for layer in layers:
        if layer.media_type == media_type:
            return layer
    known = ", ".join(sorted({layer.media_type for layer in layers}))
    raise layer_failure(f"failed to find layer with media type '{media_type}' in artifact, it has {known}")


def layer_failure(message: str) -> Failure:
    """The layer is not what was hoped for."""
    return Failure(Reason.LAYER_FAILED, message, condition=FETCH_FAILED)
