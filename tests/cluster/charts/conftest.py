"""The helm program, for rendering charts and for installing them."""

import subprocess
from pathlib import Path

import pytest

from localcluster import programs
from shared.lang import json, yaml

CHARTS = Path(__file__).parents[3] / "charts"


def run(program, *arguments, stdin="", check=True):
    command = [str(programs.path(program)), *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=90)
    if check:
        assert done.returncode == 0, done.stdout + done.stderr
    return done


class Helm:
    """Renders and checks the charts of this repository."""

    def lint(self, chart):
        return run("helm", "lint", "--strict", str(CHARTS / chart))

    def render(self, chart, *arguments, release="any", namespace="gitops"):
        done = run("helm", "template", release, str(CHARTS / chart), "-n", namespace, *arguments)
        return [obj for obj in yaml.load_all(done.stdout) if obj]

    def refusal(self, chart, *arguments):
        done = run("helm", "template", "any", str(CHARTS / chart), *arguments, check=False)
        assert done.returncode != 0
        return done.stderr


@pytest.fixture
def helm():
    return Helm()


class Installed:
    """Both charts, in one namespace of a real server."""

    def __init__(self, kubeconfig, namespace):
        self.namespace = namespace
        self._kubeconfig = str(kubeconfig)
        for chart in ("source-controller", "kustomize-controller"):
            # Other tests bring the same definitions.
            run(
                "helm", "install", f"x-{chart}", str(CHARTS / chart), "-n", namespace, "--take-ownership",
                "--kubeconfig", self._kubeconfig,
            )  # fmt: skip

    def remove(self):
        for chart in ("source-controller", "kustomize-controller"):
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
