"""The helm program, for rendering charts and for installing them."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from localcluster import programs
from shared.lang import json, yaml
from shared.testing.controllers import CONTROLLERS
from shared.testing.definitions import define

CHARTS = Path(__file__).parents[3] / "charts"
# Whatever would leave this machine fails.
OFFLINE = {
    "HTTPS_PROXY": "http://127.0.0.1:1",
    "HTTP_PROXY": "http://127.0.0.1:1",
    "NO_PROXY": "127.0.0.1,localhost",
}


def run(program, *arguments, stdin="", check=True):
    command = [str(programs.path(program)), *arguments]
    done = subprocess.run(
        command,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
        env=os.environ | OFFLINE,
    )
    if check:
        assert done.returncode == 0, done.stdout + done.stderr
    return done


class Helm:
    """Renders and checks the charts of a folder. Values are given as `key=value`, or as a dict."""

    def __init__(self, charts=CHARTS):
        self.charts = charts

    def lint(self, chart):
        return run("helm", "lint", "--strict", str(self.charts / chart))

    def render(self, chart, *arguments, values=None, release="any", namespace="gitops"):
        done = self._template(chart, release, "-n", namespace, *arguments, values=values)
        assert done.returncode == 0, done.stderr
        return [obj for obj in yaml.load_all(done.stdout) if obj]

    def refusal(self, chart, *arguments, values=None):
        done = self._template(chart, "any", *arguments, values=values)
        assert done.returncode != 0
        return done.stderr

    def _template(self, chart, release, *arguments, values):
        command = ["template", release, str(self.charts / chart), "-f", "-", *arguments]
        return run("helm", *command, stdin=json.dumps(values or {}).decode(), check=False)


@pytest.fixture(scope="session")
def helm():
    return Helm()


@pytest.fixture
def program():
    """Runs a program of the control plane; it has to end well."""
    return run


@pytest.fixture(scope="session")
def suite(tmp_path_factory):
    """The same charts in another place, with those that the suite depends on packed into it."""
    charts = tmp_path_factory.mktemp("suite") / "charts"
    shutil.copytree(CHARTS, charts, ignore=shutil.ignore_patterns("*.tgz"))
    run("helm", "dependency", "build", str(charts / "headrace"))
    return Helm(charts)


class Installed:
    """All charts, each with a release of its own, in one namespace of a real server."""

    def __init__(self, kubeconfig, namespace):
        self.namespace = namespace
        self._kubeconfig = str(kubeconfig)
        for chart in CONTROLLERS:
            # Other tests bring the same definitions.
            run(
                "helm", "install", f"x-{chart}", str(CHARTS / chart), "-n", namespace, "--take-ownership",
                "--kubeconfig", self._kubeconfig,
            )  # fmt: skip

    def remove(self):
        for chart in reversed(CONTROLLERS):
            run("helm", "uninstall", f"x-{chart}", "-n", self.namespace, "--kubeconfig", self._kubeconfig)

    def kubectl(self, *arguments, stdin=""):
        return run("kubectl", "--kubeconfig", self._kubeconfig, *arguments, stdin=stdin).stdout

    def may(self, account, questions):
        """Which of the questions (verb, group, resource, namespace) the server answers with yes."""
        reviews = [
            {
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SubjectAccessReview",
                "spec": {
                    "user": f"system:serviceaccount:{self.namespace}:{account}",
                    "resourceAttributes": {
                        "verb": verb,
                        "group": group,
                        "resource": resource.partition("/")[0],
                        "subresource": resource.partition("/")[2],
                        "namespace": namespace,
                    },
                },
            }
            for verb, group, resource, namespace in questions
        ]
        asked = "\n".join(json.dumps(review).decode() for review in reviews)
        lines = "jsonpath={.status.allowed}{'\\n'}"
        answers = self.kubectl("create", "-f", "-", "-o", lines, stdin=asked).split()
        assert len(answers) == len(questions)
        return {question for question, answer in zip(questions, answers, strict=True) if answer == "true"}


@pytest.fixture
def installed(cluster, namespace):
    charts = Installed(cluster.kubeconfig, namespace)
    yield charts
    charts.remove()


@pytest.fixture(scope="session")
def monitoring(cluster):
    """The kinds of the Prometheus operator, with as much of their schemas as the charts may use."""
    definitions = [monitor("PodMonitor", "podMetricsEndpoints"), monitor("ServiceMonitor", "endpoints")]
    names = define(cluster, *(json.dumps(each).decode() for each in definitions))
    yield
    cluster.kubectl("delete", "crd", "--ignore-not-found", "--wait=false", *names)


def monitor(kind, endpoints):
    """The definition of a kind of monitor; `endpoints` is its list of what is scraped."""
    text, texts = {"type": "string"}, {"type": "array", "items": {"type": "string"}}
    duration = text | {"pattern": "^([0-9]+(ms|[smhdwy]))+$"}
    fields = dict.fromkeys(("action", "regex", "replacement", "targetLabel"), text) | {"sourceLabels": texts}
    relabelings = {"type": "array", "items": {"type": "object", "properties": fields}}
    endpoint = {
        "port": text,
        "path": text,
        "honorLabels": {"type": "boolean"},
        "interval": duration,
        "scrapeTimeout": duration,
        "relabelings": relabelings,
        "metricRelabelings": relabelings,
    }
    labels = {"type": "object", "additionalProperties": text}
    spec = {
        "type": "object",
        "required": ["selector", endpoints],
        "properties": {
            "selector": {"type": "object", "properties": {"matchLabels": labels}},
            "namespaceSelector": {"type": "object", "properties": {"matchNames": texts}},
            endpoints: {"type": "array", "items": {"type": "object", "properties": endpoint}},
        },
    }
    schema = {"type": "object", "required": ["spec"], "properties": {"spec": spec}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    plural, group = f"{kind.lower()}s", "monitoring.coreos.com"
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "versions": [version],
        },
    }
