"""Expressions are checked when they are read, and a failed evaluation is an exception."""

import subprocess
import sys

import pytest

from shared.lang.cel import (
    CelEvaluationError,
    CelSyntaxError,
    Expression,
    Gives,
    compile_exact,
    compile_predicate,
)

VALUES = {
    "self": {"metadata": {"name": "a"}, "spec": {"n": 2, "list": [1, 2, 2]}},
    "dep": {"status": {"ready": True, "conditions": [{"type": "Ready", "status": "True"}]}},
}


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("self.metadata.name == 'a'", True),
        ("dep.status.ready", True),
        ("dep.status.conditions.exists(c, c.type == 'Ready' && c.status == 'True')", True),
        ("self.spec.n < 2.5 && self.spec.n == 2.0", True),
        ("has(dep.status.missing)", False),
        ("dep.status.?missing.orValue(false)", False),
        ("'a,b'.split(',').size() == 2", True),
        ("base64.encode(b'a') == 'YQ=='", True),
        ("timestamp('2020-01-01T00:00:00Z').getHours() == 0", True),
        ("sets.contains(self.spec.list, [2])", True),
        ("sets.equivalent(self.spec.list, [2, 1])", True),
        ("sets.intersects(self.spec.list, [3, true])", False),
    ],
)
def test_predicates(text, want):
    assert compile_predicate(text).holds(VALUES) is want


@pytest.mark.parametrize(
    "text", ["", "1 +", "1\n+\n", "foo == 1", "self.spec.n + 1", "'a'", "size(1)", "a" * 20_000]
)
def test_mistakes_are_found_when_compiling(text):
    with pytest.raises(CelSyntaxError, match=r"^failed to parse the CEL expression") as caught:
        compile_predicate(text)
    assert "\n" not in str(caught.value).replace(text, "")


@pytest.mark.parametrize("text", ["self.missing == 1", "self.spec.n", "1 / 0 == 1", "self.spec.list[9] == 1"])
def test_failures_are_found_when_evaluating(text):
    with pytest.raises(CelEvaluationError, match=r"^failed to evaluate the CEL expression"):
        compile_predicate(text).holds(VALUES)


def test_health_expressions_see_the_fields_of_the_object():
    expression = Expression.parse("status.phase == 'Running'")
    assert expression.holds({"status": {"phase": "Running"}, "kind": "Pod"})
    with pytest.raises(CelEvaluationError, match="phase"):
        expression.holds({"status": {}})
    with pytest.raises(CelEvaluationError, match="status"):
        expression.holds({})
    with pytest.raises(CelSyntaxError):
        Expression.parse("status.phase ==")


@pytest.mark.parametrize(
    ("text", "gives"),
    [
        ("self.a == true", Gives.BOOLEAN),
        ("has(self.a)", Gives.BOOLEAN),
        ("self.a + '/'", Gives.TEXT),
        ("string(self.a)", Gives.TEXT),
        ("self.a.split('-').first().value()", Gives.TEXT),
        ("self.list.map(x, string(x)).join('/')", Gives.TEXT),
    ],
)
def test_what_an_expression_gives_is_known_before_it_runs(text, gives):
    assert compile_exact(text, ("self",), gives).text == text


@pytest.mark.parametrize(
    ("text", "gives", "told"),
    [
        ("self.a", Gives.BOOLEAN, "it gives dyn, not bool; compare it"),
        ("self.a", Gives.TEXT, r"it gives dyn, not string; use string\(...\)$"),
        ("self.a == 'x'", Gives.TEXT, "it gives bool, not string$"),
        ("'x'", Gives.BOOLEAN, "it gives string, not bool$"),
        ("other.a == 'x'", Gives.BOOLEAN, "undeclared reference to 'other"),
    ],
)
def test_what_is_only_known_later_is_refused(text, gives, told):
    with pytest.raises(CelSyntaxError, match=told):
        compile_exact(text, ("self",), gives)


def test_optional_values_have_to_be_opened():
    with pytest.raises(CelEvaluationError, match="no plain value"):
        Expression.parse("optional.of(1)").evaluate({})
    assert Expression.parse("optional.of(1).value()").evaluate({}) == 1


@pytest.mark.parametrize("text", ["[optional.of(1)]", "{'a': optional.of(1)}", "[[{'a': optional.none()}]]"])
def test_optional_values_inside_of_others_have_to_be_opened(text):
    expression = Expression.parse(text)
    with pytest.raises(CelEvaluationError, match="no plain value"):
        expression.evaluate({})
    with pytest.raises(CelEvaluationError, match="not a boolean"):
        expression.holds({})


@pytest.mark.parametrize(
    "text", ["sets.contains([{'a': [1].first()}], [1])", "sets // that\n.contains([{}], a)"]
)
def test_sets_and_maps_do_not_go_together(text):
    with pytest.raises(CelSyntaxError, match=r"can't be in one expression$"):
        Expression.parse(text)


def test_optional_values_are_in_no_set():
    with pytest.raises(CelEvaluationError, match="failed to evaluate"):
        Expression.parse("sets.contains([optional.of(1)], [1])").evaluate({})


def test_values_come_back_plain():
    assert Expression.parse("[1, 'a', {'k': status}]").evaluate({"status": None}) == [1, "a", {"k": None}]


def test_the_runtime_is_loaded_late():
    script = "import sys, shared.lang.cel; sys.exit('cel_expr_python' in str(sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
