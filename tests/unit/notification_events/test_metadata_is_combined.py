"""What of the metadata counts, and which source of a key wins."""

import pytest

from notification_controller.events.metadata import cleaned, combined, without_token
from shared.api.decode import decode
from shared.api.notification_v1beta3 import Alert

EVENT = "event.toolkit.fluxcd.io"
CONFLICTS = {
    "annotated": "involved object annotations",
    "alert": "Alert object .spec.eventMetadata",
    "summary": "Alert object .spec.summary",
    "told": "involved object controller metadata",
}


def alert(**spec):
    needed = {"providerRef": {"name": "c"}, "eventSources": []}
    return decode(Alert, {"metadata": {"name": "a", "namespace": "b"}, "spec": needed | spec})


def test_only_keys_with_a_known_prefix_are_kept(event):
    kept = cleaned(
        event(
            metadata={
                "kustomize.toolkit.fluxcd.io/aa/bb": "1",
                "source.toolkit.fluxcd.io/x": "2",
                f"{EVENT}/y": "3",
                "kustomize.toolkit.fluxcd.io/Digest": "4",
                "kustomize.toolkit.fluxcd.io/checksum": "5",
                f"{EVENT}/digest": "6",
                "kustomize.toolkit.fluxcd.iox/y": "7",
            }
        )
    )
    assert combined(kept, alert()).metadata == {"aa/bb": "1", "y": "3", "digest": "6"}


def test_the_token_is_for_nobody_to_read(event):
    seen = without_token(event(metadata={"token": "t", f"{EVENT}/token": "mine", "a": "b"}))
    assert combined(seen, alert()).metadata == {"token": "mine", "a": "b"}


@pytest.mark.parametrize(
    ("sources", "wins"),
    [
        (("annotated", "alert"), "alert"),
        (("alert", "summary"), "summary"),
        (("summary", "told"), "told"),
        (("annotated", "told"), "told"),
        (("annotated", "alert", "summary", "told"), "told"),
    ],
)
def test_later_sources_win_and_the_conflict_is_told(event, sources, wins):
    metadata = {f"{EVENT}/summary": "annotated", "summary": "told"}
    names = {f"{EVENT}/summary": "annotated", "summary": "told"}
    posted = event(metadata={key: value for key, value in metadata.items() if names[key] in sources})
    spec = {}
    if "alert" in sources:
        spec["eventMetadata"] = {"summary": "alert"}
    if "summary" in sources:
        spec["summary"] = "summary"
    result = combined(posted, alert(**spec))
    assert result.authored == ({"summary"} if wins in ("alert", "summary") else set())
    assert result.metadata == {"summary": wins}
    assert result.conflicts == {"summary": tuple(CONFLICTS[name] for name in sources)}


def test_keys_of_one_source_are_no_conflict(event):
    posted = event(metadata={f"{EVENT}/a": "1", "b": "2"})
    result = combined(posted, alert(eventMetadata={"c": "3"}, summary="4"))
    assert result.metadata == {"a": "1", "b": "2", "c": "3", "summary": "4"}
    assert result.conflicts == {}


def test_the_event_itself_stays_as_it_is(event):
    posted = event(metadata={"a": "1"})
    combined(posted, alert(eventMetadata={"c": "3"}))
    assert dict(posted.metadata) == {"kustomize.toolkit.fluxcd.io/a": "1"}
