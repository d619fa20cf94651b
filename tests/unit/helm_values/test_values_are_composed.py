"""Which value wins, what a reference may be, and what is said when it is not."""

import json
import traceback

import pytest

from helm_controller.values.composing import ValuesComposer, ValuesFailed
from shared.kube.errors import Forbidden, Unreachable

HIDDEN = "Pa55word-of-somebody"


async def message_of(failing):
    with pytest.raises(ValuesFailed) as failed:
        await failing
    return str(failed.value)


async def test_later_references_win_and_inline_values_win_over_all(objects, composed):
    objects.config_map("first", values__yaml="a: 1\nb: 1\nc: {x: 1, v: 1}\nlist: [1, 2]")
    objects.secret("second", values__yaml="b: 2\nc: {v: 2, z: 2}\nlist: [3]")
    references = [{"kind": "ConfigMap", "name": "first"}, {"kind": "Secret", "name": "second"}]
    assert await composed(*references, inline={"c": {"z": 3}}) == {
        "a": 1,
        "b": 2,
        "c": {"x": 1, "v": 2, "z": 3},
        "list": [3],
    }


async def test_there_need_be_no_values_at_all(objects, composed):
    objects.config_map("empty", values__yaml="")
    assert await composed() == {}
    assert await composed({"kind": "ConfigMap", "name": "empty"}) == {}


async def test_null_stays_for_helm_to_remove_a_default(objects, composed):
    objects.config_map("a", values__yaml="a: {x: 1}\nb: null")
    assert await composed({"kind": "ConfigMap", "name": "a"}, inline={"a": {"x": None}}) == {
        "a": {"x": None},
        "b": None,
    }


async def test_a_key_can_be_chosen(objects, composed):
    objects.config_map("a", values__yaml="a: 1", other="a: 2")
    assert await composed({"kind": "ConfigMap", "name": "a", "valuesKey": "other"}) == {"a": 2}


async def test_values_are_read_as_helm_reads_them(objects, composed):
    objects.config_map("a", values__yaml="a: yes\nb: 0644\nc: 1.0\nd: 2020-01-01\nd: again\ne: '1'")
    values = await composed({"kind": "ConfigMap", "name": "a"})
    assert values == {"a": True, "b": 420, "c": 1, "d": "again", "e": "1"}


@pytest.mark.parametrize("more", ["---\n", "---\nb: 2\n", "---\n{{ no yaml"])
@pytest.mark.parametrize("kind", ["config_map", "secret"])
async def test_only_the_first_document_counts(kind, more, objects, composed):
    getattr(objects, kind)("a", values__yaml=f"a: 1\n{more}")
    reference = {"kind": "Secret" if kind == "secret" else "ConfigMap", "name": "a"}
    assert await composed(reference) == {"a": 1}


async def test_numbers_stay_numbers(objects, composed):
    objects.config_map("a", values__yaml="int: 12345678\nfloat: 1.5", size="42")
    values = await composed(
        {"kind": "ConfigMap", "name": "a"},
        {"kind": "ConfigMap", "name": "a", "valuesKey": "size", "targetPath": "size"},
        inline={"own": 7, "part": 0.5},
    )
    assert values == {"int": 12345678, "float": 1.5, "size": 42, "own": 7, "part": 0.5}
    assert [type(values[key]) for key in ("int", "float", "size", "own", "part")] == [
        int,
        float,
        int,
        int,
        float,
    ]


@pytest.mark.parametrize("kind", ["ConfigMap", "Secret"])
async def test_a_missing_object_is_named(kind, objects, compose):
    told = await message_of(compose({"kind": kind, "name": "a"}))
    assert told == (
        f"could not resolve {kind} chart values reference 'apps/a' with key 'values.yaml': resource not found"
    )


async def test_a_missing_key_is_named(objects, compose):
    objects.secret("a", other="x")
    told = await message_of(compose({"kind": "Secret", "name": "a", "valuesKey": "key"}))
    assert told == "could not resolve Secret chart values reference 'apps/a' with key 'key': key not found"


async def test_an_object_without_data_has_no_keys(objects, compose):
    objects.known["ConfigMap", "a"] = {"binaryData": {"values.yaml": "YTogMQ=="}}
    assert "key not found" in await message_of(compose({"kind": "ConfigMap", "name": "a"}))


async def test_optional_references_may_lead_nowhere(objects, composed):
    objects.secret("there", other="x")
    missing = [{"kind": "Secret", "name": name, "optional": True} for name in ("there", "gone", "gone")]
    targeted = {"kind": "ConfigMap", "name": "gone", "optional": True, "targetPath": "a"}
    assert await composed(*missing, targeted, inline={"b": 1}) == {"b": 1}


async def test_an_optional_reference_to_nonsense_fails(objects, compose):
    objects.config_map("a", values__yaml="- a list")
    told = await message_of(compose({"kind": "ConfigMap", "name": "a", "optional": True}))
    assert told == (
        "could not resolve optional ConfigMap chart values reference 'apps/a' with key 'values.yaml': "
        "failed to read values data: the YAML must be a map"
    )


async def test_other_kinds_are_refused(objects):
    class Strange:
        kind, name, values_key, target_path, optional, literal = "Pod", "a", None, None, False, False

    told = await message_of(ValuesComposer(objects).compose("apps", [Strange()], None))
    assert told.startswith("could not resolve Pod chart values reference 'apps/a'")
    assert told.endswith(": unsupported values reference kind")


@pytest.mark.parametrize(
    "refusal", [Forbidden(403, "Forbidden", "secrets is forbidden"), Unreachable("no answer from the server")]
)
async def test_what_the_api_server_says_is_passed_on(refusal, objects, compose):
    objects.refusal = refusal
    told = await message_of(compose({"kind": "Secret", "name": "a", "optional": True}))
    assert told.endswith(f"failed to read values data: {refusal}")


async def test_each_object_is_read_once(objects, composed):
    objects.config_map("a", values__yaml="a: 1", b="2")
    first = {"kind": "ConfigMap", "name": "a"}
    gone = {"kind": "ConfigMap", "name": "gone", "optional": True}
    await composed(first, gone, first | {"valuesKey": "b", "targetPath": "b"}, gone)
    assert objects.asked == [("ConfigMap", "apps", "a"), ("ConfigMap", "apps", "gone")]


async def test_a_secret_and_a_config_map_of_one_name_are_two_objects(objects, composed):
    objects.config_map("a", values__yaml="a: 1")
    objects.secret("a", values__yaml="b: 2")
    assert await composed(*({"kind": kind, "name": "a"} for kind in ("ConfigMap", "Secret"))) == {
        "a": 1,
        "b": 2,
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ('"true"', "true"),
        ("'12'", "12"),
        ("12", 12),
        ("{a,b}", ["a", "b"]),
        (r"a\,b", "a,b"),
        ("\"'12'\"", "12"),
        ("'a\"", "'a\""),
        ('"', ""),
        ("", ""),
    ],
)
async def test_a_text_at_a_path_is_in_the_notation_of_set(text, value, objects, composed):
    objects.config_map("a", key=text)
    values = await composed({"kind": "ConfigMap", "name": "a", "valuesKey": "key", "targetPath": "x.y"})
    assert values == {"x": {"y": value}}
    assert type(values["x"]["y"]) is type(value)


@pytest.mark.parametrize("text", ["a:1,b:2", "true", "{a}", '"q"', "a\\b[0]", "[server]\nport=1\n", ""])
async def test_a_literal_text_arrives_as_it_is(text, objects, composed):
    objects.secret("a", key=text)
    reference = {"kind": "Secret", "name": "a", "valuesKey": "key", "targetPath": r"x\.y[0]", "literal": True}
    assert await composed(reference) == {"x.y": [text]}


async def test_literal_means_nothing_without_a_path(objects, composed):
    objects.config_map("a", values__yaml="a: 1")
    assert await composed({"kind": "ConfigMap", "name": "a", "literal": True}) == {"a": 1}


async def test_a_comma_in_a_text_is_explained(objects, compose):
    objects.secret("a", key=f"a:1,{HIDDEN}")
    told = await message_of(
        compose({"kind": "Secret", "name": "a", "valuesKey": "key", "targetPath": "x", "optional": True})
    )
    assert told == (
        "could not resolve optional Secret chart values reference 'apps/a' with key 'key': "
        "failed to merge value: at x: the text is no value in the notation of --set "
        "(a comma ends a value); escape it, or set literal: true"
    )


async def test_even_two_characters_of_a_text_are_not_repeated(objects, compose):
    objects.secret("a", key=",Z")
    told = await message_of(compose({"kind": "Secret", "name": "a", "valuesKey": "key", "targetPath": "x"}))
    assert "Z" not in told


@pytest.mark.parametrize(
    ("inline", "path", "problem"),
    [
        ({"x": 1}, "x.y", 'unable to parse key: "x" is no map'),
        ({"x": {}}, "x[0]", 'unable to parse key: "x" is no list'),
        ({}, "x[0]y", "unexpected data at end of array index"),
        ({}, "x[70000]", "index is greater than maximum supported index of 65536"),
    ],
)
async def test_a_path_that_does_not_fit_is_explained(inline, path, problem, objects, compose):
    objects.secret("a", key=HIDDEN)
    reference = {"kind": "Secret", "name": "a", "valuesKey": "key", "targetPath": path}
    told = await message_of(compose(reference, inline=inline))
    assert told.endswith(f"failed to merge value: at {path}: {problem}")


async def test_inline_values_win_over_a_path_to_the_same_key(objects, composed):
    objects.config_map("a", key="ref")
    reference = {"kind": "ConfigMap", "name": "a", "valuesKey": "key", "targetPath": "x"}
    assert await composed(reference, inline={"x": "inline"}) == {"x": "inline"}


async def test_a_path_into_a_map_that_only_inline_values_have_wins(objects, composed):
    objects.config_map("a", key="ref")
    reference = {"kind": "ConfigMap", "name": "a", "valuesKey": "key", "targetPath": "a.x"}
    inline = {"a": {"x": "inline", "y": 1}}
    assert await composed(reference, inline=inline) == {"a": {"x": "ref", "y": 1}}
    assert inline == {"a": {"x": "inline", "y": 1}}, "what the caller has changed"


async def test_a_path_into_a_map_that_an_earlier_reference_has_too_loses(objects, composed):
    objects.config_map("a", key="ref", values__yaml="a: {z: 1}")
    references = [
        {"kind": "ConfigMap", "name": "a"},
        {"kind": "ConfigMap", "name": "a", "valuesKey": "key", "targetPath": "a.x"},
    ]
    assert await composed(*references, inline={"a": {"x": "inline"}}) == {"a": {"x": "inline", "z": 1}}


@pytest.mark.parametrize(("index", "items"), [(0, ["ref", 2]), (2, [1, 2])])
async def test_a_list_of_inline_values_changes_only_where_it_need_not_grow(index, items, objects, composed):
    objects.config_map("a", key="ref")
    reference = {"kind": "ConfigMap", "name": "a", "valuesKey": "key", "targetPath": f"list[{index}]"}
    inline = {"list": [1, 2]}
    assert await composed(reference, inline=inline) == {"list": items}
    assert inline == {"list": [1, 2]}, "what the caller has changed"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (f"a: [{HIDDEN}", None),
        (f"{HIDDEN}", None),
        (f"a: *{HIDDEN}", None),
        (b"\xff" + HIDDEN.encode(), None),
        (f"x,{HIDDEN}", "a"),
        (f"x,{HIDDEN}.b", "a"),
        (f"{{{HIDDEN}", "a"),
        (f"x,a[{HIDDEN}]=1", "a"),
        (f"x,{HIDDEN}=1,{HIDDEN}.b=2", "a"),
        (HIDDEN, "a\\"),
    ],
)
async def test_nothing_of_a_secret_is_repeated(text, path, objects, compose):
    objects.secret("a", key=text)
    with pytest.raises(ValuesFailed) as failed:
        await compose({"kind": "Secret", "name": "a", "valuesKey": "key", "targetPath": path})
    assert HIDDEN not in "".join(traceback.format_exception(failed.value))


def nested(levels):
    value = 1
    for _ in range(levels):
        value = {"a": value}
    return value


async def test_values_of_many_levels_are_told(objects, compose):
    assert (await compose(inline=nested(200))).values == nested(200)
    for levels in (201, 2000):
        told = await message_of(compose(inline=nested(levels)))
        assert told == "spec.values is nested deeper than 200 levels"
    objects.config_map("a", values__yaml=json.dumps(nested(201)))
    told = await message_of(compose({"kind": "ConfigMap", "name": "a"}))
    assert told.endswith("failed to read values data: it is nested deeper than 200 levels")


async def test_what_came_from_secrets_is_known(objects, compose):
    objects.config_map("a", values__yaml="a: not hidden")
    objects.secret("b", values__yaml=f"a: {{b: [{HIDDEN}, 12345678]}}\nshort: abc")
    objects.secret("c", quoted='"in-quotes"', escaped=r"with\,comma", lines="first line\nsecond line\n")
    targets = [
        {"kind": "Secret", "name": "c", "valuesKey": key, "targetPath": key}
        for key in ("quoted", "escaped", "lines")
    ]
    composed = await compose({"kind": "ConfigMap", "name": "a"}, {"kind": "Secret", "name": "b"}, *targets)
    assert {HIDDEN, "12345678", "in-quotes", "with,comma", "first line", "second line"} <= set(
        composed.secrets
    )
    assert "not hidden" not in composed.secrets
    assert HIDDEN not in repr(composed)
