"""Integers that are set in the notation of --set stay integers; those of Secrets are no arguments."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helm_controller.values.numbers import Assigned, assignments, spellings, without_marks
from helm_controller.values.strvals import parse_into

KEY = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6)
TREE = st.recursive(
    st.integers(-(10**9), 10**9).map(Assigned) | st.text(max_size=3) | st.integers(0, 9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEY, inner, max_size=3),
    max_leaves=8,
)


def marked(value):
    """Only the assigned integers, with paths as keys."""
    if isinstance(value, dict):
        return {(key, *path): found for key, item in value.items() for path, found in marked(item).items()}
    if isinstance(value, list):
        return {(at, *path): found for at, item in enumerate(value) for path, found in marked(item).items()}
    return {(): int(value)} if isinstance(value, Assigned) else {}


@given(st.dictionaries(KEY, TREE, max_size=3))
def test_assignments_lead_to_their_places(values):
    result = without_marks(values)
    for assignment in assignments(values):
        parse_into(assignment, result, Assigned)
    assert marked(result) == marked(values)


@pytest.mark.parametrize(
    ("kind", "assigned"), [("ConfigMap", ("ids.uid=1000650000", "ids.list[1]=7")), ("Secret", ())]
)
async def test_what_is_assigned_is_told_apart(objects, compose, kind, assigned):
    make = objects.secret if kind == "Secret" else objects.config_map
    make("ids", uid="1000650000", list="{a,7}")
    references = [
        {"kind": kind, "name": "ids", "valuesKey": key, "targetPath": f"ids.{key}"} for key in ("uid", "list")
    ]
    found = await compose(*references, inline={"ids": {"inline": 5}})
    assert found.values == {"ids": {"inline": 5, "uid": 1000650000, "list": ["a", 7]}}
    assert found.assigned == assigned
    assert type(found.values["ids"]["uid"]) is int


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        (12345678, {"12345678", "1.2345678e+07", "1.2345678", "12,345,678"}),
        (1234, {"1234", "1,234"}),
        (1234567.25, {"1234567.25", "1.23456725e+06", "1.23456725"}),
        (10**30, {str(10**30), "1e+30"}),
        (10**400, {str(10**400)}),
    ],
)
def test_ways_of_writing_a_number(value, texts):
    assert texts <= set(spellings(value))
