"""The cosign program: one run for one question about one image.

A run has an environment and a directory of its own, and sees nothing else of the machine but the system's
files. Credentials are in files there that nobody else can read, never among its arguments; what it says
goes on without them.
"""

from __future__ import annotations

import asyncio
import base64
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from yarl import URL

from shared.auth import Proxy, RegistryLogin, proxy_from_environment
from shared.lang import json
from shared.oci import Access, Repository
from shared.process import Jail, Limits, ProcessError, ProgramFailed, ProgramMissing, find_program, run
from shared.process.scratch import scratch_folder
from source_controller.signatures.subject import Subject, VerificationFailed

_TIMEOUT: Final = timedelta(minutes=3)
_LIMITS: Final = Limits(cpu_seconds=60, file_size=64 << 20, stdout=8 << 20)
_AT_ONCE: Final = 2
_LONGEST: Final = 600
_LONGEST_OPTION: Final = 64 << 10

_AUTHORITIES: Final = "SSL_CERT_FILE"
_ROOTS: Final = "TUF_ROOT"
#: What whoever runs the controller may say: where Sigstore is, and whom to trust for TLS.
_INHERITED: Final = re.compile(rf"SIGSTORE_\w+|{_ROOTS}|{_AUTHORITIES}|SSL_CERT_DIR")
_PROXIES: Final = re.compile("(?:https?|no)_proxy", re.IGNORECASE)
#: A port where nobody listens.
_NOWHERE: Final = "http://127.0.0.1:1"
_PORTS: Final = re.compile(r"\S+:\d+->")
_NOISE: Final = ("Error: ", "error during command execution: ", "verifying ")


@dataclass(frozen=True, slots=True)
class Question:
    """Options of `cosign verify`, and the files that they name."""

    options: tuple[str, ...]
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    about: str = ""
    """The key or identity, as people know it."""


class CosignRefused(Exception):
    """The program found no signature that fits, or couldn't look; str() says why without any secret."""


class CosignProgram:
    """Runs the program, a few at a time."""

    def __init__(self, name: str, scratch: Path, environment: Mapping[str, str]) -> None:
        """`name` is looked for in PATH; `environment` is the controller's own."""
        self._name = name
        self._scratch = scratch
        self._environment = environment
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def ask(self, question: Question, subject: Subject) -> None:
        """Returns when there is a signature as the question wants it.

        Raises:
            CosignRefused: there is none, or that can't be told.
            VerificationFailed: the program isn't there.
        """
        if any(len(option) > _LONGEST_OPTION for option in question.options):
            raise CosignRefused("the expressions for the identity are too long")
        async with self._slots, scratch_folder(self._scratch) as folder:
            await self._run(question, subject, folder)

    async def _run(self, question: Question, subject: Subject, folder: Path) -> None:
        access = subject.access
        image = f"{subject.repository}@{subject.digest}"
        try:
            program = find_program(self._name, self._environment.get("PATH"))
            await asyncio.to_thread(_write, folder, {**question.files, **self._files(subject)})
            await run(
                [program, "verify", *question.options, *_reaching(access), "--", image],
                cwd=folder,
                env=self._surroundings(subject, folder),
                timeout=_TIMEOUT,
                limits=_LIMITS,
                jail=self._jail(program, folder),
            )
        except ProgramMissing as error:
            text = f"the program {self._name!r} is not there; install cosign or name its path with "
            raise VerificationFailed(f"{text}--cosign-binary") from error
        except ProgramFailed as error:
            raise CosignRefused(_cleaned(error, folder, access)) from None
        except ProcessError as error:
            raise CosignRefused(str(error)) from None
        except OSError as error:
            raise CosignRefused(f"cosign can't be run: {error.strerror or 'input/output error'}") from error

    def _files(self, subject: Subject) -> dict[str, bytes]:
        """What the program reads about the registry."""
        access = subject.access
        files = {"config.json": docker_config(subject.repository, access.login)}
        if access.tls.authorities:
            files["ca.crt"] = access.tls.authorities + b"\n" + self._own_authorities()
        if access.tls.certificate:
            files["tls.crt"], files["tls.key"] = access.tls.certificate, access.tls.key
        return files

    def _own_authorities(self) -> bytes:
        """Those of the machine, as far as the environment names a file; the program adds its directories."""
        named = self._environment.get(_AUTHORITIES)
        try:
            return Path(named).read_bytes() if named else b""
        except OSError:
            return b""

    def _surroundings(self, subject: Subject, folder: Path) -> dict[str, str]:
        """The environment of a run."""
        access, home = subject.access, os.fspath(folder)
        own = {"HOME": home, "TMPDIR": home, "XDG_CONFIG_HOME": home, "DOCKER_CONFIG": home, _ROOTS: home}
        own |= {name: value for name, value in self._environment.items() if _INHERITED.fullmatch(name)}
        if access.tls.authorities:
            own[_AUTHORITIES] = os.fspath(folder / "ca.crt")
        return own | self._way(subject)

    def _way(self, subject: Subject) -> dict[str, str]:
        """The variables for proxies."""
        access = subject.access
        if access.login and not access.insecure and subject.repository.is_private:
            # The program would send the login over plain HTTP, if somebody is in the way of HTTPS.
            proxy = access.proxy or proxy_from_environment(URL(f"https://{subject.repository.host}"))
            return {"HTTP_PROXY": _NOWHERE} | ({"HTTPS_PROXY": _address(proxy)} if proxy else {})
        if access.proxy is not None:
            return dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), _address(access.proxy))
        return {name: value for name, value in self._environment.items() if _PROXIES.fullmatch(name)}

    def _jail(self, program: Path, folder: Path) -> Jail:
        named = {name: Path(value) for name, value in self._environment.items() if _INHERITED.fullmatch(name)}
        roots = (named[_ROOTS],) if _ROOTS in named else ()
        names = Path("/etc/resolv.conf").resolve()
        return Jail(read=(program, names, *named.values()), write=(folder, *roots), network=True)


def docker_config(repository: Repository, login: RegistryLogin | None) -> bytes:
    """A configuration of Docker that has one login, for one repository."""
    if not login:
        return b"{}"
    entry = {"identitytoken": login.identity_token, "registrytoken": login.registry_token}
    if login.username or login.password:
        entry["auth"] = _base64(f"{login.username}:{login.password}")
    return json.dumps({"auths": {str(repository): {name: value for name, value in entry.items() if value}}})


def _reaching(access: Access) -> list[str]:
    """Options for how to reach the registry."""
    options = ["--allow-http-registry=true"] if access.insecure else []
    if access.insecure and not access.tls:
        options.append("--allow-insecure-registry=true")
    if access.tls.certificate:
        options += ["--registry-client-cert=tls.crt", "--registry-client-key=tls.key"]
    return options


def _address(proxy: Proxy) -> str:
    """With the login, as environment variables have it."""
    address = proxy.address
    if proxy.login is not None:
        address = address.with_user(proxy.login.username).with_password(proxy.login.password)
    return str(address)


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        place = folder / name
        place.touch(mode=0o600, exist_ok=False)
        place.write_bytes(content)


def _cleaned(failure: ProgramFailed, folder: Path, access: Access) -> str:
    """What the program said at last: one line without secrets, and the same for the same trouble."""
    lines = [line for line in failure.stderr.splitlines() if line.startswith(_NOISE[0])]
    text = lines[-1] if lines else failure.stderr
    for noise in _NOISE:
        text = text.removeprefix(noise)
    for secret in _secrets(access):
        text = text.replace(secret, "***")
    text = _PORTS.sub("", text.replace(f"{folder}/", ""))
    return " ".join(text.split())[:_LONGEST] or f"cosign ended with exit code {failure.returncode}"


def _secrets(access: Access) -> Iterator[str]:
    """Everything that must not be shown, the longest first."""
    login, proxy = access.login or RegistryLogin(), access.proxy
    found = {login.password, login.identity_token, login.registry_token}
    if login.password:
        found.add(_base64(f"{login.username}:{login.password}"))
    if proxy and proxy.login:
        address = URL.build(scheme="http", host="x", password=proxy.login.password)
        found |= {proxy.login.password, address.raw_password or ""}
    return iter(sorted(filter(None, found), key=len, reverse=True))


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
