"""Checks in CEL replace the rule of a kind; what they can't evaluate is Unknown."""

import pytest

from shared.status.kstatus import CheckSpec, CustomChecks, InvalidHealthCheck, Status, StatusReader


def widget(status=None, **metadata):
    return {
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "metadata": {"name": "w", "generation": 2, **metadata},
        "status": status or {},
    }


WRAPPED = "failed to create custom status evaluator for healthchecks[0]: "
CHECK = CheckSpec(
    "example.com/v1beta1",
    "Widget",
    current="status.phase == 'Done'",
    in_progress="status.phase == 'Busy' || status.phase == 'Both'",
    failed="status.phase == 'Broken' || status.phase == 'Both'",
)


def read(obj, *specs):
    return StatusReader(CustomChecks.compile(specs or [CHECK])).read(obj)


@pytest.mark.parametrize(
    ("status", "want"),
    [
        ({"phase": "Done"}, Status.CURRENT),
        ({"phase": "Busy"}, Status.IN_PROGRESS),
        ({"phase": "Broken"}, Status.FAILED),
        ({"phase": "Both"}, Status.IN_PROGRESS),
        ({"phase": "New"}, Status.IN_PROGRESS),
        ({"phase": "Done", "observedGeneration": 1}, Status.IN_PROGRESS),
        ({"phase": "Done", "observedGeneration": 2}, Status.CURRENT),
        ({"phase": "Done", "observedGeneration": "1"}, Status.CURRENT),
    ],
)
def test_the_first_true_expression_decides(status, want):
    assert read(widget(status)).status is want


def test_a_field_that_is_not_there_is_unknown():
    result = read(widget())
    assert result.status is Status.UNKNOWN
    assert "inProgress" in result.message


def test_a_value_that_is_no_boolean_is_unknown():
    result = read(widget(), CheckSpec("example.com/v1", "Widget", current="'yes'"))
    assert result.status is Status.UNKNOWN
    assert "a boolean is needed" in result.message


def test_a_check_for_a_kind_beats_one_for_its_group():
    group = CheckSpec("example.com/v1", current="false")
    kind = CheckSpec("example.com/v1", "Widget", current="true")
    assert read(widget(), group, kind).status is Status.CURRENT
    assert read(widget() | {"kind": "Gadget"}, group, kind).status is Status.IN_PROGRESS


def test_checks_beat_the_built_in_rule_for_jobs():
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {}, "status": {"startTime": "now"}}
    assert read(job, CheckSpec("batch/v1", "Job", current="has(status.startTime)")).status is Status.CURRENT


def test_other_kinds_keep_their_rules():
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {}}
    assert read(claim).status is Status.IN_PROGRESS


def test_data_may_be_looked_at():
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}, "data": {"ready": "yes"}}
    assert read(config, CheckSpec("v1", "ConfigMap", current="data.ready == 'yes'")).status is Status.CURRENT


@pytest.mark.parametrize(
    ("specs", "message"),
    [
        (
            [
                CheckSpec("v1", "Pod", current="true"),
                CheckSpec("a/v1", "B", current="true"),
                CheckSpec("a/v2", "B", current="true"),
            ],
            "duplicate custom health check for GroupKind B.a at healthchecks[2]",
        ),
        (
            [CheckSpec("v1", "Pod", current="true"), CheckSpec("v1", "Pod", current="true")],
            "duplicate custom health check for GroupKind Pod at healthchecks[1]",
        ),
        (
            [CheckSpec("a/v1", "B", failed="true")],
            f"{WRAPPED}expression Current not specified",
        ),
        (
            [CheckSpec("a/v1", "B", current="foo.")],
            f"{WRAPPED}failed to parse the expression Current: failed to parse the CEL expression 'foo.': ",
        ),
        (
            [CheckSpec("a/v1", "B", current="true", in_progress="foo.")],
            f"{WRAPPED}failed to parse the expression InProgress: ",
        ),
    ],
)
def test_words_for_checks_that_can_not_be_used(specs, message):
    with pytest.raises(InvalidHealthCheck) as caught:
        CustomChecks.compile(specs)
    assert str(caught.value).startswith(message)
