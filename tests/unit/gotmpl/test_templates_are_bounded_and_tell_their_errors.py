"""What a template may do is bounded, and errors name the line and the trouble."""

from typing import ClassVar

import pytest

from shared.lang.gotmpl import NoField, ParseError, RunError, Struct, Template, TypedMap


class Point(Struct):
    type_name = "main.Point"
    fields: ClassVar = {"X": "x", "Y": "y"}
    methods: ClassVar = {"Sum": lambda point: point.x + point.y}

    def __init__(self, x: int, y: int) -> None:
        self.x, self.y = x, y


@pytest.mark.parametrize(
    "text",
    [
        '{{ repeat 70000 "a" }}',
        "{{ range until 99999 }}{{ range until 99999 }}{{ end }}{{ end }}",
        '{{ define "x" }}{{ template "x" }}{{ end }}{{ template "x" }}',
        "{{ until 100000000 }}",
        '{{ indent 1000000 "a\\nb" }}',
        '{{ printf "%1000000d" 1 }}',
        '{{ replace "" (repeat 1000 "x") (repeat 10000 "y") }}',
        '{{ $x := repeat 900000 "a" }}{{ range until 30 }}{{ $y := regexReplaceAll "a" $x "a" }}{{ end }}',
        '{{ $x := repeat 900000 "a" }}{{ $y := regexReplaceAll "a" "aaa" $x }}',
        '{{ $x := repeat 9000 "a" }}{{ $y := regexFindAll "a.*b|a" $x -1 }}',
        '{{ $x := repeat 90000 "ab" }}{{ $y := regexMatch "[ab]*a[ab]{900}c" $x }}',
        '{{ $x := repeat 9 "a" }}{{ range until 99999 }}{{ $y := regexMatch "a" $x }}{{ end }}',
        '{{ $x := repeat 90000 "a" }}{{ range until 30 }}{{ $y := upper $x }}{{ end }}',
        '{{ $x := repeat 300000 "a" }}{{ $y := join "" (list $x $x $x $x $x $x $x $x) }}',
        '{{ $y := join (repeat 90000 "a") (until 50000) }}',
        '{{ $y := wrapWith 1 (repeat 90000 "a") (repeat 90000 "a") }}',
        '{{ $y := printf "%9999d" (until 20000) }}',
        '{{ $x := repeat 90000 "a" }}{{ range until 30 }}{{ $y := trimAll $x $x }}{{ end }}',
        "{{ $x := list 1 }}{{ range until 40 }}{{ $x = list $x $x }}{{ end }}{{ $x }}",
        "{{ $x := list 1 }}{{ range until 40 }}{{ $x = list $x $x }}{{ end }}{{ deepEqual $x (list $x) }}",
        "{{ $l := until 99999 }}{{ $y := without $l 1 | uniq }}",
        "{{ range until 9999 }}{{ range $.map }}{{ break }}{{ end }}{{ end }}",
        "{{ range until 9999 }}{{ and " + "1 " * 9999 + "}}{{ end }}",
        "{{ range until 9999 }}{{ $y := $.map" + ".a" * 9999 + " }}{{ end }}",
        "{{ $b := 1 }}" + "{{ $a := 1 }}" * 999 + "{{ range until 9999 }}{{ if $b }}{{ end }}{{ end }}",
    ],
)
def test_a_template_that_does_too_much_ends_with_an_error(text):
    with pytest.raises(RunError, match=r"does too much|longer than|more than|exceeded"):
        Template(text).run({"map": dict.fromkeys(map(str, range(500)), 1)})


def test_an_effort_is_the_same_however_long_it_takes():
    just_enough = "{{ range until %d }}{{ end }}"
    with pytest.raises(RunError, match="does too much"):
        Template(just_enough % 100_000).run({})
    assert Template(just_enough % 50_000).run({}) == ""


def test_lists_that_are_only_handed_on_cost_little():
    text = "{{ $l := list }}{{ range until 900 }}{{ $l = append $l $.long }}{{ end }}{{ index $l 899 | len }}"
    assert Template(text).run({"long": ["x" * 1000] * 50}) == "50"


@pytest.mark.parametrize(
    "text",
    [
        '{{ $d := dict }}{{ $_ := set $d "a" $d }}{{ $d }}',
        '{{ $d := dict }}{{ $_ := set $d "a" $d }}{{ toJson $d }}',
        "{{ $l := list }}{{ range until 999 }}{{ $l = list $l }}{{ end }}{{ $l }}",
    ],
)
def test_values_that_are_nested_too_deep_are_not_looked_through(text):
    with pytest.raises(RunError, match="nested deeper"):
        Template(text).run({})


def test_a_map_that_is_no_map_of_the_template_stays_as_it_is():
    data = {"m": TypedMap({"a": "b"}, "", "map[string]string")}
    for change in ('set .m "c" "d"', 'unset .m "a"', 'merge .m (dict "c" "d")', "mergeOverwrite .m (dict)"):
        with pytest.raises(RunError, match=r"expected map\[string\]interface \{\}; got map\[string\]string"):
            Template(f"{{{{ $_ := {change} }}}}").run(data)
    text = '{{ merge (dict "m" .m) (dict "m" (dict "c" "d")) }} {{ .m }}'
    assert Template(text).run(data) == "map[m:map[a:b]] map[a:b]"


def test_a_text_that_is_too_long_is_no_template():
    with pytest.raises(ParseError, match="longer than 65536"):
        Template("x" * 65537)


def test_deep_nesting_is_refused():
    with pytest.raises(ParseError, match="nested deeper"):
        Template("{{ if true }}" * 100 + "{{ end }}" * 100)
    with pytest.raises(ParseError, match="nested deeper"):
        Template("{{ " + "(" * 100 + "1" + ")" * 100 + " }}")
    with pytest.raises(ParseError, match="nested deeper"):
        Template("{{ if true }}" + "{{ else if true }}" * 100 + "{{ end }}")


@pytest.mark.parametrize(
    "name", ["now", "env", "expandenv", "getHostByName", "randAlphaNum", "uuidv4", "date"]
)
def test_what_is_not_the_same_each_time_does_not_exist(name):
    with pytest.raises(ParseError, match=f'^template: message:2: function "{name}" not defined$'):
        Template(f"\n{{{{ {name} }}}}", "message")


def test_structs_have_fields_methods_and_a_printed_form():
    data = {"p": Point(1, 2), "m": TypedMap({"a": "b"}, "")}
    assert (
        Template("{{ .p.X }} {{ .p.Sum }} {{ .p }} {{ with .p }}{{ .Y }}{{ end }}").run(data) == "1 3 {1 2} 2"
    )
    assert Template('[{{ index .m "none" }}] {{ .m.none }}').run(data) == "[] <no value>"


def test_a_field_that_is_not_there_is_named():
    with pytest.raises(
        NoField, match=r"template: t:1: at <\.p\.Z>: can't evaluate field Z in type main\.Point"
    ) as caught:
        Template("{{ .p.Z }}", "t").run({"p": Point(1, 2)})
    assert caught.value.path == ("p", "Z")


def test_a_number_is_no_text():
    with pytest.raises(RunError, match="wrong type for value; expected string; got int"):
        Template("{{ upper 1 }}").run({})


@pytest.mark.parametrize("number", ["1" * 5_000, "1" * 5_000 + ".5", "1e400"])
def test_numbers_beyond_all_bounds_are_none(number):
    with pytest.raises(ParseError, match="bad number syntax"):
        Template(f"{{{{ {number} }}}}", "t")
