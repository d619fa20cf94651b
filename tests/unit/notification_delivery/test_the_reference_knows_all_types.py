"""The page about types of Providers says of each which fields it uses, as the table in the code does."""

import re
from pathlib import Path

import pytest

from notification_controller.delivery.table import TYPES, Field
from shared.api.notification_v1beta3 import COMMENTS, COMMIT_STATUS, ProviderType

PAGE = (Path(__file__).parents[3] / "docs/reference/providers.md").read_text()
GIT = COMMIT_STATUS | COMMENTS | {ProviderType.GITHUB_DISPATCH}
COLUMNS = {"`address`": Field.ADDRESS, "`channel`": Field.CHANNEL, "`username`": Field.USERNAME}


def rows():
    """Type, and what the page has in the column of each field."""
    heads = []
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0] == "Type":
            heads = cells
        elif heads and (name := re.fullmatch(r"`([a-z.-]+)`", cells[0])) and len(cells) == len(heads):
            yield name[1], dict(zip(heads, cells, strict=True))


def test_every_type_is_on_the_page():
    assert {name for name, _ in rows()} == {str(kind) for kind in ProviderType if kind not in GIT}
    for kind in GIT:
        assert f"`{kind}`" in PAGE


@pytest.mark.parametrize(("name", "row"), list(rows()), ids=[name for name, _ in rows()])
def test_a_field_is_explained_where_it_has_an_effect(name, row):
    uses = TYPES[ProviderType(name)].uses
    for head, field in COLUMNS.items():
        if head in row:
            assert (row[head] != "-") == (field in uses), head
    assert ("Identity" in row and row["Identity"] != "-") == (Field.ACCOUNT in uses)
