"""The flux command line, as its authors release it, in clusters where Headrace is installed from its charts.

The clusters are these tests' own: some commands look at everything that is called Flux, or change it. There
is no container runtime; controllers are processes, and a stand-in for a node takes their pods.
"""

import contextlib
import itertools
import os
import subprocess
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from localcluster import Cluster, programs
from shared.lang import json, yaml
from shared.testing.controllers import Suite
from shared.testing.git_server import serve_in_thread
from shared.testing.git_upstream import Upstream
from shared.testing.tls import Authority

SYSTEM = "flux-system"
# Whatever would leave this machine fails; the command line asks for its newest version by itself.
OFFLINE = {
    "HTTPS_PROXY": "http://127.0.0.1:1",
    "HTTP_PROXY": "http://127.0.0.1:1",
    "NO_PROXY": "127.0.0.1,localhost",
}
# Longer than anything takes that works, shorter than the time that a test has.
PATIENCE = "--timeout=90s"


@dataclass(frozen=True)
class Said:
    """How a command ended: what it printed as its result, and as its progress."""

    code: int
    out: str
    progress: str

    @property
    def lines(self):
        """The result, line by line, with single blanks between columns."""
        return [" ".join(line.split()) for line in self.out.splitlines() if line.strip()]


class Cli:
    """Runs flux in a namespace of a cluster."""

    def __init__(self, cluster, home, namespace=SYSTEM):
        self.namespace = namespace
        self._cluster = cluster
        self._home = home

    def within(self, namespace):
        """The same in another namespace."""
        return Cli(self._cluster, self._home, namespace)

    def run(self, *arguments):
        """Runs a command, however it ends."""
        command = [str(programs.ensure("flux")), *arguments, "-n", self.namespace, PATIENCE]
        environ = OFFLINE | {
            "KUBECONFIG": str(self._cluster.kubeconfig),
            "HOME": str(self._home),
            "PATH": os.environ.get("PATH", ""),
        }
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=150, env=environ)
        return Said(done.returncode, done.stdout, done.stderr)

    def __call__(self, *arguments):
        """Runs a command that has to end well."""
        said = self.run(*arguments)
        assert said.code == 0, said.progress + said.out
        return said


class Node:
    """A node as far as others can tell: its pods run, and their logs are those of the processes.

    `processes` has them by the label `app` of their pods.
    """

    def __init__(self, cluster, namespace, processes):
        self._cluster = cluster
        self._namespace = namespace
        self._processes = processes
        self._kubelet = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        context = Authority().server_context()
        self._kubelet.socket = context.wrap_socket(self._kubelet.socket, server_side=True)

    @contextlib.contextmanager
    def running(self):
        """Serves logs while the block lasts."""
        thread = threading.Thread(target=self._kubelet.serve_forever, name="kubelet", daemon=True)
        thread.start()
        try:
            self._register()
            yield self
        finally:
            self._kubelet.shutdown()
            self._kubelet.server_close()
            thread.join()

    def take_pods(self):
        """Binds the pod of each Deployment to this node and reports it as running."""
        for app in self._processes:
            self._kubectl("wait", f"deployment/{app}", "--for=jsonpath={.status.replicas}=1", "--timeout=30s")
            pod = self._kubectl("get", "pods", "-l", f"app={app}", "-o", "jsonpath={.items[0].metadata.name}")
            binding = {
                "apiVersion": "v1",
                "kind": "Binding",
                "metadata": {"name": pod},
                "target": {"apiVersion": "v1", "kind": "Node", "name": "node"},
            }
            path = f"/api/v1/namespaces/{self._namespace}/pods/{pod}/binding"
            self._cluster.kubectl("create", "--raw", path, "-f", "-", stdin=json.dumps(binding).decode())
            ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
            patch = json.dumps({"status": ready}).decode()
            self._kubectl("patch", "pod", pod, "--subresource=status", "--type=merge", "-p", patch)
            self._kubectl("wait", f"deployment/{app}", "--for=condition=Available", "--timeout=30s")

    @contextlib.contextmanager
    def ending_pods(self):
        """Ends the process of each pod that is deleted while the block lasts, then lets the pod go."""
        line = '{.metadata.name} {.metadata.labels.app} {.metadata.deletionTimestamp}{"\\n"}'
        command = [str(programs.ensure("kubectl")), "--kubeconfig", str(self._cluster.kubeconfig)]
        command += ["get", "pods", "-n", self._namespace, "--watch", "-o", f"jsonpath={line}"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watch:
            thread = threading.Thread(target=self._end_pods, args=(watch.stdout,), daemon=True)
            thread.start()
            try:
                yield
            finally:
                watch.terminate()
                thread.join()

    def _end_pods(self, changes):
        gone = set()
        for change in changes:
            name, app, *deleted = change.split()
            if deleted and name not in gone:
                gone.add(name)
                self._processes[app].stop()
                self._kubectl("delete", "pod", name, "--grace-period=0", "--force", "--ignore-not-found")

    def _register(self):
        # It never claims to be ready, so nobody minds that it sends no heartbeats.
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node"}}
        self._cluster.kubectl("create", "-f", "-", stdin=json.dumps(node).decode())
        port = self._kubelet.server_address[1]
        status = {
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
        }
        patch = json.dumps({"status": status}).decode()
        self._cluster.kubectl("patch", "node", "node", "--subresource=status", "--type=merge", "-p", patch)

    def _kubectl(self, *arguments):
        return self._cluster.kubectl("-n", self._namespace, *arguments)

    def _handler(self):
        processes = self._processes

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                # /containerLogs/<namespace>/<pod>/<container>?...
                pod = self.path.split("/")[3]
                log = next(each.log for app, each in processes.items() if pod.startswith(f"{app}-"))
                body = log.read_bytes()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        return Handler


@pytest.fixture(scope="module")
def own_cluster():
    """A control plane of these tests' own."""
    with Cluster() as cluster:
        yield cluster


@pytest.fixture(scope="module")
def headrace(own_cluster, tmp_path_factory):
    """Headrace, installed from its charts and at work."""
    suite = Suite(own_cluster, tmp_path_factory.mktemp("headrace"))
    # Nothing is wrong with the node, but it does not say so.
    suite.install("tolerations[0].operator=Exists")
    suite.start(images=True)
    yield suite
    for process in reversed(suite.processes):
        assert process.stop() == 0, process.tail()


@pytest.fixture(scope="session")
def node_for():
    """Makes a node on which the controllers of a suite run, as long as a `with` block lasts."""

    @contextlib.contextmanager
    def make(cluster, suite):
        processes = {process.name: process for process in suite.processes}
        with Node(cluster, suite.namespace, processes).running() as node:
            node.take_pods()
            yield node

    return make


@pytest.fixture(scope="module")
def node(own_cluster, headrace, node_for):
    """The node on which `headrace` runs."""
    with node_for(own_cluster, headrace) as node:
        yield node


@pytest.fixture(scope="module")
def cli(own_cluster, tmp_path_factory):
    """flux, in the namespace where Headrace is to be."""
    return Cli(own_cluster, tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def git(tmp_path_factory):
    """A Git server, and the folder of its repositories."""
    folder = tmp_path_factory.mktemp("git")
    with serve_in_thread(folder) as server:
        yield server, folder


class Team:
    """A namespace with flux to hand and a repository for its objects."""

    def __init__(self, cluster, cli, server, upstream):
        self.flux = cli
        self.namespace = cli.namespace
        self.upstream = upstream
        self.url = server.url(upstream.path)
        self._cluster = cluster

    def kubectl(self, *arguments, stdin=""):
        """Runs kubectl in the namespace."""
        return self._cluster.kubectl("-n", self.namespace, *arguments, stdin=stdin)

    def commit(self, message="change", **values):
        """Commits a ConfigMap per value into the folder `deploy`; gives the revision."""
        files = {f"deploy/{name}.yaml": config_map(name, value) for name, value in values.items()}
        return f"main@sha1:{self.upstream.commit(files, message)}"

    def create_source(self):
        """Lets flux make the GitRepository `app`."""
        return self.flux(
            "create", "source", "git", "app", f"--url={self.url}", "--branch=main",
            "--interval=1h", "--fetch-timeout=30s",
        )  # fmt: skip

    def create_kustomization(self, *arguments, name="app"):
        """Lets flux make a Kustomization of the folder `deploy`, however that ends."""
        return self.flux.run(
            "create", "kustomization", name, "--source=GitRepository/app", "--path=./deploy", "--prune",
            "--interval=1h", f"--target-namespace={self.namespace}", *arguments,
        )  # fmt: skip

    def with_app(self):
        """Itself, with a source and a Kustomization, both named `app`, that are ready."""
        self.create_source()
        made = self.create_kustomization("--wait")
        assert made.code == 0, made.progress
        return self

    def kustomization(self, name, **spec):
        """Makes a Kustomization with fields that flux has no flags for."""
        defaults = {
            "interval": "1h",
            "path": "./deploy",
            "prune": True,
            "sourceRef": {"kind": "GitRepository", "name": "app"},
            "targetNamespace": self.namespace,
        }
        obj = {
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
            "kind": "Kustomization",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": defaults | spec,
        }
        self.kubectl("create", "-f", "-", stdin=json.dumps(obj).decode())

    def live(self, kind, name):
        """An object of the namespace."""
        return json.loads(self.kubectl("get", kind, name, "-o", "json"))


def config_map(name, value):
    """The manifest of a ConfigMap with a value for its key `k`, or with all its data."""
    data = value if isinstance(value, dict) else {"k": value}
    return yaml.dump_all(
        [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}]
    )


_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def new_team(own_cluster, headrace, cli, git):
    """Makes a namespace whose repository holds the ConfigMaps `a` and `b`, and that has no Flux objects."""
    server, folder = git
    made = []

    def make():
        name = f"team-{next(_numbers)}"
        own_cluster.kubectl("create", "namespace", name)
        made.append(name)
        team = Team(own_cluster, cli.within(name), server, Upstream(folder, f"{name}.git"))
        team.revision = team.commit("first", a="one", b="one")
        return team

    yield make
    own_cluster.kubectl("delete", "namespace", *made, "--wait=false")


@pytest.fixture
def team(new_team):
    """A namespace without Flux objects."""
    return new_team()


@pytest.fixture
def app(team):
    """A team whose repository is applied by a source and a Kustomization, both named `app`."""
    return team.with_app()
