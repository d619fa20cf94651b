"""Claims of a verified token: time, audience, and the conditions of a Receiver."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest

from notification_controller.receivers.claims import (
    Conditions,
    InvalidExpression,
    check_audience,
    check_time,
)
from notification_controller.receivers.webhook import Unauthenticated
from shared.api.notification_v1 import OIDCProvider

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MOMENT = int(NOW.timestamp())


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": MOMENT + 1},
        {"exp": MOMENT + 0.5},
        {"exp": MOMENT + 1, "nbf": MOMENT + 300},
        {"exp": MOMENT + 1, "nbf": MOMENT - 1, "iat": MOMENT + 1000},
    ],
)
def test_tokens_that_are_valid_now(claims):
    check_time(claims, NOW)


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({}, "no time of expiry"),
        ({"exp": None}, "no time of expiry"),
        ({"exp": str(MOMENT + 1)}, "exp of the token is no number"),
        ({"exp": True}, "exp of the token is no number"),
        ({"exp": MOMENT}, "has expired"),
        ({"exp": -1e300}, "has expired"),
        ({"exp": MOMENT + 1, "nbf": MOMENT + 301}, "not valid yet"),
        ({"exp": MOMENT + 1, "nbf": "now"}, "nbf of the token is no number"),
    ],
)
def test_tokens_that_are_not(claims, why):
    with pytest.raises(Unauthenticated, match=why):
        check_time(claims, NOW)


@pytest.mark.parametrize("audience", ["me", ["me"], ["you", "me"], ["you", 1, "me"]])
def test_a_token_may_be_for_several(audience):
    check_audience({"aud": audience}, "me")


@pytest.mark.parametrize("audience", [None, "", "you", ["you"], [], {"me": 1}, [["me"]], 1])
def test_a_token_for_others_is_refused(audience):
    with pytest.raises(Unauthenticated, match="not for the audience 'me'"):
        check_audience({"aud": audience}, "me")


def provider(*validations, variables=()):
    return OIDCProvider.model_validate(
        {
            "issuerURL": "https://issuer.example",
            "variables": [{"name": name, "expression": text} for name, text in variables],
            "validations": [
                {"expression": text, "message": f"message {number}"}
                for number, text in enumerate(validations, 1)
            ],
        }
    )


CLAIMS = {"sub": "repo:org/app", "run": 7, "groups": ["a", "b"]}


def test_all_conditions_have_to_hold():
    Conditions.compile(
        provider(
            "vars.repo == 'org/app' && claims.sub.startsWith('repo:')",
            "'a' in claims.groups",
            "claims.run == 7 && type(claims.run) == double",
            "vars.both == 'org/app!'",
            variables=[("repo", "claims.sub.split(':')[1]"), ("both", "vars.repo + '!'")],
        )
    ).check(dict(CLAIMS))


def test_a_caller_learns_of_all_that_fail():
    conditions = Conditions.compile(provider("claims.run == 8", "claims.run == 7", "'c' in claims.groups"))
    with pytest.raises(Unauthenticated, match=r"^token validation failed: message 1; message 3$") as caught:
        conditions.check(dict(CLAIMS))
    assert caught.value.told == "token validation failed: message 1; message 3"


@pytest.mark.parametrize(
    "given",
    [
        provider("claims.missing == 'x'"),
        provider("true", variables=[("a", "claims.missing")]),
        provider("vars.later == 'x'", variables=[]),
        provider("true", variables=[("a", "1 / 0")]),
    ],
)
def test_what_can_not_be_evaluated_lets_nobody_in(given):
    with pytest.raises(Unauthenticated, match="failed to evaluate") as caught:
        Conditions.compile(given).check(dict(CLAIMS))
    assert caught.value.told == "the claims can't be evaluated"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (provider("claims.ok"), 'validation "message 1": .* gives dyn, not bool'),
        (provider("res.kind == 'x'"), "undeclared reference to 'res"),
        (provider("true", variables=[("a", "1 +")]), 'invalid expression for variable "a"'),
    ],
)
def test_mistakes_are_found_before_anybody_calls(given, why):
    with pytest.raises(InvalidExpression, match=why):
        Conditions.compile(given)


@pytest.mark.parametrize(
    "expression",
    [
        "b'a'",
        "[{1: 2}]",
        "null",
        "1u",
        "type(1)",
        "[timestamp(0)]",
        "{'a': [duration('5m')]}",
    ],
)
def test_variables_of_any_type_can_be_read(expression):
    given = provider(
        f"has(vars.a) && vars.a == {expression} && type(vars.a) == type({expression})",
        variables=[("a", expression)],
    )
    Conditions.compile(given).check({})


def test_times_can_be_reckoned_with():
    given = provider(
        "vars.late < timestamp('2026-01-02T00:00:00Z') && vars.late - vars.start == vars.hour",
        variables=[
            ("start", "timestamp(claims.start) // a comment"),
            ("hour", "duration('1h')"),
            ("late", "vars.start + vars.hour"),
        ],
    )
    conditions = Conditions.compile(given)
    conditions.check({"start": "2026-01-01T03:04:05Z"})
    with pytest.raises(Unauthenticated, match="message 1"):
        conditions.check({"start": "2026-01-02T03:04:05Z"})


def test_a_variable_sees_those_before_it_alone():
    given = provider("true", variables=[("a", "vars.b"), ("b", "1")])
    with pytest.raises(Unauthenticated, match=r"failed to evaluate variable 'a': .*expression 'vars\.b'"):
        Conditions.compile(given).check({})


def test_a_name_may_have_any_signs():
    given = provider(
        r"""vars['a "b"\\\n'] == 1 && vars['é'] == 2""", variables=[('a "b"\\\n', "1"), ("é", "2")]
    )
    Conditions.compile(given).check({})


@pytest.mark.parametrize(("number", "fits"), [(20, True), (60, False)])
def test_there_is_room_for_some_variables(number, fits):
    names = [f"v{index}" for index in range(number)]
    sums = [(name, f"vars.{before} + 1.0") for before, name in pairwise(names)]
    given = provider(f"vars.{names[-1]} == {number}", variables=[(names[0], "claims.n"), *sums])
    if fits:
        Conditions.compile(given).check({"n": 1})
    else:
        with pytest.raises(InvalidExpression, match="too deep or too long together with the"):
            Conditions.compile(given)


@pytest.mark.parametrize("expression", ["optional.of(1)", "[optional.of(1)]", "{'a': [optional.none()]}"])
def test_an_optional_value_has_to_be_opened(expression):
    given = provider("sets.contains([vars], [1])", variables=[("a", expression)])
    with pytest.raises(Unauthenticated, match="failed to evaluate variable 'a'"):
        Conditions.compile(given).check({})
