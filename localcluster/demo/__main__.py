"""Sets the stage, plays the story, and cleans up on Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from localcluster import Access, Cluster, ClusterError, ProgramError, programs
from localcluster.demo.chat import DemoChat
from localcluster.demo.live import Live, Stuck
from localcluster.demo.registry import DemoRegistry, demo_registry
from localcluster.demo.repository import DemoRepository
from localcluster.demo.screen import Screen
from localcluster.demo.story import CHAIN, MAIL, Story
from shared.kube import Connection, KubeClient
from shared.observe import logging
from shared.testing.controllers import Suite

_NAMESPACE = "flux-system"
_PARTS = ("releases", "images")
_TELLING = (("alert", "failures"), ("provider", "chat"))


def main() -> int:
    """The exit code: 0 when the whole story came out as told."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument(
        "--exit", action="store_true", help="end after the story instead of waiting for Ctrl-C"
    )
    parser.add_argument("--kubeconfig", default="", help="use this cluster instead of one of the demo's own")
    parser.add_argument("--yes", action="store_true", help="use it without asking")
    options = parser.parse_args()
    screen = Screen()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # A shell starts what runs in its background with interrupts ignored; here they are the way out.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        for name in programs.RUNNING:
            programs.ensure(name)
        with (
            _scratch() as folder,
            _cluster(options, folder, screen) as access,
            demo_registry(folder) as registry,
            DemoChat() as chat,
        ):
            return _run(access, registry, chat, folder, screen, stay=not options.exit)
    except KeyboardInterrupt:
        return 0
    except (ClusterError, ProgramError, Stuck, RuntimeError) as error:
        sys.stderr.write(f"\nThe demo can't go on: {error}\n")
        return 1


def _run(
    access: Access, registry: DemoRegistry, chat: DemoChat, folder: Path, screen: Screen, *, stay: bool
) -> int:
    suite = Suite(access, folder, _NAMESPACE)
    repository = DemoRepository(folder)
    try:
        screen.say("installing the charts (CRDs, accounts, roles) with helm")
        suite.install("replicas=0")
        screen.say("starting a Git server with the examples")
        repository.start()
        screen.say("starting the controllers, each with the rights of its account")
        suite.start(images=True)
        asyncio.run(_tell(access, repository, registry, chat, screen, suite))
        _farewell(access, repository, screen, suite)
        if stay:
            with suppress(KeyboardInterrupt):
                signal.pause()
        return 0
    finally:
        screen.say("cleaning up")
        if not isinstance(access, Cluster):
            screen.say("the CRDs stay, as the charts promise; kubectl delete crd removes them for good")
        _clean(access, suite, repository)


async def _tell(
    access: Access,
    repository: DemoRepository,
    registry: DemoRegistry,
    chat: DemoChat,
    screen: Screen,
    suite: Suite,
) -> None:
    logging.configure("error", "console")
    connection = await Connection.load(access.kubeconfig)
    live = Live(KubeClient(connection), screen)
    try:
        async with asyncio.TaskGroup() as group:
            background: list[asyncio.Task[None]] = [group.create_task(job()) for job in live.jobs()]
            try:
                await Story(access, repository, registry, chat, live, screen).play()
            except Stuck as error:
                tails = "\n".join(process.tail(5) for process in suite.processes)
                raise Stuck(f"{error}\n{tails}") from error
            finally:
                for task in background:
                    task.cancel()
    except* Stuck as stuck:
        raise stuck.exceptions[0] from None
    finally:
        await connection.close()


def _farewell(access: Access, repository: DemoRepository, screen: Screen, suite: Suite) -> None:
    screen.title("That was it. Look around while it runs:")
    folders = ":".join(dict.fromkeys(str(programs.path(name).parent) for name in programs.RUNNING))
    screen.say(f"export KUBECONFIG={access.kubeconfig}")
    screen.say(f'export PATH="{folders}:$PATH"')
    screen.say("kubectl get gitrepositories,kustomizations,helmreleases,imagepolicies -A")
    screen.say("kubectl get events -n flux-system --sort-by=.lastTimestamp")
    screen.say("kubectl get kustomization shop -n shop -o yaml")
    screen.say("helm list -A; helm history mail -n mail")
    if shutil.which("flux"):
        screen.say(
            "flux get all -A; flux tree kustomization flux-system; flux reconcile kustomization shop -n shop"
        )
    else:
        screen.say("the flux CLI works, too, when it is installed: flux get all -A")
    screen.say(f"commit something yourself in {repository.worktree} and push it to origin main")
    for process in suite.processes:
        screen.say(f"log of {process.name}: {process.log}")
    screen.say("Ctrl-C ends everything and cleans up.")


def _clean(access: Access, suite: Suite, repository: DemoRepository) -> None:
    """Takes away what the demo made; in a cluster of its own that goes with the cluster."""
    if not isinstance(access, Cluster):
        made = [*((f"kustomization/{name}", namespace) for namespace, name in CHAIN)]
        made += [(f"kustomization/{name}", _NAMESPACE) for name in _PARTS]
        made.append((f"helmrelease/{MAIL[1]}", MAIL[0]))
        made += [(f"{kind}.notification.toolkit.fluxcd.io/{name}", _NAMESPACE) for kind, name in _TELLING]
        for name, namespace in (*made, (f"gitrepository/{_NAMESPACE}", _NAMESPACE)):
            # Each waits for its finalizer, so the controllers have to be there until the last is gone.
            with suppress(ClusterError, subprocess.TimeoutExpired):
                access.kubectl("delete", name, "-n", namespace, "--timeout=60s")
    suite.stop()
    repository.stop()
    if not isinstance(access, Cluster):
        suite.uninstall()


@contextmanager
def _scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="headrace-demo-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@contextmanager
def _cluster(options: argparse.Namespace, folder: Path, screen: Screen) -> Iterator[Access]:
    """The user's cluster, when there is a kubeconfig for it and the user agrees; else one of our own."""
    if not options.kubeconfig:
        screen.say("starting etcd, kube-apiserver and kube-controller-manager on loopback")
        with Cluster() as cluster:
            yield cluster
        return
    access = Access(Path(options.kubeconfig).resolve(), folder)
    context = access.kubectl("config", "current-context").strip()
    if access.kubectl("get", "namespace", _NAMESPACE, "--ignore-not-found", "-o", "name").strip():
        raise ClusterError(f"context {context!r} has a namespace {_NAMESPACE} already; the demo keeps off it")
    question = (
        f"   Install the demo into the cluster of context {context!r}, and remove it afterwards? [y/N] "
    )
    if not options.yes and input(question).strip().lower() not in {"y", "yes"}:
        raise ClusterError("not agreed; without KUBECONFIG=... the demo makes a cluster of its own")
    yield access


if __name__ == "__main__":
    raise SystemExit(main())
