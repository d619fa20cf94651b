"""A build reads its artifact and nothing else, whatever its files say."""

from datetime import timedelta

import pytest

from kustomize_controller.kustomization.build import BuildSettings
from kustomize_controller.kustomization.builder import ManifestBuilder
from kustomize_controller.kustomization.request import BuildFailed, BuildRequest, Overlay

HEADER = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
OBJECT = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n"
SECRET = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: outside\nstringData:\n  x: do-not-leak\n"

FIELDS = {
    "resource": "resources: [%s]",
    "base": "bases: [%s]",
    "component": "components: [%s]",
    "crd": "crds: [%s]",
    "configuration": "configurations: [%s]",
    "schema": "openapi: {path: %s}",
    "patch": "patches:\n- path: %s",
    "strategic patch": "patchesStrategicMerge: [%s]",
    "json patch": "patchesJson6902:\n- path: %s\n  target: {version: v1, kind: ConfigMap, name: a}",
    "config map file": "configMapGenerator:\n- name: c\n  files: [k=%s]",
    "config map env": "configMapGenerator:\n- name: c\n  envs: [%s]",
    "secret file": "secretGenerator:\n- name: c\n  files: [%s]",
    "old env": "secretGenerator:\n- name: c\n  env: %s",
    "replacement": "replacements:\n- path: %s",
    "generator": "generators: [%s]",
    "transformer": "transformers: [%s]",
    "validator": "validators: [%s]",
    "inline plugin": "transformers:\n"
    "- '{apiVersion: builtin, kind: PatchTransformer, metadata: {name: t}, path: %s}'",
    "other case": "ReSources: [%s]",
    "long s": "re\u017fources: [%s]",
}
WAYS_OUT = ["../../outside", "../../outside.yaml", "/etc/passwd", "file:///etc", "git::file:///etc"]


@pytest.fixture
def outside(tree, tmp_path):
    """An artifact with a forbidden neighbour."""
    (tmp_path / "outside.yaml").write_text(SECRET)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "kustomization.yaml").write_text(HEADER + "resources: [s.yaml]\n")
    (tmp_path / "outside" / "s.yaml").write_text(SECRET)
    return tree


@pytest.mark.case("kustomize-17")
@pytest.mark.parametrize("way_out", WAYS_OUT)
@pytest.mark.parametrize("field", FIELDS.values(), ids=FIELDS)
@pytest.mark.parametrize("depth", ["root", "nested"])
async def test_nothing_outside_the_artifact_is_read(builder, outside, field, way_out, depth):
    text = HEADER + "resources: [a.yaml]\n" * ("ources:" not in field) + field % way_out + "\n"
    files = {"app/a.yaml": OBJECT, "app/kustomization.yaml": text}
    if depth == "nested":
        files["top/kustomization.yaml"] = HEADER + "resources: [../app]\n"
    path = "top" if depth == "nested" else "app"
    with pytest.raises(BuildFailed, match="fs-security-constraint") as failed:
        await builder.build(outside(files), BuildRequest(path=path))
    assert "do-not-leak" not in str(failed.value)
    assert "app/kustomization.yaml" in str(failed.value)


@pytest.mark.parametrize("way_out", ["../../outside.yaml", "/proc/self/environ", "/proc/version"])
async def test_a_patched_plugin_can_not_reach_out(builder, outside, way_out):
    """The survey can't know what a patch does to a plugin; the stage and the jail hold nevertheless."""
    plugin = "apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {name: g}\nfiles: [k=inside.txt]\n"
    root = outside(
        {
            "app/kustomization.yaml": HEADER + "generators: [plugins]\n",
            "app/plugins/inside.txt": "inside",
            "app/plugins/kustomization.yaml": HEADER
            + "resources: [g.yaml]\npatches:\n- path: p.yaml\n  target: {kind: ConfigMapGenerator}\n",
            "app/plugins/g.yaml": plugin,
            "app/plugins/p.yaml": f"- op: replace\n  path: /files/0\n  value: k={way_out}\n",
        }
    )
    with pytest.raises(BuildFailed, match=r"no such file|permission denied"):
        await builder.build(root, BuildRequest(path="app"))


@pytest.mark.case("kustomize-8")
async def test_a_path_can_not_leave_the_artifact(builder, tree):
    with pytest.raises(BuildFailed, match=r"kustomization path not found: .*'etc'"):
        await builder.build(tree({"a.yaml": OBJECT}), BuildRequest(path="../../etc"))


@pytest.mark.parametrize(
    "component",
    [
        "git::x",
        "gh:org/repo",
        "ssh://h/r",
        "HTTPS://h/r",
        "http://h/r",
        "git@h:r",
        "GitHub.com/o/r",
        "/abs",
        "file:///x",
    ],
)
async def test_components_of_the_spec_are_local_and_relative(builder, tree, component):
    with pytest.raises(BuildFailed, match=f"component path '{component}' must be local and relative"):
        await builder.build(tree({"a.yaml": OBJECT}), BuildRequest(overlay=Overlay(components=(component,))))


@pytest.mark.parametrize("field", FIELDS.values(), ids=FIELDS)
@pytest.mark.parametrize(
    "name", ["x" * 300, "x/" * 3000, '"nul\\0byte"'], ids=["long name", "long path", "nul"]
)
async def test_an_impossible_name_is_a_failure_of_the_build(builder, tree, field, name):
    root = tree({"kustomization.yaml": HEADER + field % name, "a.yaml": OBJECT})
    with pytest.raises(BuildFailed):
        await builder.build(root, BuildRequest())


CHART_PLUGIN = "{apiVersion: builtin, kind: HelmChartInflationGenerator, metadata: {name: x}, name: c}"


@pytest.mark.case("kustomize-16")
@pytest.mark.parametrize(
    "field",
    [
        "helmCharts:\n- name: chart\n  repo: https://charts.invalid\n",
        "helmChartInflationGenerator:\n- chartName: chart\n",
        f"generators:\n- |\n  {CHART_PLUGIN}\n",
    ],
)
async def test_charts_are_refused(builder, tree, field):
    root = tree({"kustomization.yaml": HEADER + "resources: [a.yaml]\n" + field, "a.yaml": OBJECT})
    with pytest.raises(BuildFailed, match="must specify --enable-helm"):
        await builder.build(root, BuildRequest())


@pytest.mark.parametrize(
    "runner", ["exec: {path: /bin/true}", "container: {image: x}", "starlark: {path: x}", ""]
)
async def test_programs_as_plugins_are_refused(builder, tree, runner):
    function = f", annotations: {{config.kubernetes.io/function: '{runner}'}}" if runner else ""
    plugin = f"{{apiVersion: team.example.com/v1, kind: Tool, metadata: {{name: x{function}}}}}"
    text = HEADER + f"resources: [a.yaml]\ntransformers:\n- |\n  {plugin}\n"
    with pytest.raises(BuildFailed, match="plugin"):
        await builder.build(tree({"kustomization.yaml": text, "a.yaml": OBJECT}), BuildRequest())


@pytest.mark.parametrize(
    "remote",
    [
        "https://example.invalid/file.yaml",
        "HTTP://example.invalid/file.yaml",
        "https://github.com/org/repo//base?ref=v1",
        "github.com/org/repo",
        "git@example.invalid:org/repo",
        "ssh://git@example.invalid/org/repo",
        "git::https://example.invalid/org/repo",
    ],
)
@pytest.mark.parametrize("field", ["resources: [%s]", "patches:\n- path: %s", "transformers: ['%s']"])
async def test_remote_references_can_be_forbidden(make_builder, tree, field, remote):
    root = tree({"kustomization.yaml": HEADER + field % remote})
    with pytest.raises(BuildFailed, match=r"remote reference .* is not allowed.*--no-remote-bases"):
        await make_builder(remote_bases=False).build(root, BuildRequest())


async def test_a_hanging_build_is_ended(tree, tmp_path):
    program = tmp_path / "kustomize"
    program.write_text("#!/bin/sh\nwhile :; do :; done\n")
    program.chmod(0o755)
    builder = ManifestBuilder(BuildSettings(program, tmp_path / "scratch", timeout=timedelta(seconds=0.3)))
    with pytest.raises(BuildFailed, match=r"kustomize didn't finish within 0\.3s"):
        await builder.build(tree({"a.yaml": OBJECT}), BuildRequest())
    assert list((tmp_path / "scratch").iterdir()) == []


async def test_a_missing_program_is_named(tree, tmp_path):
    builder = ManifestBuilder(BuildSettings(tmp_path / "no-kustomize", tmp_path / "scratch"))
    with pytest.raises(BuildFailed, match="no-kustomize"):
        await builder.build(tree({"a.yaml": OBJECT}), BuildRequest())
