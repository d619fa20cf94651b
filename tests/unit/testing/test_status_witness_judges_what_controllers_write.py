import pytest

from shared.testing.status_witness import StatusJudge


def condition(type_, status, reason="Said", generation=1):
    return {"type": type_, "status": status, "reason": reason, "observedGeneration": generation}


READY = condition("Ready", "True", "Succeeded")
BROKEN = [condition("Reconciling", "True", "ProgressingWithRetry"), READY]


def version(*conditions, generation=1, observed=1, manager="source-controller", finalizers=None):
    managers = [{"manager": manager, "subresource": "status"}, {"manager": "kubectl"}]
    finalizers = ["finalizers.fluxcd.io"] if finalizers is None else finalizers
    metadata = {"namespace": "ns", "name": "a", "uid": "1", "generation": generation}
    metadata |= {"managedFields": managers, "finalizers": finalizers}
    status = {"observedGeneration": observed, "conditions": list(conditions)}
    return {"kind": "GitRepository", "metadata": metadata, "status": status}


def judged(*versions):
    judge = StatusJudge()
    for each in versions:
        judge.look(each)
    return judge


def test_a_broken_rule_is_told_once_with_the_object():
    judge = judged(version(*BROKEN), version(*BROKEN))
    assert [told[:22] for told in judge.broken] == ["GitRepository/ns/a: 1:", "GitRepository/ns/a: 3:"]


def test_a_finished_turn_is_counted_by_its_reason():
    judge = judged(version(READY))
    assert judge.broken == []
    assert judge.finished == {("GitRepository", "ns", "a", "Succeeded"): 1}


def test_work_that_goes_on_may_leave_ready_as_it_was():
    judge = judged(version(condition("Reconciling", "True", "Progressing"), READY))
    assert (judge.broken, judge.finished) == ([], {})


@pytest.mark.parametrize("other", [{"manager": "test"}, {"finalizers": []}], ids=["by hand", "no turn yet"])
def test_what_no_controller_wrote_is_not_judged(other):
    assert judged(version(*BROKEN, **other)).broken == []


def test_what_somebody_else_once_touched_is_never_judged():
    judge = judged(version(READY, manager="test"), version(*BROKEN))
    assert judge.broken == []


def test_an_edit_alone_breaks_no_rule():
    assert judged(version(READY), version(READY, generation=2)).broken == []


def test_a_turn_is_judged_by_the_generation_that_it_read():
    later = condition("Ready", "True", "Other")
    assert judged(version(READY), version(later, generation=2)).broken == []


def test_a_turn_that_leaves_a_condition_behind_is_not_sound():
    old = condition("Healthy", "True")
    new = condition("Ready", "True", generation=2)
    judge = judged(version(new, old, generation=2, observed=2))
    assert any(": 8: " in told for told in judge.broken)
