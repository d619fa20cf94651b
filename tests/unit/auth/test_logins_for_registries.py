"""Which login of which Secret is for a registry."""

import base64
import json

import pytest

from shared.auth import Keychain, SecretError

TYPE = "kubernetes.io/dockerconfigjson"


def entry(username, password="p"):
    return {"auth": base64.b64encode(f"{username}:{password}".encode()).decode()}


def config(**entries):
    return TYPE, {".dockerconfigjson": json.dumps({"auths": entries}).encode()}


def user(keychain, host, path="org/app"):
    login = keychain.login(host, path)
    return login.username if login else None


@pytest.mark.parametrize(
    ("name", "host", "path", "found"),
    [
        ("ghcr.io", "ghcr.io", "org/app", True),
        ("https://ghcr.io/v1/", "ghcr.io", "org/app", True),
        ("https://ghcr.io/v2", "ghcr.io", "org/app", True),
        ("ghcr.io/org", "ghcr.io", "org/app", True),
        ("ghcr.io/org", "ghcr.io", "organisation/app", True),
        ("ghcr.io/org/ap", "ghcr.io", "org/app", True),
        ("ghcr.io/org/", "ghcr.io", "organisation/app", False),
        ("ghcr.io/org/", "ghcr.io", "org/app", True),
        ("https://ghcr.io/v2/org", "ghcr.io", "org/app", True),
        ("https://ghcr.io/v2/org", "ghcr.io", "v2/org", False),
        ("ghcr.io/v2x", "ghcr.io", "x", False),
        ("ghcr.io/org/app", "ghcr.io", "org/app", True),
        ("ghcr.io", "ghcr.io:5000", "org/app", False),
        ("reg:5000", "reg:5000", "org/app", True),
        ("reg:5000", "reg", "org/app", False),
        ("*.azurecr.io", "my.azurecr.io", "a", True),
        ("*.azurecr.io", "a.b.azurecr.io", "a", False),
        ("*.azurecr.io", "azurecr.io", "a", False),
        ("a*b.example.com", "axxb.example.com", "a", True),
        ("https://index.docker.io/v1/", "index.docker.io", "library/app", True),
        ("docker.io", "index.docker.io", "library/app", True),
        ("GHCR.io", "ghcr.io", "a", True),
        ("evil-ghcr.io", "ghcr.io", "a", False),
    ],
)
def test_an_entry_is_for_its_host_and_path(name, host, path, found):
    keychain = Keychain.of([config(**{name: entry("ada")})])
    assert (user(keychain, host, path) == "ada") is found


def test_the_longer_path_comes_first():
    keychain = Keychain.of([config(**{"ghcr.io": entry("all"), "ghcr.io/org": entry("org")})])
    assert (user(keychain, "ghcr.io"), user(keychain, "ghcr.io", "x/y")) == ("org", "all")
    keychain = Keychain.of([config(**{"https://ghcr.io/v1/": entry("all"), "ghcr.io/org": entry("org")})])
    assert (user(keychain, "ghcr.io"), user(keychain, "ghcr.io", "x/y")) == ("org", "all")


@pytest.mark.parametrize("auth", ["YWRhOnA", "YWRhOnA=", "YWRhOnA=\n", "YWRh\r\nOnA="])
def test_line_breaks_and_padding_of_a_login_count_for_nothing(auth):
    login = Keychain.of([config(**{"ghcr.io": {"auth": auth}})]).login("ghcr.io", "a")
    assert (login.username, login.password) == ("ada", "p")


def test_the_first_secret_wins():
    keychain = Keychain.of([config(**{"ghcr.io": entry("first")}), config(**{"ghcr.io": entry("second")})])
    assert user(keychain, "ghcr.io") == "first"


def test_other_types_of_secrets_add_nothing():
    _, data = config(**{"ghcr.io": entry("ada")})
    assert user(Keychain.of([("Opaque", data)]), "ghcr.io") is None
    legacy = ("kubernetes.io/dockercfg", {".dockercfg": json.dumps({"ghcr.io": entry("old")}).encode()})
    assert user(Keychain.of([legacy]), "ghcr.io") == "old"


def test_tokens_and_plain_fields_are_read():
    login = Keychain.of(
        [
            config(
                **{"ghcr.io": {"username": "u", "password": "p", "identitytoken": "i", "registrytoken": "r"}}
            )
        ]
    ).login("ghcr.io", "a")
    assert (login.username, login.password, login.identity_token, login.registry_token) == (
        "u",
        "p",
        "i",
        "r",
    )
    assert "p" not in repr(login).replace("RegistryLogin(username='u')", "")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"{", "'.dockerconfigjson' is not JSON"),
        (b"[]", "'.dockerconfigjson' is not a JSON object"),
        (
            b'{"auths": {"ghcr.io": {"auth": "hidden!"}}}',
            "the login for 'ghcr.io' has an 'auth' that is not base64",
        ),
        (b'{"auths": {"ghcr.io": {"auth": "aGlkZGVu"}}}', "has an 'auth' without a colon"),
        (
            b'{"auths": {"ghcr.io": {"registrytoken": "hidden\\n"}}}',
            "the login for 'ghcr.io' has a 'registrytoken' that can't be sent",
        ),
    ],
)
def test_what_can_not_be_read_is_named_without_its_content(data, text):
    with pytest.raises(SecretError, match=text) as caught:
        Keychain.of([(TYPE, {".dockerconfigjson": data})])
    assert "hidden" not in str(caught.value)
