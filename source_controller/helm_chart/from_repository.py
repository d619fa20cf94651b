"""Charts of HelmRepositories: found in an index or a registry, downloaded, and served as they came.

Only values files of one's own make a package of our own. What has the name and the version of the stored
package isn't downloaded again.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from shared.api.meta import Artifact
from shared.api.source_v1 import HelmChart, HelmRepository
from shared.lang.digest import Digest
from source_controller.helm_chart.builds import Build, merged_before, merged_now
from source_controller.helm_chart.chart import Limits, load_package, read_metadata, values_of
from source_controller.helm_chart.conditions import BuildError, Fault
from source_controller.helm_chart.packaging import package, packaging, target_version, with_values
from source_controller.helm_chart.remote import PullFailed, RegistryChart, RemoteChart, RemoteCharts
from source_controller.helm_chart.sources import ChartSources, is_registry
from source_controller.helm_chart.versions import NoSuchChart, check_name
from source_controller.signatures import Signatures, Subject, Verdict, VerificationFailed

_NOT_FOUND: Final = "failed to get chart version for remote reference"


class RepositoryBuilds:
    """Builds charts of HelmRepositories."""

    def __init__(
        self,
        sources: ChartSources,
        remote: RemoteCharts,
        signatures: Signatures,
        scratch: Path,
        limits: Limits,
    ) -> None:
        """`scratch` is a directory for what is only needed for a moment."""
        self._sources = sources
        self._remote = remote
        self._signatures = signatures
        self._scratch = scratch
        self._limits = limits

    @asynccontextmanager
    async def build(
        self, obj: HelmChart, repository: HelmRepository, current: Artifact | None
    ) -> AsyncIterator[Build]:
        """The chart that is wanted now; its file goes with the block.

        Raises:
            BuildError: it can't be built.
            LoginFailed: the repository refuses the login.
            InvalidUrl: `spec.url` of the repository is none.
            Failure: a Secret is missing or can't be used.
        """
        chart = await self._found(obj, repository)
        digest, verified = await self._verified(obj, chart)
        build = _target(obj, chart)
        if build.is_stored(obj, current):
            yield replace(build, verified=verified, values_files=merged_before(obj))
            return
        folder = await asyncio.to_thread(lambda: tempfile.TemporaryDirectory(dir=self._scratch))
        try:
            file = Path(folder.name) / "chart.tgz"
            await _download(chart, file, digest)
            built = await asyncio.to_thread(self._packaged, obj, build, file)
            yield replace(built, verified=verified)
        finally:
            await asyncio.to_thread(folder.cleanup)

    async def _found(self, obj: HelmChart, repository: HelmRepository) -> RemoteChart:
        name, version = obj.spec.chart, obj.spec.version
        try:
            check_name(name)
        except NoSuchChart as error:
            raise BuildError(Fault.REFERENCE, error) from error
        try:
            if is_registry(repository):
                return await self._remote.in_registry(repository, name, version)
            index = self._sources.stored(repository).file
            http = await self._remote.open(repository)
            return await self._remote.indexed(http, index, name, version, repository)
        except NoSuchChart as error:
            raise BuildError(Fault.REFERENCE, f"{_NOT_FOUND}: {error}") from error
        except PullFailed as error:
            raise BuildError(Fault.PULL, f"{_NOT_FOUND}: {error}", error.retry_after) from error

    async def _verified(self, obj: HelmChart, chart: RemoteChart) -> tuple[Digest | None, bool]:
        """What has to be downloaded, and whether somebody trusted signed it."""
        if obj.spec.verify is None:
            return None, False
        if not isinstance(chart, RegistryChart):
            raise BuildError(Fault.VERIFICATION, "not implemented")
        try:
            digest = await chart.digest()
            reference = f"{chart.registry.repository}:{chart.tag}"
            subject = Subject(chart.registry, chart.registry.repository, digest, chart.access, reference)
            verdict = await self._signatures.verify(obj.namespace, obj.spec.verify, subject)
        except (VerificationFailed, PullFailed) as error:
            raise BuildError(Fault.VERIFICATION, error) from error
        return digest, verdict is Verdict.VERIFIED

    def _packaged(self, obj: HelmChart, build: Build, file: Path) -> Build:
        """The package with the values that are wanted; as it came where none are. Blocks."""
        names = merged_now(obj)
        with packaging(Fault.PULL):
            if not names:
                read_metadata(file, self._limits)
                return replace(build, file=file)
            chart = load_package(file, self._limits)
        optional = obj.spec.ignore_missing_values_files
        chart, merged = with_values(chart, lambda: values_of(chart, names, optional))
        package(chart, build.version, file.with_name("package.tgz"))
        return replace(build, file=file.with_name("package.tgz"), values_files=merged)


def _target(obj: HelmChart, chart: RemoteChart) -> Build:
    """What is wanted: an own version of it for each generation where values are merged."""
    merged = bool(merged_now(obj))
    version = target_version(chart.version, str(obj.generation) if merged else "")
    return Build(chart.name, version, packaged=merged)


async def _download(chart: RemoteChart, file: Path, digest: Digest | None) -> None:
    try:
        if isinstance(chart, RegistryChart):
            await chart.download(file, digest)
        else:
            await chart.download(file)
    except PullFailed as error:
        text = f"failed to download chart for remote reference: {error}"
        raise BuildError(Fault.PULL, text, error.retry_after) from error
    except OSError as error:
        raise BuildError(Fault.PULL, error.strerror or "input/output error") from error
