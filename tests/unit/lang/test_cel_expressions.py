"""Expressions are checked when they are read, and a failed evaluation is an exception."""

import subprocess
import sys

import pytest

from shared.lang.cel import CelEvaluationError, CelSyntaxError, Expression, compile_predicate

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


def test_values_come_back_plain():
    assert Expression.parse("[1, 'a', {'k': status}]").evaluate({"status": None}) == [1, "a", {"k": None}]


def test_the_runtime_is_loaded_late():
    script = "import sys, shared.lang.cel; sys.exit('cel_expr_python' in str(sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
