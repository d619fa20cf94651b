"""Which entries of a tree a sparse checkout takes."""

from dataclasses import dataclass

import pytest

from source_controller.git_repository.sparse import MissingDirectory, sparse


@dataclass(frozen=True)
class Entry:
    path: str
    mode: int = 0o100644
    content: str = ""

    def read(self):
        return b""


TREE = [Entry(path) for path in ("a", "a/b", "a/b/c", "a/bc", "ab", "d", "d/e")]


@pytest.mark.parametrize(
    ("wanted", "taken"),
    [
        ([], ["a", "a/b", "a/b/c", "a/bc", "ab", "d", "d/e"]),
        (["."], ["a", "a/b", "a/b/c", "a/bc", "ab", "d", "d/e"]),
        (["./a/b/"], ["a", "a/b", "a/b/c"]),
        (["a"], ["a", "a/b", "a/b/c", "a/bc"]),
        (["d/e", "ab"], ["ab", "d", "d/e"]),
    ],
)
def test_whole_names_count_and_directories_lead_there(wanted, taken):
    assert [entry.path for entry in sparse(TREE, wanted)] == taken


@pytest.mark.parametrize("wanted", ["nope", "a/nope", "../a", "a/b/c/d"])
def test_what_is_not_there_is_named_as_it_was_written(wanted):
    with pytest.raises(MissingDirectory, match=f"sparse checkout dir '{wanted}' does not exist"):
        sparse(TREE, ["d", wanted])
