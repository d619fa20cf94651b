"""The string library does what its documentation says, to the ends of a text and behind them."""

import pytest

from shared.lang.cel import CelError, CelEvaluationError, CelSyntaxError, Expression, compile_predicate
from shared.lang.cel_strings import with_aliases

VALUES = {"self": {"ref": "refs/heads/main", "n": 1}, "dep": {}}


@pytest.mark.parametrize(
    "text",
    [
        "self.ref.substring(11, self.ref.size()) == 'main'",
        "self.ref.substring(self.ref.lastIndexOf('/') + 1) == 'main'",
        "'tacocat'.substring(0, 4) == 'taco'",
        "'tacocat'.substring(0, 7) == 'tacocat'",
        "'tacocat'.substring(4) == 'cat'",
        "'tacocat'.substring(7) == ''",
        "'tacocat'.substring(7, 7) == ''",
        "''.substring(0, 0) == ''",
        "'ta©o©é😀'.substring(2, 7) == '©o©é😀'",
        "'hello mellow'.indexOf('') == 0",
        "'hello mellow'.indexOf('ello') == 1",
        "'hello mellow'.indexOf('jello') == -1",
        "'hello mellow'.indexOf('', 2) == 2",
        "'hello mellow'.indexOf('', 30) == 12",
        "'hello mellow'.indexOf('ello', 2) == 7",
        "'hello mellow'.indexOf('w', 11) == 11",
        "'hello mellow'.indexOf('w', 12) == -1",
        "'hello mellow'.indexOf('ello', 20) == -1",
        "'ta©o©éT'.indexOf('©', 3) == 4",
        "'hello mellow'.lastIndexOf('') == 12",
        "'hello mellow'.lastIndexOf('ello') == 7",
        "'hello mellow'.lastIndexOf('jello') == -1",
        "'hello mellow'.lastIndexOf('ello', 6) == 1",
        "'hello mellow'.lastIndexOf('ello', 7) == 7",
        "'hello mellow'.lastIndexOf('h', 0) == 0",
        "'hello mellow'.lastIndexOf('w', 12) == -1",
        "'hello mellow'.lastIndexOf('ello', 20) == -1",
        "'tacocat'.lastIndexOf('', 3) == 3",
        "'tacocat'.lastIndexOf('', 30) == 7",
        "'bananananana'.lastIndexOf('nana', 7) == 6",
        "'ta©o©éT'.lastIndexOf('©', 3) == 2",
        "''.lastIndexOf('@@') == -1",
        "'hello'.charAt(4) == 'o'",
        "'hello'.charAt(5) == ''",
        "'hello hello hello'.split(' ') == ['hello', 'hello', 'hello']",
        "'hello hello hello'.split(' ', 0) == []",
        "'hello hello hello'.split(' ', 1) == ['hello hello hello']",
        "'hello hello hello'.split(' ', 2) == ['hello', 'hello hello']",
        "'hello hello hello'.split(' ', -1) == ['hello', 'hello', 'hello']",
        "''.split(',') == ['']",
        "'hello hello'.replace('he', 'we') == 'wello wello'",
        "'hello hello'.replace('he', 'we', -1) == 'wello wello'",
        "'hello hello'.replace('he', 'we', 1) == 'wello hello'",
        "'hello hello'.replace('he', 'we', 0) == 'hello hello'",
        "'hello hello'.replace('', '_') == '_h_e_l_l_o_ _h_e_l_l_o_'",
        "'hello hello'.replace('h', '') == 'ello ello'",
    ],
)
def test_what_the_documentation_says(text):
    assert compile_predicate(text).holds(VALUES)
    assert Expression.parse(text).holds(VALUES)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("'tacocat'.substring(8)", "index out of range: 8"),
        ("'tacocat'.substring(-1)", "index out of range: -1"),
        ("'tacocat'.substring(0, 8)", "index out of range: 8"),
        ("'tacocat'.substring(2, 1)", "invalid substring range. start: 2, end: 1"),
        ("'tacocat'.indexOf('a', -1)", "index out of range: -1"),
        ("'tacocat'.lastIndexOf('a', -1)", "index out of range: -1"),
        ("self.ref.substring(self.ref)", "(string).substring(string)"),
        ("self.n.indexOf('a')", "(int64).indexOf(string)"),
    ],
)
def test_what_is_outside_of_a_text_is_an_error(text, told):
    with pytest.raises(CelEvaluationError) as caught:
        Expression.compile(text, ("self",)).evaluate(VALUES)
    assert str(caught.value).startswith(f"failed to evaluate the CEL expression '{text}': ")
    assert str(caught.value).endswith(told)
    assert str(caught.value).count("failed to evaluate") == 1


def test_a_mistake_is_told_by_the_names_of_the_expression():
    with pytest.raises(CelSyntaxError, match=r"<input>:1:16: found no matching overload for 'substring'"):
        Expression.compile("'abc'.substring(true)", ())


@pytest.mark.parametrize(
    "text",
    [
        "'.substring('",
        '".indexOf("',
        "'''a'b.substring('''",
        '"""a"b\n.substring("""',
        r"'\'.substring('",
        r'"\".lastIndexOf("',
        r"r'\\' + '.substring('",
        'R"""a\\b""" + ".indexOf("',
        "r'\"' + '.substring('",
    ],
)
def test_literals_stay_as_they_are(text):
    assert with_aliases(text) == text
    assert Expression.parse(text).evaluate({}).endswith("(")
    assert with_aliases(f"{text}.substring(1)") != f"{text}.substring(1)"


def test_comments_fields_and_other_names_stay_as_they_are():
    values = {"self": {"substring": 1, "indexOf": {"a": 2}}}
    for text in ("1 // .substring(0)", "self.substring", "self.indexOf.a", "self.indexOf['a']"):
        assert with_aliases(text) == text
        assert Expression.parse(text).evaluate(values) in (1, 2)
    assert Expression.parse("'abc' // that's\n . substring\n (1)").evaluate({}) == "bc"


@pytest.mark.parametrize("text", ["'abc.substring(0)", '"""a".substring(0)', "'a\n.substring(0)'"])
def test_a_literal_without_an_end_is_a_mistake(text):
    with pytest.raises(CelError):
        Expression.parse(text)
