"""The table of what becomes of an index on its way into storage."""

import json

import pytest

from source_controller.helm_repository.indexing import REFUSED, IndexRefused, convert, main


def entries(text):
    return json.loads(convert(text.encode()))["entries"]


def versions(*found):
    return [entry["version"] for entry in found]


def one(fields):
    """An index with a single entry, in YAML."""
    return f"apiVersion: v1\nentries:\n  web:\n  - {{name: web, version: 1.0.0, {fields}}}\n"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("", "empty index.yaml file", id="nothing"),
        pytest.param("# nothing\n", "an object is needed here, found null", id="a comment"),
        pytest.param("entries: {}\n", "no API version specified", id="no version"),
        pytest.param('{"entries": {}}', "no API version specified", id="no version in JSON"),
        pytest.param("apiVersion: v1\nsurprise: 1\n", "unknown field 'surprise'", id="unknown field"),
        pytest.param("apiVersion: v1\napiVersion: v1\n", "the same key", id="twice"),
        pytest.param(one("surprise: 1"), "entries?.web: unknown field 'surprise'", id="unknown in an entry"),
        pytest.param(one("maintainers: [{phone: 1}]"), "maintainers: unknown", id="unknown in a maintainer"),
        pytest.param(one("deprecated: maybe"), "deprecated: true or false is needed", id="no boolean"),
        pytest.param(one("urls: web.tgz"), "urls: an array is needed here, found a string", id="no list"),
        pytest.param("apiVersion: v1\nentries: []\n", "entries: an object is needed", id="no charts"),
        pytest.param("apiVersion: [v1\n", "line", id="no YAML"),
        pytest.param('{"apiVersion": 1}', "a text is needed here, found a number", id="number in JSON"),
        pytest.param("a: 1\n---\nb: 2\n", "unknown field 'a'", id="two documents"),
    ],
)
def test_what_is_no_index_is_refused(text, why):
    with pytest.raises(IndexRefused, match=why):
        convert(text.encode())


def test_unknown_fields_of_json_are_dropped():
    index = {"apiVersion": "v1", "x": 1, "entries": {"web": [{"name": "web", "version": "1.0.0", "y": 2}]}}
    assert entries(json.dumps(index)) == {"web": [{"name": "web", "version": "1.0.0", "apiVersion": "v1"}]}


@pytest.mark.parametrize(
    ("written", "read"),
    [("1.10", "1.1"), ("'1.10'", "1.10"), ("7", "7"), ("yes", "true"), ("2026-01-02", "2026-01-02")],
)
def test_texts_are_what_they_are_in_yaml_11(written, read):
    assert entries(one(f"appVersion: {written}"))["web"][0]["appVersion"] == read


@pytest.mark.parametrize(
    "entry",
    [
        {"name": "web"},
        {"version": "1.0.0"},
        {"name": "web", "version": "new"},
        {"name": "a/web", "version": "1.0.0"},
        {"name": "web", "version": "1.0.0", "type": "thing"},
        {"name": "web", "version": "1.0.0", "maintainers": [None]},
        {"name": "web", "version": "1.0.0", "dependencies": [None]},
        {"name": "web", "version": "1.0.0", "dependencies": [{"name": "a", "alias": "a b"}]},
        None,
    ],
)
def test_what_is_no_chart_is_dropped_alone(entry):
    good = {"name": "web", "version": "2.0.0"}
    index = {"apiVersion": "v1", "entries": {"web": [entry, good]}}
    assert versions(*entries(json.dumps(index))["web"]) == ["2.0.0"]


def test_a_dependency_may_be_named_twice():
    twice = [{"name": "db", "version": "1"}, {"name": "db", "version": "1"}]
    index = {
        "apiVersion": "v1",
        "entries": {"web": [{"name": "web", "version": "1.0.0", "dependencies": twice}]},
    }
    assert len(entries(json.dumps(index))["web"]) == 1


def test_versions_come_from_the_highest():
    found = ["1.2.0", "v1.10.0", "2.0.0-rc.1", "1.9", "0.1.0"]
    index = {"apiVersion": "v1", "entries": {"web": [{"name": "web", "version": each} for each in found]}}
    assert versions(*entries(json.dumps(index))["web"]) == ["2.0.0-rc.1", "v1.10.0", "1.9", "1.2.0", "0.1.0"]


def test_the_program_says_why_it_refuses(tmp_path, capsys):
    (tmp_path / "in").write_text("a: 1\n")
    assert main(str(tmp_path / "in"), str(tmp_path / "out")) == REFUSED
    assert "unknown field 'a'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
