"""An edit changes the bytes of marked scalars and no other byte."""

import tracemalloc
from importlib import import_module

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from image_controllers.automation.setters.edits import Change, EditFailed, NotEdited, ObjectName, edit
from shared.lang.yaml import load_all

M = '# {"$imagepolicy": "ns:p"}'
T = '# {"$imagepolicy": "ns:p:tag"}'
D = '# {"$imagepolicy": "ns:p:digest"}'
VALUES = {"ns:p": "repo/app:v2", "ns:p:tag": "v2", "ns:p:name": "repo/app", "ns:p:digest": ""}


def edited(text: str, values=VALUES) -> str:
    return edit(text.encode(), values.get).content.decode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"image: repo/app:v1 {M}\n", f"image: repo/app:v2 {M}\n"),
        (f"image: 'repo/app:v1'   {M}", f"image: 'repo/app:v2'   {M}"),
        (f'image: "repo/app:v1"\t{M}\n', f'image: "repo/app:v2"\t{M}\n'),
        (f"- repo/app:v1 #{M}\n", f"- repo/app:v2 #{M}\n"),
        (f"a:\n- &x repo/app:v1 {M}\n- *x\n", f"a:\n- &x repo/app:v2 {M}\n- *x\n"),
        (f"a: !!str repo/app:v1 {M}\n", f"a: !!str repo/app:v2 {M}\n"),
        (f"a: !!int 1 {T}\n", f"a: v2 {T}\n"),
        (f"a: &b !!int 1 {T}\n", f"a: &b v2 {T}\n"),
        (f"a: null {T}\nb: ~ {T}\n", f"a: v2 {T}\nb: v2 {T}\n"),
        (f"args:\n  - --image=repo:v1 {M}\n", f"args:\n  - repo/app:v2 {M}\n"),
        (f"a: [\n  repo/app:v1, {M}\n  other\n]\n", f"a: [\n  repo/app:v2, {M}\n  other\n]\n"),
        (f"a: {{\n  b: repo/app:v1 {M}\n}}\n", f"a: {{\n  b: repo/app:v2 {M}\n}}\n"),
        (f"a:\n  repo/app:v1 {M}\n", f"a:\n  repo/app:v2 {M}\n"),
        (f"a:\n  # c\n  {M}\n", None),
        (f"a:\n  {M}\n  repo/app:v1\n", f"a:\n  {M}\n  repo/app:v2\n"),
        (f"a:\n  {M}\n  - repo/app:v1\n  - b\n", f"a:\n  {M}\n  - repo/app:v2\n  - b\n"),
        (f"a:\n  {M}\n  - repo/app:v1 # mine\n", None),
        (f"a:\n  # c\n  {M}\n  - repo/app:v1\n", None),
        (f"a:\n  {M}\n  # c\n  - repo/app:v1\n", None),
        (f"a: >- {M}\n  repo/app:v1\nb: c\n", f"a: >- {M}\n  repo/app:v2\nb: c\n"),
        (f"a: | {M}\n    repo\n    app\n\n\nb: c\n", f"a: |- {M}\n    repo/app:v2\n\n\nb: c\n"),
        (f"a: |2+ {M}\n    repo\n   app\n", f"a: |2- {M}\n  repo/app:v2\n"),
        (f"a: | {M}\nb: c\n", f"a: repo/app:v2 {M}\nb: c\n"),
        (f"a: &x |2+ {M}\n\n  \nb: c\n", f"a: &x repo/app:v2 {M}\n\n  \nb: c\n"),
        (f"a:\n- >- {T}\n- b\n", f"a:\n- v2 {T}\n- b\n"),
        (f"a: | {M}", f"a: repo/app:v2 {M}"),
        (f"a: |{M}\n  repo/app:v1\n", f"a: |-{M}\n  repo/app:v2\n"),
        (f"a: |{M}\nb: c\n", f'a: "repo/app:v2"{M}\nb: c\n'),
        (f'a: "repo/app:v1"{M}\n', f'a: "repo/app:v2"{M}\n'),
        (f"a: [\n  'repo/app:v1'{M}\n]\n", f"a: [\n  'repo/app:v2'{M}\n]\n"),
        # A line above, alone there but for blank lines.
        (f"a:\n  {M}\n\n  - repo/app:v1\n", f"a:\n  {M}\n\n  - repo/app:v2\n"),
        (f"a:\n  {M}\n\n  repo/app:v1\n", f"a:\n  {M}\n\n  repo/app:v2\n"),
        (f"a:\n- b\n\n{M}\n\n- repo/app:v1\n", f"a:\n- b\n\n{M}\n\n- repo/app:v2\n"),
        (f"a:\n- b\n# c\n\n{M}\n- repo/app:v1\n", f"a:\n- b\n# c\n\n{M}\n- repo/app:v2\n"),
        (f"a:\n- b: c\n{M}\n- repo/app:v1\n", f"a:\n- b: c\n{M}\n- repo/app:v2\n"),
        (f"a:\r\n  {M}\r\n\r\n  - v1\r\n", f"a:\r\n  {M}\r\n\r\n  - repo/app:v2\r\n"),
        (f"a: [\n  {M}\n  repo/app:v1,\n  b\n]\n", f"a: [\n  {M}\n  repo/app:v2,\n  b\n]\n"),
        (f"a: [\n  b, # c\n  {M}\n  v1\n]\n", f"a: [\n  b, # c\n  {M}\n  repo/app:v2\n]\n"),
        (f"a:\n- {M}\n  repo/app:v1\n", f"a:\n- {M}\n  repo/app:v2\n"),
        (f"a:\n{M}\n-\n  repo/app:v1\n", f"a:\n{M}\n-\n  repo/app:v2\n"),
        (f"a: &x {M}\n  repo/app:v1\n", f"a: &x {M}\n  repo/app:v2\n"),
        (f"a:\n- !!str {M}\n  repo/app:v1\n", f"a:\n- !!str {M}\n  repo/app:v2\n"),
        (f"a: repo\n  app {M}\n", f"a: repo/app:v2 {M}\n"),
        (f'a: "repo\n  app" {M}\n', f'a: "repo/app:v2" {M}\n'),
        (f"a: b {D}\n", f'a: "" {D}\n'),
        (f"a: repo/app:v1 {M}\r\nb: c\r\n", f"a: repo/app:v2 {M}\r\nb: c\r\n"),
        (f"\ufeff# x\na: repo/app:v1 {M}\n", f"\ufeff# x\na: repo/app:v2 {M}\n"),
        (
            f"---\n# only comments\n---\na: 🙂\nb: repo/app:v1 {M}\n...\n",
            f"---\n# only comments\n---\na: 🙂\nb: repo/app:v2 {M}\n...\n",
        ),
        (
            'a: x # {"$imagepolicy": "ns:p:tag", "more": "text"}\n',
            'a: v2 # {"$imagepolicy": "ns:p:tag", "more": "text"}\n',
        ),
        # What is no marker, or marks nothing.
        (f"a:\n- b\n{M}\n\n- repo/app:v1\n", None),
        (f"a:\n- b\n\n# c\n\n{M}\n- repo/app:v1\n", None),
        (f"a:\n  # c\n\n  {M}\n  - repo/app:v1\n", None),
        (f"a:\n- |\n  {M}\n- repo/app:v1\n", None),
        (f"a:\n- b: c\n  {M}\n- repo/app:v1\n", None),
        (f"a: [ {M}\n  repo/app:v1\n]\n", None),
        (f"a: [\n  {M}\n\n  repo/app:v1\n]\n", None),
        (f"a: {{\n  {M}\n  b: repo/app:v1\n}}\n", None),
        (f"a:\n- # c\n  {M}\n  repo/app:v1\n", None),
        (f"a:\n- {M}\n  # c\n  repo/app:v1\n", None),
        (f"a: &x {M}\n  repo/app:v1 # c\n", None),
        (f"a: {M}\n  repo/app:v1\n", None),
        (f"{M}\nimage: repo/app:v1\n", None),
        (f"image: {M}\n  repo/app:v1\n", None),
        (f"image: {M}\n", None),
        (f"a: {{b: repo/app:v1}} {M}\n", None),
        (f"a: [repo/app:v1] {M}\n", None),
        (f"a: |\n  image: repo/app:v1 {M}\n", None),
        (f"a: b\n{M}\n", None),
        (f"? repo/app:v1 {M}\n: b\n", None),
        (f"a: repo/app:v1 # see {M}\n", None),
        (f"a: repo/app:v1 {M} or so\n", None),
        ('a: repo/app:v1 # {"$imagepolicy": "ns:p", "n": 1}\n', None),
        ('a: repo/app:v1 # {"$imagepolicy": "other:p"}\n', None),
        ('a: repo/app:v1 # {"$imagepolicy": "ns:p:foo"}\n', None),
        (f"a: 'repo/app:v2' {M}\n", None),
    ],
)
def test_markers(before, after):
    assert edited(before) == (before if after is None else after)


@pytest.mark.parametrize(
    ("old", "value", "new"),
    [
        ("1.9", "1.10", '"1.10"'),
        ("'1.9'", "1.10", "'1.10'"),
        ('"1.9"', "1.10", '"1.10"'),
        ("v1", "20240101", '"20240101"'),
        ("v1", "1e5", '"1e5"'),
        ("v1", "true", '"true"'),
        ("v1", "on", '"on"'),
        ("v1", "null", '"null"'),
        ("v1", "12:30:45", '"12:30:45"'),
        ("v1", "0x1f", '"0x1f"'),
        ("v1", "1_000", '"1_000"'),
        ("v1", "2024-01-02", '"2024-01-02"'),
        ("v1", "0o17", '"0o17"'),
        ("v1", "=", '"="'),
        ("v1", "<<", '"<<"'),
        ("v1", "a: b", '"a: b"'),
        ("v1", "a #b", '"a #b"'),
        ("v1", "*x", '"*x"'),
        ("v1", "it's", "it's"),
        ("'v1'", "it's", "'it''s'"),
        ('"v1"', 'a"\\b\x01', '"a\\"\\\\b\\x01"'),
        ("'v1'", "a\nb", '"a\\nb"'),
        ("v1", "1.2.3", "1.2.3"),
        ("v1", "v1.10", "v1.10"),
    ],
)
def test_a_new_value_stays_a_text(old, value, new):
    text = f"a: {old} {T}\n"
    assert edited(text, {"ns:p:tag": value}) == f"a: {new} {T}\n"
    assert load_all(edited(text, {"ns:p:tag": value})) == [{"a": value}]


@pytest.mark.parametrize("value", ["a,b", "1:?"])
def test_in_flow_what_ends_an_item_is_quoted(value):
    assert edited(f"a: [\n  v1, {T}\n]\n", {"ns:p:tag": value}) == f'a: [\n  "{value}", {T}\n]\n'


def test_changes_are_told_by_object():
    text = (
        f"apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: default\nimage: a {M}\n"
        f"---\n- b {T}\n---\nkind: A\nmetadata: {{name: x}}\nt: c {T}\nu: d {T}\n"
        f"v: ok {T.replace('ns:p', 'ns:gone')}\n"
    )
    result = edit(text.encode(), VALUES.get)
    assert result.changes == {
        ObjectName("apps/v1", "Deployment", "web", "default"): [Change("a", "repo/app:v2", "ns:p")],
        ObjectName(): [Change("b", "v2", "ns:p:tag")],
        ObjectName("", "A", "x", ""): [Change("c", "v2", "ns:p:tag"), Change("d", "v2", "ns:p:tag")],
    }
    assert list(result.unmatched) == ["ns:gone:tag"]


@pytest.mark.parametrize(
    ("head", "name"),
    [
        ("kind: A\nmetadata: {name: ~, namespace: null}", ObjectName("", "A", "", "")),
        ("kind: A\nmetadata: {name: '~', namespace: !!str null}", ObjectName("", "A", "~", "null")),
        ("kind: A\nkind: B\nmetadata: {name: x}", ObjectName("", "A", "x", "")),
    ],
)
def test_null_is_no_name_and_the_first_of_two_counts(head, name):
    assert list(edit(f"{head}\nt: c {T}\n".encode(), VALUES.get).changes) == [name]


@pytest.mark.parametrize(
    "text",
    [
        f"a: {{{{ .Values.x }}}}: b {M}\n",
        f"a: [b {M}\n",
        f"\tx: y {M}\n",
        "a: " + "[" * 300 + "]" * 300 + f"\nb: c {M}\n",
    ],
)
def test_what_is_no_yaml_is_not_edited(text):
    with pytest.raises(NotEdited):
        edit(text.encode(), VALUES.get)


def test_a_dense_file_is_never_held_as_a_whole():
    text = f"image: repo/app:v1 {M}\nl:\n".encode() + b"- a\n" * 20_000
    tracemalloc.start()
    try:
        assert edit(text, VALUES.get).content.startswith(b"image: repo/app:v2 ")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20 * len(text)


def test_a_file_with_too_many_markers_is_not_edited():
    with pytest.raises(NotEdited, match="more than 10000 markers"):
        edit(f"- a {M}\n".encode() * 10_001, VALUES.get)


def test_a_file_with_too_many_values_is_not_edited(monkeypatch):
    monkeypatch.setattr(import_module("shared.lang.yaml.spans"), "_MOST", 1_000)
    with pytest.raises(NotEdited, match="more than 1000 values"):
        edit(f"a: b {M}\nl: [{'a,' * 1_000}]\n".encode(), VALUES.get)


def test_what_is_no_text_is_not_edited():
    with pytest.raises(NotEdited, match="not valid UTF-8 at byte 0"):
        edit(b'\xff # {"$imagepolicy": "ns:p"}', VALUES.get)


WORDS = st.text(st.sampled_from("ab1.-_/:é🙂 '\"#&*!|>%@`,[]{}\\~=?"), min_size=1, max_size=12)
BREAKS = st.sampled_from(["\n", "\r\n"])


@st.composite
def files(draw):
    """A file of odd layout, with the places of the marked scalars and what has to stand there."""
    nl = draw(BREAKS)
    parts: list[str | None] = [draw(st.sampled_from(["", "\ufeff", "---" + nl, f"# c{nl}", nl + nl]))]
    count = draw(st.integers(1, 5))
    for number in range(count):
        indent = " " * draw(st.sampled_from([1, 2, 4, 7]))
        filler = draw(
            st.sampled_from(
                [
                    "",
                    f"# note 🙂{nl}",
                    nl,
                    f"z{number}: [1,  2 ,3]{nl}",
                    f"y{number}: {{}}  {nl}",
                    f"---{nl}",
                    f"{f'...{nl}' if number else ''}---{nl}# another document{nl}",
                ]
            )
        )
        old = draw(
            st.sampled_from(
                [
                    "v1",
                    "'v1'",
                    '"v\\u00e91"',
                    "1.9",
                    "~",
                    "&a1 v1".replace("a1", f"a{number}"),
                    "!!str v1",
                    "!!int 1",
                ]
            )
        )
        blank = " " * draw(st.integers(1, 4))
        block = draw(st.sampled_from(["|", "|-", "|+", ">", ">-", ">+", f"|{len(indent)}"]))
        body = draw(st.sampled_from(["", f"{nl}{indent}v1", f"{nl}{nl}{indent}v1{nl}{indent} v2"]))
        shape = draw(st.integers(0, 4))
        parts.append(filler)
        if shape == 0:
            parts += [f"k{number}: ", old, f"{blank}{M}{nl}"]
        elif shape == 1:
            parts += [f"k{number}:{nl}{indent}- ", old, f"{blank}{M}{nl}{indent}- other{nl}"]
        elif shape == 2:
            parts += [f"k{number}: [{nl}{indent}", old, f" ,{blank}{M}{nl}]{nl}"]
        elif shape == 3:
            parts += [f"k{number}: ", f"{block}{blank}{M}{body}", f"{nl}x{number}: x{nl}"]
        else:
            parts += [f"k{number}:{nl}{indent}deep:{nl}{indent}  {M}{nl}{indent}  - ", old, f"{nl}"]
    parts.append(draw(st.sampled_from(["", "# end", f"...{nl}", f"last: x{nl}{nl}", "last: no line end"])))
    return parts


@settings(max_examples=300, deadline=None)
@given(files(), WORDS)
def test_all_other_bytes_stay(parts, value):
    assume(value not in {"1", "1.9", "~", "v1", "v\u00e91"})
    before = "".join(parts)
    try:
        result = edit(before.encode(), {"ns:p": value}.get)
    except EditFailed:
        # What begins with a blank has no place in a block, as nothing else says where its lines begin.
        assert value.startswith(" ")
        return
    after = result.content.decode()
    # Whatever stands between the scalars is found again, in its order, with one token between each two.
    at = 0
    for part in _fixed(parts):
        found = after.find(part, at)
        assert found >= 0, (part, after)
        at = found + len(part)
    assert at == len(after)
    documents = [document for document in load_all(after) if document]
    assert _marked_values(documents) == [value] * ((len(parts) - 2) // 4)


def _fixed(parts):
    """The parts of a file that are no scalars with a marker; those are every third of their groups."""
    texts = [parts[0]]
    body, last = parts[1:-1], parts[-1]
    for group in range(0, len(body), 4):
        filler, head, _, tail = body[group : group + 4]
        texts[-1] += filler + head
        texts.append(tail)
    texts[-1] += last
    return texts


def _marked_values(documents):
    found = []
    for document in documents:
        for key, value in document.items():
            if key.startswith("k"):
                inner = value["deep"] if isinstance(value, dict) else value
                found.append(inner[0] if isinstance(inner, list) else inner)
    return found
