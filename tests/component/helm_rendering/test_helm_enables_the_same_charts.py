"""Definitions come from those sub-charts that the real helm program enables."""

import random

import pytest
import yaml

from helm_controller.rendering.chart_crds import UnreadableDefinition, definitions
from shared.testing.chart_server import helm, write_chart

DEFINITION = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: NAME}
"""
NAMES = ["one", "two", "three"]
FLAGS = ["on", "enabled", "no", "yes"]


@pytest.fixture
def compare(tmp_path):
    """Compares the definitions of a chart in a folder; gives their names, or None where both fail."""

    def compare(chart, values):
        file = tmp_path / "values.json"
        file.write_text(yaml.safe_dump(values))
        try:
            printed = helm("template", "demo", chart, "--include-crds", "--values", file, home=tmp_path)
        except RuntimeError:
            with pytest.raises(UnreadableDefinition):
                definitions(chart, values)
            return None
        documents = [each for each in yaml.safe_load_all(printed) if each]
        wanted = [each["metadata"]["name"] for each in documents if each["kind"].endswith("Definition")]
        found = [each["metadata"]["name"] for each in definitions(chart, values).objects]
        assert sorted(found) == sorted(wanted)
        return sorted(found)

    return compare


def chart(folder, name, values=None, dependencies=None, version="1.0.0", subcharts=()):
    """A chart that has one definition, with sub-charts in it."""
    files = {"values.yaml": yaml.safe_dump(values or {}), "crds/a.yaml": DEFINITION.replace("NAME", name)}
    more = {} if dependencies is None else {"dependencies": dependencies}
    write_chart(folder, name, version, files, **more)
    (folder / "templates/config.yaml").write_text("")
    for each in subcharts:
        each(folder / "charts")
    return folder


def sub(name, folder="", **more):
    return lambda charts: chart(charts / (folder or name), name, **more)


def on(name, condition, **more):
    return {"name": name, "version": "1.x.x", "repository": "", "condition": condition, **more}


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({}, ["top"]),
        ({"one": {"enabled": True}}, ["one", "top"]),
        ({"one": {"enabled": None}}, ["one", "top"]),
        ({"one": None}, None),
        ({"one": "text"}, None),
    ],
)
def test_defaults_of_the_subchart_count(values, found, tmp_path, compare):
    whole = chart(
        tmp_path / "top",
        "top",
        dependencies=[on("one", "one.enabled")],
        subcharts=[sub("one", values={"enabled": False})],
    )
    assert compare(whole, values) == found


def test_the_values_of_the_chart_win_over_defaults(tmp_path, compare):
    whole = chart(
        tmp_path / "top",
        "top",
        {"one": {"enabled": True}, "two": {"enabled": None}},
        dependencies=[on("one", "one.enabled"), on("two", "two.enabled")],
        subcharts=[sub("one", values={"enabled": False}), sub("two", values={"enabled": False})],
    )
    compare(whole, {})


@pytest.mark.parametrize(
    "values", [{}, {"tags": {"t": False}}, {"tags": {"t": False}, "one": {"two": {"on": True}}}]
)
def test_tags_are_those_at_the_top(values, tmp_path, compare):
    inner = sub("one", dependencies=[on("two", "two.on", tags=["t"])], subcharts=[sub("two")])
    whole = chart(tmp_path / "top", "top", dependencies=[on("one", "one.on")], subcharts=[inner])
    compare(whole, values)


def test_requirements_of_old_charts(tmp_path, compare):
    whole = chart(tmp_path / "top", "top", subcharts=[sub("one")])
    (whole / "Chart.yaml").write_text("apiVersion: v1\nname: top\nversion: 1.0.0\n")
    (whole / "requirements.yaml").write_text(yaml.safe_dump({"dependencies": [on("one", "one.on")]}))
    assert compare(whole, {"one": {"on": False}}) == ["top"]
    assert compare(whole, {}) == ["one", "top"]


def anything(choice, folder, name, depth):
    """A chart with whatever a chart can have."""
    version = choice.choice(["1.0.0", "1.0.0", "2.0.0"])
    values = {flag: choice.choice([True, False, None, "text"]) for flag in choice.sample(FLAGS, 2)}
    names = choice.sample(NAMES, choice.randint(0, 2)) if depth else []
    for each in choice.sample(NAMES, 2):
        values[each] = choice.choice([{"on": choice.random() < 0.5}, {"yes": None}, {"enabled": False}])
    dependencies = []
    for each in names:
        # The second use of a chart has what Helm left of the charts two levels below it in the first.
        uses = choice.randint(0, 2 if depth < 3 else 1)
        for alias in choice.sample([None, "other", "more"], uses):
            where = alias or each
            if any(where == (known.get("alias") or known["name"]) for known in dependencies):
                continue  # Helm refuses it
            conditions = [f"{choice.choice([where, where, each])}.{choice.choice(FLAGS)}" for _ in range(2)]
            dependency = on(each, choice.choice([",", ", "]).join(conditions[: choice.randint(0, 2)]))
            dependency["tags"] = choice.sample(["a", "b"], choice.randint(0, 2))
            dependencies.append(dependency | ({"alias": alias} if alias else {}))
    if choice.random() < 0.5:
        values["tags"] = {tag: choice.random() < 0.5 for tag in choice.sample(["a", "b"], 1)}
    if choice.random() < 0.3:
        values["global"] = {"on": choice.random() < 0.5}
    declared = dependencies if choice.random() < 0.8 else None
    inner = [lambda charts, each=each: anything(choice, charts / each, each, depth - 1) for each in names]
    return chart(folder, name, values, declared, version, inner)


def anything_else(choice, depth):
    """Values for such a chart."""
    values = {}
    for key in choice.sample([*NAMES, "other", "more"], 3):
        inner = {flag: choice.choice([True, False, None]) for flag in choice.sample(FLAGS, 2)}
        values[key] = inner | (anything_else(choice, depth - 1) if depth else {})
    if choice.random() < 0.5:
        values["tags"] = {"a": choice.random() < 0.5}
    return values


@pytest.mark.parametrize("seed", range(60))
def test_any_chart(seed, tmp_path, compare):
    choice = random.Random(seed)
    compare(anything(choice, tmp_path / "top", "top", 3), anything_else(choice, 2))
