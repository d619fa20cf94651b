"""Credentials by a command that a kubeconfig names (`user.exec`), as client-go runs it.

The command has the environment of the controller, as identities of clouds need it; it runs only where the
operator allows that. What it answers is used until it ends.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from shared.lang import json
from shared.lang.json import JsonObject, mapping
from shared.process import Limits, ProcessError, run

_VERSIONS: Final = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
_TIMEOUT: Final = timedelta(seconds=30)
_LIMITS: Final = Limits(stdout=1 << 20)


class PluginError(Exception):
    """The command can't be run, or gives no credentials; the message holds nothing that it wrote."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """The command."""

    version: str
    command: str
    arguments: tuple[str, ...] = field(default=(), repr=False)
    environment: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    told_cluster: bool = False

    @classmethod
    def read(cls, spec: JsonObject) -> Plugin:
        """From a kubeconfig.

        Raises:
            PluginError: it is none.
        """
        version, command = spec.get("apiVersion"), spec.get("command")
        if version not in _VERSIONS:
            raise PluginError(f"user.exec.apiVersion is none of {', '.join(_VERSIONS)}")
        if not isinstance(command, str) or not command:
            raise PluginError("user.exec.command is not set")
        if spec.get("interactiveMode") == "Always":
            raise PluginError("user.exec.interactiveMode is Always, but nobody is there to answer")
        arguments = spec.get("args") or []
        if not isinstance(arguments, list) or not all(isinstance(each, str) for each in arguments):
            raise PluginError("user.exec.args is not a list of texts")
        variables = spec.get("env") or []
        pairs = [mapping(each) for each in variables] if isinstance(variables, list) else []
        return cls(
            str(version),
            command,
            tuple(arguments),
            tuple((str(pair.get("name")), str(pair.get("value") or "")) for pair in pairs if pair),
            spec.get("provideClusterInfo") is True,
        )


@dataclass(frozen=True, slots=True)
class Given:
    """What a command answered."""

    token: str = field(default="", repr=False)
    certificate: bytes = b""
    key: bytes = field(default=b"", repr=False)
    expires_at: datetime | None = None


async def ask(plugin: Plugin, cluster: JsonObject, environ: Mapping[str, str] = os.environ) -> Given:
    """Runs the command; `cluster` is what it is told where it wants to know.

    Raises:
        PluginError: it gives nothing that can be used.
    """
    spec: JsonObject = {"interactive": False}
    if plugin.told_cluster:
        spec["cluster"] = cluster
    info = {"apiVersion": plugin.version, "kind": "ExecCredential", "spec": spec}
    env = {**environ, **dict(plugin.environment), "KUBERNETES_EXEC_INFO": json.dumps(info).decode()}
    try:
        # By the name that it was given: some programs are many, and look at theirs.
        program = shutil.which(plugin.command, path=env.get("PATH"))
        if program is None:
            raise PluginError(
                f"user.exec: there is no program {plugin.command} in the image of the controller"
            )
        done = await run(
            [program, *plugin.arguments],
            cwd=Path(tempfile.gettempdir()),
            env=env,
            timeout=_TIMEOUT,
            limits=_LIMITS,
            redact=lambda _: "",
        )
    except ProcessError as error:
        raise PluginError(f"user.exec: {error}") from error
    except (OSError, ValueError) as error:
        raise PluginError(f"user.exec: {plugin.command} can't be run: {type(error).__name__}") from error
    return _given(plugin, done.stdout)


def _given(plugin: Plugin, answer: bytes) -> Given:
    try:
        found = json.loads_object(answer)
    except json.JsonError:
        raise PluginError(f"user.exec: {plugin.command} answers with no JSON object") from None
    if found.get("apiVersion") != plugin.version or found.get("kind") != "ExecCredential":
        raise PluginError(f"user.exec: {plugin.command} answers with no ExecCredential of {plugin.version}")
    status = mapping(found.get("status"))
    token = str(status.get("token") or "").strip()
    certificate = str(status.get("clientCertificateData") or "").encode()
    key = str(status.get("clientKeyData") or "").encode()
    if not (token or certificate) or bool(certificate) != bool(key) or not token.isprintable():
        raise PluginError(f"user.exec: {plugin.command} gives neither a token nor a certificate with its key")
    return Given(token, certificate, key, _time(status.get("expirationTimestamp")))


def _time(text: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else None
