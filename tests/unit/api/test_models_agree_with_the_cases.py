"""Every case that the API server accepts or refuses is accepted or refused by the models as well."""

from pathlib import Path

import pytest

from shared.api.decode import InvalidObject, decode
from shared.codegen.crds import KINDS as ALL
from shared.lang import yaml

CASES = Path(__file__).parents[2] / "data" / "api"
KINDS = {kind.KIND.lower(): kind for kind in ALL}


def cases(group):
    files = sorted(CASES.glob(f"*/{group}/*.yaml"))
    assert files
    return [
        pytest.param(KINDS[file.parts[-3]], yaml.load(file.read_text()), id=f"{file.parts[-3]}-{file.stem}")
        for file in files
    ]


@pytest.mark.parametrize(("kind", "case"), cases("invalid"))
def test_refuses_and_names_the_field(kind, case):
    with pytest.raises(InvalidObject) as caught:
        decode(kind, case["object"])
    assert caught.value.path == case["path"]
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("kind", "case"), cases("valid"))
def test_accepts_and_gives_back_what_it_read(kind, case):
    model = decode(kind, case["object"])
    again = model.model_dump(mode="json", by_alias=True, exclude_none=True)
    assert decode(kind, again) == model
    assert set(case["object"]["spec"]) <= set(again["spec"])
