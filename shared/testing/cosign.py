"""Signatures by keys, made with the cosign program."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Final

from localcluster import programs
from shared.lang.digest import Digest
from shared.testing.registry import RegistryStore

_QUIET: Final = ("--yes", "--tlog-upload=false", "--use-signing-config=false")


class CosignKey:
    """A pair of keys in files."""

    def __init__(self, folder: Path, name: str = "cosign") -> None:
        """Makes it."""
        self._folder = folder
        self._name = name
        self._run("generate-key-pair", f"--output-key-prefix={name}")

    @property
    def public(self) -> bytes:
        """The public one."""
        return (self._folder / f"{self._name}.pub").read_bytes()

    def sign(self, store: RegistryStore, repository: str, image: Digest, *, bundle: bool = True) -> None:
        """Signs an image: with a bundle that refers to it, or as cosign did first by a tag."""
        form = f"--new-bundle-format={'true' if bundle else 'false'}"
        self._run("sign", f"--key={self._name}.key", form, *_QUIET, f"{store.host}/{repository}@{image}")

    def _run(self, *arguments: str) -> None:
        environ = {"PATH": os.environ.get("PATH", ""), "HOME": str(self._folder), "COSIGN_PASSWORD": ""}
        command = [str(programs.ensure("cosign")), *arguments]
        subprocess.run(command, cwd=self._folder, env=environ, check=True, capture_output=True, timeout=60)
