"""Secrets of GitHub Apps that can't be used, and why."""

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from shared.auth import SecretError
from shared.auth.cloud import GitHubApp


def pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


GOOD = {
    "githubAppID": b"7",
    "githubAppInstallationID": b"9",
    "githubAppPrivateKey": pem(rsa.generate_private_key(public_exponent=65537, key_size=2048)),
}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"githubAppID": b""}, "app ID must be provided"),
        ({"githubAppID": b"seven"}, "app ID must be provided"),
        ({"githubAppInstallationID": b""}, "app installation owner or ID must be provided"),
        ({"githubAppInstallationOwner": b"ada"}, "only one of app installation owner or ID"),
        ({"githubAppPrivateKey": b""}, "private key must be provided"),
        ({"githubAppPrivateKey": b"h1dden"}, "could not parse private key"),
        ({"githubAppPrivateKey": pem(ec.generate_private_key(ec.SECP256R1()))}, "no RSA key"),
        (
            {"githubAppInstallationID": b"", "githubAppInstallationOwner": b"a/../b"},
            "not the name of an owner",
        ),
        ({"githubAppBaseURL": b"ftp://a"}, "not a URL"),
        ({"githubAppBaseURL": b"http://[a"}, "not a URL"),
    ],
)
def test_the_key_is_named(change, why):
    with pytest.raises(SecretError, match=why) as caught:
        GitHubApp.read(GOOD | change)
    assert "h1dden" not in str(caught.value)


def test_the_address_is_as_given():
    app = GitHubApp.read(GOOD | {"githubAppBaseURL": b"https://u:p@git.example.com/api/v3"})
    assert str(app.base) == "https://git.example.com/api/v3/"
    assert str(GitHubApp.read(GOOD).base) == "https://api.github.com/"
    assert "PRIVATE" not in repr(app)
