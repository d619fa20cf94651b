from itertools import groupby
from pathlib import Path
from textwrap import dedent

import pytest

from shared.testing.cases import Case, Claim, LedgerError, claims_in, coverage, load_areas, main

CONFORMANCE = Path(__file__).parents[2] / "conformance"


def ids(source):
    return [claim.id for claim in claims_in(dedent(source), Path("test_it.py"))]


def test_marks_of_functions_count_with_all_their_ids():
    assert ids(
        """
        @pytest.mark.case("a-1", "a-2")
        @pytest.mark.case("b-1")
        async def test_it(): ...
        """
    ) == ["a-1", "a-2", "b-1"]


def test_marks_of_classes_and_their_methods_count():
    assert ids(
        """
        @pytest.mark.case("a-1")
        class TestIt:
            pytestmark = pytest.mark.case("a-2")

            @pytest.mark.case("a-3")
            def test_it(self): ...
        """
    ) == ["a-1", "a-2", "a-3"]


def test_module_marks_count_alone_and_in_lists():
    assert ids('pytestmark = pytest.mark.case("a-1")\ndef test_it(): ...') == ["a-1"]
    assert ids('pytestmark = [pytest.mark.slow, pytest.mark.case("a-2")]\ndef test_it(): ...') == ["a-2"]


def test_module_marks_without_a_test_prove_nothing():
    assert ids('pytestmark = pytest.mark.case("a-1")') == []


def test_marks_of_single_rows_count():
    assert ids(
        """
        @pytest.mark.parametrize("x", [
            pytest.param(1, marks=pytest.mark.case("a-1")),
            pytest.param(2, marks=[pytest.mark.case("a-2", "a-3")]),
            pytest.param(3, marks=[pytest.mark.case("a-4"), pytest.mark.xfail]),
        ])
        def test_it(x): ...
        """
    ) == ["a-1", "a-2", "a-3"]


@pytest.mark.parametrize(
    "mark", ["skip", "skip(reason='')", "skipif(True, reason='')", "xfail", "xfail(strict=True)"]
)
@pytest.mark.parametrize(
    "template",
    [
        '@pytest.mark.{mark}\n@pytest.mark.case("a-1")\ndef test_it(): ...',
        '@pytest.mark.{mark}\nclass TestIt:\n    @pytest.mark.case("a-1")\n    def test_it(self): ...',
        'pytestmark = pytest.mark.{mark}\n@pytest.mark.case("a-1")\ndef test_it(): ...',
    ],
    ids=["function", "class", "module"],
)
def test_what_does_not_run_claims_nothing(mark, template):
    assert ids(template.format(mark=mark)) == []


def test_marks_of_rows_in_a_named_table_count():
    table = 'ROWS: list = [pytest.param(1, marks=pytest.mark.case("a-1"))]'
    assert ids(f'{table}\n@pytest.mark.parametrize("x", ROWS)\ndef test_it(x): ...') == ["a-1"]


def test_a_class_or_module_with_no_test_that_runs_claims_nothing():
    skipped = "@pytest.mark.skip\n{0}def test_it(): ..."
    assert ids('pytestmark = pytest.mark.case("a-1")\n' + skipped.format("")) == []
    assert ids('@pytest.mark.case("a-1")\nclass TestIt:\n    ' + skipped.format("    ")) == []


def test_marks_of_functions_that_are_no_tests_claim_nothing():
    assert ids('@pytest.mark.case("a-1")\ndef server(): ...') == []


def test_ids_must_be_written_out():
    with pytest.raises(LedgerError, match=r"test_it\.py:1"):
        ids("@pytest.mark.case(NAME)\ndef test_it(): ...")


def test_coverage_keeps_the_order_of_the_file():
    areas = {"a": [Case("a-1", "x"), Case("a-2", "y"), Case("a-10", "z")], "b": [Case("b-1", "x")]}
    claims = [Claim("a-2", Path("t.py"), 1), Claim("b-1", Path("t.py"), 2), Claim("b-1", Path("t.py"), 3)]
    assert [str(line) for line in coverage(areas, claims)] == ["a 1/3 open: a-1, a-10", "b 1/1 open: -"]


def test_a_claim_of_an_unknown_case_names_its_place():
    with pytest.raises(LedgerError, match=r"t\.py:7 names 'a-9'"):
        coverage({"a": [Case("a-1", "x")]}, [Claim("a-9", Path("t.py"), 7)])


@pytest.fixture
def tests_folder(tmp_path):
    (tmp_path / "conformance").mkdir()
    (tmp_path / "conformance" / "a.toml").write_text('[[case]]\nid = "a-1"\nstatement = "It works."\n')
    return tmp_path


def test_the_command_prints_a_line_per_area(tests_folder, capsys):
    (tests_folder / "test_a.py").write_text('@pytest.mark.case("a-1")\ndef test_a(): ...\n')
    assert main([str(tests_folder)]) == 0
    assert capsys.readouterr().out == "a 1/1 open: -\n"


def test_the_command_fails_on_an_unknown_id(tests_folder, capsys):
    (tests_folder / "test_a.py").write_text('@pytest.mark.case("a-2")\ndef test_a(): ...\n')
    assert main([str(tests_folder)]) != 0
    assert "names 'a-2'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("[[case]", "is not TOML"), ('[[case]]\nid = "a-1"\n', "without 'statement'")],
)
def test_a_broken_case_file_is_named(tests_folder, text, complaint):
    (tests_folder / "conformance" / "a.toml").write_text(text)
    with pytest.raises(LedgerError, match=complaint):
        load_areas(tests_folder / "conformance")


def test_an_id_used_twice_is_refused(tests_folder):
    (tests_folder / "conformance" / "b.toml").write_text('[[case]]\nid = "a-1"\nstatement = "Again."\n')
    with pytest.raises(LedgerError, match="'a-1' is used twice"):
        load_areas(tests_folder / "conformance")


def test_the_case_files_of_this_repository_are_complete_and_in_order():
    areas = load_areas(CONFORMANCE)
    assert {area: len(cases) for area, cases in areas.items()} == {
        "helm": 52,
        "image": 54,
        "kustomize": 50,
        "notification": 50,
        "runtime": 50,
        "source": 110,
    }
    for area, cases in areas.items():
        for series, members in groupby(cases, key=lambda case: case.series):
            numbers = [case.number for case in members]
            assert numbers == list(range(1, len(numbers) + 1)), f"{series} has gaps"
        assert all(case.id.startswith(f"{area}-") and case.statement.endswith(".") for case in cases)
