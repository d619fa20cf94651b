"""A real Gitea on loopback: accounts with tokens, repositories with commits and pull requests.

It keeps everything in one folder and one SQLite file. It has no pages to look at, and its SSH is off.
"""

from __future__ import annotations

import base64
import os
import secrets
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from localcluster import programs
from localcluster.ports import free_ports
from shared.lang.json import dumps, loads
from shared.testing.server_process import running
from shared.testing.tls import Authority

T = TypeVar("T")

_PATIENCE: Final = 60
_ADMIN: Final = "root"
_PASSWORD: Final = "g1tea-on-loopback"


@dataclass(frozen=True, slots=True)
class Change:
    """A pull request: its number and the commit that it wants merged."""

    number: int
    commit: str


class GiteaServer:
    """Does what an administrator does, by the API."""

    def __init__(self, url: str, authority: Authority | None, token: str) -> None:
        """`url` is that of the pages, the token the administrator's."""
        self.url = url
        self._trusted = (
            ssl.create_default_context(cadata=authority.pem.decode()) if authority is not None else None
        )
        self._token = token

    def account(self, name: str, *scopes: str) -> str:
        """A new user; a token of theirs with these scopes, by default with all."""
        login = {"username": name, "email": f"{name}@example.com", "password": _PASSWORD}
        self.ask("POST", "/admin/users", {**login, "must_change_password": False})
        return self.token(name, *scopes)

    def token(self, name: str, *scopes: str) -> str:
        """Another token of a user."""
        basic = base64.b64encode(f"{name}:{_PASSWORD}".encode()).decode()
        made = self.ask(
            "POST",
            f"/users/{name}/tokens",
            {"name": secrets.token_hex(8), "scopes": list(scopes) or ["all"]},
            login=f"Basic {basic}",
        )
        return str(made["sha1"])

    def repository(self, owner: str, name: str) -> str:
        """A repository of a user with one commit, which is given back."""
        self.ask("POST", f"/admin/users/{owner}/repos", {"name": name, "auto_init": True})
        return str(self.ask("GET", f"/repos/{owner}/{name}/branches/main")["commit"]["id"])

    def commit(self, owner: str, name: str, path: str, text: str, **more: str) -> str:
        """A commit with one more file, on the branch main unless told otherwise; its hash."""
        content = base64.b64encode(text.encode()).decode()
        made = self.ask(
            "POST",
            f"/repos/{owner}/{name}/contents/{path}",
            {"content": content, "message": f"add {path}", **more},
        )
        return str(made["commit"]["sha"])

    def change(self, owner: str, name: str, branch: str) -> Change:
        """A pull request with one new file."""
        commit = self.commit(owner, name, f"{branch}.txt", branch, new_branch=branch)
        request = {"base": "main", "head": branch, "title": f"add {branch}"}
        pull = self.ask("POST", f"/repos/{owner}/{name}/pulls", request)
        return Change(int(pull["number"]), commit)

    def statuses(self, owner: str, name: str, commit: str) -> list[dict[str, Any]]:
        """All statuses of a commit, the newest first."""
        found = self.ask("GET", f"/repos/{owner}/{name}/commits/{commit}/statuses?limit=50")
        return sorted(found, key=lambda each: -int(each["id"]))

    def comments(self, owner: str, name: str, number: int) -> list[dict[str, Any]]:
        """All comments on a pull request, the oldest first."""
        return list(self.ask("GET", f"/repos/{owner}/{name}/issues/{number}/comments"))

    def until(self, read: Callable[[], T], met: Callable[[T], object]) -> T:
        """Reads something again and again until it is as wanted."""
        deadline = time.monotonic() + _PATIENCE
        while not met(found := read()):
            if time.monotonic() > deadline:
                raise AssertionError(f"it did not come to it: {found}")
            time.sleep(0.05)
        return found

    def ask(self, method: str, path: str, body: Any = None, *, login: str = "") -> Any:
        """A request to the API, by default as the administrator."""
        headers = {"Authorization": login or f"token {self._token}", "Content-Type": "application/json"}
        data = None if body is None else dumps(body)
        request = urllib.request.Request(f"{self.url}/api/v1{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=_PATIENCE, context=self._trusted) as answer:
            read = answer.read()
        return loads(read) if read else None


@contextmanager
def run_gitea(folder: Path, *, below: str = "", authority: Authority | None = None) -> Iterator[GiteaServer]:
    """A server with its pages below a path; with an authority it speaks TLS."""
    port = free_ports(1)[0]
    url = f"{'https' if authority else 'http'}://127.0.0.1:{port}{below}"
    config = folder / "app.ini"
    config.write_text(_config(folder, port, url, authority))
    program = [str(programs.path("gitea")), "--config", str(config)]
    environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder)}
    with (folder / "gitea.log").open("wb") as log:

        def run(*arguments: str) -> str:
            done = subprocess.run(
                [*program, *arguments], env=environment, stdout=subprocess.PIPE, stderr=log, check=True
            )
            return done.stdout.decode()

        run("migrate")
        created = run(
            "admin", "user", "create", "--admin", "--username", _ADMIN, "--password", _PASSWORD,
            "--email", "root@example.com", "--must-change-password=false",
            "--access-token", "--access-token-scopes", "all",
        )  # fmt: skip

    server = GiteaServer(url, authority, created.split()[-1])
    ask = partial(server.ask, "GET", "/version")
    with running([*program, "web"], environment, folder / "gitea.log", ask):
        yield server


def _config(folder: Path, port: int, url: str, authority: Authority | None) -> str:
    """Everything that a server does besides answering is off; passwords are hashed once."""
    tls = ""
    if authority is not None:
        pair = authority.server()
        (folder / "tls.crt").write_bytes(pair.certificate)
        (folder / "tls.key").write_bytes(pair.key)
        tls = f"PROTOCOL = https\nCERT_FILE = {folder}/tls.crt\nKEY_FILE = {folder}/tls.key"
    return f"""
I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true
WORK_PATH = {folder}/work
[server]
{tls}
HTTP_ADDR = 127.0.0.1
HTTP_PORT = {port}
ROOT_URL = {url}/
LOCAL_ROOT_URL = {url}/
USE_SUB_URL_PATH = true
STATIC_ROOT_PATH = {programs.files("gitea")}
DISABLE_SSH = true
OFFLINE_MODE = true
LFS_START_SERVER = false
[database]
DB_TYPE = sqlite3
PATH = {folder}/gitea.db
SQLITE_JOURNAL_MODE = MEMORY
[security]
INSTALL_LOCK = true
SECRET_KEY = {secrets.token_hex(32)}
PASSWORD_HASH_ALGO = pbkdf2$1$1
[oauth2]
ENABLED = false
[log]
LEVEL = Warn
[service]
DISABLE_REGISTRATION = true
[indexer]
ISSUE_INDEXER_TYPE = db
[cron]
ENABLED = false
[actions]
ENABLED = false
[packages]
ENABLED = false
[session]
PROVIDER = memory
"""
