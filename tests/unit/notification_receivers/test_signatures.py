"""Who does not know the token is not let in, whatever the header holds."""

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notification_controller.receivers.signatures import bearer, check_equal, check_hmac, check_plain_hmac
from notification_controller.receivers.webhook import Unauthenticated, Webhook

TOKEN, BODY = b"7152fed34dd6149a7c75a276c510da27cb6f82b0", b'{"ref":"refs/heads/main"}'
#: Any text that a header may hold; bytes that are no UTF-8 arrive as surrogates.
HEADERS = st.binary().map(lambda data: data.decode(errors="surrogateescape"))


def signature(algorithm, token=TOKEN, body=BODY):
    return f"{algorithm}={hmac.new(token, body, algorithm).hexdigest()}"


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512"])
def test_the_caller_chooses_the_algorithm(algorithm):
    check_hmac("X-Signature", signature(algorithm), TOKEN, BODY)
    check_hmac("X-Signature", f"{algorithm}={signature(algorithm).partition('=')[2].upper()}", TOKEN, BODY)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("", "missing"),
        (signature("md5"), "none of sha1, sha256, sha512"),
        (signature("sha384"), "none of sha1, sha256, sha512"),
        (signature("sha256").upper(), "none of sha1"),
        (signature("sha256").partition("=")[2], "missing or is not"),
        ("sha256=", "does not match"),
        ("sha256=00", "does not match"),
        ("sha256=xyz", "not hexadecimal"),
        (signature("sha256") + " ", "not hexadecimal"),
        (signature("sha256").replace("=", "= "), "not hexadecimal"),
        (signature("sha256", token=b""), "does not match"),
        (signature("sha256", body=BODY + b"\n"), "does not match"),
        ("sha512=" + signature("sha256").partition("=")[2], "does not match"),
        ("sha256=\udcff", "not hexadecimal"),
    ],
)
def test_other_signatures_are_refused(value, why):
    with pytest.raises(Unauthenticated, match=why) as caught:
        check_hmac("X-Signature", value, TOKEN, BODY)
    assert TOKEN.decode() not in str(caught.value)
    assert caught.value.told == "authentication failed"


def test_nexus_writes_the_digits_alone():
    good = hmac.new(TOKEN, BODY, "sha1").hexdigest()
    check_plain_hmac("X-Nexus-Webhook-Signature", good, TOKEN, BODY)
    for bad in ("", good[:-1], good.upper(), f"sha1={good}", "\udc80"):
        with pytest.raises(Unauthenticated):
            check_plain_hmac("X-Nexus-Webhook-Signature", bad, TOKEN, BODY)


def test_a_header_may_repeat_the_token():
    check_equal("X-Gitlab-Token", "s3cr3t", b"s3cr3t")
    check_equal("X-Gitlab-Token", "\udcff", b"\xff")
    for bad in ("", "s3cr3", "S3CR3T", "s3cr3t ", "\udcff"):
        with pytest.raises(Unauthenticated, match="does not match the token"):
            check_equal("X-Gitlab-Token", bad, b"s3cr3t")


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer ", "bearer abc", "Basic abc", "Bearer\tabc", "abc"])
def test_a_bearer_token_has_its_prefix(value):
    with pytest.raises(Unauthenticated) as caught:
        bearer(Webhook({"Authorization": value}))
    assert caught.value.told == "a bearer token is missing"
    assert bearer(Webhook({"Authorization": "Bearer a.b.c "})) == "a.b.c"


@given(value=HEADERS, token=st.binary(min_size=1), body=st.binary())
def test_no_header_can_do_more_than_be_refused(value, token, body):
    checks = [
        lambda: check_hmac("X", value, token, body),
        lambda: check_hmac("X", f"sha256={value}", token, body),
        lambda: check_plain_hmac("X", value, token, body),
        lambda: bearer(Webhook({"Authorization": value})),
    ]
    for check in checks:
        try:
            check()
        except Unauthenticated:
            continue
        assert check is checks[3] or hmac.new(token, body, "sha1").hexdigest() == value
