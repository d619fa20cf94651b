"""Azure DevOps."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final
from urllib.parse import unquote

from shared.testing.git_hosts.host import Asked, GitHost, Refused, member, text_of

_STATES: Final = frozenset({"notSet", "pending", "succeeded", "failed", "error", "notApplicable"})
_STATUSES: Final = (
    r"/(?P<organization>[^/]+)/(?P<project>[^/]+)/_apis/git/repositories/(?P<name>[^/]+)"
    r"/commits/(?P<sha>[^/]+)/statuses"
)


class AzureDevOpsHost(GitHost):
    """Keeps statuses by commit, the oldest first; repositories are `organization/project/name`."""

    def __init__(self, **options: Any) -> None:
        """Accounts are personal tokens, or tokens of identities."""
        super().__init__(**options)
        self.statuses: dict[str, list[dict[str, Any]]] = {}

    def login(self, headers: dict[str, str]) -> str:
        scheme, _, value = headers.get("authorization", "").partition(" ")
        if scheme == "Basic":
            try:
                value = base64.b64decode(value, validate=True).decode().partition(":")[2]
            except (binascii.Error, UnicodeDecodeError):
                return ""
        return self.accounts.get(value, "")

    def stranger(self) -> Refused:
        """A page to sign in, and no refusal at all."""
        return Refused(203, "Azure DevOps Services | Sign In")

    def unknown(self) -> Refused:
        return Refused(404, {"message": "The resource cannot be found.", "typeKey": "GitItemNotFound"})

    def _commit(self, asked: Asked, parts: dict[str, str]) -> str:
        if not asked.login:
            raise self.stranger()
        path = "/".join(unquote(parts[key]) for key in ("organization", "project", "name"))
        if parts["sha"] not in self.repositories.get(path, ()):
            raise self.unknown()
        return parts["sha"]

    def _list(self, asked: Asked, **parts: str) -> Any:
        found = self.statuses.get(self._commit(asked, parts), [])
        if asked.query.get("latestOnly") == "true":
            latest = {(each["context"]["genre"], each["context"]["name"]): each for each in found}
            found = list(latest.values())
        return {"count": len(found), "value": found}

    def _create(self, asked: Asked, **parts: str) -> Any:
        commit = self._commit(asked, parts)
        if not asked.query.get("api-version"):
            raise Refused(400, {"typeKey": "VssVersionNotSpecifiedException"})
        context = member(asked.body, "context")
        if text_of(asked.body, "state") not in _STATES or not text_of(context, "name"):
            raise Refused(400, {"typeKey": "InvalidArgumentValueException"})
        kept = {"id": self.number(), **asked.body}
        self.statuses.setdefault(commit, []).append(kept)
        return 201, kept

    routes = (("GET", _STATUSES, _list), ("POST", _STATUSES, _create))
