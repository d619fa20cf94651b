"""Secrets become credentials, TLS material and proxies, or an error that names the key and no value."""

import base64
import ssl

import pytest
from yarl import URL

from shared.auth import (
    BasicAuth,
    BearerToken,
    SecretError,
    TlsMaterial,
    git_tls,
    http_credentials,
    proxy_from_secret,
    secret_data,
    ssl_context,
    tls_from_secret,
)
from shared.testing.tls import Authority

HTTPS = URL("https://git.example.org/app")


def test_no_keys_send_no_header():
    assert http_credentials(HTTPS, {}) is None
    assert http_credentials(HTTPS, {"username": b"", "password": b""}) is None


def test_a_user_logs_in_with_user_and_password():
    found = http_credentials(HTTPS, {"username": b"ada", "password": b"pa:ss\n"})
    assert found == BasicAuth("ada", "pa:ss")
    assert found.header == f"Basic {base64.b64encode(b'ada:pa:ss').decode()}"


def test_a_bearer_token_wins_over_a_user_of_the_secret():
    found = http_credentials(HTTPS, {"bearerToken": b"t0ken", "username": b"ada", "password": b"x"})
    assert found == BearerToken("t0ken")
    assert found.header == "Bearer t0ken"


def test_a_bearer_token_does_not_go_with_user_info_of_the_url():
    with pytest.raises(SecretError, match=r"^basic auth and bearer token cannot be set at the same time$"):
        http_credentials(HTTPS.with_user("ada"), {"bearerToken": b"t"})


def test_the_url_fills_in_what_the_secret_lacks():
    url = HTTPS.with_user("ada").with_password("of-url")
    assert http_credentials(url, {}) == BasicAuth("ada", "of-url")
    assert http_credentials(url, {"password": b"of-secret"}) == BasicAuth("ada", "of-secret")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_password_needs_a_user(scheme):
    message = f"^invalid '{scheme}' auth option: 'password' requires 'username' to be set$"
    with pytest.raises(SecretError, match=message):
        http_credentials(HTTPS.with_scheme(scheme), {"password": b"hidden"})


def test_a_line_break_cannot_add_a_header():
    with pytest.raises(SecretError, match="'bearerToken' has a line break") as caught:
        http_credentials(HTTPS, {"bearerToken": b"hidden\r\nX: y"})
    assert "hidden" not in str(caught.value)


def test_nothing_shows_its_secret():
    for value in (BasicAuth("ada", "hidden"), BearerToken("hidden"), TlsMaterial(key=b"hidden")):
        assert "hidden" not in repr(value)


def test_data_of_a_secret_is_base64():
    assert secret_data({"data": {"a": "YmM=", "b": None}}) == {"a": b"bc", "b": b""}
    assert secret_data({}) == {}
    with pytest.raises(SecretError, match=r"^the value of key 'a' is not base64$"):
        secret_data({"data": {"a": "%%%"}})


@pytest.mark.parametrize("address", ["http://proxy:3128", "https://proxy:3128", "socks5://proxy:1080"])
def test_a_proxy_has_an_address_and_perhaps_a_login(address):
    assert proxy_from_secret({"address": address.encode()}).login is None
    proxy = proxy_from_secret({"address": address.encode(), "username": b"ada", "password": b"hidden"})
    assert (proxy.address, proxy.login) == (URL(address), BasicAuth("ada", "hidden"))
    assert "hidden" not in repr(proxy)
    for password in ({}, {"password": b""}):
        proxy = proxy_from_secret({"address": address.encode(), "username": b"ada"} | password)
        assert proxy.login == BasicAuth("ada", "")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({}, "'address' is missing or empty"),
        ({"address": b"ftp://proxy"}, "one of the schemes http, https, socks5"),
        ({"address": b"proxy:3128"}, "one of the schemes"),
        ({"address": b"http://" + b"p" * 2048}, "longer than 2048"),
        ({"address": b"http://proxy", "password": b"hidden"}, "'username' is missing"),
    ],
)
def test_a_proxy_that_cannot_work_is_refused(data, says):
    with pytest.raises(SecretError, match=says) as caught:
        proxy_from_secret(data)
    assert "hidden" not in str(caught.value)


def test_standard_keys_win_and_legacy_keys_are_reported():
    assert tls_from_secret({"ca.crt": b"new", "caFile": b"old"}) == (TlsMaterial(b"new"), ())
    material, legacy = tls_from_secret({"certFile": b"c", "keyFile": b"k", "ca.crt": b"a"})
    assert material == TlsMaterial(b"a", b"c", b"k")
    assert set(legacy) == {"certFile", "keyFile"}
    assert git_tls({"certFile": b"c", "keyFile": b"k", "ca.crt": b"a", "caFile": b"old"}) == material


def test_a_secret_for_tls_without_any_of_it_is_refused():
    with pytest.raises(SecretError, match="none of the keys"):
        tls_from_secret({"username": b"ada"})
    assert not git_tls({"username": b"ada"})


@pytest.mark.parametrize(("there", "missing"), [("tls.crt", "tls.key"), ("tls.key", "tls.crt")])
def test_a_certificate_and_its_key_belong_together(there, missing):
    with pytest.raises(SecretError, match=f"'{there}' needs '{missing}'"):
        git_tls({there: b"x"})


def test_authorities_replace_those_of_the_system_or_join_them():
    material = TlsMaterial(Authority().pem)
    alone, joined = ssl_context(material, system=False), ssl_context(material, system=True)
    assert len(alone.get_ca_certs()) == 1
    assert len(joined.get_ca_certs()) >= 1
    assert alone.verify_mode == joined.verify_mode == ssl.CERT_REQUIRED
    assert alone.check_hostname


def test_pem_that_is_none_is_refused_without_quoting_it():
    pair, other = Authority().client("ada"), Authority().client("bob")
    for material in (
        TlsMaterial(b"hidden"),
        TlsMaterial(certificate=b"hidden", key=b"hidden"),
        TlsMaterial(certificate=pair.certificate, key=other.key),
    ):
        with pytest.raises(SecretError, match="the value") as caught:
            ssl_context(material, system=False)
        assert "hidden" not in str(caught.value)
