"""Starts, stops and talks to one control plane."""

from __future__ import annotations

import base64
import http.client
import json
import os
import secrets
import shutil
import ssl
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from localcluster import programs
from localcluster.access import Access, ClusterError, private
from localcluster.component import Component, Identity, Usage
from localcluster.ports import HOST, free_ports
from localcluster.state import State, clusters, sweep

_READY_SECONDS: Final = 120.0
_PAUSE: Final = 0.05
_STARTS: Final = 3


class Cluster(Access):
    """A control plane of one's own on free ports; a context manager that leaves nothing behind.

    `detached` lets it outlive this process; `name` is the name of its folder then. Without `manager` no
    controllers of Kubernetes run; `issuer` signs tokens of accounts; `api_flags` are for the API server.
    """

    def __init__(
        self,
        *,
        name: str = "",
        detached: bool = False,
        log_level: int = 1,
        manager: bool = True,
        issuer: str = "https://kubernetes.default.svc",
        api_flags: Sequence[str] = (),
    ) -> None:
        self._name = name
        self._detached = detached
        self._settled = False
        self._log_level = log_level
        self._manager = manager
        self._issuer = issuer
        self._more_api_flags = tuple(api_flags)
        self._components: dict[str, Component] = {}
        self._token = secrets.token_urlsafe(32)
        self.server = ""
        super().__init__(Path(), Path())

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Brings the control plane up and waits until it serves; cleans up after dead clusters first.

        Raises:
            ClusterError: it doesn't come up; ProgramError: a program can't be built.
        """
        built = programs.ensure_all(("etcd", "kube-apiserver", "kube-controller-manager", "kubectl"))
        sweep()
        for attempt in range(1, _STARTS + 1):
            self._make_folder()
            try:
                self._save()
                self._start_all(built)
                self._settled = True
                self._save()
            except ClusterError:
                # A port may have been taken between the moment it was found free and its use.
                self.stop()
                if attempt == _STARTS:
                    raise
            except BaseException:
                self.stop()
                raise
            else:
                return

    def stop(self) -> None:
        """Ends everything and removes the folder."""
        for component in reversed(self._components.values()):
            component.stop()
        self._components.clear()
        if self.folder != Path():
            shutil.rmtree(self.folder, ignore_errors=True)

    def adopt(self) -> None:
        """Connects to the running cluster in `folder`, which somebody else started."""
        state = State.load(self.folder)
        if state is None:
            raise ClusterError(f"{self.folder} holds no cluster; python -m localcluster up")
        self.kubeconfig = self.folder / "kubeconfig"
        self.server = state.server
        self._token = json.loads(self.kubeconfig.read_text())["users"][0]["user"]["token"]

    def stop_component(self, name: str) -> None:
        """Ends one of `etcd`, `kube-apiserver`, `kube-controller-manager`."""
        self._components[name].stop()

    def start_component(self, name: str) -> None:
        """Starts a stopped component again, on its old port, and waits until the API server serves."""
        self._components[name].start()
        self._save()
        self._wait_ready()

    def usage(self) -> dict[str, Usage]:
        """What each component has used so far."""
        return {name: component.identity.usage() for name, component in self._components.items()}

    def get(self, path: str) -> bytes:
        """GETs a path of the API server as administrator, `/metrics` for example."""
        request = urllib.request.Request(  # noqa: S310 - always https to our own server
            self.server + path, headers={"Authorization": f"Bearer {self._token}"}
        )
        try:
            with urllib.request.urlopen(request, context=self._tls(), timeout=30) as answer:  # noqa: S310
                body: bytes = answer.read()
                return body
        except urllib.error.HTTPError as error:
            error.close()
            raise

    def send(self, *requests: tuple[str, str, str]) -> None:
        """Sends requests (method, path, body), one after another, as administrator; what is not found is none
        of its business.

        Raises:
            ClusterError: one is refused, with the answer.
        """
        host, port = self.server.removeprefix("https://").rsplit(":", 1)
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        with closing(http.client.HTTPSConnection(host, int(port), timeout=60, context=self._tls())) as api:
            for method, path, body in requests:
                api.request(method, path, body, headers)
                answer = api.getresponse()
                text = answer.read().decode(errors="replace")
                if answer.status >= 400 and answer.status != 404:
                    raise ClusterError(f"{method} {path}: {answer.status} {text}")

    def _make_folder(self) -> None:
        if self._name:
            self.folder = clusters() / self._name
            self.folder.mkdir(mode=0o700)
        else:
            self.folder = Path(tempfile.mkdtemp(dir=clusters(), prefix="cluster-"))
        self.kubeconfig = self.folder / "kubeconfig"

    def _start_all(self, built: dict[str, Path]) -> None:
        client, peer, api, manager = free_ports(4)
        self.server = f"https://{HOST}:{api}"
        _write_key(self.folder / "sa.key")
        private(self.folder / "tokens.csv", f'{self._token},admin,admin,"system:masters"\n')
        self._launch("etcd", built, _etcd_flags(self.folder, client, peer))
        self._launch("kube-apiserver", built, self._api_flags(client, api))
        self._wait_ready()
        self._write_kubeconfig()
        if self._manager:
            self._launch("kube-controller-manager", built, self._manager_flags(manager))
            self._wait_account()

    def _launch(self, name: str, built: dict[str, Path], flags: Sequence[str]) -> None:
        component = Component(name, [str(built[name]), *flags], self.folder / f"{name}.log")
        component.start()
        self._components[name] = component
        self._save()

    def _save(self) -> None:
        # While it comes up it has an owner in any case, so that what a killed start leaves is found.
        owner = None if self._detached and self._settled else Identity.of(os.getpid())
        components = {name: component.identity for name, component in self._components.items()}
        State(self.folder, owner, components, self.server).save()

    def _api_flags(self, etcd: int, port: int) -> list[str]:
        key = self.folder / "sa.key"
        return [
            f"--etcd-servers=http://{HOST}:{etcd}",
            f"--bind-address={HOST}",
            f"--advertise-address={HOST}",
            f"--secure-port={port}",
            f"--cert-dir={self.folder / 'certs'}",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            f"--service-account-issuer={self._issuer}",
            "--authorization-mode=RBAC",
            f"--token-auth-file={self.folder / 'tokens.csv'}",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--endpoint-reconciler-type=none",
            f"--v={self._log_level}",
            *self._more_api_flags,
        ]

    def _manager_flags(self, port: int) -> list[str]:
        return [
            f"--kubeconfig={self.kubeconfig}",
            f"--service-account-private-key-file={self.folder / 'sa.key'}",
            "--use-service-account-credentials",
            "--leader-elect=false",
            f"--bind-address={HOST}",
            f"--secure-port={port}",
            # The defaults would throttle it, and with it whatever is measured against this cluster.
            "--kube-api-qps=1000",
            "--kube-api-burst=2000",
        ]

    def _wait_ready(self) -> None:
        def ready() -> bool:
            try:
                return self.get("/readyz") == b"ok"
            except (OSError, urllib.error.URLError, ssl.SSLError):
                return False

        self._wait(ready, "the API server does not get ready")

    def _wait_account(self) -> None:
        def there() -> bool:
            try:
                return bool(json.loads(self.get("/api/v1/namespaces/default/serviceaccounts/default")))
            except (OSError, urllib.error.URLError):
                return False

        self._wait(there, "the controller manager makes no service accounts")

    def _wait(self, condition: Callable[[], bool], trouble: str) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while not condition():
            for component in self._components.values():
                if not component.running:
                    raise ClusterError(f"{component.name} ended:\n{component.tail()}")
            if time.monotonic() > deadline:
                last = list(self._components.values())[-1]
                raise ClusterError(f"{trouble}:\n{last.tail()}")
            time.sleep(_PAUSE)

    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.folder / "certs" / "apiserver.crt"))

    def _write_kubeconfig(self) -> None:
        authority = base64.b64encode((self.folder / "certs" / "apiserver.crt").read_bytes()).decode()
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "local",
            "clusters": [
                {"name": "local", "cluster": {"server": self.server, "certificate-authority-data": authority}}
            ],
            "users": [{"name": "local", "user": {"token": self._token}}],
            "contexts": [{"name": "local", "context": {"cluster": "local", "user": "local"}}],
        }
        private(self.kubeconfig, json.dumps(content))


def _etcd_flags(folder: Path, client: int, peer: int) -> list[str]:
    return [
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls=http://{HOST}:{client}",
        f"--advertise-client-urls=http://{HOST}:{client}",
        f"--listen-peer-urls=http://{HOST}:{peer}",
        f"--initial-advertise-peer-urls=http://{HOST}:{peer}",
        f"--initial-cluster=default=http://{HOST}:{peer}",
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def _write_key(target: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    private(target, pem.decode())
