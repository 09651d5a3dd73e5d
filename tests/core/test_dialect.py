"""Is a file's dialect read as it was declared, and no number taken for another?"""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from syncd.core.cells import read_cell
from syncd.core.dialect import Dialect
from syncd.core.mapping import Column
from syncd.core.mapping_file.keys import FILE
from syncd.core.unreadable import Unreadable
from syncd.core.values import Flag, Rule
from tests.core.test_mapping import FLAG, HEAD, SCORE, parse, parsed

UTC = ZoneInfo("UTC")


def read(cell: str, kind: str = "number", decimal: str = ".", thousands: str = "") -> object:
    return read_cell(Column("x", kind, Rule("", "", 0), decimal=decimal, thousands=thousands), cell, UTC)


@pytest.mark.parametrize(
    ("cell", "decimal", "thousands", "value"),
    [
        ("1234,56", ",", "", 1234.56),
        ("-0,5", ",", "", -0.5),
        ("1.234.567,8", ",", ".", 1234567.8),
        ("1,117.5", ".", ",", 1117.5),
        ("12 345,5", ",", " ", 12345.5),
        ("12\u00a0345,5", ",", " ", 12345.5),
        ("-1\u202f000", ",", " ", -1000.0),
        ("1'000.25", ".", "'", 1000.25),
        ("999", ",", ".", 999.0),
        ("1234,5", ",", ".", 1234.5),
    ],
)
def test_a_number_is_read_by_its_declared_signs(cell: str, decimal: str, thousands: str, value: float) -> None:
    assert read(cell, decimal=decimal, thousands=thousands) == value


@pytest.mark.parametrize(
    ("cell", "decimal", "thousands"),
    [
        ("1.5", ",", ""),
        ("1.234,56", ",", ""),
        ("1,5", ".", ""),
        ("1,5", ".", ","),
        ("1.23,5", ",", "."),
        ("12345.678,5", ",", "."),
        (".234,5", ",", "."),
        ("1,234,5", ",", "."),
        ("1,5.000", ",", "."),
        ("1..234", ",", "."),
        ("1 234", ".", ""),
        ("1,117.10K", ".", ","),
        ("1,\u0661\u0662\u0663", ".", ","),
    ],
)
def test_a_number_with_other_signs_is_unreadable(cell: str, decimal: str, thousands: str) -> None:
    with pytest.raises(Unreadable, match="is no number"):
        read(cell, decimal=decimal, thousands=thousands)


def test_a_whole_number_may_have_thousands() -> None:
    assert read("1.234", "integer", ",", ".") == 1234
    assert read("30,0", "integer", ",") == 30
    with pytest.raises(Unreadable, match="no whole number"):
        read("1,5", "integer", ",", ".")


def test_the_dialect_of_a_mapping_reaches_its_columns(tmp_path: Path) -> None:
    text = '[file]\ndecimal = ","\nthousands = " "\nescape = "\\\\"\nformula_guard = true\nsheet = "Contacts"\n'
    mapping = parsed(tmp_path, HEAD + text + SCORE)
    assert mapping.dialect == Dialect("Contacts", "*.csv", ",", " ", "\\", has_guard=True)
    assert [(one.decimal, one.thousands) for one in mapping.columns] == [(",", " ")]


def test_a_files_name_says_a_flag_by_the_first_pattern_and_an_opt_out_before_all_else(tmp_path: Path) -> None:
    text = HEAD + '[file]\nflag = { "cleaned*" = "unreachable", "*unsub*" = "opted_out" }\n'
    mapping = parsed(tmp_path, text)
    names = ("x.zip/cleaned_members.csv", "x.zip/UNSUBSCRIBED.csv", "cleaned_unsub.csv", "unsubscribed.zip/subscribers.csv")
    found = [mapping.of_file(name).file_flag for name in names]
    assert found == [Flag.UNREACHABLE, Flag.OPTED_OUT, Flag.OPTED_OUT, None]
    assert parsed(tmp_path, HEAD + FLAG).of_file("unsubscribed.csv").file_flag is None


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('decimal = ";"', "5:12 [MAP-104] decimal is ';'. Choose one of: ., ,."),
        ('thousands = "."\ndecimal = "."', "5:14 [MAP-123] decimal and thousands are both '.': no number could be told from"),
        ('escape = "^"', "5:11 [MAP-104] escape is '^'. Choose one of: \\."),
        ("formula_guard = 1", "5:17 [MAP-102] formula_guard is 1, not true or false. Write formula_guard = true."),
        ('members = "../*.csv"', "5:12 [MAP-119] '../*.csv' leaves the archive."),
        ("sheet = 2", "5:9 [MAP-102] sheet is 2, not a text."),
        ("flag = {}", "5:8 [MAP-123] flag is an empty table."),
        ('flag = { "a/b" = "opted_out" }', "5:11 [MAP-119] 'a/b' is no file name."),
        ('flag = { "a*" = "optedout" }', "5:18 [MAP-104] a* is 'optedout'. Did you mean 'opted_out'?"),
        ('flag = ["opted_out"]', "5:8 [MAP-102] flag is a list, not a text."),
    ],
)
def test_a_wrong_dialect_is_refused_at_its_line(tmp_path: Path, line: str, said: str) -> None:
    mapping, problems = parse(tmp_path, HEAD + "[file]\n" + line + "\n" + FLAG)
    assert mapping is None
    [problem] = problems
    assert f"{problem.line}:{problem.column} [{problem.code}] {problem.text} {problem.remedy}".startswith(said)


@pytest.mark.parametrize(
    ("cell", "plain"), [(" -5", "-5"), ("  -5", "  -5"), (" +49", "+49"), (" a", " a"), ("-5", "-5"), ("", "")]
)
def test_one_blank_before_a_formula_sign_is_taken_away_where_it_is_declared(cell: str, plain: str) -> None:
    assert Dialect(has_guard=True).unguarded(cell) == plain
    assert Dialect().unguarded(cell) == cell


def test_the_page_about_files_explains_every_key_and_its_example_is_valid(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "files.md").read_text("utf-8")
    mapping = parsed(tmp_path, page.partition("```toml fields\n")[2].partition("```")[0])
    assert (mapping.dialect.members, mapping.dialect.thousands) == ("*_members_*.csv", ".")
    table = page.partition("| Key |")[2].partition("\n\n")[0]
    assert [key.name for key in FILE if f"`{key.name}`" not in table] == []
