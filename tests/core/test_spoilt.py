"""Is a spreadsheet's error in a cell never taken for a value, unless the mapping says what it means?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from syncd.core.mapping import SourceMapping
from syncd.core.mapping_file.parsing import parse_mapping
from syncd.core.rows import ParsedRow, read_row
from syncd.core.spoilt import _ERRORS, is_error
from syncd.core.values import Flag
from syncd.exports.sieve.columns import is_no_error
from syncd.policies.documents import read_table
from syncd.policies.mapping_formulas import compile_formula

TEXT = """
version = "1"
[file]
null = ["", "null"]
[match]
external = { column = "id", field = "Key__c" }
email = "email"
[column.company]
type = "text"
field = "Company"
side = "marketing"
conflict = "overwrite"
[column.out]
type = "boolean"
flag = "opted_out"
true = ["yes"]
false = ["no"]
[column.status]
type = "text"
opted_out_when = ["gone"]
[computed.Title]
formula = 'city & ""'
side = "marketing"
conflict = "overwrite"
[consent]
source = "form"
at = "agreed"
wording = "words"
"""
HEADER = ("id", "email", "company", "out", "status", "city", "form", "agreed", "words")
GOOD = {
    "id": "7", "email": "ana@example.com", "company": "Acme", "out": "no", "status": "ok", "city": "Rome", "form": "web",
    "agreed": "2026-01-01T00:00:00Z", "words": "Yes",
}  # fmt: skip


@pytest.fixture(scope="module")
def mapping(tmp_path_factory: pytest.TempPathFactory) -> SourceMapping:
    path: Path = tmp_path_factory.mktemp("spoilt") / "tool.toml"
    path.write_text(TEXT, encoding="utf-8")
    table, _ = read_table(path)
    assert table is not None
    found, problems = parse_mapping("tool", table, compile_formula)
    assert found is not None, problems
    return found


def read(mapping: SourceMapping, **cells: str) -> ParsedRow:
    row = read_row(mapping, HEADER, [{**GOOD, **cells}[name] for name in HEADER], 2, file="a.csv")
    assert isinstance(row, ParsedRow)
    return row


@pytest.mark.parametrize("cell", ["#N/A", "#ref!", " #VALUE!\u00a0", "#NV", "#¡DIV/0!", "######", "#NAME?"])
def test_an_error_that_was_saved_as_text_is_no_value_of_any_column(mapping: SourceMapping, cell: str) -> None:
    for name in ("company", "out", "status", "city", "id", "form", "words"):
        row = read(mapping, **{name: cell})
        [problem] = row.problems
        assert (problem.code, problem.column) == ("ROW-009", HEADER.index(name) + 1)
        assert problem.text == f"Column {name!r}: {cell.strip()} is an error of the spreadsheet, not a value."
        assert row.values.get(name) is None
        assert (row.external is None) == (name == "id")
        assert (row.consent is None) == (name in ("form", "words"))
        assert (Flag.OPT_OUT_UNREADABLE in row.flags) == (name in ("out", "status"))


def test_what_the_mapping_declares_means_what_it_says(mapping: SourceMapping) -> None:
    company, out, status = mapping.columns[:3]
    null, mark = replace(company, null=frozenset({"#N/A"})), frozenset({"#N/A"})
    row = read(replace(mapping, columns=(null, out, status)), company="#N/A")
    assert (row.values["company"], row.problems) == (None, ())
    yes = read(replace(mapping, columns=(company, replace(out, true=mark), status)), out="#N/A")
    assert (yes.flags, yes.problems) == ({Flag.OPTED_OUT: "out"}, ())
    gone = read(replace(mapping, columns=(company, out, replace(status, opted_out_when=mark))), status="#N/A")
    assert (gone.flags, gone.problems) == ({Flag.OPTED_OUT: "status"}, ())
    assert read(replace(mapping, null=frozenset({"", "#N/A"})), city="#N/A", id="#N/A").problems == ()


@pytest.mark.parametrize("cell", ["#1 Dental", "Flat #3", "#", "##", "#NAT", "N/A", "#REF", "#hashtag!", "C#", ""])
def test_what_only_looks_a_little_like_one_is_a_value(mapping: SourceMapping, cell: str) -> None:
    assert not is_error(cell)
    assert read(mapping, company=cell).problems == ()


@pytest.mark.parametrize("cell", [*_ERRORS, "#####", *(f"{blank}#n/a{blank}" for blank in " \t\u00a0\u2003\u3000")])
def test_a_database_lets_no_such_cell_pass_unseen(cell: str) -> None:
    assert is_error(cell)
    assert duckdb.execute(f"SELECT {is_no_error('v')} FROM (SELECT ?::VARCHAR AS v)", [cell]).fetchall() == [(False,)]  # noqa: S608


@pytest.mark.parametrize("cell", ["Acme", "Flat #3", "", " ", "\u00dcnal", "~", "$5", "-", "!", "\u6771\u4eac"])
def test_a_database_has_nothing_to_say_against_what_is_no_error(cell: str) -> None:
    assert duckdb.execute(f"SELECT {is_no_error('v')} FROM (SELECT ?::VARCHAR AS v)", [cell]).fetchall() == [(True,)]  # noqa: S608
