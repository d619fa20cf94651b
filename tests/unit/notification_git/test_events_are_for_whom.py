"""Which events go to which types of provider."""

from itertools import product

import pytest

from notification_controller.delivery.eligibility import Verdict, judge
from notification_controller.event import Event, Involved
from shared.api.notification_v1beta3 import COMMENTS, COMMIT_STATUS, ProviderType

GROUP = "kustomize.toolkit.fluxcd.io"
UPDATE = {f"{GROUP}/commit_status": "update"}
COMMIT = {"event.toolkit.fluxcd.io/commit": "a" * 40}
CHANGE = {"event.toolkit.fluxcd.io/change_request": "12"}
OTHERS = set(ProviderType) - COMMIT_STATUS - COMMENTS
FORWARDING = {ProviderType.GENERIC, ProviderType.GENERIC_HMAC}


def event(*metadata, severity="info"):
    involved = Involved("Kustomization", "apps", "web", api_version=f"{GROUP}/v1")
    combined = {key: value for part in metadata for key, value in part.items()}
    return Event(involved, severity, "all well", "Succeeded", "kustomize-controller", metadata=combined)


@pytest.mark.parametrize(
    ("kinds", "posted", "verdict"),
    [
        (COMMIT_STATUS, event(), Verdict.NO_COMMIT),
        (COMMIT_STATUS, event(CHANGE), Verdict.NO_COMMIT),
        (COMMIT_STATUS, event({"event.toolkit.fluxcd.io/commit": ""}), Verdict.NO_COMMIT),
        (COMMIT_STATUS, event({"commit": "a" * 40}), Verdict.NO_COMMIT),
        (COMMIT_STATUS, event({"source.toolkit.fluxcd.io/commit_status": "update"}), Verdict.NO_COMMIT),
        (COMMIT_STATUS, event({f"{GROUP}/commit_status": "other"}), Verdict.NO_COMMIT),
        (COMMIT_STATUS, event(COMMIT), Verdict.DELIVER),
        (COMMIT_STATUS, event(UPDATE), Verdict.DELIVER),
        (COMMIT_STATUS, event(severity="error"), Verdict.DELIVER),
        (COMMENTS, event(), Verdict.NO_CHANGE_REQUEST),
        (COMMENTS, event(severity="error"), Verdict.NO_CHANGE_REQUEST),
        (COMMENTS, event({"event.toolkit.fluxcd.io/change_request": ""}), Verdict.NO_CHANGE_REQUEST),
        (COMMENTS, event(CHANGE), Verdict.DELIVER),
        (COMMENTS, event(CHANGE, UPDATE), Verdict.SKIP),
        (OTHERS, event(), Verdict.DELIVER),
        (OTHERS, event(COMMIT, CHANGE), Verdict.DELIVER),
        (OTHERS - FORWARDING, event(UPDATE), Verdict.SKIP),
        (OTHERS - FORWARDING, event(UPDATE, severity="error"), Verdict.SKIP),
        (FORWARDING, event(UPDATE), Verdict.DELIVER),
    ],
)
def test_events_are_judged_by_what_they_name(kinds, posted, verdict):
    assert {kind: judge(kind, posted) for kind in kinds} == dict.fromkeys(kinds, verdict)


def test_a_verdict_is_there_for_every_type():
    rows = product(ProviderType, (event(), event(UPDATE), event(COMMIT, CHANGE)))
    assert all(isinstance(judge(kind, posted), Verdict) for kind, posted in rows)
