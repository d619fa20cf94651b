"""HTTP_PROXY, HTTPS_PROXY and NO_PROXY mean what they mean to programs in Go."""

import pytest
from yarl import URL

from shared.auth import BasicAuth, Proxy, proxy_from_environment
from shared.proxies import EnvironmentProxies

PROXY = "http://proxy:3128"


def proxies(**environ):
    return EnvironmentProxies.read(environ)


def is_direct(url, no_proxy):
    return proxies(HTTP_PROXY=PROXY, HTTPS_PROXY=PROXY, NO_PROXY=no_proxy).of(URL(url)) is None


def test_without_variables_all_is_direct():
    assert proxies().of(URL("https://example.com")) is None


def test_each_scheme_has_its_own():
    both = proxies(HTTP_PROXY="http://plain:1", HTTPS_PROXY="http://secret:2")
    assert both.of(URL("http://example.com")) == URL("http://plain:1")
    assert both.of(URL("https://example.com")) == URL("http://secret:2")
    assert proxies(HTTP_PROXY=PROXY).of(URL("https://example.com")) is None


def test_lower_case_wins():
    assert proxies(http_proxy="http://lower:1", HTTP_PROXY=PROXY).of(URL("http://x.y")) == URL(
        "http://lower:1"
    )


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("proxy:3128", "http://proxy:3128"),
        ("https://proxy:3129", "https://proxy:3129"),
        ("socks5://proxy", "socks5://proxy"),
        ("socks5h://proxy:9", "socks5://proxy:9"),
        ("http://eve:hid%40den@proxy:1/path?query", "http://eve:hid%40den@proxy:1"),
        (" http://proxy:1 ", "http://proxy:1"),
        ("", None),
    ],
)
def test_forms_of_a_proxy(value, url):
    found = proxies(HTTPS_PROXY=value).of(URL("https://example.com"))
    assert (found and str(found)) == url


@pytest.mark.parametrize("value", ["ftp://hidden", "http://", "http://[::1", "http://eve:hidden@:1"])
def test_what_is_no_proxy_is_an_error_that_shows_no_value(value):
    with pytest.raises(ValueError, match=r"^HTTPS_PROXY: the value is not a URL with a host") as caught:
        proxies(HTTPS_PROXY=value)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost",
        "http://127.0.0.1:80",
        "https://127.1.2.3",
        "http://[::1]:1",
        "http://[::ffff:127.0.0.1]",
    ],
)
def test_this_machine_is_always_direct(url):
    assert is_direct(url, "")


@pytest.mark.parametrize(
    ("no_proxy", "url"),
    [
        ("*", "https://example.com"),
        ("other, *", "http://10.0.0.1"),
        ("example.com", "https://example.com"),
        ("example.com", "https://a.b.example.com"),
        ("EXAMPLE.com", "https://A.Example.COM"),
        (".example.com", "https://a.example.com"),
        ("*.example.com", "https://a.example.com"),
        ("example.com:443", "https://example.com"),
        ("example.com:80", "http://a.example.com"),
        ("example.com:", "https://example.com"),
        ("bücher.example", "https://xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "https://bücher.example"),
        (" a.b , example.com,", "https://example.com"),
        ("svc.cluster.local", "http://source-controller.flux-system.svc.cluster.local"),
        ("10.1.2.3", "http://10.1.2.3:8080"),
        ("10.1.2.3:8080", "http://10.1.2.3:8080"),
        ("::ffff:10.1.2.3", "http://10.1.2.3"),
        ("10.0.0.0/8", "https://10.1.2.3"),
        ("10.1.2.3/8", "https://10.200.0.1"),
        ("fd00::1", "http://[fd00::1]:80"),
        ("[fd00::1]:80", "http://[fd00::1]"),
        ("fd00::/16", "http://[fd00:0:0:1::5]"),
    ],
)
def test_what_no_proxy_takes_out(no_proxy, url):
    assert is_direct(url, no_proxy)


@pytest.mark.parametrize(
    ("no_proxy", "url"),
    [
        ("", "https://example.com"),
        (",, ,", "https://example.com"),
        (".example.com", "https://example.com"),
        ("*.example.com", "https://example.com"),
        ("example.com", "https://notexample.com"),
        ("example.com", "https://example.com.evil"),
        ("example.com:80", "https://example.com"),
        ("example.com:8443", "https://example.com"),
        ("com*", "https://example.com"),
        (":443", "https://example.com"),
        (".", "https://example.com"),
        ("10.1.2.3:80", "http://10.1.2.3:8080"),
        ("10.0.0.0/8", "https://11.0.0.1"),
        ("10.0.0.0/8", "https://10.example.com"),
        ("10.0.0.0/255.0.0.0", "https://10.0.0.1"),
        ("10.0.0.0/99", "https://10.0.0.1"),
        ("fd00::/16", "https://10.0.0.1"),
        ("1.2.3", "http://10.1.2.3"),
        ("example.com", "http://10.1.2.3"),
    ],
)
def test_what_no_proxy_leaves(no_proxy, url):
    assert not is_direct(url, no_proxy)


def test_a_login_is_taken_out_of_the_address(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://eve:hid%40den@proxy:1")
    monkeypatch.setenv("NO_PROXY", "")
    found = proxy_from_environment(URL("https://example.com"))
    assert found == Proxy(URL("http://proxy:1"), BasicAuth("eve", "hid@den"))


def test_a_login_is_not_shown():
    assert "hidden" not in repr(proxies(HTTPS_PROXY="http://eve:hidden@proxy:1"))
