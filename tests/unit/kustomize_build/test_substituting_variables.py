"""Variables are filled into manifests as text, and read again as YAML 1.1."""

import pytest

from kustomize_controller.kustomization.decode import documents, objects
from kustomize_controller.kustomization.request import BuildFailed, Substitution
from kustomize_controller.kustomization.substitute import substituted

OPT_OUT = "kustomize.toolkit.fluxcd.io/substitute"


def config(value, *, metadata=""):
    return f"apiVersion: v1\ndata:\n  k: {value}\nkind: ConfigMap\nmetadata:\n{metadata}  name: c\n"


def value(text, *, strategy=False, strict=True, **variables):
    (out,) = substituted([config(text)], Substitution(variables, always=strategy, strict=strict))
    (manifest,) = objects([out])
    return manifest["data"]["k"]


def test_without_post_build_nothing_is_expanded():
    texts = [config("${a:=x}")]
    assert substituted(texts, None) is texts


def test_without_variables_only_the_strategy_expands():
    texts = [config("${a:=x}")]
    assert substituted(texts, Substitution()) is texts
    assert value("${a:=x}", strategy=True) == "x"


def test_an_undefined_variable_fails_by_the_name_of_its_manifest():
    with pytest.raises(BuildFailed) as failed:
        value("${missing}", other="1")
    assert str(failed.value) == (
        "post build failed for 'ConfigMap.v1.[noGrp]/c': envsubst error: "
        'variable substitution failed: variable not set (strict mode): "missing"'
    )


def test_groups_are_named_in_failures():
    text = config("${missing}").replace("v1", "apps/v1", 1)
    with pytest.raises(BuildFailed, match=r"'ConfigMap\.v1\.apps/c'"):
        substituted([text], Substitution(always=True))


def test_an_undefined_variable_is_empty_when_not_strict():
    assert value("x${missing}x", strict=False, other="1") == "xx"


def test_quotes_can_be_forced_by_variables():
    assert value("${q}${n}${q}", q='"', n="123") == "123"
    assert value("${t}${n}", t="!!str ", n="123") == "123"


@pytest.mark.parametrize(
    ("text", "want"),
    [("123", 123), ("yes", True), ("off", False), ("", None), ("0644", 420), ("plain", "plain")],
)
def test_a_value_is_read_as_yaml_1_1(text, want):
    assert value('"${v}"'.strip('"'), v=text) == want


@pytest.mark.parametrize(
    ("text", "want"), [("$${var}", "${var}"), ("$$(POD)", "$(POD)"), ("$(POD)", "$(POD)")]
)
def test_dollars_can_be_escaped(text, want):
    assert value(text, other="1") == want


def test_line_breaks_of_values_are_removed():
    assert value("${v}", v="a\nb\n") == "ab"


@pytest.mark.parametrize("field", ["labels", "annotations"])
def test_a_manifest_can_opt_out(field):
    texts = [config("${invalid", metadata=f"  {field}:\n    {OPT_OUT}: disabled\n")]
    assert substituted(texts, Substitution({"v": "1"})) == texts


def test_opting_out_is_spelled_exactly():
    text = config("${v}", metadata=f"  labels:\n    {OPT_OUT}: Disabled\n")
    (out,) = substituted([text], Substitution({"v": "filled"}))
    assert "k: filled" in out


@pytest.mark.parametrize("name", ["1a", "a-b", "", "a.b", "ä", "a\n"])
def test_names_of_variables_are_checked(name):
    with pytest.raises(BuildFailed, match="var name is invalid, must match"):
        substituted([config("x")], Substitution({name: "v"}))


def test_a_text_without_change_keeps_its_bytes():
    texts = [config("$(POD)"), config("plain")]
    assert substituted(texts, Substitution({"v": "1"})) == texts


@pytest.mark.parametrize("secret", ["{s3cret", '"s3cret', "a: s3cret: b", "[s3cret", "\t- s3cret"])
def test_a_value_that_breaks_the_text_is_not_shown(secret):
    with pytest.raises(BuildFailed) as failed:
        value("${v}", v=secret)
    assert "s3cret" not in str(failed.value)
    assert failed.value.__cause__ is None
    assert "ConfigMap.v1.[noGrp]/c" in str(failed.value)


def test_a_value_that_is_not_text_does_no_harm_until_it_is_used():
    substitution = Substitution({"v": "1"}, {"blob": "Secret/vars"})
    (out,) = substituted([config("${v}")], substitution)
    assert "k: 1" in out


@pytest.mark.parametrize("use", ["${blob}", "${blob:=x}", "${#blob}", "${v:=${blob}}", "${blob:0:1}"])
def test_a_value_that_is_not_text_fails_by_its_key_where_it_is_used(use):
    with pytest.raises(BuildFailed) as failed:
        substituted([config(use)], Substitution({"w": "1"}, {"blob": "Secret/vars"}))
    assert str(failed.value) == (
        "post build failed for 'ConfigMap.v1.[noGrp]/c': envsubst error: "
        "variable substitution failed: the value of key 'blob' in Secret/vars is not text"
    )


def test_values_that_are_not_text_have_names_like_all_others():
    with pytest.raises(BuildFailed, match="'a-b' var name is invalid"):
        substituted([config("x")], Substitution(not_text={"a-b": "Secret/vars"}))


def test_only_separator_lines_separate_manifests():
    block = (
        "apiVersion: v1\ndata:\n  k: |\n    ---\n    text --- more\nkind: ConfigMap\nmetadata:\n  name: a\n"
    )
    assert documents(f"{block}---\n{config('x')}") == [block, config("x")]
    assert documents("") == []
