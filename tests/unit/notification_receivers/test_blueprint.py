"""A Receiver is checked as a whole before it can be called, whatever the API server let through."""

import pytest

from notification_controller.receivers.blueprint import Blueprint, Invalid
from notification_controller.receivers.stored import StoredReceiver
from shared.api.decode import decode
from shared.kube.resources import ObjectKey

VALIDATION = {"expression": "claims.sub == 'me'", "message": "not me"}
ISSUER = {"issuerURL": "https://issuer.example", "validations": [VALIDATION]}
RESOURCES = [{"kind": "GitRepository", "name": "a"}]


def blueprint(**spec):
    raw = {
        "metadata": {"name": "r", "namespace": "n", "generation": 1},
        "spec": {"resources": RESOURCES} | {key: value for key, value in spec.items() if value is not None},
    }
    return Blueprint.of(decode(StoredReceiver, raw))


def oidc(*providers):
    return blueprint(type="generic-oidc", oidcProviders=list(providers))


def test_what_is_right_is_compiled():
    made = oidc(ISSUER, ISSUER | {"issuerURL": "http://other.example", "audience": "me"})
    assert made.key == ObjectKey("n", "r")
    assert made.secret is None
    assert [(issuer.url, issuer.audience) for issuer in made.issuers] == [
        ("https://issuer.example", "notification-controller"),
        ("http://other.example", "me"),
    ]
    assert blueprint(type="github", secretRef={"name": "s"}).secret == ObjectKey("n", "s")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"type": "generic-oidc"}, "generic-oidc receiver requires at least one oidcProvider"),
        (
            {"type": "generic", "oidcProviders": [ISSUER], "secretRef": {"name": "s"}},
            "oidcProviders can only be set when type is generic-oidc",
        ),
        (
            {"type": "generic-oidc", "oidcProviders": [ISSUER], "secretRef": {"name": "s"}},
            "secretRef cannot be set when type is generic-oidc",
        ),
        ({"type": "github"}, "secretRef is required when type is not generic-oidc"),
    ],
)
def test_fields_have_to_fit_together(spec, message):
    with pytest.raises(Invalid) as caught:
        blueprint(**spec)
    assert (caught.value.reason, str(caught.value)) == ("ValidationFailed", message)


@pytest.mark.parametrize(
    ("providers", "message"),
    [
        ([{}], "oidcProviders[0]: issuerURL is required"),
        ([ISSUER | {"issuerURL": "ftp://x"}], 'oidcProviders[0]: issuerURL "ftp://x" must start with'),
        ([ISSUER, ISSUER], 'oidcProviders[1]: duplicate issuerURL "https://issuer.example"'),
        (
            [ISSUER | {"validations": []}],
            'oidcProviders[0] (issuerURL="https://issuer.example"): at least one',
        ),
        ([ISSUER | {"variables": [{}]}], "variables[0]: name is required"),
        ([ISSUER | {"variables": [{"name": "a"}]}], 'variables[0] (name="a"): expression is required'),
        ([ISSUER | {"validations": [{"message": "m"}]}], "validations[0]: expression is required"),
        ([ISSUER | {"validations": [{"expression": "true"}]}], "validations[0]: message is required"),
    ],
)
def test_issuers_have_to_be_complete(providers, message):
    with pytest.raises(Invalid) as caught:
        oidc(*providers)
    assert caught.value.reason == "ValidationFailed"
    assert str(caught.value).startswith("oidcProviders[")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"type": "generic", "resourceFilter": "claims.sub == 'x'"}, "invalid resourceFilter expression"),
        # An expression is the first thing that is looked at.
        ({"type": "generic-oidc", "resourceFilter": "1 +"}, "invalid resourceFilter expression"),
        (
            {
                "type": "generic-oidc",
                "oidcProviders": [ISSUER | {"validations": [VALIDATION | {"expression": "1"}]}],
            },
            'oidcProviders[0] (issuerURL="https://issuer.example"): invalid expression for validation',
        ),
    ],
)
def test_expressions_have_to_be_right(spec, message):
    with pytest.raises(Invalid) as caught:
        blueprint(**({"secretRef": {"name": "s"}} if spec["type"] == "generic" else {}), **spec)
    assert caught.value.reason == "InvalidCELExpression"
    assert str(caught.value).startswith(message)
