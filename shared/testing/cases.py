"""Which acceptance cases have a test: the ledger behind `make cases`.

The cases are data, one file per area in tests/conformance. A test claims a case with
``@pytest.mark.case(...)``. The marks are read from the syntax trees of the tests, so counting neither imports
nor runs anything. A mark on a test that is skipped or expected to fail claims nothing, and neither does a
mark inside a skipped class or module. An id that no file knows is an error: a typo must not look like a gap.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

_NOT_RUN = frozenset({"skip", "skipif", "xfail"})
_PLACE = re.compile(r"(\d+)$")


class LedgerError(Exception):
    """The case files or the marks are wrong; the message names the file and the way out."""


@dataclass(frozen=True, slots=True)
class Case:
    """One acceptance case: its id, for example ``kustomize-17``, and what must hold."""

    id: str
    statement: str

    @property
    def series(self) -> str:
        """The id without its number: cases of one series are numbered from 1 without gaps."""
        return _PLACE.sub("", self.id)

    @property
    def number(self) -> int:
        """The number at the end of the id."""
        match = _PLACE.search(self.id)
        if match is None:
            raise LedgerError(f"case id '{self.id}' has no number at its end")
        return int(match[1])


@dataclass(frozen=True, slots=True)
class Claim:
    """A test's statement that it proves a case."""

    id: str
    path: Path
    line: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """How far one area is."""

    area: str
    total: int
    missing: tuple[str, ...]

    def __str__(self) -> str:
        """The line that `make cases` prints."""
        covered = self.total - len(self.missing)
        return f"{self.area} {covered}/{self.total} open: {', '.join(self.missing) or '-'}"


def load_areas(folder: Path) -> dict[str, list[Case]]:
    """Read every area's cases, in the order of the files."""
    areas = {path.stem: _load_area(path) for path in sorted(folder.glob("*.toml"))}
    if not areas:
        raise LedgerError(f"no case files in '{folder}': expected one <area>.toml per area")
    seen: set[str] = set()
    for case in (case for cases in areas.values() for case in cases):
        if case.id in seen:
            raise LedgerError(f"case id '{case.id}' is used twice: give one of the two another number")
        seen.add(case.id)
    return areas


def collect_claims(tests: Path) -> list[Claim]:
    """Find the case marks of every test file below a folder."""
    return [
        claim for path in sorted(tests.rglob("*.py")) for claim in claims_in(path.read_text("utf-8"), path)
    ]


def claims_in(source: str, path: Path) -> Iterator[Claim]:
    """The case marks of one file's source that belong to tests which run."""
    module = ast.parse(source, filename=str(path))
    return _Reader(path, _assignments(module.body)).body(module.body)


def coverage(areas: dict[str, list[Case]], claims: Iterable[Claim]) -> list[Coverage]:
    """Hold the claims against the cases; a claim of an unknown id raises."""
    claims = list(claims)
    known = {case.id for cases in areas.values() for case in cases}
    strays = [claim for claim in claims if claim.id not in known]
    if strays:
        places = "; ".join(f"{claim.path}:{claim.line} names '{claim.id}'" for claim in strays)
        raise LedgerError(f"case marks without a case: {places} (ids are listed in tests/conformance)")
    claimed = {claim.id for claim in claims}
    return [
        Coverage(area, len(cases), tuple(case.id for case in cases if case.id not in claimed))
        for area, cases in areas.items()
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one line per area; the folder of the tests may be given, it is ``tests`` by default."""
    arguments = sys.argv[1:] if arguments is None else arguments
    tests = Path(arguments[0] if arguments else "tests")
    try:
        lines = coverage(load_areas(tests / "conformance"), collect_claims(tests))
    except LedgerError as error:
        print(f"cases: {error}", file=sys.stderr)
        return 1
    for line in lines:
        print(line)
    return 0


def _load_area(path: Path) -> list[Case]:
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise LedgerError(f"'{path.name}' is not TOML: {error}") from error
    try:
        return [Case(entry["id"], entry["statement"]) for entry in document["case"]]
    except KeyError as error:
        raise LedgerError(f"'{path.name}' has a [[case]] without {error}") from error


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the claims of one file; `tables` are its named values, for rows that are not written in place."""

    path: Path
    tables: Mapping[str, ast.expr]

    def body(self, statements: Sequence[ast.stmt]) -> Iterator[Claim]:
        """Claims of a module or class body: of its own ``pytestmark`` and of its members."""
        members = [statement for statement in statements if _is_test(statement) and _runs(statement)]
        own = _pytestmark(statements)
        if not members or _not_run(own):
            return
        yield from self.marks(own)
        for member in members:
            yield from self.marks(member.decorator_list)
            if isinstance(member, ast.ClassDef):
                yield from self.body(member.body)

    def marks(self, marks: Iterable[ast.expr]) -> Iterator[Claim]:
        for mark in marks:
            match _mark_name(mark), mark:
                case "case", ast.Call(args=ids):
                    yield from map(self.claim, ids)
                case "parametrize", ast.Call(args=[_, rows, *_]):
                    yield from self.rows(rows)

    def rows(self, table: ast.expr) -> Iterator[Claim]:
        """Claims of single rows: ``pytest.param(..., marks=pytest.mark.case("..."))``."""
        if isinstance(table, ast.Name):
            table = self.tables.get(table.id, table)
        for node in ast.walk(table):
            if isinstance(node, ast.Call) and _last_name(node.func) == "param":
                marks = [
                    mark for word in node.keywords if word.arg == "marks" for mark in _flatten(word.value)
                ]
                if not _not_run(marks):
                    yield from self.marks(marks)

    def claim(self, argument: ast.expr) -> Claim:
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            return Claim(argument.value, self.path, argument.lineno)
        raise LedgerError(
            f"{self.path}:{argument.lineno} has a case mark that is no plain string: write the id out"
        )


def _assignments(body: Iterable[ast.stmt]) -> dict[str, ast.expr]:
    """What the names assigned in a body stand for."""
    named: dict[str, ast.expr] = {}
    for statement in body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                named[name] = value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                named[name] = value
    return named


def _pytestmark(body: Iterable[ast.stmt]) -> list[ast.expr]:
    """The marks that ``pytestmark = ...`` gives to everything in the same body."""
    value = _assignments(body).get("pytestmark")
    return [] if value is None else _flatten(value)


def _is_test(statement: ast.stmt) -> TypeGuard[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Whether pytest collects it: by name, as everywhere in this repository."""
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return name.startswith("test")
        case ast.ClassDef(name=name):
            return name.startswith("Test")
    return False


def _runs(test: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    """Whether anything of it is run: a class runs with at least one of its tests."""
    if _not_run(test.decorator_list):
        return False
    if not isinstance(test, ast.ClassDef):
        return True
    return not _not_run(_pytestmark(test.body)) and any(_is_test(it) and _runs(it) for it in test.body)


def _flatten(value: ast.expr) -> list[ast.expr]:
    return list(value.elts) if isinstance(value, ast.List | ast.Tuple) else [value]


def _not_run(marks: Iterable[ast.expr]) -> bool:
    return any(_mark_name(mark) in _NOT_RUN for mark in marks)


def _mark_name(node: ast.expr) -> str:
    """``case`` for ``pytest.mark.case(...)`` and for ``mark.case``; empty for what is no mark."""
    target = node.func if isinstance(node, ast.Call) else node
    if isinstance(target, ast.Attribute) and _last_name(target.value) == "mark":
        return target.attr
    return ""


def _last_name(node: ast.expr) -> str:
    match node:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


if __name__ == "__main__":
    raise SystemExit(main())
