"""Variables meet the text that the real program writes."""

import pytest

from kustomize_controller.kustomization.request import BuildFailed, BuildRequest, Substitution


def config(value, *, metadata="", kind="ConfigMap"):
    return f"apiVersion: v1\nkind: {kind}\nmetadata:\n  name: c\n{metadata}data:\n  k: {value}\n"


@pytest.fixture
def build(builder, tree):
    async def run(text, substitution):
        return (await builder.build(tree({"c.yaml": text}), BuildRequest(substitution=substitution))).objects[
            0
        ]

    return run


@pytest.mark.case("kustomize-18")
async def test_an_undefined_variable_fails_in_strict_mode(build):
    with pytest.raises(BuildFailed, match=r'variable not set \(strict mode\): "missing"'):
        await build(config("${missing}"), Substitution({"other": "1"}))


@pytest.mark.case("kustomize-19")
async def test_defaults_count_without_variables_only_if_always(build):
    assert (await build(config("${a:=x}"), Substitution()))["data"]["k"] == "${a:=x}"
    assert (await build(config("${a:=x}"), Substitution(always=True)))["data"]["k"] == "x"


@pytest.mark.case("kustomize-20")
async def test_quotes_survive_when_variables_carry_them(build):
    metadata = "  annotations:\n    n: ${q}${n}${q}\n  labels:\n    n: ${s}\n"
    built = await build(
        config("v", metadata=metadata), Substitution({"q": '"', "n": "123", "s": "!!str 123"})
    )
    assert built["metadata"]["annotations"]["n"] == "123"
    assert built["metadata"]["labels"]["n"] == "123"


async def test_quotes_of_the_file_do_not_survive(build):
    assert (await build(config('"${n}"'), Substitution({"n": "123"})))["data"]["k"] == 123


@pytest.mark.case("kustomize-21")
@pytest.mark.parametrize(("text", "want"), [("$${var}", "${var}"), ("$$(POD)", "$(POD)")])
async def test_escaped_dollars_lose_one(build, text, want):
    assert (await build(config(text), Substitution({"var": "1"})))["data"]["k"] == want


@pytest.mark.case("kustomize-22")
async def test_a_labelled_manifest_is_left_alone(build):
    label = "  labels:\n    kustomize.toolkit.fluxcd.io/substitute: disabled\n"
    built = await build(config("'${var} ${'", metadata=label), Substitution({"var": "1"}))
    assert built["data"]["k"] == "${var} ${"


async def test_blocks_and_long_lines_are_filled(build):
    text = config("|\n    first ${v}\n    ---\n    last ${v}")
    assert (await build(text, Substitution({"v": "x"})))["data"]["k"] == "first x\n---\nlast x\n"
    line = "word " * 40 + "${v} end"
    assert (await build(config(line), Substitution({"v": "x"})))["data"]["k"] == line.replace("${v}", "x")
