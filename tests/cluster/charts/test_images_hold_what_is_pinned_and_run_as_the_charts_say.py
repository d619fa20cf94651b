"""The Dockerfiles as text: no container engine is needed to see what they fetch, pin, and start."""

import fnmatch
import re
import tomllib
from pathlib import Path

import pytest

from localcluster import programs

TOP = Path(__file__).parents[3]
IMAGES = ("source", "kustomize", "helm", "notification", "image-reflector", "image-automation")
PROGRAMS = (
    ("kustomize", "kustomize_controller"),
    ("kustomize", "helm_controller"),
    ("helm", "helm_controller"),
    ("cosign", "source_controller"),
)

EXTRAS = {
    "source": "source,azure,gcp",
    "kustomize": "kustomize",
    "helm": "helm",
    "notification": "notification",
    "image-reflector": "image-reflector",
    "image-automation": "image-automation",
}


def folder(name):
    """Where the package of an image is."""
    kind = name.removeprefix("image-")
    return f"{name}_controller" if kind == name else f"image_controllers/{kind}"


class Dockerfile:
    """Stages, each a list of (instruction, argument)."""

    def __init__(self, text):
        plain = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
        lines = plain.replace("\\\n", " ").splitlines()
        self.steps = [
            (word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines) if word
        ]
        self.stages = []
        for word, rest in self.steps:
            if word == "FROM":
                self.stages.append([])
            if self.stages:
                self.stages[-1].append((word, rest))
        self.final = self.stages[-1]

    def all(self, word, stage=None):
        return [rest for each, rest in stage or self.steps if each == word]

    def one(self, word):
        (rest,) = self.all(word, self.final)
        return rest


@pytest.fixture(params=IMAGES)
def name(request):
    return request.param


@pytest.fixture
def dockerfile(name):
    return Dockerfile((TOP / folder(name) / "Dockerfile").read_text())


@pytest.fixture
def manager(helm, name):
    (deployment,) = [obj for obj in helm.render(f"{name}-controller") if obj["kind"] == "Deployment"]
    return deployment["spec"]["template"]["spec"]["containers"][0]


def test_the_entry_point_is_a_script_of_the_project(dockerfile, name):
    scripts = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["scripts"]
    assert dockerfile.one("ENTRYPOINT") == f'["headrace-{name}-controller"]'
    assert scripts[f"headrace-{name}-controller"] == f"{folder(name).replace('/', '.')}.__main__:main"
    assert not dockerfile.all("CMD")


def test_it_runs_as_the_user_of_the_chart_and_not_as_root(dockerfile, manager):
    user, group = dockerfile.one("USER").split(":")
    assert int(user) == int(group) == manager["securityContext"]["runAsUser"] != 0
    assert [word for word, _ in dockerfile.final[-4:]] == ["USER", "EXPOSE", "STOPSIGNAL", "ENTRYPOINT"]


def test_it_writes_only_where_the_chart_mounts_something(dockerfile, manager):
    variables = dict(each.split("=", 1) for each in dockerfile.one("ENV").split())
    mounted = {mount["mountPath"] for mount in manager["volumeMounts"]}
    assert {variables["HOME"], variables["TMPDIR"]} == {"/tmp"} <= mounted
    assert variables["PYTHONDONTWRITEBYTECODE"] == "1"
    given = {each["name"]: each.get("value") for each in manager["env"]}
    assert (given["HOME"], given["TMPDIR"], given["PYTHONDONTWRITEBYTECODE"]) == ("/tmp", "/tmp", "1")


def test_its_ports_are_those_of_the_chart(dockerfile, manager):
    assert {int(port) for port in dockerfile.one("EXPOSE").split()} == {
        port["containerPort"] for port in manager["ports"]
    }


def test_it_stops_on_the_signal_that_controllers_wait_for(dockerfile):
    assert dockerfile.one("STOPSIGNAL") == "SIGTERM"


def test_nothing_is_added_from_elsewhere(dockerfile):
    assert not dockerfile.all("ADD")
    for run in dockerfile.all("RUN"):
        assert not re.search(r"https?://|git\+|curl|wget|apt-get|apk ", run)
    for source in dockerfile.all("FROM"):
        assert re.fullmatch(r"\$\{(PYTHON|GO)\}( AS \w+)?", source)
    for base in dockerfile.all("ARG"):
        assert re.fullmatch(r"(PYTHON=python:3\.\d+-slim-bookworm|GO=golang:1\.\d+-bookworm)", base)


def test_the_last_stage_only_receives_what_others_made(dockerfile):
    assert not dockerfile.all("RUN", dockerfile.final)
    made = {
        "--from=build /opt/headrace /opt/headrace",
        "--from=cosign /cosign /usr/local/bin/cosign",
        "--from=helm /helm /usr/local/bin/helm",
        "--from=kustomize /kustomize /usr/local/bin/kustomize",
    }
    assert set(dockerfile.all("COPY", dockerfile.final)) <= made


def test_every_package_is_checked_against_a_lock_file(dockerfile, name):
    runs = [
        command for run in dockerfile.all("RUN") for command in run.split("&&") if " pip " in f" {command}"
    ]
    assert runs
    for command in runs:
        assert ("--require-hashes" in command and "--only-binary=:all:" in command) or "--no-index" in command
    (installed,) = [command for command in runs if "--find-links" in command]
    assert f'"headrace[{EXTRAS[name]}]"' in installed
    for lock in ("requirements.lock", "requirements-dev.lock"):
        for requirement in pinned((TOP / lock).read_text()):
            assert "--hash=sha256:" in requirement


def pinned(lock):
    plain = "\n".join(line for line in lock.splitlines() if not line.lstrip().startswith("#"))
    return [line for line in plain.replace("\\\n", " ").splitlines() if "==" in line]


def test_the_build_backend_comes_with_all_it_needs(dockerfile):
    lock = (TOP / "requirements-dev.lock").read_text()
    entries = re.split(r"^(?=[a-z])", lock, flags=re.MULTILINE)
    needed = {
        entry.partition("==")[0]
        for entry in entries
        if re.search(r"# +(via )?hatchling$", entry, re.MULTILINE)
    }
    (taken,) = [match for run in dockerfile.all("RUN") for match in re.findall(r"\^\(([^)]+)\)==", run)]
    assert set(taken.split("|")) == needed | {"hatchling"}
    backend = tomllib.loads((TOP / "pyproject.toml").read_text())["build-system"]["requires"]
    assert [line for line in lock.splitlines() if line.startswith(f"{backend[0]} ")]


@pytest.mark.parametrize(("program", "controller"), PROGRAMS)
def test_programs_are_built_as_for_the_tests(program, controller):
    dockerfile = Dockerfile((TOP / controller / "Dockerfile").read_text())
    recipe = programs.PROGRAMS[program]
    (stage,) = [stage for stage in dockerfile.stages if stage[0][1] == f"${{GO}} AS {program}"]
    assert dockerfile.all("COPY", stage) == [f"localcluster/sources/{recipe.module} ./"]
    (build,) = dockerfile.all("RUN", stage)
    assert build.endswith(f" {recipe.package}")
    assert f'-ldflags "{recipe.flags}"' in build
    assert "-mod=readonly" in build
    (image,) = [base for base in dockerfile.all("ARG") if base.startswith("GO=")]
    assert tuple(map(int, re.findall(r"\d+", image))) >= programs._GO_MINIMUM


@pytest.mark.parametrize(("program", "controller"), PROGRAMS)
def test_programs_stand_where_the_controller_looks_for_them(program, controller):
    dockerfile = Dockerfile((TOP / controller / "Dockerfile").read_text())
    copied = dockerfile.all("COPY", dockerfile.final)
    assert f"--from={program} /{program} /usr/local/bin/{program}" in copied


def test_what_is_copied_is_in_the_build_context(dockerfile):
    for copy in dockerfile.all("COPY"):
        if not copy.startswith("--from="):
            for source in copy.split()[:-1]:
                assert (TOP / source).exists()
                assert in_context(source)


def test_tests_and_charts_and_secrets_of_a_checkout_stay_out_of_the_build_context():
    for path in (
        "tests/conftest.py",
        "charts/headrace/Chart.yaml",
        ".git/config",
        ".venv/bin/python",
        ".env",
    ):
        assert not in_context(path)
    for path in ("shared/testing/cluster.py", "shared/codegen/crds.py", "shared/lang/__pycache__/json.pyc"):
        assert not in_context(path)
    assert in_context("shared/runtime/settings.py")


def in_context(path):
    """Whether .dockerignore lets a path through: the last of its lines that fits decides."""
    found = True
    parts = path.split("/")
    above = ["/".join(parts[:depth]) for depth in range(1, len(parts) + 1)]
    for line in (TOP / ".dockerignore").read_text().splitlines():
        if line and not line.startswith("#"):
            pattern = line.removeprefix("!")
            tails = above if not pattern.startswith("**/") else parts
            if any(fits(each, pattern.removeprefix("**/")) for each in tails):
                found = line.startswith("!")
    return found


def fits(path, pattern):
    return path.count("/") == pattern.count("/") and fnmatch.fnmatchcase(path, pattern)
