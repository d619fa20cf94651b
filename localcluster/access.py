"""Talking to a cluster through kubectl: as whoever the kubeconfig names, or as a service account."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from localcluster import programs


class ClusterError(Exception):
    """A cluster did not come up, went down or refused something; str() says what, with the end of a log."""


class Access:
    """A cluster that a kubeconfig reaches; `folder` takes the kubeconfigs made here."""

    def __init__(self, kubeconfig: Path, folder: Path) -> None:
        self.kubeconfig = kubeconfig
        self.folder = folder

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        """Runs kubectl; gives what it prints.

        Raises:
            ClusterError: kubectl failed, with its message.
        """
        command = [str(programs.ensure("kubectl")), "--kubeconfig", str(self.kubeconfig), *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=120)
        if done.returncode:
            raise ClusterError(f"kubectl {' '.join(arguments[:3])}: {done.stderr.strip()}")
        return done.stdout

    def token(self, namespace: str, account: str) -> str:
        """A token of a service account, good for a day."""
        return self.kubectl("create", "token", account, "-n", namespace, "--duration=24h").strip()

    def kubeconfig_for(self, namespace: str, account: str) -> Path:
        """A kubeconfig with exactly the rights of a service account."""
        config = json.loads(self.kubectl("config", "view", "--raw", "--minify", "--flatten", "-o", "json"))
        user = config["contexts"][0]["context"]["user"]
        config["users"] = [{"name": user, "user": {"token": self.token(namespace, account)}}]
        target = self.folder / f"{namespace}-{account}.kubeconfig"
        private(target, json.dumps(config))
        return target


def private(target: Path, text: str) -> None:
    """Writes a file that only its owner can read, from its first byte on."""
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
