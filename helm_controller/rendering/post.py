"""Post-rendering: patches and images of a HelmRelease, its common metadata, the labels of its origin."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

from helm_controller.release.model import Release
from helm_controller.rendering.manifests import (
    Document,
    ManifestError,
    documents,
    hook_documents,
    manifest_of,
    sorted_out,
)
from shared.kube.resources import split_api_version
from shared.lang import yaml
from shared.lang.json import JsonObject
from shared.process import Jail, Limits, ProcessError, ProgramFailed, run
from shared.process.scratch import scratch_folder

_PATH: Final = "postrenderer.helm.sh/postrender-filename"
_FLAGS: Final = ("--load-restrictor", "LoadRestrictionsNone", "--reorder", "none")
_TIMEOUT: Final = timedelta(minutes=2)


class PostRenderError(Exception):
    """A post-renderer can't be used on these manifests."""


@dataclass(frozen=True, slots=True)
class PostRendering:
    """What is to be changed; labels of the origin win over the common ones."""

    origin: Mapping[str, str]
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    #: `patches` and `images` of each post-renderer, in wire form.
    kustomizations: Sequence[JsonObject] = ()
    #: `nohooks`, `combined` or `separate`.
    strategy: str = "combined"


class PostRenderer:
    """Applies post-rendering; the kustomize program runs only for patches and images."""

    def __init__(self, program: Path, scratch: Path) -> None:
        self._program = program
        self._scratch = scratch
        self._slots = asyncio.Semaphore(os.cpu_count() or 1)

    async def apply(self, release: Release, wanted: PostRendering) -> Release:
        """The release with changed manifest and hooks.

        Raises:
            PostRenderError: a patch fits nothing, or an object is there twice.
        """
        try:
            objects, hooks = list(documents(release.manifest)), hook_documents(release.hooks)
        except ManifestError as error:
            raise PostRenderError(str(error)) from error
        match wanted.strategy:
            case "nohooks":
                objects, more = sorted_out(await self._changed(objects, wanted))
                return replace(release, manifest=manifest_of(objects), hooks=(*release.hooks, *more))
            case "separate":
                parts = [*await self._changed(hooks, wanted), *await self._changed(objects, wanted)]
            case _:
                parts = await self._changed([*hooks, *objects], wanted)
        changed, found = sorted_out(parts)
        return replace(release, manifest=manifest_of(changed), hooks=tuple(found))

    async def _changed(self, parts: list[Document], wanted: PostRendering) -> list[Document]:
        if not parts:
            return []
        _refuse_duplicates(parts)
        for kustomization in wanted.kustomizations:
            parts = await self._kustomized(parts, kustomization)
        return [replace(part, obj=_marked(part.obj, wanted)) for part in parts]

    async def _kustomized(self, parts: list[Document], kustomization: JsonObject) -> list[Document]:
        root = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": ["all.yaml"],
            **kustomization,
        }
        async with self._slots, scratch_folder(self._scratch) as folder:
            text = yaml.dump_all([_annotated(part.obj, {_PATH: part.path}) for part in parts])
            await asyncio.to_thread(_write, folder, {"all.yaml": text, "kustomization.yaml": yaml.dump(root)})
            try:
                done = await run(
                    [self._program, "build", folder, *_FLAGS],
                    cwd=folder,
                    env={"HOME": os.fspath(folder), "TMPDIR": os.fspath(folder)},
                    timeout=_TIMEOUT,
                    limits=Limits(),
                    jail=Jail(read=(folder, self._program), write=(folder,)),
                )
            except ProgramFailed as error:
                said = error.stderr.removeprefix("Error: ").replace(f"{folder}/", "")
                raise PostRenderError(f"error while running post render on files: {said}") from error
            except ProcessError as error:
                raise PostRenderError(f"error while running post render on files: {error}") from error
        return [_unmarked(obj) for obj in yaml.load_all(done.stdout.decode()) if obj]


def _refuse_duplicates(parts: Iterable[Document]) -> None:
    seen: set[str] = set()
    for part in parts:
        group, version = split_api_version(str(part.obj["apiVersion"]))
        metadata = part.obj.get("metadata") or {}
        name = f"{metadata.get('name') or '[noName]'}.{metadata.get('namespace') or '[noNs]'}"
        identity = f"{part.kind}.{version}.{group or '[noGrp]'}/{name}"
        if identity in seen:
            raise PostRenderError(
                "error while running post render on files: "
                f"may not add resource with an already registered id: {identity}"
            )
        seen.add(identity)


def _marked(obj: JsonObject, wanted: PostRendering) -> JsonObject:
    metadata = dict(obj.get("metadata") or {})
    metadata["labels"] = {**(metadata.get("labels") or {}), **wanted.labels, **wanted.origin}
    if wanted.annotations:
        metadata["annotations"] = {**(metadata.get("annotations") or {}), **wanted.annotations}
    return {**obj, "metadata": metadata}


def _annotated(obj: JsonObject, annotations: Mapping[str, str]) -> JsonObject:
    metadata = obj.get("metadata") or {}
    return {
        **obj,
        "metadata": {**metadata, "annotations": {**(metadata.get("annotations") or {}), **annotations}},
    }


def _unmarked(obj: JsonObject) -> Document:
    metadata = dict(obj.get("metadata") or {})
    annotations = dict(metadata.get("annotations") or {})
    path = annotations.pop(_PATH, f"generated-by-postrender-{metadata.get('name')}.yaml")
    metadata["annotations"] = annotations
    if not annotations:
        del metadata["annotations"]
    return Document(path, {**obj, "metadata": metadata})


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (folder / name).write_text(text)
