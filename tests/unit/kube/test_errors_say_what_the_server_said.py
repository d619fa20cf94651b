import pytest

from shared.kube import errors
from shared.lang.json import dumps


def status(code, reason="", message="said", **more):
    return dumps({"kind": "Status", "code": code, "reason": reason, "message": message, **more})


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (400, "BadRequest", errors.ApiError),
        (400, "Expired", errors.Gone),
        (401, "Unauthorized", errors.Unauthorized),
        (403, "Forbidden", errors.Forbidden),
        (404, "NotFound", errors.NotFound),
        (409, "Conflict", errors.Conflict),
        (409, "AlreadyExists", errors.AlreadyExists),
        (410, "Expired", errors.Gone),
        (422, "Invalid", errors.Invalid),
        (429, "TooManyRequests", errors.TooManyRequests),
        (500, "InternalError", errors.ServerError),
        (503, "ServiceUnavailable", errors.ServerError),
    ],
)
def test_each_status_has_its_error(code, reason, kind):
    error = errors.from_response(code, status(code, reason))
    assert type(error) is kind
    assert (error.status, error.reason, str(error)) == (code, reason, "said")


def test_details_and_waiting_time_are_kept():
    error = errors.from_response(429, status(429, details={"name": "a"}), "7")
    assert error.details == {"name": "a"}
    assert error.retry_after == 7
    assert errors.from_response(429, b"", "Fri, 02 Jan 2026 03:04:05 GMT").retry_after is None


@pytest.mark.parametrize("body", [b"", b"<html>Bad gateway</html>", b"[]", b'{"kind":"Other"}', b"\xff\xfe"])
def test_what_is_no_status_is_quoted_short(body):
    error = errors.from_response(502, body * 1)
    assert type(error) is errors.ServerError
    assert str(error).startswith("the server answered 502: ")


def test_a_quote_is_cut():
    assert len(str(errors.from_response(502, b"x" * 10_000))) < 300


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (errors.NoMatch("apps", "Foo", "v1"), 'no matches for kind "Foo" in version "apps/v1"'),
        (errors.NoMatch("apps", "Foo"), 'no matches for kind "Foo" in version "apps"'),
        (errors.NoMatch("", "Foo"), 'no matches for kind "Foo" in version "v1"'),
    ],
)
def test_a_kind_that_is_not_served_is_named_as_kubectl_does(error, text):
    assert str(error) == text
