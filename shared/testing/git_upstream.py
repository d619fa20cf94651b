"""A Git repository to fetch from, filled by real git commands.

Author, committer and dates are fixed, and no configuration of the user or the machine is read, so the same
calls make the same hashes everywhere. Every commit is one minute younger than the one before.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

FIRST_COMMIT: Final = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
"""When the first commit of every upstream was made."""


def git_environment() -> dict[str, str]:
    """An environment in which git knows nothing about the machine it runs on."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C.UTF-8",
    }


class Upstream:
    """A bare repository below the root of a Git server, and a work tree beside it to make commits in."""

    def __init__(self, root: Path, path: str = "app.git", *, object_format: str = "sha1") -> None:
        """Make an empty repository; `path` is how a server of `root` addresses it."""
        self.path = path
        self.bare = root / path
        self._work = root / ".work" / path
        self._next = FIRST_COMMIT
        self._work.mkdir(parents=True)
        self._run(
            self._work,
            "init",
            "-q",
            "--bare",
            "-b",
            "main",
            f"--object-format={object_format}",
            str(self.bare),
        )
        self._run(self._work, "init", "-q", "-b", "main", f"--object-format={object_format}")
        self.configure("http.receivepack", "true")

    def configure(self, key: str, value: str) -> None:
        """Set an option of the served repository, for example `uploadpack.allowAnySHA1InWant`."""
        self._run(self.bare, "config", key, value)

    def commit(
        self,
        files: Mapping[str, str | bytes | None],
        message: str = "change",
        *,
        branch: str = "main",
        executable: Iterable[str] = (),
        links: Mapping[str, str] | None = None,
        at: datetime | None = None,
    ) -> str:
        """Write files (None removes one) on top of a branch and push it; the hash of the commit."""
        self._switch(branch)
        for name, content in files.items():
            path = self._work / name
            if content is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        for name in executable:
            (self._work / name).chmod(0o755)
        for name, target in (links or {}).items():
            (self._work / name).symlink_to(target)
        moment, self._next = at or self._next, self._next + timedelta(minutes=1)
        self.git("add", "-A", "-f")
        self.git("commit", "-q", "--allow-empty", "-m", message, moment=moment)
        self.git("push", "-q", "-f", str(self.bare), f"HEAD:refs/heads/{branch}")
        return self.git("rev-parse", "HEAD")

    def tag(self, name: str, *, commit: str = "HEAD", message: str = "") -> str:
        """Tag a commit, annotated if there is a message; the hash that the tag's reference has."""
        annotation = ("-a", "-m", message) if message else ()
        self.git("tag", "-f", *annotation, name, commit, moment=self._next)
        self.git("push", "-q", "-f", str(self.bare), f"refs/tags/{name}")
        return self.git("rev-parse", f"refs/tags/{name}")

    def point(self, reference: str, commit: str) -> None:
        """Let any reference (`refs/pull/1/head`, `refs/heads/x`) name a commit."""
        self.git("push", "-q", "-f", str(self.bare), f"{commit}:{reference}")

    def remove(self, reference: str) -> None:
        """Remove a reference by its full name."""
        self._run(self.bare, "update-ref", "-d", reference)

    def git(self, *arguments: str, moment: datetime | None = None) -> str:
        """Run git in the work tree; what it printed."""
        return self._run(self._work, *arguments, moment=moment)

    def _switch(self, branch: str) -> None:
        current = self.git("symbolic-ref", "--short", "HEAD")
        if current == branch:
            return
        known = subprocess.run(
            ["git", "-C", str(self._work), "rev-parse", "-q", "--verify", f"refs/heads/{branch}"],
            env=git_environment(),
            stdout=subprocess.DEVNULL,
            check=False,
        )
        self.git("checkout", "-q", *(() if known.returncode == 0 else ("-b",)), branch)

    def _run(self, directory: Path, *arguments: str, moment: datetime | None = None) -> str:
        environment = git_environment()
        for role in ("AUTHOR", "COMMITTER"):
            environment[f"GIT_{role}_NAME"] = "Ada Example"
            environment[f"GIT_{role}_EMAIL"] = "ada@example.org"
            environment[f"GIT_{role}_DATE"] = (moment or self._next).isoformat()
        done = subprocess.run(
            ["git", "-C", str(directory), "-c", "gc.auto=0", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"git {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout.strip()
