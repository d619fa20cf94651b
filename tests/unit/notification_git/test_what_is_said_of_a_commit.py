"""Commits, states and words that come out of events."""

import pytest

from notification_controller.delivery.errors import Trouble
from notification_controller.delivery.git.status import State, commit_of, describe, status_of
from notification_controller.event import Event, Involved

SHA = "69b59063470310ebbd88a9156325322a124e55a3"
OTHER = "b" * 40
LONG = SHA + "0" * 24


def event(severity="info", reason="ReconciliationSucceeded", **metadata):
    return Event(Involved("Kustomization", "Apps", "Web"), severity, "", reason, "", metadata=metadata)


@pytest.mark.parametrize(
    ("metadata", "want"),
    [
        ({"revision": f"main@sha1:{SHA}"}, SHA),
        ({"revision": f"sha1:{SHA}"}, SHA),
        ({"revision": SHA}, SHA),
        ({"revision": f"env/dev/{SHA}"}, SHA),
        ({"revision": f"refs/pull/1/head@sha1:{SHA}"}, SHA),
        ({"revision": f"main@sha256:{LONG}"}, LONG),
        ({"revision": SHA.upper()}, SHA.upper()),
        ({"commit": SHA, "originRevision": OTHER, "revision": OTHER}, SHA),
        ({"originRevision": f"v1@sha1:{SHA}", "revision": f"latest@sha256:{LONG}"}, SHA),
        ({"commit": "", "originRevision": "", "revision": SHA}, SHA),
    ],
)
def test_commits_are_found(metadata, want):
    assert commit_of(event(**metadata)) == want


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        ({}, "missing revision metadata"),
        ({"revision": ""}, "missing revision metadata"),
        ({"revision": "master"}, "failed to extract commit hash from 'master' revision"),
        ({"revision": f"{SHA}0"}, f"failed to extract commit hash from '{SHA}0' revision"),
        ({"revision": f"{SHA}@sha1:"}, f"failed to extract commit hash from '{SHA}@sha1:' revision"),
        ({"commit": "short", "revision": SHA}, "failed to extract commit hash from 'short' revision"),
        ({"revision": f"a:{'../' * 13}x"}, f"failed to extract commit hash from 'a:{'../' * 13}x' revision"),
    ],
)
def test_what_is_no_commit_is_refused(metadata, told):
    with pytest.raises(Trouble) as caught:
        commit_of(event(**metadata))
    assert str(caught.value) == told


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("ReconciliationSucceeded", "reconciliation succeeded"),
        ("HTTPError", "http error"),
        ("NewArtifact", "new artifact"),
        ("Succeeded", "succeeded"),
        ("progressing", "progressing"),
        ("OCIPullFailed", "oci pull failed"),
        ("Sha256Mismatch", "sha 256 mismatch"),
        ("UPGRADE", "upgrade"),
        ("", ""),
    ],
)
def test_reasons_become_words(reason, words):
    assert describe(reason) == words


@pytest.mark.parametrize(
    ("severity", "reason", "state"),
    [
        ("info", "ReconciliationSucceeded", State.SUCCESS),
        ("error", "BuildFailed", State.FAILURE),
        ("info", "Progressing", State.PENDING),
        ("error", "Progressing", State.PENDING),
    ],
)
def test_states_follow_severity_and_reason(severity, reason, state):
    found = status_of(event(severity, reason), "context")
    assert (found.state, found.name, found.context) == (state, "kustomization/web", "context")


def test_other_severities_say_nothing():
    with pytest.raises(Trouble, match=r"severity 'trace' says nothing"):
        status_of(event("trace"), "context")
