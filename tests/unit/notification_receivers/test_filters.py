"""Filters decide for each object whether a call is about it."""

import pytest

from notification_controller.receivers.claims import InvalidExpression
from notification_controller.receivers.filters import Filters, accepts
from shared.api.notification_v1 import ReceiverSpec
from shared.lang.cel import CelEvaluationError
from shared.lang.gojson import with_doubles


def spec(overall=None, *each, kind="generic"):
    more = {"secretRef": {"name": "s"}}
    if kind == "generic-oidc":
        more = {
            "oidcProviders": [
                {"issuerURL": "https://a", "validations": [{"expression": "true", "message": "m"}]}
            ]
        }
    return ReceiverSpec.model_validate(
        {
            "type": kind,
            "resources": [
                {"kind": "Bucket", "name": f"b{number}", "filter": text} for number, text in enumerate(each)
            ],
            "resourceFilter": overall,
            **more,
        }
    )


RES = {"apiVersion": "v1", "kind": "Bucket", "metadata": {"name": "a", "annotations": {"image": "app"}}}
REQ = {"tag": "app:1.0", "n": 3.0}


def test_there_may_be_none():
    filters = Filters.compile(spec(None, None))
    assert not filters
    assert accepts(filters.of(0), {}, RES)


@pytest.mark.parametrize(
    ("overall", "entry", "accepted"),
    [
        ("true", None, True),
        ("false", None, False),
        (None, "true", True),
        ("true", "false", False),
        ("false", "true", False),
        ("req.tag.split(':')[0] == res.metadata.annotations.image", "res.kind == 'Bucket'", True),
        ("has(res.metadata.labels) && res.metadata.labels.x == 'y'", None, False),
        ("req.n == 3 && req.n > 2 && type(req.n) == double", None, True),
    ],
)
def test_both_have_to_be_true(overall, entry, accepted):
    filters = Filters.compile(spec(overall, entry))
    assert filters
    assert accepts(filters.of(0), {"req": REQ}, RES) is accepted


def test_a_field_that_is_missing_is_an_error():
    filters = Filters.compile(spec("res.metadata.labels.x == 'y'", None))
    with pytest.raises(CelEvaluationError):
        accepts(filters.of(0), {"req": REQ}, RES)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (spec("has(res.metadata.annotations"), "^invalid resourceFilter expression: failed to parse"),
        (spec("req.ok"), "gives dyn, not bool"),
        (spec("'text'"), "gives string, not bool"),
        (spec("claims.sub == 'x'"), "undeclared reference to 'claims"),
        (
            spec(None, None, "1"),
            r'^invalid filter expression for resources\[1\] \(kind="Bucket", name="b1"\): ',
        ),
    ],
)
def test_mistakes_are_found_before_anybody_calls(given, why):
    with pytest.raises(InvalidExpression, match=why):
        Filters.compile(given)


def test_claims_are_for_those_who_have_some():
    filters = Filters.compile(spec("claims.sub == 'x'", None, kind="generic-oidc"))
    assert accepts(filters.of(0), {"req": {}, "claims": {"sub": "x"}}, RES)


def test_numbers_are_doubles_at_any_depth():
    deep = {}
    here = deep
    for _ in range(5000):
        here["a"] = here = {}
    here["n"] = [1, True, 2**63, {"b": -1}]
    with_doubles(deep)
    assert [type(item) for item in here["n"][:3]] == [float, bool, float]
    assert type(here["n"][3]["b"]) is float
