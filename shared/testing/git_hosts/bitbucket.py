"""Bitbucket: the cloud, and a server (`below` is its context path)."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final

from shared.testing.git_hosts.host import Asked, GitHost, Refused, text_of

_STATES: Final = frozenset({"INPROGRESS", "SUCCESSFUL", "FAILED", "STOPPED"})
_SERVER_STATES: Final = frozenset({"INPROGRESS", "SUCCESSFUL", "FAILED", "CANCELLED", "UNKNOWN"})
_CLOUD: Final = r"/2\.0/repositories/(?P<owner>[^/]+)/(?P<name>[^/]+)/commit/(?P<sha>[^/]+)/statuses/build"
_SERVER: Final = (
    r"/rest/api/latest/projects/(?P<owner>[^/]+)/repos/(?P<name>[^/]+)/commits/(?P<sha>[^/]+)/builds"
)


class _Bitbucket(GitHost):
    """Keeps one build for each commit and key; accounts are `user:password`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.builds: dict[tuple[str, str], dict[str, Any]] = {}

    def login(self, headers: dict[str, str]) -> str:
        scheme, _, value = headers.get("authorization", "").partition(" ")
        if scheme == "Basic":
            try:
                value = base64.b64decode(value, validate=True).decode()
            except (binascii.Error, UnicodeDecodeError):
                return ""
        return self.accounts.get(value, "")

    def _commit(self, asked: Asked, owner: str, name: str, sha: str) -> str:
        if not asked.login:
            raise self.stranger()
        if sha not in self.repositories.get(f"{owner}/{name}", ()):
            raise self.unknown()
        return sha


class BitbucketHost(_Bitbucket):
    """The cloud."""

    def stranger(self) -> Refused:
        return Refused(401, None)

    def unknown(self) -> Refused:
        return Refused(404, {"type": "error", "error": {"message": "Resource not found"}})

    def _get(self, asked: Asked, owner: str, name: str, sha: str, key: str) -> Any:
        found = self.builds.get((self._commit(asked, owner, name, sha), key))
        if found is None:
            raise self.unknown()
        return found

    def _set(self, asked: Asked, owner: str, name: str, sha: str) -> Any:
        commit = self._commit(asked, owner, name, sha)
        key, state = text_of(asked.body, "key"), text_of(asked.body, "state")
        if not 0 < len(key) <= 40 or state not in _STATES or not text_of(asked.body, "url"):
            raise Refused(400, {"type": "error", "error": {"message": "Bad request"}})
        self.builds[commit, key] = {"type": "build", **asked.body}
        return 201, self.builds[commit, key]

    routes = (("GET", rf"{_CLOUD}/(?P<key>[^/]+)", _get), ("POST", _CLOUD, _set))


class BitbucketServerHost(_Bitbucket):
    """A server, which takes requests of browsers for attacks."""

    def stranger(self) -> Refused:
        return Refused(401, {"errors": [{"message": "Authentication failed."}]})

    def unknown(self) -> Refused:
        return Refused(404, {"errors": [{"message": "The requested build status does not exist."}]})

    def _get(self, asked: Asked, owner: str, name: str, sha: str) -> Any:
        found = self.builds.get((self._commit(asked, owner, name, sha), asked.query.get("key", "")))
        if found is None:
            raise self.unknown()
        return found

    def _set(self, asked: Asked, owner: str, name: str, sha: str) -> Any:
        commit = self._commit(asked, owner, name, sha)
        if asked.headers.get("x-atlassian-token") != "no-check":
            raise Refused(403, {"errors": [{"message": "XSRF check failed"}]})
        key, state = text_of(asked.body, "key"), text_of(asked.body, "state")
        long = len(text_of(asked.body, "name")) > 255
        if long or not key or state not in _SERVER_STATES or not text_of(asked.body, "url"):
            raise Refused(400, {"errors": [{"message": "The build status is not valid."}]})
        self.builds[commit, key] = {**asked.body, "createdDate": 1, "updatedDate": 1}
        return 204, None

    routes = (("GET", _SERVER, _get), ("POST", _SERVER, _set))
