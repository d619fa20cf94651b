"""The helm-controller of Flux as its authors release it, beside ours in the same cluster.

Which of the two works on a HelmRelease is told by a label, so that a test can hand one over and back.
"""

from __future__ import annotations

import os
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Final

from localcluster import Access, programs
from localcluster.component import Component
from localcluster.ports import HOST, free_ports

_READY_SECONDS: Final = 30.0
_PAUSE: Final = 0.1


class FluxHelmController:
    """One process of it, as administrator of the cluster."""

    def __init__(self, cluster: Access, folder: Path, selector: str, *flags: str) -> None:
        metrics, self._health = free_ports(2)
        environ = {
            "KUBECONFIG": str(cluster.kubeconfig),
            "RUNTIME_NAMESPACE": "flux-system",
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "PATH": os.environ.get("PATH", ""),
        }
        command = ["env", "-i", *(f"{key}={value}" for key, value in environ.items())]
        command += [str(programs.ensure("flux-helm-controller"))]
        command += [f"--metrics-addr={HOST}:{metrics}", f"--health-addr={HOST}:{self._health}"]
        command += [f"--watch-label-selector={selector}", "--requeue-dependency=1s", *flags]
        self._component = Component("flux-helm-controller", command, folder / "flux-helm-controller.log")

    def start(self) -> None:
        """Starts it and waits until it is ready."""
        self._component.start()
        deadline = time.monotonic() + _READY_SECONDS
        while not self._answers():
            if not self._component.running or time.monotonic() > deadline:
                self._component.stop()
                raise RuntimeError(f"Flux's helm-controller did not start:\n{self.tail()}")
            time.sleep(_PAUSE)

    def stop(self) -> None:
        """Ends it."""
        self._component.stop()

    def tail(self) -> str:
        """The end of its log."""
        return self._component.tail()

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{HOST}:{self._health}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (OSError, urllib.error.URLError):
            return False
