"""What the keys of a ConfigMap say about a cluster."""

import pytest

from shared.auth.remote import Description, DescriptionError
from shared.auth.remote.description import Provider, canonical


@pytest.mark.parametrize(
    ("address", "want"),
    [
        ("https://One.Example", "https://one.example:443"),
        ("one:6443", "https://one:6443"),
        ("https://10.0.0.1:6443/", "https://10.0.0.1:6443"),
        ("https://[2001:DB8::1]:6443", "https://[2001:db8::1]:6443"),
        ("https://one/path", "https://one:443"),
    ],
)
def test_addresses_have_one_form(address, want):
    assert canonical(address) == want


@pytest.mark.parametrize("address", ["http://one", "", "https://", "https://one:x"])
def test_addresses_that_are_none_are_refused(address):
    with pytest.raises(DescriptionError, match="'address'"):
        canonical(address)


def test_keys_are_read():
    data = {
        "provider": "aws",
        "cluster": "arn",
        "address": "https://one",
        "ca.crt": "pem",
        "audiences": " a \n\nb\n",
        "serviceAccountName": "me",
    }
    assert Description.read(data) == Description(Provider.AWS, "arn", "https://one", "pem", ("a", "b"), "me")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({}, "one of aws, azure, gcp, generic"),
        ({"provider": "AWS"}, "one of aws, azure, gcp, generic"),
        ({"provider": "generic"}, "the key 'address' is missing"),
    ],
)
def test_what_is_missing_is_named(data, text):
    with pytest.raises(DescriptionError, match=text):
        Description.read(data)
