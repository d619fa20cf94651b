"""Messages of the server are passed on without the contents of Secrets."""

import base64

import pytest

from shared.kube.errors import Invalid, NoMatch, NotFound
from shared.ssa import ObjectId
from shared.ssa.errors import apply_error, dry_run_error
from shared.ssa.masking import masked

VALUE = 'pa"ss\\word'
SECRET = {
    "kind": "Secret",
    "data": {"a": base64.b64encode(b"correct horse").decode(), "n": 12345},
    "stringData": {"b": VALUE, "pem": "-----BEGIN KEY-----\nc2VjcmV0\n", "s": "x"},
}


@pytest.mark.parametrize(
    "told",
    [
        "correct horse",
        base64.b64encode(b"correct horse").decode(),
        VALUE,
        'pa\\"ss\\\\word',
        "12345",
        "c2VjcmV0",
        "x",
    ],
)
def test_no_form_of_a_value_gets_through(told):
    assert masked(f"can't use {told}: too bad", SECRET) == "can't use *****: too bad"


def test_a_short_value_does_not_tear_words_apart():
    assert masked("the exact text", SECRET) == "the exact text"


def test_other_kinds_are_passed_on():
    assert masked("value 12345", SECRET | {"kind": "ConfigMap"}, None) == "value 12345"


ID = ObjectId("apps", "web", "apps", "Deployment")


@pytest.mark.parametrize(
    ("identity", "error", "want"),
    [
        (ID, Invalid(422, "Invalid", "no"), "Deployment/apps/web dry-run failed (Invalid): no"),
        (
            ID,
            NotFound(404, "NotFound", 'namespaces "apps" not found'),
            'Deployment/apps/web not found: namespaces "apps" not found',
        ),
        (
            ID._replace(namespace=""),
            NotFound(404, "NotFound", "no"),
            "Deployment/web namespace not specified: no",
        ),
        (
            ID,
            NoMatch("apps", "Deployment", "v9"),
            'Deployment/apps/web dry-run failed: no matches for kind "Deployment" in version "apps/v9"',
        ),
    ],
)
def test_words_of_a_refused_dry_run(identity, error, want):
    assert str(dry_run_error(identity, error)) == want


def test_words_of_a_refused_apply():
    error = Invalid(422, "Invalid", "12345 is wrong")
    assert str(apply_error(ID, error, SECRET)) == "Deployment/apps/web apply failed: ***** is wrong"
