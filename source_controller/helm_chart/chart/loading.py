"""Charts from packages and directories, of which nothing is trusted and all is bounded."""

from __future__ import annotations

import io
import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Final

from shared.artifact.extract import ArchiveRefused, ExtractLimits, Member, members
from shared.lang.json import JsonError, loads
from source_controller.helm_chart.chart import metadata as chart_metadata
from source_controller.helm_chart.chart.ignoring import FILE, HelmIgnore
from source_controller.helm_chart.chart.model import (
    CHART,
    Chart,
    ChartError,
    Dependency,
    Limits,
    Metadata,
    MetadataError,
)

_CHARTS: Final = "charts/"
_LOCKS: Final = {"v1": "requirements.lock"}
_REQUIREMENTS: Final = "requirements.yaml"
_SCHEMA: Final = "values.schema.json"
_BOM: Final = b"\xef\xbb\xbf"
_DRIVE: Final = re.compile(r"[a-zA-Z]:")
_DEEPEST: Final = 16


class _Budget:
    """What a chart may still take, with all the charts in it."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._bytes = limits.decompressed
        self._files = limits.files

    def file(self, name: str, size: int) -> None:
        """Counts a file before it is read."""
        if size > self.limits.file:
            raise ChartError(
                f"cannot load file {name} as file size ({size}) exceeds limit ({self.limits.file})"
            )
        self._bytes -= size
        self._files -= 1
        if self._bytes < 0:
            raise ChartError(f"the chart is larger than {self.limits.decompressed} bytes")
        if self._files < 0:
            raise ChartError(f"the chart has more than {self.limits.files} files")


def load_package(file: Path, limits: Limits) -> Chart:
    """The chart in a `.tgz`; blocks.

    Raises:
        ChartError: there is none in it, or it isn't allowed.
        OSError: it can't be read.
    """
    size = _checked_size(file, limits)
    budget = _Budget(limits)
    with file.open("rb") as packed:
        return _assembled(_unpacked(packed, size, budget), budget, 0)


def read_metadata(file: Path, limits: Limits) -> Metadata:
    """What the Chart.yaml in a `.tgz` says; blocks, and keeps nothing else in memory.

    Raises:
        ChartError: there is none in it, or it isn't sound.
        OSError: it can't be read.
    """
    size = _checked_size(file, limits)
    try:
        with file.open("rb") as packed:
            for member in members(packed, size, _extraction(limits)):
                if not member.is_directory and len(member.parts) == 2 and member.parts[1] == CHART:
                    _Budget(limits).file(CHART, member.size)
                    return chart_metadata.parse(_content(member))
    except ArchiveRefused as error:
        raise ChartError(str(error)) from error
    raise MetadataError(f"{CHART} file is missing")


def load_directory(root: Path, path: str, limits: Limits) -> Chart:
    """The chart in a directory below a root, without what its `.helmignore` leaves out; blocks.

    Raises:
        ChartError: there is none, or it isn't allowed.
        OSError: it can't be read.
    """
    budget = _Budget(limits)
    folder = root / path if path else root
    return _assembled(dict(_walked(root.resolve(), folder, budget)), budget, 0)


def _checked_size(file: Path, limits: Limits) -> int:
    size = file.stat().st_size
    if size > limits.package:
        raise ChartError(f"size of chart '{file.name}' exceeds '{limits.package}' bytes limit")
    return size


def _extraction(limits: Limits) -> ExtractLimits:
    return ExtractLimits(entries=limits.files, total_size=limits.decompressed)


def _unpacked(packed: IO[bytes], size: int, budget: _Budget) -> dict[str, bytes]:
    """The files of a package by their paths in the chart."""
    found: dict[str, bytes] = {}
    try:
        for member in members(packed, size, _extraction(budget.limits)):
            if member.is_directory:
                continue
            name = "/".join(member.parts[1:])
            if not name:
                raise ChartError(f"the package has the file {member.parts[0]!r} beside its directory")
            if _DRIVE.match(name):
                raise ChartError("chart contains illegally named files")
            budget.file(name, member.size)
            found[name] = _content(member)
    except ArchiveRefused as error:
        raise ChartError(str(error)) from error
    if not found:
        raise ChartError("no files in chart archive")
    return found


def _content(member: Member) -> bytes:
    return b"".join(member.pieces()).removeprefix(_BOM)


def _walked(root: Path, folder: Path, budget: _Budget) -> Iterator[tuple[str, bytes]]:
    """The files of a directory by their paths in it; links are followed while they stay below the root."""
    ignore_file = folder / FILE
    rules = HelmIgnore()
    if ignore_file.is_file():
        budget.file(FILE, ignore_file.stat().st_size)
        rules = HelmIgnore(_inside(root, ignore_file, FILE).read_bytes().decode(errors="replace"))
    waiting = [""]
    while waiting:
        prefix = waiting.pop()
        if prefix.count("/") > _DEEPEST * 4:
            raise ChartError(f"the directory {prefix[:200]!r} is too deep")
        for entry in sorted(os.scandir(folder / prefix), key=lambda one: one.name):
            path = prefix + entry.name
            # What leads nowhere is no directory for the rules, as for Helm.
            directory = entry.is_dir()
            if rules.ignores(path, directory=directory):
                continue
            if directory:
                _inside(root, Path(entry.path), path)
                waiting.append(f"{path}/")
                continue
            target = _inside(root, Path(entry.path), path)
            found = target.stat()
            if not stat.S_ISREG(found.st_mode):
                raise ChartError(f"cannot load irregular file {path} as it has file mode type bits set")
            budget.file(path, found.st_size)
            yield path, target.read_bytes().removeprefix(_BOM)


def _inside(root: Path, path: Path, name: str) -> Path:
    """Where a path really leads."""
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise ChartError(f"the link {name} leads nowhere") from error
    if target != root and root not in target.parents:
        raise ChartError(f"the link {name} leads out of the source")
    return target


def _assembled(files: Mapping[str, bytes], budget: _Budget, depth: int) -> Chart:
    """A chart of its files."""
    if CHART not in files:
        raise MetadataError(f"{CHART} file is missing")
    metadata = chart_metadata.parse(files[CHART])
    own = {name: data for name, data in files.items() if name != CHART and not _of_sub_chart(name)}
    if _SCHEMA in own:
        try:
            loads(own[_SCHEMA])
        except JsonError as error:
            raise ChartError(f"invalid JSON in {_SCHEMA}: {error}") from error
    if metadata.api_version == "v1" and _REQUIREMENTS in own:
        metadata = _with_requirements(metadata, own[_REQUIREMENTS])
    charts = tuple(_sub_charts(files, budget, depth + 1))
    return Chart(metadata, own, charts, _lock(metadata, own))


def _with_requirements(metadata: Metadata, text: bytes) -> Metadata:
    wanted = chart_metadata.dependencies(chart_metadata.document(text, _REQUIREMENTS), _REQUIREMENTS)
    found = Metadata(
        metadata.name, metadata.version, metadata.api_version, metadata.type, wanted, metadata.raw
    )
    chart_metadata.check(found)
    return found


def _lock(metadata: Metadata, files: Mapping[str, bytes]) -> tuple[Dependency, ...] | None:
    name = _LOCKS.get(metadata.api_version, "Chart.lock")
    if name not in files:
        return None
    return chart_metadata.dependencies(chart_metadata.document(files[name], name), name)


def _of_sub_chart(name: str) -> bool:
    return name.startswith(_CHARTS) and not name.endswith(".prov")


def _sub_charts(files: Mapping[str, bytes], budget: _Budget, depth: int) -> Iterator[Chart]:
    """The charts below `charts/`, directories and packages."""
    if depth > _DEEPEST:
        raise ChartError(f"charts are nested more than {_DEEPEST} deep")
    found: dict[str, dict[str, bytes]] = {}
    for path, data in files.items():
        if _of_sub_chart(path):
            name, slash, rest = path.removeprefix(_CHARTS).partition("/")
            if slash or name.endswith(".tgz"):
                found.setdefault(name, {})[rest] = data
    for name in sorted(found):
        if name.startswith(("_", ".")):
            continue
        content = found[name]
        if "" in content:
            packed = content[""]
            content = _unpacked(io.BytesIO(packed), len(packed), budget)
        try:
            yield _assembled(content, budget, depth)
        except ChartError as error:
            raise type(error)(f"error unpacking subchart {name}: {error}") from error
