"""Errors of the Kubernetes API.

KubeError
├── ApiError                 the server answered with a Status other than success
│   ├── Unauthorized         401
│   ├── Forbidden            403
│   ├── NotFound             404
│   │   └── UnusableName     no object can have the name; the server is not even asked
│   ├── Conflict             409
│   │   └── AlreadyExists    409 with reason AlreadyExists
│   ├── Gone                 410, a resource version is too old
│   ├── Invalid              422
│   ├── TooManyRequests      429, after the client's own patience
│   └── ServerError          5xx
├── NoMatch                  the server doesn't know the kind
├── NoCredentials            nobody gives what the server wants to see
└── Unreachable              no answer
"""

from __future__ import annotations

from shared.lang.json import JsonObject, loads


class KubeError(Exception):
    """Root of all errors of this package."""


class ApiError(KubeError):
    """The API server refused a request; str() is the server's own message."""

    def __init__(
        self,
        status: int,
        reason: str,
        message: str,
        details: JsonObject | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.details: JsonObject = details or {}
        self.retry_after = retry_after


class Unauthorized(ApiError):
    """401: the credentials are not accepted."""


class Forbidden(ApiError):
    """403: authenticated, but not allowed."""


class NotFound(ApiError):
    """404: no such object, namespace or resource."""


class UnusableName(NotFound):
    """What is called a name can be none, so there is nothing of that name.

    In a path it would lead to other objects than those that it is looked for among.
    """

    def __init__(self, kind: str, name: str) -> None:
        rule = "a name is neither empty nor '.' nor '..', and has no '/' or '%' in it"
        super().__init__(404, "NotFound", f"no {kind} can be named '{name}': {rule}")


class Conflict(ApiError):
    """409: the resource version in the request is not the current one, or field ownership clashes."""


class AlreadyExists(Conflict):
    """409 on create: the name is taken."""


class Gone(ApiError):
    """410: the resource version is too old to watch or list from."""


class Invalid(ApiError):
    """422: validation refused the object."""


class TooManyRequests(ApiError):
    """429: the server asks for fewer requests."""


class ServerError(ApiError):
    """5xx: the server or something behind it is in trouble."""


class NoMatch(KubeError):
    """The API server doesn't serve the kind."""

    def __init__(self, group: str, kind: str, version: str = "") -> None:
        where = f"{group}/{version}" if group and version else group or version or "v1"
        super().__init__(f'no matches for kind "{kind}" in version "{where}"')
        self.group = group
        self.kind = kind
        self.version = version


class NoCredentials(KubeError):
    """Credentials for the API server can't be had, so it was not even asked."""


class Unreachable(KubeError):
    """The API server did not answer."""


def is_outage(error: BaseException) -> bool:
    """Whether the server was away or in trouble: whatever was asked, it may go well later."""
    return isinstance(error, Unreachable | ServerError | TooManyRequests)


_BY_STATUS: dict[int, type[ApiError]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    422: Invalid,
    429: TooManyRequests,
}


def from_status(body: JsonObject, http_status: int = 0, retry_after: float | None = None) -> ApiError:
    """The error that a `Status` object stands for."""
    status = int(body.get("code") or http_status or 500)
    reason = str(body.get("reason") or "Unknown")
    message = str(body.get("message") or f"the server answered {status} without a message")
    details = body.get("details")
    kind = _BY_STATUS.get(status, ServerError if status >= 500 else ApiError)
    if kind is Conflict and reason == "AlreadyExists":
        kind = AlreadyExists
    if kind is ApiError and reason == "Expired":
        kind = Gone
    return kind(status, reason, message, details if isinstance(details, dict) else None, retry_after)


def from_response(http_status: int, body: bytes, retry_after: str | None = None) -> ApiError:
    """The error that an unsuccessful HTTP answer stands for; bodies that are no Status are quoted, cut
    short.
    """
    try:
        wait = float(retry_after) if retry_after else None
    except ValueError:
        wait = None
    try:
        decoded = loads(body)
    except ValueError:
        decoded = None
    if isinstance(decoded, dict) and decoded.get("kind") == "Status":
        return from_status(decoded, http_status, wait)
    text = body[:200].decode(errors="replace").strip() or "no body"
    return from_status(
        {"code": http_status, "message": f"the server answered {http_status}: {text}"}, retry_after=wait
    )
