import pytest

from shared.testing.kstatus_contract import violations


def an_object(*conditions, observed=2, generation=2):
    return {
        "metadata": {"name": "app", "generation": generation},
        "status": {"observedGeneration": observed, "conditions": list(conditions)},
    }


def a_condition(kind, status="True", generation=2):
    return {"type": kind, "status": status, "reason": "R", "message": "", "observedGeneration": generation}


def rules(found):
    return [line.split(":", 1)[0] for line in found]


@pytest.mark.parametrize(
    "sound",
    [
        an_object(a_condition("Ready")),
        an_object(a_condition("Ready"), a_condition("Healthy")),
        an_object(a_condition("Ready", "False"), a_condition("Stalled")),
        an_object(a_condition("Reconciling"), a_condition("Ready", "False"), observed=-1),
        an_object(a_condition("Ready"), a_condition("FetchFailed", "False")),
    ],
)
def test_sound_statuses_pass(sound):
    assert violations(sound) == []


@pytest.mark.parametrize(
    ("rule", "broken"),
    [
        ("1", an_object(a_condition("Ready"), a_condition("FetchFailed"))),
        ("2", an_object()),
        ("3", an_object(a_condition("Reconciling"), a_condition("Ready", "Unknown"))),
        ("4", an_object(a_condition("Stalled"), a_condition("Ready", "Unknown"))),
        ("5", an_object(a_condition("Reconciling"), a_condition("Stalled"), a_condition("Ready", "False"))),
        ("6", an_object(a_condition("Ready", "False"), observed=3)),
        ("7", an_object(a_condition("Ready"), observed=1)),
        ("8", an_object(a_condition("Ready"), a_condition("Healthy", generation=1))),
        ("9", an_object(a_condition("Ready"), observed=1)),
        ("10", an_object(a_condition("Ready", "Unknown"))),
        ("11", an_object(a_condition("Ready"), a_condition("Stalled", "False"))),
    ],
)
def test_each_rule_is_watched(rule, broken):
    assert rule in rules(violations(broken))


def test_a_condition_without_generation_is_not_taken_for_current():
    silent = {"type": "Ready", "status": "True"}
    assert rules(violations(an_object(silent))) == ["8", "9"]


@pytest.mark.parametrize(
    "running",
    [
        an_object(a_condition("Reconciling")),
        an_object(a_condition("Reconciling"), a_condition("Ready")),
        an_object(a_condition("Reconciling"), a_condition("Ready", "Unknown")),
    ],
)
def test_a_running_turn_may_leave_ready_open(running):
    assert violations(running, finished=False) == []


def test_a_running_turn_that_says_unknown_must_say_reconciling():
    assert rules(violations(an_object(a_condition("Ready", "Unknown")), finished=False)) == ["10"]


def test_a_brand_new_object_is_only_open_while_its_turn_runs():
    new = {"metadata": {"generation": 1}, "status": {"observedGeneration": -1}}
    assert violations(new, finished=False) == []
    assert rules(violations(new)) == ["2"]
