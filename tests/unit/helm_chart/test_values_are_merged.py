"""Values files, and versions that say which they were."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.lang.yaml import dump, load_yaml11
from source_controller.helm_chart.chart import (
    Chart,
    Limits,
    Metadata,
    MetadataError,
    ValuesError,
    effective,
    merge,
    values_at,
    values_of,
    versioned,
)

LEAVES = (
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("abc", max_size=3) | st.lists(st.integers(0, 3))
)
MAPS = st.recursive(
    st.dictionaries(st.text("abc", min_size=1, max_size=2), LEAVES, max_size=3),
    lambda inner: st.dictionaries(st.text("abc", min_size=1, max_size=2), LEAVES | inner, max_size=3),
    max_leaves=8,
)


def chart(files):
    return Chart(Metadata("app", "1.0.0", "v2", "", (), {}), files)


@given(MAPS, MAPS)
def test_maps_are_merged_and_all_else_is_replaced(below, above):
    def expected(one, two):
        merged = dict(one)
        for key, value in two.items():
            there = merged.get(key)
            merged[key] = (
                expected(there, value) if isinstance(there, dict) and isinstance(value, dict) else value
            )
        return merged

    text = merge([("a", dump(below).encode()), ("b", dump(above).encode())])
    assert (load_yaml11(text) or {}) == expected(below, above)
    if not expected(below, above):
        assert text == b""


@pytest.mark.parametrize("content", [b"- a", b"text", b"a: [", b"a: *b"])
def test_a_file_that_is_no_map_is_named(content):
    with pytest.raises(ValuesError, match=r"unmarshaling values from 'prod\.yaml' failed: "):
        merge([("prod.yaml", content)])


@pytest.mark.parametrize(
    ("files", "matters"),
    [
        ([], False),
        (["values.yaml"], False),
        (["./values.yaml"], False),
        (["a/../values.yaml"], False),
        (["other.yaml"], True),
        (["values.yaml", "values.yaml"], True),
    ],
)
def test_when_values_files_make_a_difference(files, matters):
    assert effective(files) is matters


def test_files_of_the_chart_are_not_templates():
    found = chart({"values.yaml": b"a: 1\n", "ci/prod.yaml": b"b: 2\n", "templates/x.yaml": b"c: 3\n"})
    assert values_of(found, ["values.yaml", "./ci/prod.yaml"], False) == (
        b"a: 1\nb: 2\n",
        ("values.yaml", "./ci/prod.yaml"),
    )
    with pytest.raises(ValuesError, match=r"no values file found at path 'templates/x\.yaml'"):
        values_of(found, ["templates/x.yaml"], False)
    assert values_of(found, ["none.yaml"], True) == (b"", ())


def test_files_of_a_tree_stay_in_it(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "out.yaml").write_text("secret: true\n")
    (root / "in.yaml").write_text("a: 1\n")
    (root / "link.yaml").symlink_to("in.yaml")
    (root / "bad.yaml").symlink_to("../out.yaml")
    (root / "folder").mkdir()
    assert values_at(root, ["../../in.yaml", "/link.yaml"], False, Limits())[0] == b"a: 1\n"
    for name in ("../out.yaml", "bad.yaml", "folder", "none.yaml", "a\0b"):
        with pytest.raises(ValuesError, match=r"no values file found at path '/"):
            values_at(root, [name], False, Limits())
    with pytest.raises(ValuesError, match="larger than 3 bytes"):
        values_at(root, ["in.yaml"], False, Limits(file=3))


@pytest.mark.parametrize(
    ("version", "build", "result"),
    [
        ("1.2.3", "4", "1.2.3+4"),
        ("v1.0", "x", "1.0.0+x"),
        ("1.2.3+old.1", "abc.2", "1.2.3+abc.2"),
        ("1.2.3-rc.1+old", "7", "1.2.3-rc.1+7"),
    ],
)
def test_build_metadata_is_replaced(version, build, result):
    assert versioned(version, build) == result


@pytest.mark.parametrize(("version", "build"), [("newest", "1"), ("1.0.0", "a b"), ("1.0.0", "")])
def test_what_is_no_version_has_no_build(version, build):
    with pytest.raises(MetadataError):
        versioned(version, build)
