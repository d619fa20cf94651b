"""Post-rendering: patches and images of a HelmRelease, its common metadata, the labels of its origin."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from helm_controller.release.manifest import (
    Document,
    ManifestError,
    checked,
    manifest_of,
    rendered_documents,
    taken_apart,
)
from helm_controller.release.model import Release
from helm_controller.rendering.slots import RenderSlots
from helm_controller.rendering.sorting import hook_documents, sorted_out
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

    def __init__(self, program: Path, scratch: Path, slots: RenderSlots) -> None:
        self._program = program
        self._scratch = scratch
        self._slots = slots

    async def apply(self, release: Release, wanted: PostRendering) -> Release:
        """The release with changed manifest and hooks.

        Raises:
            PostRenderError: a patch fits nothing, or something is no object, has no name or is there twice.
        """
        try:
            return await self._applied(release, wanted)
        except ManifestError as error:
            raise PostRenderError(str(error)) from error

    async def _applied(self, release: Release, wanted: PostRendering) -> Release:
        objects = list(rendered_documents(release.manifest))
        match wanted.strategy:
            case "nohooks":
                objects, more = sorted_out(await self._changed(objects, wanted, "manifests-"))
                return replace(release, manifest=manifest_of(objects), hooks=(*release.hooks, *more))
            case "separate":
                parts = await self._changed(hook_documents(release.hooks), wanted, "hooks-")
                parts += await self._changed(objects, wanted, "manifests-")
            case _:
                parts = await self._changed([*hook_documents(release.hooks), *objects], wanted)
        changed, found = sorted_out(parts)
        return replace(release, manifest=manifest_of(changed), hooks=tuple(found))

    async def _changed(
        self, parts: Iterable[Document], wanted: PostRendering, group: str = ""
    ) -> list[Document]:
        """The documents in the order of their files, and marked; what has no file any more gets a name.

        Kustomize takes lists apart, and the objects in them are of no file.
        """
        parts = [each for part in sorted(parts, key=_by_path) for each in taken_apart(part)]
        if not parts:
            return []
        _refuse_duplicates(parts)
        for kustomization in wanted.kustomizations:
            parts = await self._kustomized(parts, kustomization)
        return [
            Document(part.path or f"generated-by-postrender-{group}{number}.yaml", _marked(part.obj, wanted))
            for number, part in enumerate(parts)
        ]

    async def _kustomized(self, parts: list[Document], kustomization: JsonObject) -> list[Document]:
        root = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": ["all.yaml"],
            **kustomization,
        }
        async with self._slots.local(), scratch_folder(self._scratch) as folder:
            text = yaml.dump_all([_with_path(part) for part in parts])
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
        try:
            return [_unmarked(obj) for obj in yaml.load_all(done.stdout.decode()) if obj]
        except yaml.YamlError as error:
            raise PostRenderError(f"unable to parse what a post-renderer gives: {error}") from error


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


def _by_path(part: Document) -> str:
    return part.path


def _with_path(part: Document) -> JsonObject:
    if not part.path:
        return part.obj
    metadata = part.obj.get("metadata") or {}
    annotations = {**(metadata.get("annotations") or {}), _PATH: part.path}
    return {**part.obj, "metadata": {**metadata, "annotations": annotations}}


def _unmarked(value: Any) -> Document:
    obj = checked(value, "what a post-renderer gives")
    metadata = dict(obj.get("metadata") or {})
    annotations = dict(metadata.get("annotations") or {})
    path = annotations.pop(_PATH, "")
    metadata["annotations"] = annotations
    if not annotations:
        del metadata["annotations"]
    return Document(path, {**obj, "metadata": metadata})


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (folder / name).write_text(text)
