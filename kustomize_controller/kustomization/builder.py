"""From the tree of an artifact to the objects that are wanted of it.

    generate -> survey -> (cache) -> kustomize -> (cache) -> substitute -> decode

Each step is a function of values and lives in its own module; here they only meet. All that touches files
or takes time runs off the loop.
"""

import asyncio
import hashlib
from pathlib import Path

from kustomize_controller.kustomization.build import BuildSettings, Kustomize
from kustomize_controller.kustomization.cache import BuildCache, content_key, pack, unpack
from kustomize_controller.kustomization.confine import Survey, survey
from kustomize_controller.kustomization.decode import SEPARATOR, documents, objects
from kustomize_controller.kustomization.generate import Root, generate
from kustomize_controller.kustomization.request import BuildRequest, Built, Substitution
from kustomize_controller.kustomization.substitute import substituted


class ManifestBuilder:
    """Builds the manifests of Kustomizations."""

    def __init__(self, settings: BuildSettings, cache: BuildCache | None = None) -> None:
        """Build with the program and within the bounds of the settings."""
        self._kustomize = Kustomize(settings)
        self._cache = cache or BuildCache()
        self._remote_bases = settings.remote_bases

    async def build(self, tree: Path, request: BuildRequest) -> Built:
        """The objects that a tree and a request ask for; raise `BuildFailed` if they can't be built."""
        text = await self._manifests(tree, request)
        return await asyncio.to_thread(_finish, text, request.substitution)

    async def rebuild(self, request: BuildRequest) -> Built | None:
        """The same without the tree, if this artifact was built for this request before; None otherwise."""
        text = await self._remembered(request)
        return None if text is None else await asyncio.to_thread(_finish, text, request.substitution)

    async def _remembered(self, request: BuildRequest) -> str | None:
        return await self._kept(self._cache.known(request))

    async def _kept(self, key: str | None) -> str | None:
        packed = None if key is None else self._cache.get(key)
        return None if packed is None else await asyncio.to_thread(unpack, packed)

    async def _manifests(self, tree: Path, request: BuildRequest) -> str:
        text = await self._remembered(request)
        if text is not None:
            return text
        root, surveyed, key = await asyncio.to_thread(self._prepare, tree, request)
        text = await self._kept(key)
        if text is None:
            text = await self._kustomize.build(tree, root, surveyed)
            if key is not None:
                self._cache.put(key, await asyncio.to_thread(pack, text))
        if key is not None:
            self._cache.remember(request, key)
        return text

    def _prepare(self, tree: Path, request: BuildRequest) -> tuple[Root, Survey, str | None]:
        root = generate(tree, request.path, request.overlay)
        surveyed = survey(tree, root, remote_allowed=self._remote_bases)
        return root, surveyed, content_key(surveyed.digest(tree), root, surveyed)


def _finish(text: str, substitution: Substitution | None) -> Built:
    """From the text of a build to objects, and the digest of exactly the text they were decoded from."""
    texts = substituted(documents(text), substitution)
    digest = hashlib.sha256(SEPARATOR.join(texts).encode()).hexdigest()
    return Built(objects(texts), f"sha256:{digest}")
