"""GitLab; `below` is the path of a server with a relative URL."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import unquote

from shared.testing.git_hosts.host import Asked, GitHost, Refused, member, text_of

_COMMAND: Final = re.compile(r"^ *(/[a-z_]+).*$", re.MULTILINE)
_STATES: Final = frozenset({"pending", "running", "success", "failed", "canceled", "skipped"})
_PROJECT: Final = r"/api/v4/projects/(?P<project>[^/]+)"
_NOTES: Final = rf"{_PROJECT}/merge_requests/(?P<number>\d+)/notes"


class GitLabHost(GitHost):
    """Keeps statuses by commit, newest first, and notes by project and number."""

    def __init__(self, **options: Any) -> None:
        """Repositories are paths of any depth."""
        super().__init__(**options)
        self.statuses: dict[str, list[dict[str, Any]]] = {}
        self.commands: list[str] = []
        """What people were obeyed in, by a line of a note."""
        self.merge_requests: dict[tuple[str, int], list[dict[str, Any]]] = {}

    def login(self, headers: dict[str, str]) -> str:
        return self.accounts.get(headers.get("private-token", ""), "")

    def stranger(self) -> Refused:
        return Refused(401, {"message": "401 Unauthorized"})

    def unknown(self) -> Refused:
        return Refused(404, {"error": "404 Not Found"})

    def note(self, project: str, number: int, login: str, body: str) -> int:
        """Somebody comments."""
        own = self.number()
        note = {"id": own, "author": {"username": login}, "body": body, "system": False}
        self.merge_requests.setdefault((project, number), []).append(note)
        return own

    def _path(self, asked: Asked, project: str) -> str:
        if not asked.login:
            raise self.stranger()
        path = unquote(project)
        if path not in self.repositories:
            raise Refused(404, {"message": "404 Project Not Found"})
        return path

    def _commit(self, path: str, sha: str) -> str:
        if sha not in self.repositories[path]:
            raise Refused(404, {"message": "404 Commit Not Found"})
        return sha

    def _list_statuses(self, asked: Asked, project: str, sha: str) -> Any:
        """Of each name and branch the newest alone, unless all are asked for; the oldest of them first."""
        found = self.statuses.get(self._commit(self._path(asked, project), sha), [])
        wanted = asked.query.get("name")
        named = [each for each in found if wanted in (None, each["name"])]
        if asked.query.get("all") == "true":
            return named
        newest = {(each["name"], each["ref"]): each for each in reversed(named)}
        return sorted(newest.values(), key=lambda each: int(each["id"]))

    def _create_status(self, asked: Asked, project: str, sha: str) -> Any:
        commit = self._commit(self._path(asked, project), sha)
        if text_of(asked.body, "state") not in _STATES:
            raise Refused(400, {"error": "state does not have a valid value"})
        kept = {
            "id": self.number(),
            "sha": commit,
            "ref": member(asked.body, "ref") or "main",
            "status": asked.body["state"],
            "name": member(asked.body, "name") or "default",
            "description": member(asked.body, "description"),
            "author": {"username": asked.login},
        }
        self.statuses.setdefault(commit, []).insert(0, kept)
        return 201, kept

    def _user(self, asked: Asked) -> Any:
        if not asked.login:
            raise self.stranger()
        return {"id": 1, "username": asked.login}

    def _version(self, asked: Asked) -> Any:
        if not asked.login:
            raise self.stranger()
        return {"version": "18.0.0", "revision": "abc"}

    def _thread(self, asked: Asked, project: str, number: str) -> list[dict[str, Any]]:
        found = self.merge_requests.get((self._path(asked, project), int(number)))
        if found is None:
            raise Refused(404, {"message": "404 Not found"})
        return found

    def _list_notes(self, asked: Asked, project: str, number: str) -> Any:
        """The newest first, unless asked for otherwise."""
        thread = self._thread(asked, project, number)
        return list(thread) if asked.query.get("sort") == "asc" else thread[::-1]

    def _create_note(self, asked: Asked, project: str, number: str) -> Any:
        thread = self._thread(asked, project, number)
        if not text_of(asked.body, "body"):
            raise Refused(400, {"error": "body is missing"})
        self.note(unquote(project), int(number), asked.login, self._obeyed(asked.body["body"]))
        return 201, thread[-1]

    def _edit_note(self, asked: Asked, project: str, number: str, note: str) -> Any:
        for each in self._thread(asked, project, number):
            if each["id"] == int(note):
                each["body"] = self._obeyed(text_of(asked.body, "body"))
                return each
        raise Refused(404, {"message": "404 Note Not Found"})

    def _obeyed(self, text: str) -> str:
        """The text without the commands that were in it."""
        self.commands += _COMMAND.findall(text)
        return _COMMAND.sub("", text)

    routes = (
        ("GET", rf"{_PROJECT}/repository/commits/(?P<sha>[^/]+)/statuses", _list_statuses),
        ("POST", rf"{_PROJECT}/statuses/(?P<sha>[^/]+)", _create_status),
        ("GET", r"/api/v4/user", _user),
        ("GET", r"/api/v4/version", _version),
        ("GET", _NOTES, _list_notes),
        ("POST", _NOTES, _create_note),
        ("PUT", rf"{_NOTES}/(?P<note>\d+)", _edit_note),
    )
