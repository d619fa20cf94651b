"""Comments on change requests, and events as Markdown."""

import pytest

from notification_controller.delivery.errors import Trouble
from notification_controller.delivery.git.comments import body_of, change_request_of, marker_of
from notification_controller.event import Event, Involved


def event(severity="info", **metadata):
    involved = Involved("Kustomization", "apps", "web")
    return Event(involved, severity, "Applied <all>\nof it", "Succeeded", "", metadata=metadata)


def test_a_comment_begins_with_its_marker():
    posted = event(revision="main@sha1:abc", change_request="12", env="prod")
    marker = marker_of(posted, "flux-pr-comment-key", "0c9c2e41")
    assert body_of(posted, marker) == (
        "<!-- flux-pr-comment-key:0c9c2e41/Kustomization/apps/web -->\n"
        "\n"
        "## Flux Status\n"
        "\n"
        "\N{INFORMATION SOURCE}\N{VARIATION SELECTOR-16} Kustomization/apps/web\n"
        "\n"
        "Applied <all>\nof it\n"
        "\n"
        "Metadata:\n"
        "* `env`: prod\n"
        "* `revision`: main@sha1:abc\n"
    )


def test_failures_are_told_by_a_sign():
    assert "\N{WARNING SIGN}\N{VARIATION SELECTOR-16} Kustomization/apps/web" in body_of(event("error"), "")


@pytest.mark.parametrize(("text", "number"), [("12", 12), ("+7", 7), ("007", 7)])
def test_change_requests_are_numbers(text, number):
    assert change_request_of(event(change_request=text)) == number


@pytest.mark.parametrize("text", ["", "twelve", "-1", "1/../2", "1.5", "٣", "1" * 19])
def test_what_is_no_number_is_refused(text):
    with pytest.raises(Trouble) as caught:
        change_request_of(event(change_request=text))
    assert str(caught.value) == f'invalid "change_request" metadata value "{text}": it is not a number'


def test_a_change_request_has_to_be_named():
    with pytest.raises(Trouble, match=r'^missing "change_request" metadata key$'):
        change_request_of(event())
