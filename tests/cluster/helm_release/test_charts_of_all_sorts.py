"""Charts with more than templates, releases that others made, and the largest that can be."""

import pytest

from shared.lang import json

DEFINITION = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: GROUPthings.GROUP.example.com}
spec:
  group: GROUP.example.com
  names: {kind: Thing, plural: GROUPthings}
  scope: Namespaced
  versions:
    - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, description: WORDS}}}
"""
TWICE = """
apiVersion: v1
kind: ConfigMap
metadata: {name: app-twice, labels: {app: first, app: last}}
"""
HOOK = """
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-hook
  annotations: {helm.sh/hook: "pre-install,pre-upgrade"}
"""


@pytest.fixture
def definition(releases, cluster):
    """Makes files of a chart with a definition that has certain words, and looks for these words."""
    group = releases.namespace.replace("-", "")

    def files(words):
        return {"crds/thing.yaml": DEFINITION.replace("GROUP", group).replace("WORDS", words)}

    name = f"{group}things.{group}.example.com"
    files.there = lambda: cluster.kubectl(
        "get", "crd", name, "--ignore-not-found",
        "-o", "jsonpath={.spec.versions[0].schema.openAPIV3Schema.description}",
    )  # fmt: skip
    yield files
    cluster.kubectl("delete", "crd", name, "--ignore-not-found")


@pytest.mark.parametrize(
    ("policy", "first", "second"),
    [("Skip", "", ""), ("Create", "one", "one"), ("CreateReplace", "one", "two"), (None, "one", "one")],
)
async def test_policies_of_definitions(releases, config_map_template, definition, policy, first, second):
    crds = {"crds": policy} if policy else {}
    await releases.chart(config_map_template, files=definition("one"))
    await releases.release(install=crds, upgrade=crds)
    await releases.upgraded(1)
    assert definition.there() == first
    await releases.chart(config_map_template, files=definition("two"), version="1.0.1")
    await releases.upgraded(2)
    assert definition.there() == second


@pytest.mark.parametrize(("policy", "after"), [("Create", "before"), ("CreateReplace", "one")])
async def test_an_installation_finds_a_definition(
    releases, cluster, config_map_template, definition, policy, after
):
    (text,) = definition("before").values()
    cluster.kubectl("create", "-f", "-", stdin=text)
    await releases.chart(config_map_template, files=definition("one"))
    await releases.release(install={"crds": policy})
    await releases.upgraded(1)
    assert definition.there() == after


async def test_what_else_is_in_the_folder_of_definitions_is_left_there(
    releases, config_map_template, definition
):
    other = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: misplaced}\n"
    more = {"crds/README.md": "# Not: [yaml", "crds/other.yaml": other}
    await releases.chart(config_map_template, files={**definition("one"), **more})
    await releases.release()
    await releases.upgraded(1)
    assert definition.there() == "one"
    assert await releases.live("ConfigMap", "misplaced") is None
    lines = [line for line in releases.process.log.read_text().splitlines() if releases.namespace in line]
    assert any("crds/other.yaml: ConfigMap/misplaced" in line for line in lines)


async def test_a_definition_and_its_object_come_in_one_release(releases, definition):
    group = releases.namespace.replace("-", "")
    thing = f"apiVersion: {group}.example.com/v1\nkind: Thing\nmetadata: {{name: first}}\n"
    await releases.chart({"thing.yaml": thing}, files=definition("one"))
    await releases.release()
    await releases.upgraded(1)
    assert await releases.live(f"Thing.{group}.example.com", "first") is not None


@pytest.fixture
def demo(tmp_path):
    """Writes a chart into a folder, for helm to install."""

    def write(templates):
        folder = tmp_path / "demo"
        (folder / "templates").mkdir(parents=True)
        (folder / "Chart.yaml").write_text("apiVersion: v2\nname: demo\nversion: 1.0.0\n")
        for name, text in templates.items():
            (folder / "templates" / name).write_text(text)
        return str(folder)

    return write


@pytest.mark.case("helm-16")
@pytest.mark.parametrize("program", ["helm3", "helm"])
async def test_releases_of_both_helms_are_taken_over(releases, config_map_template, demo, program):
    templates = {**config_map_template, "hook.yaml": HOOK}
    folder = demo({**templates, "twice.yaml": TWICE})
    releases.helm("install", "app", folder, "--set", "greeting=first", program=program)
    releases.helm("upgrade", "app", folder, "--set", "greeting=second", program=program)
    assert await releases.live("ConfigMap", "app-twice") is not None
    await releases.chart(templates)
    await releases.release(values={"greeting": "second"})
    obj = await releases.upgraded(3)
    history = [(each["revision"], each["status"]) for each in releases.helm_history()]
    assert history == [(1, "superseded"), (2, "superseded"), (3, "deployed")]
    assert await releases.live("ConfigMap", "app-twice") is None
    listed = json.loads(releases.helm("history", "app", "--output=json", program=program))
    assert [each["revision"] for each in listed] == [1, 2, 3]
    assert (await releases.reconcile())["status"]["history"] == obj["status"]["history"]
    # What the older Helm owned goes when the chart no longer has it.
    await releases.change(values={"greeting": None})
    await releases.upgraded(4)
    assert (await releases.live("ConfigMap", "app-config"))["data"]["greeting"] == "hello"
    await releases.remove()
    assert await releases.live("ConfigMap", "app-config") is None
    assert await releases.records() == []


async def test_values_of_a_megabyte(releases, config_map_template):
    lines = "\n".join(f"  key{number}: {'value ' * 10}{number}" for number in range(13_000))
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "values"}}
    text = f"greeting: hey\nmany:\n{lines}\n"
    assert 900_000 < len(text) < 1 << 20
    await releases.create({**config_map, "data": {"values.yaml": text}})
    await releases.chart(config_map_template)
    await releases.release(valuesFrom=[{"kind": "ConfigMap", "name": "values"}])
    obj = await releases.upgraded(1, seconds=60)
    (record,) = await releases.records()
    assert len(record["config"]["many"]) == 13_000
    assert (await releases.reconcile())["status"]["history"] == obj["status"]["history"]
