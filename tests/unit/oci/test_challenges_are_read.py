"""What a registry says about logging in is understood, however it is laid out."""

import pytest

from shared.oci.challenge import Challenge

TOKEN = Challenge("bearer", "https://a/token", "s")


@pytest.mark.parametrize(
    "headers",
    [
        ['Bearer realm="https://a/token",service="s"'],
        ['bearer Realm = "https://a/token" , SERVICE=s'],
        ['Bearer realm="https://a/token", service="s", Basic realm="Registry"'],
        ['Basic realm="Registry", Bearer realm="https://a/token", service="s"'],
        ['Basic realm="Registry"', 'Bearer realm="https://a/token", service="s"'],
        ['Negotiate, Bearer realm="https://a/token", service="s"'],
        ['Negotiate YIIg+/x==, Bearer realm="https://a/token", service="s"'],
        ['Bearer scope="a, Basic realm=b", realm="https://a/token", service="s", service="t"'],
        ['Bearer realm="https:\\//a/\\token", service="s"'],
    ],
)
def test_a_token_is_preferred(headers):
    assert Challenge.of(headers) == TOKEN


@pytest.mark.parametrize(
    "headers", [["Basic"], ['Basic realm="x"'], ["Bearer, Basic"], ['Bearer service="s", Basic realm="x"']]
)
def test_a_password_is_the_second_best(headers):
    challenge = Challenge.of(headers)
    assert challenge is not None
    assert challenge.is_basic


def test_a_token_from_nowhere_is_better_than_nothing():
    assert Challenge.of(["Bearer"]) == Challenge("bearer")


@pytest.mark.parametrize(
    "headers", [[], [""], ["Negotiate"], ['Digest realm="x"'], ['"', "=,=", 'realm="x"']]
)
def test_others_are_not_known(headers):
    assert Challenge.of(headers) is None
