"""Templates here write what the real helm program writes: it has the same language and the same functions."""

import json
from pathlib import Path

import pytest

from shared.lang.gotmpl import Template, TemplateError
from shared.testing.chart_server import helm, write_chart

CASES = json.loads((Path(__file__).parents[2] / "data/lang/gotmpl.json").read_text())
VALUES = CASES["data"]


def test_everything_that_helm_can_write_is_written_alike(tmp_path):
    cases = CASES["written"]
    template = (
        "kind: All\nresults:\n{{ range $case := .Values.cases }}"
        f"{{{{- $data := {_literal(VALUES)} }}}}"
        '{{- $_ := set $data "Template" $.Template }}'
        "- {{ tpl $case $data | toJson }}\n{{ end }}"
    )
    chart = write_chart(tmp_path / "chart", "case", files={"templates/config.yaml": template})
    (tmp_path / "values.json").write_text(json.dumps({"cases": cases}))
    text = helm("template", "case", chart, "--values", tmp_path / "values.json", home=tmp_path)
    wanted = [json.loads(line.removeprefix("- ")) for line in text.splitlines() if line.startswith("- ")]
    assert len(wanted) == len(cases)
    differing = {
        case: (written, theirs)
        for case, theirs in zip(cases, wanted, strict=True)
        if (written := _written(case)) != theirs
    }
    assert differing == {}


@pytest.mark.parametrize("case", CASES["refused"])
def test_what_helm_refuses_is_refused(case, tmp_path):
    template = f"{{{{- $data := {_literal(VALUES)} }}}}" + '{{- $_ := set $data "Template" $.Template }}'
    template += "x: {{ tpl .Values.case $data | toJson }}\n"
    chart = write_chart(tmp_path / "chart", "case", files={"templates/config.yaml": template})
    (tmp_path / "values.json").write_text(json.dumps({"case": case}))
    with pytest.raises(RuntimeError):
        helm("template", "case", chart, "--values", tmp_path / "values.json", home=tmp_path)
    with pytest.raises(TemplateError):
        Template(case).run(VALUES)


def _literal(value) -> str:
    match value:
        case dict():
            pairs = " ".join(f"{json.dumps(key)} {_literal(item)}" for key, item in value.items())
            return f"(dict {pairs})"
        case list():
            return f"(list {' '.join(map(_literal, value))})"
    return json.dumps(value, ensure_ascii=False)


def _written(case: str) -> str:
    try:
        return Template(case).run(VALUES).replace("<no value>", "")
    except TemplateError as error:
        return f"{type(error).__name__}: {error}"
