from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.status.conditions import ConditionConflict, Conditions

T0 = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
T1 = T0 + timedelta(hours=1)
TYPES = st.sampled_from(["Ready", "Reconciling", "Stalled", "Healthy", "Drifted"])
STATES = st.tuples(
    TYPES, st.sampled_from(["True", "False"]), st.sampled_from(["A", "B"]), st.text(max_size=3)
)


def written(generation, *states, base=(), now=T0):
    conditions = Conditions(generation, base)
    for state in states:
        conditions.set(*state)
    return conditions.render(base, now)


@pytest.mark.case("runtime-3")
def test_the_same_words_at_a_newer_generation_move_only_the_generation():
    before = written(3, ("Ready", "True", "Succeeded", "all well"))
    after = written(4, ("Ready", "True", "Succeeded", "all well"), base=before, now=T1)
    assert after == [before[0] | {"observedGeneration": 4}]
    assert after[0]["lastTransitionTime"] == "2026-01-02T03:04:05Z"


@pytest.mark.case("runtime-4")
def test_a_new_message_alone_moves_the_time():
    before = written(3, ("Ready", "True", "Succeeded", "A"))
    after = written(3, ("Ready", "True", "Succeeded", "B"), base=before, now=T1)
    assert after[0]["lastTransitionTime"] == "2026-01-02T04:04:05Z"


@pytest.mark.case("runtime-5")
def test_conditions_are_stored_in_their_order():
    said = ("True", "Reason", "message")
    stored = written(1, ("Healthy", *said), ("Ready", *said), ("Reconciling", *said))
    assert [condition["type"] for condition in stored] == ["Reconciling", "Ready", "Healthy"]


def test_others_come_by_generation_and_then_by_name():
    base = written(1, ("Old", "True", "R", ""), ("Zebra", "True", "R", ""))
    stored = written(2, ("Zebra", "True", "R", ""), ("Apple", "True", "R", ""), base=base)
    assert [condition["type"] for condition in stored] == ["Apple", "Zebra", "Old"]


@pytest.mark.case("runtime-6")
def test_a_long_message_is_cut():
    (stored,) = written(1, ("Ready", "False", "Failed", "x" * 40_000))
    assert stored["message"] == "x" * 32_765 + "..."


def test_a_message_is_never_cut_inside_a_character():
    (stored,) = written(1, ("Ready", "False", "Failed", "ä" * 20_000))
    assert stored["message"] == "ä" * 16_382 + "..."


def test_passing_through_another_state_leaves_no_trace():
    base = written(1, ("Ready", "True", "Succeeded", "fine"))
    again = written(
        1, ("Ready", "Unknown", "Progressing", ""), ("Ready", "True", "Succeeded", "fine"), base=base, now=T1
    )
    assert again == base


def test_what_was_removed_and_set_again_keeps_its_time():
    base = written(1, ("Reconciling", "True", "Progressing", "working"))
    conditions = Conditions(1, base)
    conditions.remove("Reconciling")
    conditions.mark_reconciling("Progressing", "working")
    assert conditions.render(base, T1) == base


def test_reconciling_and_stalled_exclude_each_other():
    conditions = Conditions(1)
    conditions.mark_stalled("InvalidURL", "no")
    conditions.mark_reconciling("Progressing", "working")
    assert [condition.type for condition in conditions] == ["Reconciling"]
    conditions.mark_stalled("InvalidURL", "no")
    assert [condition.type for condition in conditions] == ["Stalled"]


def test_an_absent_condition_is_unknown():
    assert Conditions(1).status("Ready") == "Unknown"
    assert not Conditions(1).holds("Ready")


@given(st.lists(STATES), st.lists(STATES))
def test_times_move_exactly_when_words_do(first, second):
    base = written(1, *first)
    times = {condition["type"]: condition for condition in base}
    for condition in written(2, *second, base=base, now=T1):
        old = times.get(condition["type"])
        same = old is not None and all(old[key] == condition[key] for key in ("status", "reason", "message"))
        assert condition["lastTransitionTime"] == ("2026-01-02T03:04:05Z" if same else "2026-01-02T04:04:05Z")


@given(st.lists(STATES))
def test_writing_what_was_read_changes_nothing(states):
    base = written(7, *states)
    assert Conditions(7, base).render(base, T1) == base


OWNED = frozenset({"Ready"})


def rebased(base, ours, theirs):
    conditions = Conditions(1, base)
    for state in ours:
        conditions.set(*state)
    conditions.rebase(base, theirs, OWNED)
    return {condition.type: condition.status for condition in conditions}


def test_conditions_of_others_are_taken_over():
    base = written(1, ("Mine", "True", "R", ""), ("Gone", "True", "R", ""))
    theirs = written(1, ("Mine", "False", "R", ""), ("New", "True", "R", ""))
    ours = [("Ready", "True", "R", "")]
    assert rebased(base, ours, theirs) == {"Mine": "False", "New": "True", "Ready": "True"}


def test_an_owned_condition_is_ours_whatever_others_say():
    theirs = written(1, ("Ready", "False", "Vandalism", ""))
    assert rebased([], [("Ready", "True", "R", "")], theirs) == {"Ready": "True"}


def test_two_writers_who_say_the_same_agree():
    theirs = written(1, ("Other", "True", "R", ""))
    assert rebased([], [("Other", "True", "R", "")], theirs) == {"Other": "True"}


@pytest.mark.parametrize("theirs", [[("Other", "False", "R", "")], []])
def test_a_foreign_condition_moved_by_two_writers_is_a_conflict(theirs):
    base = written(1, ("Other", "Unknown", "R", ""))
    with pytest.raises(ConditionConflict, match="condition Other"):
        rebased(base, [("Other", "True", "R", "")], written(1, *theirs))
