"""The Git repository that the demo rolls out: the examples, served by a real Git server over HTTP."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from localcluster.ports import HOST, free_ports

_EXAMPLES: Final = Path(__file__).parents[2] / "examples"
_READY_SECONDS: Final = 15.0


class DemoRepository:
    """A bare repository behind a Git server, and a work tree to commit from."""

    def __init__(self, folder: Path) -> None:
        self._bare = folder / "served" / "demo.git"
        self.worktree = folder / "worktree"
        self._log = folder / "git-server.log"
        self._server: subprocess.Popen[bytes] | None = None
        self.url = ""

    def start(self) -> None:
        """Makes the first commit and starts the server."""
        self._bare.parent.mkdir(parents=True)
        self._git(
            "init", "--quiet", "--bare", "--initial-branch=main", str(self._bare), cwd=self._bare.parent
        )
        shutil.copytree(_EXAMPLES, self.worktree)
        self._git("init", "--quiet", "--initial-branch=main")
        self._git("remote", "add", "origin", str(self._bare))
        self.commit("Add the demo cluster")
        port = free_ports(1)[0]
        command = [
            sys.executable,
            "-m",
            "shared.testing.git_server",
            str(self._bare.parent),
            "--port",
            str(port),
        ]
        with self._log.open("wb") as log:
            self._server = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self.url = f"http://{HOST}:{port}/demo.git"
        self._wait(port)

    def stop(self) -> None:
        """Ends the server."""
        if self._server is not None:
            self._server.terminate()
            self._server.wait()

    def replace(self, file: str, old: str, new: str) -> None:
        """Edits a file in the work tree; the text must be there."""
        path = self.worktree / file
        text = path.read_text()
        if old not in text:
            raise ValueError(f"{file} does not contain {old!r}")
        path.write_text(text.replace(old, new))

    def commit(self, message: str) -> str:
        """Commits and pushes everything; gives the commit."""
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message", message)
        self._git("push", "--quiet", "origin", "main")
        return self._git("rev-parse", "HEAD").strip()

    def pull(self) -> str:
        """Takes over what others have pushed; gives the commit."""
        self._git("pull", "--quiet", "--ff-only", "origin", "main")
        return self._git("rev-parse", "HEAD").strip()

    def show(self) -> str:
        """Who made the last commit, its message, and what it changed."""
        return self._git("show", "--format=%an: %B", "--unified=0", "HEAD").strip()

    def revert(self) -> str:
        """Takes the last commit back with a new one."""
        self._git("revert", "--no-edit", "HEAD")
        self._git("push", "--quiet", "origin", "main")
        return self._git("rev-parse", "HEAD").strip()

    def _git(self, *arguments: str, cwd: Path | None = None) -> str:
        identity = {"NAME": "Headrace demo", "EMAIL": "demo@example.com"}
        own = {
            f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in identity.items()
        }
        environ = os.environ | own | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        done = subprocess.run(
            ["git", *arguments],
            cwd=cwd or self.worktree,
            env=environ,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def _wait(self, port: int) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while True:
            try:
                socket.create_connection((HOST, port), timeout=1).close()
            except OSError as error:
                if time.monotonic() > deadline:
                    raise RuntimeError(f"the Git server did not start:\n{self._log.read_text()}") from error
                time.sleep(0.05)
            else:
                return
