"""Charts with their sub-charts, as far as it matters which of them are enabled.

The rules are Helm's, with their corners: the conditions of all levels are paths into the values of the whole
chart, in which the defaults of sub-charts count too; tags are those at the top; sub-charts of a chart that
declares no dependencies are never looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

from shared.lang.json import JsonObject, mapping
from shared.lang.semver import Constraint, SemverError, Version

_GLOBAL: Final = "global"


class ValuesDoNotFit(Exception):
    """Values have something else where those of a sub-chart belong."""


@dataclass(frozen=True, slots=True)
class ChartTree:
    """A chart; `name` is the alias where it is used by one."""

    name: str
    version: str
    defaults: JsonObject = field(repr=False)
    #: What it declares; None is not the same as nothing.
    dependencies: Sequence[JsonObject] | None
    subcharts: tuple[Self, ...]
    #: Files in its `crds` folder, in order.
    definitions: dict[str, bytes] = field(repr=False)

    def with_enabled(self, values: JsonObject) -> ChartTree:
        """The chart with those sub-charts that are enabled by the values.

        Raises:
            ValuesDoNotFit: the values can't be those of a sub-chart.
        """
        return _with_enabled(self, values, "")

    def walk(self) -> Iterator[ChartTree]:
        """The chart and all that are in it."""
        yield self
        for each in self.subcharts:
            yield from each.walk()


def _with_enabled(chart: ChartTree, values: JsonObject, path: str) -> ChartTree:
    declared = chart.dependencies
    if declared is None:
        return chart
    chart = replace(chart, subcharts=tuple(_used(chart, declared)))
    values = _coalesced(chart, values)
    disabled = {_name(each) for each in declared if not _enabled(each, values, path)}
    return replace(
        chart,
        subcharts=tuple(
            _with_enabled(each, values, f"{path}{each.name}.")
            for each in chart.subcharts
            if each.name not in disabled
        ),
    )


def _used(chart: ChartTree, dependencies: Sequence[JsonObject]) -> Iterator[ChartTree]:
    """Sub-charts that nobody declares, then one for each that is declared."""
    for each in chart.subcharts:
        if not any(_fits(each, dependency) for dependency in dependencies):
            yield each
    for dependency in dependencies:
        found = next((each for each in chart.subcharts if _fits(each, dependency)), None)
        if found is not None:
            yield replace(found, name=_name(dependency))


def _name(dependency: JsonObject) -> str:
    return str(dependency.get("alias") or dependency.get("name") or "")


def _fits(chart: ChartTree, dependency: JsonObject) -> bool:
    if chart.name != dependency.get("name"):
        return False
    try:
        wanted = Constraint.parse(str(dependency.get("version") or ""))
        return wanted.check(Version.parse(chart.version))
    except SemverError:
        return False


def _enabled(dependency: JsonObject, values: JsonObject, path: str) -> bool:
    """As conditions say, the first that is there; else as tags say; else it is."""
    for condition in str(dependency.get("condition") or "").strip().split(","):
        found = _at(values, f"{path}{condition}")
        if condition and isinstance(found, bool):
            return found
    tags = mapping(values.get("tags"))
    names = dependency.get("tags")
    known = [
        tags[tag] for tag in tags if isinstance(names, list) and tag in names and isinstance(tags[tag], bool)
    ]
    return any(known) if known else True


def _at(values: JsonObject, path: str) -> Any:
    found: Any = values
    for key in path.split("."):
        found = mapping(found).get(key)
    return found


def _coalesced(chart: ChartTree, values: JsonObject) -> JsonObject:
    """The values with the defaults of the chart and of all in it."""
    whole = deepcopy(values)
    _coalesce(chart, whole)
    return whole


def _coalesce(chart: ChartTree, values: JsonObject) -> None:
    own = {each.name for each in chart.subcharts}
    for key, default in deepcopy(chart.defaults).items():
        if key not in values:
            if default is not None:
                values[key] = _without_nulls(default)
        elif values[key] is None:
            del values[key]
        elif isinstance(values[key], dict) and isinstance(default, dict):
            # A null in the values of a sub-chart is for the defaults of the sub-chart.
            keeps_nulls = key in own
            _fill(values[key], default if keeps_nulls else _without_nulls(default), keeps_nulls=keeps_nulls)
    for each in chart.subcharts:
        below = values.setdefault(each.name, {})
        if not isinstance(below, dict):
            raise ValuesDoNotFit(f"the values at {each.name} must be a map, as it is a sub-chart")
        _pass_globals(values, below)
        _coalesce(each, below)


def _fill(values: JsonObject, defaults: JsonObject, *, keeps_nulls: bool) -> None:
    """Adds what the values lack; a null in them takes a default away."""
    for key, default in defaults.items():
        if key not in values:
            values[key] = default
        elif values[key] is None:
            if default is not None and not keeps_nulls:
                del values[key]
        elif isinstance(values[key], dict) and isinstance(default, dict):
            _fill(values[key], default, keeps_nulls=keeps_nulls)


def _pass_globals(values: JsonObject, below: JsonObject) -> None:
    """Globals of a chart win over those of a sub-chart."""
    above, known = values.get(_GLOBAL, {}), below.get(_GLOBAL, {})
    if not isinstance(above, dict) or not isinstance(known, dict):
        return
    known = dict(known)
    for key, value in above.items():
        if isinstance(value, dict):
            if isinstance(known.get(key, {}), dict):
                merged = deepcopy(value)
                _fill(merged, known.get(key, {}), keeps_nulls=True)
                known[key] = merged
        elif not isinstance(known.get(key), dict):
            known[key] = value
    below[_GLOBAL] = known


def _without_nulls(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {key: _without_nulls(item) for key, item in value.items() if item is not None}
