import pytest

from shared.api import wire
from shared.kube import ObjectKey
from shared.kube.store import Change
from shared.runtime.header import Header, asks_for_turn, is_news


def header(generation=1, requested="", *, deleting=False, **metadata):
    annotations = {wire.REQUESTED_AT: requested} if requested else {}
    return Header.of(
        {
            "metadata": {
                "generation": generation,
                "annotations": annotations,
                **({"deletionTimestamp": "2026-01-02T03:04:05Z"} if deleting else {}),
                **metadata,
            }
        }
    )


@pytest.mark.parametrize(
    ("old", "new", "asks", "news"),
    [
        pytest.param(None, header(), True, True, id="created"),
        pytest.param(header(), None, True, True, id="gone"),
        pytest.param(header(1), header(2), True, True, id="edited"),
        pytest.param(header(), header(deleting=True), True, True, id="deleted"),
        pytest.param(header(), header(1, "now"), True, False, id="requested"),
        pytest.param(header(1, "before"), header(1, "now"), True, False, id="requested again"),
        pytest.param(header(1, "before"), header(), False, False, id="request taken away"),
        pytest.param(header(1, "before"), header(2), True, True, id="request taken away by an edit"),
        pytest.param(header(), header(labels={"a": "b"}), False, False, id="labelled"),
        pytest.param(
            header(), header(finalizers=["x"], resourceVersion="9"), False, False, id="other metadata"
        ),
    ],
)
def test_changes(old, new, asks, news):
    change = Change(ObjectKey("ns", "a"), old, new)
    assert asks_for_turn(change) is asks
    assert is_news(change) is news


def test_an_object_without_anything_has_a_header():
    assert Header.of({"metadata": {"annotations": None}}) == Header(0, "", deleting=False)
