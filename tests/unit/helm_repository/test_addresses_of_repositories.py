"""How the addresses of indexes and charts come from that of a repository."""

import pytest

from source_controller.helm_repository.client import (
    HelmAccess,
    HelmHttp,
    InvalidUrl,
    Validators,
    repository_url,
    shown,
    without_login,
)


def client(url):
    return HelmHttp(None, HelmAccess(repository_url(url)))


@pytest.mark.parametrize(
    ("url", "index"),
    [
        ("https://h/charts", "https://h/charts/index.yaml"),
        ("https://h", "https://h/index.yaml"),
        ("https://h/charts///", "https://h/charts/index.yaml"),
        ("https://h/charts?token=x", "https://h/charts/index.yaml?token=x"),
        ("https://h/charts/?a=b%26c&d=1", "https://h/charts/index.yaml?a=b%26c&d=1"),
        ("https://ada:pw@h:8443/c", "https://h:8443/c/index.yaml"),
        ("https://h/a%20b", "https://h/a%20b/index.yaml"),
    ],
)
def test_the_index_is_below_the_address(url, index):
    assert str(client(url).index_url) == index


@pytest.mark.parametrize(
    ("reference", "address"),
    [
        ("web-1.tgz", "https://h/charts/web-1.tgz?token=x"),
        ("../web-1.tgz", "https://h/web-1.tgz?token=x"),
        ("/other/web-1.tgz", "https://h/other/web-1.tgz?token=x"),
        ("https://cdn/web-1.tgz", "https://cdn/web-1.tgz"),
        ("https://h/web-1.tgz", "https://h/web-1.tgz"),
        ("//cdn/web-1.tgz", "https://cdn/web-1.tgz"),
    ],
)
def test_charts_may_be_named_below_the_address(reference, address):
    assert str(client("https://h/charts?token=x").resolve(reference)) == address


@pytest.mark.parametrize("reference", ["file:///etc/passwd", "oci://r/c", "https://", "http://[", "data:,x"])
def test_charts_are_only_downloaded_by_http(reference):
    with pytest.raises(InvalidUrl):
        client("https://h/charts").resolve(reference)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("oci://h/charts", "'oci' URL scheme cannot be used with 'default' HelmRepository type"),
        ("https://", "needs a host"),
        ("http://[", "malformed"),
    ],
)
def test_what_is_no_address_of_an_index_is_refused(url, why):
    with pytest.raises(InvalidUrl, match=why):
        repository_url(url)


def test_an_address_is_shown_without_what_may_be_secret():
    assert shown(client("https://ada:pw@h/c?token=x").index_url) == "https://h/c/index.yaml"


def test_only_what_is_known_is_asked_about():
    assert Validators().headers == {}
    assert Validators('"a"', "then").headers == {"If-None-Match": '"a"', "If-Modified-Since": "then"}


def test_an_address_in_an_event_has_no_login_in_it():
    assert without_login("https://ada:pw@h/c") == "https://h/c"
    assert without_login("https://h/c?token=x") == "https://h/c"
    assert without_login("https://h/c/%7E") == "https://h/c/%7E"
