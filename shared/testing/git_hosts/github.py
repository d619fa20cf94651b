"""GitHub, or an Enterprise server of it (`below` is `/api/v3` then)."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from shared.lang.json import JsonError, loads_object
from shared.testing.git_hosts.host import Asked, GitHost, Refused, member, text_of

_DOCS: Final = "https://docs.github.com/rest"
_STATES: Final = frozenset({"error", "failure", "pending", "success"})
_SHA: Final = r"[0-9a-fA-F]{40}"
_REPO: Final = r"/repos/(?P<owner>[^/]+)/(?P<name>[^/]+)"


@dataclass(frozen=True, slots=True)
class App:
    """An app that may log in with tokens it gets; `key` is its public key."""

    id: int
    slug: str
    installation: int
    key: Any


class GitHubHost(GitHost):
    """Keeps statuses by commit, newest first, and comments by repository and number."""

    page_default = 30

    def __init__(self, **options: Any) -> None:
        """Repositories are `owner/name`."""
        super().__init__(**options)
        self.statuses: dict[str, list[dict[str, Any]]] = {}
        self.issues: dict[tuple[str, int], list[dict[str, Any]]] = {}
        self.dispatches: list[dict[str, Any]] = []
        self.app: App | None = None
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def login(self, headers: dict[str, str]) -> str:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        return self.accounts.get(token, "") if scheme in ("Bearer", "token") else ""

    def stranger(self) -> Refused:
        return _refused(401, "Bad credentials")

    def unknown(self) -> Refused:
        return _refused(404, "Not Found")

    def comment(self, repository: str, number: int, login: str, body: str) -> int:
        """Somebody comments."""
        own = self.number()
        comment = {"id": own, "user": {"login": login, "type": "User"}, "body": body}
        self.issues.setdefault((repository, number), []).append(comment)
        return own

    def _repository(self, asked: Asked, owner: str, name: str) -> str:
        """GitHub does not tell strangers which repositories there are."""
        if not asked.login:
            raise self.stranger()
        if f"{owner}/{name}" not in self.repositories:
            raise self.unknown()
        return f"{owner}/{name}"

    def _commit(self, repository: str, sha: str) -> str:
        if sha not in self.repositories[repository]:
            raise _refused(422, f"No commit found for SHA: {sha}")
        return sha

    def _list_statuses(self, asked: Asked, owner: str, name: str, sha: str) -> Any:
        commit = self._commit(self._repository(asked, owner, name), sha)
        return self.statuses.get(commit, [])

    def _create_status(self, asked: Asked, owner: str, name: str, sha: str) -> Any:
        commit = self._commit(self._repository(asked, owner, name), sha)
        if text_of(asked.body, "state") not in _STATES:
            raise _refused(422, "Validation Failed")
        if len(text_of(asked.body, "description")) > 140:
            raise _refused(422, "Validation Failed")
        kept = {
            "id": self.number(),
            "state": asked.body["state"],
            "description": member(asked.body, "description"),
            "context": member(asked.body, "context") or "default",
            "target_url": member(asked.body, "target_url"),
            "creator": {"login": asked.login},
        }
        self.statuses.setdefault(commit, []).insert(0, kept)
        return 201, kept

    def _dispatch(self, asked: Asked, owner: str, name: str) -> Any:
        self._repository(asked, owner, name)
        kind, payload = text_of(asked.body, "event_type"), member(asked.body, "client_payload")
        if not 0 < len(kind) <= 100 or not isinstance(payload, dict) or len(payload) > 10:
            raise _refused(422, "Invalid request.")
        self.dispatches.append(asked.body)
        return 204, None

    def _user(self, asked: Asked) -> Any:
        if not asked.login:
            raise self.stranger()
        if asked.login.endswith("[bot]"):
            raise _refused(403, "Resource not accessible by integration")
        return {"login": asked.login, "id": 1, "type": "User"}

    def _thread(self, asked: Asked, owner: str, name: str, number: str) -> list[dict[str, Any]]:
        found = self.issues.get((self._repository(asked, owner, name), int(number)))
        if found is None:
            raise self.unknown()
        return found

    def _list_comments(self, asked: Asked, owner: str, name: str, number: str) -> Any:
        return list(self._thread(asked, owner, name, number))

    def _create_comment(self, asked: Asked, owner: str, name: str, number: str) -> Any:
        thread = self._thread(asked, owner, name, number)
        if not 0 < len(text_of(asked.body, "body")) <= 65_536:
            raise _refused(422, "Validation Failed")
        self.comment(f"{owner}/{name}", int(number), asked.login, asked.body["body"])
        return 201, thread[-1]

    def _edit_comment(self, asked: Asked, owner: str, name: str, comment: str) -> Any:
        repository = self._repository(asked, owner, name)
        for (place, _), thread in self.issues.items():
            for each in thread:
                if place == repository and each["id"] == int(comment):
                    each["body"] = text_of(asked.body, "body")
                    return each
        raise self.unknown()

    def _get_app(self, asked: Asked) -> Any:
        app = self._as_app(asked)
        return {"id": app.id, "slug": app.slug}

    def _token(self, asked: Asked, installation: str) -> Any:
        app = self._as_app(asked)
        if int(installation) != app.installation:
            raise self.unknown()
        token = f"ghs_{self.number()}"
        self.accounts[token] = f"{app.slug}[bot]"
        return 201, {"token": token, "expires_at": (self.now() + timedelta(hours=1)).isoformat()}

    def _as_app(self, asked: Asked) -> App:
        """The app whose key signed the token, which has to be as young as GitHub wants it."""
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - only few need it
        from cryptography.hazmat.primitives.asymmetric import padding  # noqa: PLC0415
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

        token = asked.headers.get("authorization", "").removeprefix("Bearer ")
        head, _, signature = token.rpartition(".")
        try:
            claims = loads_object(_decoded(head.partition(".")[2]))
            assert self.app is not None
            self.app.key.verify(_decoded(signature), head.encode(), padding.PKCS1v15(), SHA256())
        except (AssertionError, InvalidSignature, JsonError, ValueError):
            raise _refused(401, "A JSON web token could not be decoded") from None
        now = self.now().timestamp()
        if (
            str(claims.get("iss")) != str(self.app.id)
            or not claims["iat"] <= now < claims["exp"] <= now + 600
        ):
            raise _refused(401, "'Expiration time' claim ('exp') is too far in the future")
        return self.app

    routes = (
        ("GET", rf"{_REPO}/commits/(?P<sha>{_SHA})/statuses", _list_statuses),
        ("POST", rf"{_REPO}/statuses/(?P<sha>{_SHA})", _create_status),
        ("POST", rf"{_REPO}/dispatches", _dispatch),
        ("GET", r"/user", _user),
        ("GET", rf"{_REPO}/issues/(?P<number>\d+)/comments", _list_comments),
        ("POST", rf"{_REPO}/issues/(?P<number>\d+)/comments", _create_comment),
        ("PATCH", rf"{_REPO}/issues/comments/(?P<comment>\d+)", _edit_comment),
        ("GET", r"/app", _get_app),
        ("POST", r"/app/installations/(?P<installation>\d+)/access_tokens", _token),
    )


def _refused(status: int, message: str) -> Refused:
    return Refused(status, {"message": message, "documentation_url": _DOCS, "status": str(status)})


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
