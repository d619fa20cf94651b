"""The five newest results of a Kustomization."""

from datetime import UTC, datetime, timedelta

from kustomize_controller.kustomization.history import record

START = datetime(2026, 1, 1, tzinfo=UTC)


def recorded(*results):
    history = None
    for minute, (digest, status) in enumerate(results):
        history = record(
            history,
            digest=digest,
            status=status,
            metadata={"revision": f"r{minute}"},
            now=START + timedelta(minutes=minute),
            duration=timedelta(seconds=1.5),
        )
    return history


def test_the_newest_comes_first_and_only_five_are_kept():
    history = recorded(*((letter, "ok") for letter in "abcdefg"))
    assert [entry["digest"] for entry in history] == ["g", "f", "e", "d", "c"]


def test_an_equal_result_is_counted_refreshed_and_moved_to_the_front():
    first, second = recorded(("a", "ok"), ("b", "ok"), ("a", "ok"))
    assert first == {
        "digest": "a",
        "firstReconciled": "2026-01-01T00:00:00Z",
        "lastReconciled": "2026-01-01T00:02:00Z",
        "lastReconciledDuration": "1.5s",
        "lastReconciledStatus": "ok",
        "totalReconciliations": 2,
        "metadata": {"revision": "r2"},
    }
    assert (second["digest"], second["totalReconciliations"]) == ("b", 1)


def test_the_same_digest_with_another_status_is_another_result():
    history = recorded(("a", "ok"), ("a", "failed"))
    assert [entry["lastReconciledStatus"] for entry in history] == ["failed", "ok"]


def test_what_was_recorded_before_is_not_changed():
    before = recorded(("a", "ok"))
    record(before, digest="a", status="ok", metadata={}, now=START, duration=timedelta())
    assert before == recorded(("a", "ok"))
