"""Every YAML in the documentation is applied to a real API server as it stands, in the namespace that it
names.
"""

import json
import re
from pathlib import Path

import pytest

from shared.codegen.crds import KINDS, render
from shared.lang import yaml
from shared.testing.definitions import define

ROOT = Path(__file__).parents[3]
FENCE = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "charts").rglob("README.md")])


def blocks():
    for page in PAGES:
        text = page.read_text("utf-8")
        for match in FENCE.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            yield pytest.param(match[1], id=f"{page.relative_to(ROOT)}:{line}")
    for name in ("examples/bootstrap.yaml", "examples/chat.yaml"):
        yield pytest.param((ROOT / name).read_text("utf-8"), id=name)


@pytest.fixture(scope="module")
def kinds(cluster):
    define(cluster, *map(render, KINDS))


@pytest.fixture
def namespaces(cluster):
    """Makes the namespaces that a block speaks of; the server has to know them even for a rehearsal."""

    def make(objects):
        for name in {obj["metadata"].get("namespace") for obj in objects} - {None}:
            text = json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
            cluster.kubectl("apply", "-f", "-", stdin=text)

    return make


@pytest.mark.parametrize("block", list(blocks()))
def test_block_is_applied(cluster, kinds, namespaces, block):
    objects = yaml.load_all(block)
    assert objects
    namespaces(objects)
    for obj in objects:
        if obj["apiVersion"].startswith("kustomize.config.k8s.io"):
            continue  # a file for the kustomize program, not for the cluster
        done = cluster.kubectl(
            "apply", "--server-side", "--dry-run=server", "-o", "name", "-f", "-", stdin=json.dumps(obj)
        )
        assert done.strip().endswith(f"/{obj['metadata']['name']}")
