"""Events of the CDEvents specification are known by their type and by what their subjects contain."""

import json
from contextlib import suppress
from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notification_controller.receivers.cdevent_types import CONTENTS, GROUPS, WORDS
from notification_controller.receivers.cdevents import check_cdevent
from notification_controller.receivers.webhook import NotAcceptable

MERGED = {
    "context": {
        "version": "0.4.1",
        "id": "A234-1234-1234",
        "source": "/ci/1",
        "type": "dev.cdevents.change.merged.0.2.0",
        "timestamp": "2026-01-05T17:31:00Z",
    },
    "subject": {
        "id": "change-1",
        "type": "change",
        "content": {"repository": {"id": "apps", "source": "git.example/apps"}},
    },
}


def event(**changes):
    """The event with changes at `context__id` and the like; None takes a field away."""
    changed = deepcopy(MERGED)
    for path, value in changes.items():
        *parents, last = path.split("__")
        target = changed
        for parent in parents:
            target = target[parent]
        if value is None:
            target.pop(last, None)
        else:
            target[last] = value
    return json.dumps(changed).encode()


def example(fields):
    """The smallest content with the fields, and the largest one."""
    value = {"": "", "text": "a", "list": [], "any": 1} | {word: min(texts) for word, texts in WORDS.items()}
    smallest, largest = {}, {}
    for part in fields.split():
        name, _, kind = part.partition(":")
        content = example(GROUPS[kind])[1] if kind in GROUPS else value[kind]
        largest[name.removesuffix("!")] = content
        if name.endswith("!"):
            smallest[name.removesuffix("!")] = content
    return smallest, largest


def test_an_event_is_given_back_as_it_is():
    assert check_cdevent(event()) == MERGED


@pytest.mark.parametrize("kind", sorted(CONTENTS))
def test_every_type_of_the_specification_is_known(kind):
    smallest, largest = example(CONTENTS[kind])
    subject = {"id": "1", "type": kind.partition(".")[0]}
    context = MERGED["context"] | {"type": f"dev.cdevents.{kind}.0.2.0"}
    for content in (smallest, largest):
        check_cdevent(json.dumps({"context": context, "subject": subject | {"content": content}}).encode())
    for name in smallest:
        less = {key: value for key, value in smallest.items() if key != name}
        with pytest.raises(NotAcceptable, match=f"subject.content.{name} is missing"):
            check_cdevent(json.dumps({"context": context, "subject": subject | {"content": less}}).encode())


def test_there_are_45_types():
    assert len(CONTENTS) == 45


@pytest.mark.parametrize(
    "changes",
    [
        {"context__type": "dev.cdevents.change.merged.0.9.7"},
        {"context__type": "dev.cdevents.change.merged.0.2.0-draft"},
        {"context__timestamp": "2026-01-05T17:31:00.123456789+02:00"},
        {"context__chainId": "c", "context__schemaUri": "https://example.com/s"},
        {"context__links": [{"linkType": "PATH", "from": {"contextId": "1"}, "tags": {"a": "b"}}]},
        {"context__links": [{"linkType": "END"}]},
        {"subject__content": {}},
        {"subject__content": None},
        {"subject__content": {"repository": None}},
        {"context__timestamp": None, "context__chainId": "", "context__schemaUri": ""},
        {"subject__source": ""},
        {
            "context__type": "dev.cdevents.artifact.deleted.0.1.0",
            "subject__type": "artifact",
            "subject__content": {"user": ""},
        },
        {
            "context__type": "dev.cdevents.testsuiterun.finished.0.2.0",
            "subject__type": "testSuiteRun",
            "subject__content": {"environment": {"id": "e"}, "outcome": "pass", "severity": ""},
        },
        {"subject__content__newer": 1, "context__newer": 1, "newer": 1},
        {"customData": {"a": 1}},
        {
            "context__type": "dev.cdeventsx.mytool-resource.created.0.1.0",
            "subject__type": "mytool-resource",
            "subject__content": {"anything": [1]},
        },
        {
            "context__type": "dev.cdeventsx.mytool-resource.created.0.1.0",
            "subject__type": "myTool-Resource",
        },
    ],
)
def test_what_the_specification_allows_is_fine(changes):
    check_cdevent(event(**changes))


@pytest.mark.parametrize(
    "path", ["context__links", "context__chainId", "context__timestamp", "subject__source"]
)
def test_what_is_optional_may_be_null(path):
    changed = json.loads(event())
    parent, name = path.split("__")
    changed[parent][name] = None
    check_cdevent(json.dumps(changed).encode())


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"context": None}, "context is missing"),
        ({"context": []}, "context is not an object"),
        ({"context__version": None}, "context.version is missing"),
        ({"context__id": ""}, "context.id is empty"),
        ({"context__source": 1}, "context.source is not a string"),
        ({"context__type": None}, "context.type is missing"),
        ({"context__type": "dev.cdevents.change.merged.1.0.0"}, "no event of version 0.4"),
        ({"context__type": "dev.cdevents.change.eaten.0.2.0"}, "no event of version 0.4"),
        ({"context__type": "dev.cdevents.change.merged"}, "is not 'dev.cdevents"),
        ({"context__type": "com.example.merged.0.1.0"}, "is not 'dev.cdevents"),
        ({"context__type": "dev.cdeventsx.tool.created.0.1.0"}, "is not 'dev.cdevents"),
        ({"context__timestamp": "yesterday"}, "context.timestamp is not a time"),
        ({"context__timestamp": "2026-01-05T17:31:00"}, "context.timestamp is not a time"),
        ({"context__links": {}}, "context.links is not a list"),
        ({"context__links": [{"linkType": []}]}, "something that is no link"),
        ({"context__links": [{"linkType": "PATH"}]}, "context.links.from is missing"),
        ({"subject": None}, "subject is missing"),
        ({"subject__id": None}, "subject.id is missing"),
        ({"subject__type": "artifact"}, "not that of a change.merged event"),
        ({"subject__content": "x"}, "subject.content is not an object"),
        ({"subject__content__repository": "apps"}, "content.repository is not an object"),
        ({"subject__content__repository": {}}, "content.repository.id is missing"),
        ({"subject__content__repository": {"id": ""}}, "content.repository.id is empty"),
        ({"context__type": "dev.cdeventsx.a-b.created.0.1.0"}, "subject.type is not that of context.type"),
    ],
)
def test_what_breaks_it_is_refused(changes, why):
    with pytest.raises(NotAcceptable, match=why) as caught:
        check_cdevent(event(**changes))
    assert caught.value.told == str(caught.value)


def test_words_are_those_of_the_specification():
    finished = {
        "context__type": "dev.cdevents.testcaserun.finished.0.2.0",
        "subject__type": "testCaseRun",
    }
    content = {"environment": {"id": "e"}, "outcome": "pass"}
    check_cdevent(event(**finished, subject__content=content))
    with pytest.raises(NotAcceptable, match="outcome is none of cancel, error, fail, pass"):
        check_cdevent(event(**finished, subject__content=content | {"outcome": "great"}))


@given(
    path=st.sampled_from(
        ["context", "subject", "context__type", "context__links", "subject__content", "subject__type"]
    ),
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(["linkType", "id", "from", "x"]), inner)
        ),
        max_leaves=5,
    ),
)
def test_any_change_is_accepted_or_refused(path, value):
    with suppress(NotAcceptable):
        check_cdevent(event(**{path: value}))


@given(body=st.binary())
def test_any_bytes_are_refused(body):
    with pytest.raises(NotAcceptable):
        check_cdevent(body)
