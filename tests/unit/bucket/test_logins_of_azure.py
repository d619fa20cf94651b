"""What a Secret says about logging in at Azure."""

import pytest
from yarl import URL

from shared.auth import SecretError
from source_controller.bucket.azure_login import (
    AccountKey,
    ClientCertificate,
    ClientSecret,
    ManagedIdentity,
    SharedAccess,
    azure_login,
    merged,
)

ACCOUNT = URL("https://ada.blob.core.windows.net")
CLIENT = {"tenantId": b"t", "clientId": b"c"}


@pytest.mark.parametrize(
    ("data", "login"),
    [
        (CLIENT | {"clientSecret": b"s\n", "accountKey": b"k"}, ClientSecret("t", "c", "s")),
        (CLIENT | {"clientSecret": b"s", "authorityHost": b"h"}, ClientSecret("t", "c", "s", "h")),
        (CLIENT | {"clientCertificate": b"\xff\n"}, ClientCertificate("t", "c", b"\xff\n")),
        (
            CLIENT
            | {
                "clientCertificate": b"x",
                "clientCertificatePassword": b"p",
                "clientCertificateSendChain": b"true",
            },
            ClientCertificate("t", "c", b"x", "p", send_chain=True),
        ),
        (CLIENT | {"sasKey": b"x"}, ManagedIdentity("c")),
        ({"clientId": b"c", "clientSecret": b"s"}, ManagedIdentity("c")),
        ({"accountKey": b"k", "sasKey": b"x"}, AccountKey("ada", "k")),
        ({"sasKey": b"?sv=1&sig=x"}, SharedAccess("sv=1&sig=x")),
        ({"authorityHost": b"https://login.example.com"}, None),
    ],
)
def test_the_first_login_that_is_complete_counts(data, login):
    assert azure_login("s", data, ACCOUNT) == login


@pytest.mark.parametrize("data", [{}, {"tenantId": b"t"}, {"clientSecret": b"h1dden"}, {"sasKey": b"\xff"}])
def test_without_any_the_keys_are_named(data):
    with pytest.raises(SecretError, match="invalid 's' secret data: ") as caught:
        azure_login("s", data, ACCOUNT)
    assert "h1dden" not in str(caught.value)


@pytest.mark.parametrize("host", ["localhost", "a.b"])
def test_the_key_of_an_account_needs_its_name(host):
    with pytest.raises(SecretError, match=r"needs a spec\.endpoint"):
        azure_login("s", {"accountKey": b"k"}, URL(f"https://{host}"))


def test_secrets_do_not_show():
    for data in (
        CLIENT | {"clientSecret": b"h1dden"},
        CLIENT | {"clientCertificate": b"h1dden", "clientCertificatePassword": b"h1dden"},
        {"accountKey": b"h1dden"},
        {"sasKey": b"h1dden"},
    ):
        assert "h1dden" not in repr(azure_login("s", data, ACCOUNT))


@pytest.mark.parametrize(
    ("endpoint", "query", "whole"),
    [
        ("https://h", "sig=a%2Bb%3D", "https://h?sig=a%2Bb%3D"),
        ("https://h/", "a=1", "https://h?a=1"),
        ("https://h/acc?sig=old&x=1", "sig=new", "https://h/acc?sig=new&x=1"),
    ],
)
def test_a_query_joins_the_one_of_the_address(endpoint, query, whole):
    assert merged(URL(endpoint), query) == whole
