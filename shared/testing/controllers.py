"""Controllers as their users run them: separate processes with the rights of the ServiceAccounts of their
charts.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from localcluster import Access, programs
from localcluster.component import Identity, Usage
from localcluster.ports import HOST, free_ports
from shared.lang import json
from shared.lang.json import JsonObject

CONTROLLERS: Final = (
    "source-controller",
    "kustomize-controller",
    "helm-controller",
    "notification-controller",
    "image-reflector-controller",
    "image-automation-controller",
)
"""All controllers of the suite, by the names of their charts."""

SHARDED: Final = tuple(name for name in CONTROLLERS if name != "notification-controller")
"""Those whose work can be split by labels of objects."""

_CHARTS: Final = Path(__file__).parents[2] / "charts"
_READY_SECONDS: Final = 30.0
_STOP_SECONDS: Final = 40.0


class ControllerProcess:
    """One controller process, `module` being its Python package."""

    def __init__(
        self,
        module: str,
        kubeconfig: Path,
        folder: Path,
        *,
        arguments: Sequence[str] = (),
        environ: Mapping[str, str] | None = None,
        namespace: str = "flux-system",
        name: str = "",
        inside: Sequence[str] = (),
    ) -> None:
        """`inside` is a command that ends as the one that is its arguments, in some other surroundings."""
        self.name = name or module.replace("_", "-")
        self.log = folder / f"{self.name}.log"
        self.metrics_port, self.health_port, self.storage_port = free_ports(3)
        own = {
            "KUBECONFIG": str(kubeconfig),
            "RUNTIME_NAMESPACE": namespace,
            "HOME": str(folder),
            "PATH": os.environ.get("PATH", ""),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": str(_CHARTS.parent),
            "TMPDIR": str(folder),
        }
        self._environ = own | dict(environ or {})
        self._command = [
            *inside,
            sys.executable,
            "-m",
            module,
            f"--metrics-addr={HOST}:{self.metrics_port}",
            f"--health-addr={HOST}:{self.health_port}",
            *arguments,
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts the process and waits until it answers its readiness probe."""
        self.launch()
        self.await_ready()

    def launch(self) -> None:
        """Starts the process."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, env=self._environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def await_ready(self) -> None:
        """Waits until a process that was started answers its readiness probe."""
        deadline = time.monotonic() + _READY_SECONDS
        while not self._answers():
            if not self.running or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"{self.name} did not start:\n{self.tail()}")
            time.sleep(0.05)

    def stop(self) -> int:
        """Asks the process to end as Kubernetes does; gives its exit code."""
        if self._process is None:
            return 0
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(_STOP_SECONDS)

    def ended(self) -> int:
        """Waits until the process has ended by itself; gives its exit code."""
        return 0 if self._process is None else self._process.wait(_STOP_SECONDS)

    def kill(self) -> None:
        """Ends the process without warning."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    @property
    def ready(self) -> bool:
        """Whether it answers its readiness probe."""
        return self._answers()

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process; 0 before it is started."""
        return self._process.pid if self._process else 0

    @property
    def usage(self) -> Usage:
        """CPU (of finished children, too) and memory of the process."""
        return Identity.of(self._process.pid).usage() if self._process else Usage(0.0, 0, 0)

    def metrics(self) -> str:
        """A scrape."""
        with urllib.request.urlopen(f"http://{HOST}:{self.metrics_port}/metrics", timeout=10) as answer:
            text: str = answer.read().decode()
            return text

    def said(self) -> list[JsonObject]:
        """What it has logged; neither a line that is still being written, nor what is no JSON."""
        lines = self.log.read_bytes().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.startswith(b"{") and line.endswith(b"\n")]

    def tail(self, lines: int = 15) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{HOST}:{self.health_port}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (OSError, urllib.error.URLError):
            return False


class Suite:
    """The suite in one cluster: charts installed by helm, controllers as processes with their accounts'
    rights.
    """

    def __init__(self, cluster: Access, folder: Path, namespace: str = "flux-system") -> None:
        self.cluster = cluster
        self.namespace = namespace
        self._folder = folder
        storage = folder / "data"
        storage.mkdir(exist_ok=True)
        self._storage = storage
        self.source: ControllerProcess | None = None
        self.kustomize: ControllerProcess | None = None
        self.helm: ControllerProcess | None = None
        self.notification: ControllerProcess | None = None
        self.reflector: ControllerProcess | None = None
        self.automation: ControllerProcess | None = None
        #: Where webhooks come in, once it is started.
        self.webhooks_url = ""

    @property
    def processes(self) -> list[ControllerProcess]:
        """The controllers that were made, in the order in which they start."""
        made = (
            self.notification,
            self.source,
            self.kustomize,
            self.helm,
            self.reflector,
            self.automation,
        )
        return [each for each in made if each is not None]

    def install(self, *values: str) -> None:
        """Installs the charts: CRDs, accounts, RBAC. The Deployments find no node; the processes stand in
        for them.
        """
        for chart in CONTROLLERS:
            command = [str(programs.ensure("helm")), "upgrade", "--install", chart, str(_CHARTS / chart)]
            command += ["--namespace", self.namespace, "--create-namespace", "--take-ownership"]
            command += ["--kubeconfig", str(self.cluster.kubeconfig)]
            command += [f"--set={value}" for value in values]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
            if done.returncode:
                raise RuntimeError(f"helm install of {chart}: {done.stderr}")

    def uninstall(self) -> None:
        """Removes what `install` installed, the namespace included; the CRDs stay, as the charts promise."""
        for chart in reversed(CONTROLLERS):
            command = [str(programs.ensure("helm")), "uninstall", chart, "--namespace", self.namespace]
            command += ["--kubeconfig", str(self.cluster.kubeconfig), "--ignore-not-found"]
            subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        self.cluster.kubectl("delete", "namespace", self.namespace, "--ignore-not-found", "--wait=false")

    def start(
        self,
        source: Sequence[str] = (),
        kustomize: Sequence[str] = (),
        *,
        notification: bool = True,
        images: bool = False,
    ) -> None:
        """Starts the controllers, with more arguments on demand; the others post their events to
        notification-controller, unless that is left out. Those of images are extra.
        """
        port, events, webhooks = free_ports(3)
        post: list[str] = []
        if notification:
            post = [f"--events-addr=http://{HOST}:{events}/"]
            addresses = [f"--events-addr={HOST}:{events}", f"--receiverAddr={HOST}:{webhooks}"]
            self.notification = self.controller(
                "notification_controller", "notification-controller", addresses
            )
            self.webhooks_url = f"http://{HOST}:{webhooks}"
        self.source = self.controller(
            "source_controller",
            "source-controller",
            [
                f"--storage-path={self._storage}",
                f"--storage-addr={HOST}:{port}",
                f"--storage-adv-addr={HOST}:{port}",
                *post,
                *source,
            ],
        )
        self.kustomize = self.controller(
            "kustomize_controller",
            "kustomize-controller",
            [f"--kustomize-binary={programs.ensure('kustomize')}", *post, *kustomize],
        )
        self.helm = self.controller(
            "helm_controller",
            "helm-controller",
            [
                f"--helm-binary={programs.ensure('helm')}",
                f"--kustomize-binary={programs.ensure('kustomize')}",
                *post,
            ],
        )
        if images:
            tags = self._folder / "tags"
            tags.mkdir(exist_ok=True)
            self.reflector = self.controller(
                "image_controllers.reflector",
                "image-reflector-controller",
                [f"--storage-path={tags}", *post],
                name="image-reflector-controller",
            )
            self.automation = self.controller(
                "image_controllers.automation",
                "image-automation-controller",
                post,
                name="image-automation-controller",
            )
        for process in self.processes:
            process.start()

    def controller(
        self,
        module: str,
        account: str,
        arguments: Sequence[str],
        name: str = "",
        through: Callable[[Path], Path] | None = None,
        inside: Sequence[str] = (),
    ) -> ControllerProcess:
        """A process of the suite, not started, with the rights of a chart's account.

        `through` makes a kubeconfig that takes another way to the same API server; `inside` is as in
        `ControllerProcess`.
        """
        kubeconfig = self.cluster.kubeconfig_for(self.namespace, account)
        if through is not None:
            kubeconfig = through(kubeconfig)
        return ControllerProcess(
            module,
            kubeconfig,
            self._folder,
            arguments=arguments,
            namespace=self.namespace,
            name=name,
            inside=inside,
        )

    def stop(self) -> None:
        """Ends the controllers gracefully."""
        for process in reversed(self.processes):
            if process.running:
                process.stop()
