"""Finding the entries of a chart in a stored index."""

import json

import pytest

from source_controller.helm_repository.index import IndexDamaged, StoredIndex

WEB = [
    {"name": "web", "version": "2.0.0", "urls": ["web-2.tgz"], "created": "2026-01-02T00:00:00Z"},
    {"name": "web", "version": "1.0.0", "urls": ["web-1.tgz"], "digest": "d1", "keywords": ["]", "["]},
]
ODD = 'a "quoted" \\ name'


def stored(tmp_path, entries, **rest):
    file = tmp_path / "index.yaml"
    file.write_text(json.dumps({"apiVersion": "v1", "entries": entries} | rest, indent=2))
    return file


def test_the_entries_of_a_chart_come_in_the_order_of_the_file(tmp_path):
    file = stored(tmp_path, {"api": [], "web": WEB, "zoo": [{"name": "zoo", "version": "0.1.0"}]})
    index = StoredIndex.open(file)
    assert [entry.raw for entry in index.versions("web")] == WEB
    (first, second) = index.versions("web")
    assert (first.name, first.version, first.urls) == ("web", "2.0.0", ("web-2.tgz",))
    assert (first.created, second.digest) == ("2026-01-02T00:00:00Z", "d1")
    assert index.versions("api") == []
    assert [entry.version for entry in index.versions("zoo")] == ["0.1.0"]
    assert list(index.charts) == ["api", "web", "zoo"]


def test_a_chart_that_is_not_there_has_no_versions(tmp_path):
    assert StoredIndex.open(stored(tmp_path, {"web": WEB})).versions("we") == []


def test_an_index_may_be_empty(tmp_path):
    index = StoredIndex.open(stored(tmp_path, {}, serverInfo={"web": [1, 2]}))
    assert index.charts == {}


@pytest.mark.parametrize("name", [ODD, "ünï", "x/y", "]", ""])
def test_names_may_be_odd(tmp_path, name):
    index = StoredIndex.open(stored(tmp_path, {name: WEB, "last": WEB[:1]}, generated="2026"))
    assert len(index.versions(name)) == 2
    assert len(index.versions("last")) == 1


def test_what_looks_like_a_chart_in_a_text_is_none(tmp_path):
    lies = [{"name": "web", "version": "1.0.0", "description": '\n    "evil": ['}]
    index = StoredIndex.open(stored(tmp_path, {"web": lies}))
    assert list(index.charts) == ["web"]


def test_only_charts_that_changed_have_another_digest(tmp_path):
    before = StoredIndex.open(stored(tmp_path, {"api": WEB[:1], "web": WEB}, generated="1"))
    (tmp_path / "later").mkdir()
    after = StoredIndex.open(stored(tmp_path / "later", {"web": WEB, "api": WEB[1:]}, generated="2"))
    assert before.charts["web"].digest == after.charts["web"].digest
    assert before.charts["api"].digest != after.charts["api"].digest


def test_a_file_that_was_replaced_is_looked_through_again(tmp_path):
    file = stored(tmp_path, {"web": WEB})
    StoredIndex.open(file)
    (tmp_path / "new").mkdir()
    stored(tmp_path / "new", {"api": WEB}).replace(file)
    assert list(StoredIndex.open(file).charts) == ["api"]


def test_another_file_is_refused(tmp_path):
    file = tmp_path / "other"
    file.write_text("{}")
    with pytest.raises(IndexDamaged, match="no entries"):
        StoredIndex.open(file)
