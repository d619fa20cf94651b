"""Every YAML block in the documentation is something that a reader can apply as it stands."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
FENCE = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks():
    for page in sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]):
        text = page.read_text("utf-8")
        for match in FENCE.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            yield pytest.param(match[1], id=f"{page.relative_to(ROOT)}:{line}")


@pytest.mark.parametrize("block", list(blocks()))
def test_blocks_are_complete_objects(block):
    objects = list(yaml.safe_load_all(block))
    assert objects
    for obj in objects:
        assert obj["apiVersion"]
        assert obj["kind"]
        assert obj["metadata"]["name"]
