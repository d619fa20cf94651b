from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kube.errors import Gone, Unreachable
from shared.kube.watch import LineSplitter, WatchEvent, events
from shared.lang.json import dumps


def cut(data, places):
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


@given(st.lists(st.binary().map(lambda line: line.replace(b"\n", b""))), st.lists(st.integers(0, 10_000)))
def test_lines_come_whole_however_they_are_cut(lines, places):
    splitter = LineSplitter()
    stream = b"".join(line + b"\n" for line in lines)
    got = [line for chunk in cut(stream, places) for line in splitter.feed(chunk)]
    assert got == [line for line in lines if line.strip()]


def test_what_has_no_end_yet_is_not_given():
    splitter = LineSplitter()
    assert list(splitter.feed(b"one\ntw")) == [b"one"]
    assert list(splitter.feed(b"o")) == []
    assert list(splitter.feed(b"\n")) == [b"two"]


def test_a_line_that_never_ends_is_given_up(monkeypatch):
    monkeypatch.setattr("shared.kube.watch._LONGEST_LINE", 10)
    splitter = LineSplitter()
    assert list(splitter.feed(b"12345678\n1234567")) == [b"12345678"]
    assert list(splitter.feed(b"89\n")) == [b"123456789"]
    assert list(splitter.feed(b"1234567")) == []
    with pytest.raises(Unreachable, match="more than"):
        list(splitter.feed(b"89ab"))


async def decoded(*chunks):
    async def stream():
        for chunk in chunks:
            yield chunk

    return [event async for event in events(stream())]


async def test_events_are_decoded():
    line = dumps({"type": "ADDED", "object": {"metadata": {"name": "a"}}}) + b"\n"
    assert await decoded(line[:7], line[7:] + line) == [WatchEvent("ADDED", {"metadata": {"name": "a"}})] * 2


async def test_an_error_event_is_raised_as_what_it_stands_for():
    status = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}
    with pytest.raises(Gone, match="too old"):
        await decoded(dumps({"type": "ERROR", "object": status}) + b"\n")


@pytest.mark.parametrize("line", [b"[]", b"{}", b'{"type":"ADDED"}', b'{"type":1,"object":{}}', b'"text"'])
async def test_what_is_no_event_is_trouble_of_the_connection(line):
    with pytest.raises(Unreachable, match="no event"):
        await decoded(line + b"\n")


async def test_what_is_no_json_is_trouble_of_the_connection_without_its_text():
    with pytest.raises(Unreachable, match="no event") as caught:
        await decoded(b"<html>secret</html>\n")
    assert "secret" not in str(caught.value)
