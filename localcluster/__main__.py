"""`python -m localcluster up|down|env|run|build`."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from localcluster import programs
from localcluster.access import ClusterError
from localcluster.cluster import Cluster
from localcluster.state import State, clusters


def main() -> int:
    """Runs one command; the exit code is that of the program that was run, or 1 when something is missing."""
    parser = argparse.ArgumentParser(
        prog="python -m localcluster", description="A Kubernetes control plane on loopback, without nodes."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in (
        ("up", "start a cluster that stays until `down`"),
        ("down", "stop it and remove everything of it"),
        ("env", "print shell lines that point kubectl and others at it"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--name", default="default", help="name of the cluster (default: %(default)s)")
    run = commands.add_parser("run", help="run a command with a cluster of its own, gone afterwards")
    run.add_argument("arguments", nargs=argparse.REMAINDER, metavar="-- CMD")
    build = commands.add_parser("build", help="build all programs into the cache")
    build.add_argument("names", nargs="*", metavar="PROGRAM", help="only these")
    options = parser.parse_args()
    try:
        match options.command:
            case "up":
                return _up(options.name)
            case "down":
                return _down(options.name)
            case "env":
                return _env(options.name)
            case "run":
                return _run(options.arguments)
            case _:
                return _build(options.names)
    except (ClusterError, programs.ProgramError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _up(name: str) -> int:
    state = State.load(clusters() / name)
    if state is not None and not state.abandoned:
        print(f"cluster {name!r} is up already; python -m localcluster env --name {name}")
        return 0
    if state is not None:
        state.clean()
    started = time.monotonic()
    cluster = Cluster(name=name, detached=True)
    cluster.start()
    print(f"cluster {name!r} is up after {time.monotonic() - started:.1f} s: {cluster.server}")
    print(f'use it:  eval "$(python -m localcluster env --name {name})"; kubectl get namespaces')
    print(f"stop it: python -m localcluster down --name {name}")
    return 0


def _down(name: str) -> int:
    state = State.load(clusters() / name)
    if state is None:
        print(f"there is no cluster {name!r}")
        return 0
    state.clean()
    print(f"cluster {name!r} is gone")
    return 0


def _env(name: str) -> int:
    state = State.load(clusters() / name)
    if state is None or state.abandoned:
        sys.stderr.write(f"there is no cluster {name!r}; python -m localcluster up --name {name}\n")
        return 1
    print(f"export KUBECONFIG={state.folder / 'kubeconfig'}")
    print(f'export PATH="{_folders()}:$PATH"')
    return 0


def _run(arguments: list[str]) -> int:
    command = arguments[1:] if arguments[:1] == ["--"] else arguments
    if not command:
        sys.stderr.write("nothing to run; python -m localcluster run -- CMD\n")
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with Cluster() as cluster:
        environ = os.environ | {
            "KUBECONFIG": str(cluster.kubeconfig),
            "PATH": f"{_folders()}:{os.environ.get('PATH', '')}",
        }
        return subprocess.run(command, env=environ, check=False).returncode


def _build(names: list[str]) -> int:
    unknown = sorted(set(names) - set(programs.PROGRAMS))
    if unknown:
        sys.stderr.write(f"no such program: {', '.join(unknown)}; known: {', '.join(programs.PROGRAMS)}\n")
        return 2
    for name in names or programs.PROGRAMS:
        print(f"{name}: {programs.ensure(name)}")
    return 0


def _folders() -> str:
    found = [place for place in map(_known, programs.PROGRAMS) if place is not None]
    return ":".join(dict.fromkeys(str(place.parent) for place in found))


def _known(name: str) -> Path | None:
    try:
        return programs.path(name)
    except programs.ProgramError:
        return None


if __name__ == "__main__":
    raise SystemExit(main())
