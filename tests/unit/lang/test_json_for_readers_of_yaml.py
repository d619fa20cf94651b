"""JSON that YAML's readers take for the same."""

from hypothesis import given
from hypothesis import strategies as st

from shared.lang import yaml
from shared.lang.json import dumps_for_yaml, loads

SIGNS = st.characters(exclude_categories=["Cs"])


def test_signs_that_yaml_refuses_or_folds_are_written_as_numbers():
    assert dumps_for_yaml("a\x7f\u0085\u2028\ufeff\uffffü\U0001f600") == (
        b'"a\\u007f\\u0085\\u2028\\ufeff\\uffff\xc3\xbc\xf0\x9f\x98\x80"'
    )


@given(st.text(SIGNS))
def test_both_readers_find_the_text(text):
    written = dumps_for_yaml({"key": text})
    assert loads(written) == {"key": text}
    assert yaml.load(written) == {"key": text}
