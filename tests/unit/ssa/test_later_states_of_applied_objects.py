"""A later state of an applied object is taken over only when nothing but its status was written since."""

import pytest

from shared.ssa import Applied, ObjectId

WHO = ObjectId("n", "a", "apps", "Deployment")


def state(version, *entries, **metadata):
    found = {"uid": "1", "generation": 1, "resourceVersion": version, "managedFields": list(entries)}
    return {"metadata": {**found, **metadata}}


def entry(manager, time="10:00", subresource="", fields=None):
    return {
        "manager": manager,
        "time": time,
        "subresource": subresource,
        "fieldsV1": fields or {"f:spec": {}},
    }


OURS = entry("kustomize-controller")
ROLLOUT = entry("kube-controller-manager", subresource="status", fields={"f:status": {}})


def followed(before, after):
    applied = Applied(objects={WHO: before})
    applied.follow({WHO: after})
    return applied.objects[WHO] is after


def test_a_written_status_is_followed():
    assert followed(state("1", OURS), state("2", OURS, ROLLOUT))
    assert followed(state("1", OURS, ROLLOUT), state("2", OURS, ROLLOUT | {"time": "11:00"}))


@pytest.mark.parametrize(
    "after",
    [
        pytest.param(state("2", OURS, entry("kubectl-edit")), id="somebody added fields"),
        pytest.param(state("2", OURS | {"fieldsV1": {}}), id="somebody took our fields"),
        pytest.param(state("2", OURS | {"time": "11:00"}), id="we wrote again"),
        pytest.param(state("2", OURS, generation=2), id="the generation rose"),
        pytest.param(state("2", OURS, uid="2"), id="it is another object"),
        pytest.param(state("2", OURS, deletionTimestamp="11:00"), id="it is being deleted"),
        pytest.param({"metadata": {"uid": "1", "generation": 1}}, id="nothing tells who wrote it"),
    ],
)
def test_anything_else_is_not(after):
    assert not followed(state("1", OURS), after)


def test_states_that_do_not_tell_who_wrote_them_are_not_followed():
    assert not followed(state("1"), state("2"))


def test_objects_that_were_not_applied_are_none_of_ours():
    applied = Applied()
    applied.follow({WHO: state("2", OURS)})
    assert not applied.objects
