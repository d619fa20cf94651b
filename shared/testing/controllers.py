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
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, env=self._environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline = time.monotonic() + _READY_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"{self.name} did not start:\n{self.tail()}")
            time.sleep(0.05)

    def stop(self) -> int:
        """Asks the process to end as Kubernetes does; gives its exit code."""
        if self._process is None:
            return 0
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(_STOP_SECONDS)

    def kill(self) -> None:
        """Ends the process without warning."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def usage(self) -> Usage:
        """CPU (of finished children, too) and memory of the process."""
        return Identity.of(self._process.pid).usage() if self._process else Usage(0.0, 0, 0)

    def metrics(self) -> str:
        """A scrape."""
        with urllib.request.urlopen(f"http://{HOST}:{self.metrics_port}/metrics", timeout=10) as answer:
            text: str = answer.read().decode()
            return text

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

    def install(self, *values: str) -> None:
        """Installs the charts: CRDs, accounts, RBAC. The Deployments find no node; the processes stand in
        for them.
        """
        for chart in ("source-controller", "kustomize-controller", "helm-controller"):
            command = [str(programs.ensure("helm")), "upgrade", "--install", chart, str(_CHARTS / chart)]
            command += ["--namespace", self.namespace, "--create-namespace", "--take-ownership"]
            command += ["--kubeconfig", str(self.cluster.kubeconfig)]
            command += [f"--set={value}" for value in values]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
            if done.returncode:
                raise RuntimeError(f"helm install of {chart}: {done.stderr}")

    def uninstall(self) -> None:
        """Removes what `install` installed, the namespace included; the CRDs stay, as the charts promise."""
        for chart in ("helm-controller", "kustomize-controller", "source-controller"):
            command = [str(programs.ensure("helm")), "uninstall", chart, "--namespace", self.namespace]
            command += ["--kubeconfig", str(self.cluster.kubeconfig), "--ignore-not-found"]
            subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        self.cluster.kubectl("delete", "namespace", self.namespace, "--ignore-not-found", "--wait=false")

    def start(self, source: Sequence[str] = (), kustomize: Sequence[str] = (), *, helm: bool = True) -> None:
        """Starts all controllers, with more arguments on demand; helm-controller may be left out."""
        port = free_ports(1)[0]
        self.source = self.controller(
            "source_controller",
            "source-controller",
            [
                f"--storage-path={self._storage}",
                f"--storage-addr={HOST}:{port}",
                f"--storage-adv-addr={HOST}:{port}",
                *source,
            ],
        )
        self.kustomize = self.controller(
            "kustomize_controller",
            "kustomize-controller",
            [f"--kustomize-binary={programs.ensure('kustomize')}", *kustomize],
        )
        if helm:
            self.helm = self.controller(
                "helm_controller",
                "helm-controller",
                [
                    f"--helm-binary={programs.ensure('helm')}",
                    f"--kustomize-binary={programs.ensure('kustomize')}",
                ],
            )
        for process in (self.source, self.kustomize, self.helm):
            if process is not None:
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
        for process in (self.helm, self.kustomize, self.source):
            if process is not None and process.running:
                process.stop()
