"""Defaults, decoding errors and the small claims that the models make about objects."""

from datetime import timedelta

import pytest

from shared.api.decode import InvalidObject, decode
from shared.api.kustomize_v1 import DeletionPolicy, Kustomization
from shared.api.source_v1 import GitRepository

SOURCE = {"url": "https://git.example.com/a", "interval": "1m"}


def kustomization(**spec):
    needed = {"interval": "10m", "prune": True, "sourceRef": {"kind": "GitRepository", "name": "a"}}
    return decode(Kustomization, {"metadata": {"name": "a", "namespace": "b"}, "spec": needed | spec})


def repository(**parts):
    return decode(GitRepository, {"metadata": {"name": "a"}, "spec": SOURCE} | parts)


def test_a_new_object_has_observed_nothing():
    assert repository().status.observed_generation == -1
    assert repository().artifact is None


@pytest.mark.parametrize(
    ("spec", "timeout"),
    [
        ({}, timedelta(minutes=9, seconds=30)),
        ({"interval": "40s"}, timedelta(seconds=30)),
        ({"timeout": "5s"}, timedelta(seconds=30)),
        ({"timeout": "0s"}, timedelta(seconds=30)),
        ({"timeout": "2h"}, timedelta(hours=2)),
    ],
)
def test_timeout_is_the_interval_less_half_a_minute_and_never_below_that(spec, timeout):
    assert kustomization(**spec).timeout == timeout


def test_a_failed_attempt_is_repeated_after_the_interval_unless_told_otherwise():
    assert kustomization().retry_interval == timedelta(minutes=10)
    assert kustomization(retryInterval="30s").retry_interval == timedelta(seconds=30)


def test_deletion_mirrors_pruning_by_default():
    assert kustomization().deletion_policy is DeletionPolicy.MIRROR_PRUNE
    assert kustomization(deletionPolicy="Orphan").deletion_policy is DeletionPolicy.ORPHAN


def test_a_repository_is_given_a_minute():
    assert repository().spec.timeout == timedelta(minutes=1)


def test_an_empty_ignore_is_not_an_absent_one():
    assert repository().spec.ignore is None
    assert repository(spec=SOURCE | {"ignore": ""}).spec.ignore == ""


def test_unknown_fields_are_ignored():
    assert repository(spec=SOURCE | {"someday": 1}).spec.url == SOURCE["url"]


def condition(kind, status):
    return {
        "type": kind,
        "status": status,
        "reason": "Because",
        "message": "",
        "lastTransitionTime": "2026-01-02T03:04:05Z",
    }


@pytest.mark.parametrize(
    ("conditions", "ready"),
    [
        ([], False),
        ([("Ready", "True")], True),
        ([("Ready", "False")], False),
        ([("Ready", "True"), ("Reconciling", "True")], False),
        ([("Ready", "True"), ("Stalled", "True")], False),
        ([("Ready", "True"), ("Stalled", "False")], True),
    ],
)
def test_ready_means_ready_and_at_rest(conditions, ready):
    assert repository(status={"conditions": [condition(*each) for each in conditions]}).ready is ready


def test_errors_never_repeat_the_value_and_count_the_rest():
    with pytest.raises(InvalidObject) as caught:
        repository(spec={"url": "ftp://user:hunter2@host", "interval": "never"})
    assert caught.value.path == "spec.url"
    assert "hunter2" not in str(caught.value)
    assert "1 more problem" in str(caught.value)
    assert caught.value.__cause__ is None


def test_objects_are_written_with_canonical_durations():
    dumped = repository(spec=SOURCE | {"interval": "90m"}).spec.model_dump(mode="json", by_alias=True)
    assert (dumped["interval"], dumped["timeout"]) == ("1h30m0s", "1m0s")
