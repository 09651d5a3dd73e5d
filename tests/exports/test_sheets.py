"""Is the sheet of a workbook read as text and row by row, and is what a spreadsheet spoilt never taken for a value?"""

from __future__ import annotations

import io
import random
import re
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from python_calamine import load_workbook

from syncd.core.dialect import Dialect
from syncd.core.values import Flag
from syncd.exports import sheet_parts, unpacking
from syncd.exports.records import Record
from syncd.exports.sheet_values import format_kind, moment, number, unescaped
from syncd.exports.sheets import Sheet
from syncd.ports import Header, LinesCounted, Refused
from tests.exports.test_reading import HEAD, MAPPING, problems, read, rows

xlsxwriter = pytest.importorskip("xlsxwriter")  # it has no types
Rows = list[list[Any]]
GOOD: Rows = [["email", "name", "out"], ["ana@example.com", "Ana", False], ["bo@example.com", "Bo", True]]


def workbook(sheets: dict[str, Rows] | Rows, more: Callable[[Any, Any], None] | None = None, **options: Any) -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"strings_to_formulas": False, "default_date_format": "yyyy-mm-dd hh:mm:ss", **options})
    for name, lines in (sheets if isinstance(sheets, dict) else {"Contacts": sheets}).items():
        sheet = book.add_worksheet(name)
        for index, line in enumerate(lines):
            sheet.write_row(index, 0, line)
        if more is not None:
            more(book, sheet)
    book.close()
    return out.getvalue()


def patched(data: bytes, name: str, change: Callable[[str], str]) -> bytes:
    """Return a workbook with one of its parts changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.namelist():
            text = old.read(part)
            new.writestr(part, change(text.decode()).encode() if part == name else text)
    return out.getvalue()


def in_sheet(data: bytes, change: Callable[[str], str]) -> bytes:
    return patched(data, "xl/worksheets/sheet1.xml", change)


def records(data: bytes, decimal: str = ".") -> list[Record]:
    with Sheet(io.BytesIO(data), None, decimal) as sheet:
        return [record for record in sheet.records() if isinstance(record, Record)]


def cells(data: bytes, decimal: str = ".") -> list[tuple[str, ...]]:
    return [record.cells for record in records(data, decimal)]


def refusal(data: bytes, dialect: Dialect | None = None) -> str:
    last = read(data, replace(MAPPING, dialect=dialect or Dialect()))[-1]
    assert isinstance(last, Refused)
    return str(last.problem)


local = datetime.fromisoformat
MEANT = replace(
    MAPPING, columns=(MAPPING.columns[0], replace(MAPPING.columns[1], true=frozenset({"TRUE"}), false=frozenset({"FALSE"})))
)


def test_a_workbook_is_read_like_its_text_whatever_its_name_says() -> None:
    items = read(workbook(GOOD), MEANT)
    assert isinstance(items[0], Header)
    assert [(row.line, row.address, row.values["name"], row.values["out"]) for row in rows(items)] == [
        (2, "ana@example.com", "Ana", False),
        (3, "bo@example.com", "Bo", True),
    ]
    assert items[-1] == LinesCounted(3, 1, 2, 0)


def test_values_come_as_text_without_exponents_and_dates_as_iso() -> None:
    def more(book: Any, sheet: Any) -> None:
        sheet.write_datetime(1, 5, local("2026-11-30"), book.add_format({"num_format": "dd.mm.yyyy"}))
        sheet.write_datetime(1, 6, local("2026-11-30T08:15:07"), book.add_format({"num_format": 22}))
        sheet.write_datetime(1, 7, local("2026-11-30"), book.add_format({"num_format": "yyyy-mm-dd hh:mm"}))
        sheet.write_datetime(1, 8, time(8, 15), book.add_format({"num_format": "[$-F400]h:mm:ss AM/PM"}))
        sheet.write_formula(1, 9, "=1+1", None, 2)
        sheet.write_formula(1, 10, '="a"', None, "a")
        sheet.write_rich_string(1, 11, "Zo", book.add_format({"bold": True}), "ë", "\nx")

    [_, row] = cells(workbook([["a"] * 12, [30.0, 1117.1, 1e-7, 123456789012345, True]], more))
    assert row == (
        "30", "1117.1", "0.0000001", "123456789012345", "TRUE", "2026-11-30", "2026-11-30T08:15:07", "2026-11-30T00:00:00",
        "08:15:00", "2", "a", "Zoë\nx",
    )  # fmt: skip
    assert cells(workbook([["a", "b"], [1117.5, "1.5"]]), ",")[1] == ("1117,5", "1.5")


def test_texts_are_kept_to_the_letter() -> None:
    told = [
        " lead",
        "trail ",
        "",
        "0049170",
        "=1+1",
        "+49",
        "-5",
        "@x",
        "😀e\u0301",
        "\u05e2\u05d1",
        "a\nb",
        "null",
        "&<>\"'",
        "_x0041_",
    ]
    assert cells(workbook([["h"] * len(told), told]))[1] == tuple(told)
    assert cells(workbook([["h"] * len(told), told], in_memory=True))[1] == tuple(told)


def test_texts_within_cells_and_the_other_calendar_are_read() -> None:
    def inline(text: str) -> str:
        return re.sub(
            r'<c r="A2" t="s"><v>\d+</v></c>',
            '<c t="inlineStr"><is><r><t>in</t></r><r><t>line</t></r><rPh><t>x</t></rPh></is></c>',
            text,
        )

    assert cells(in_sheet(workbook([["a", "b"], ["x", "y"]]), inline))[1] == ("inline", "y")
    dated = workbook([["a"], [local("2026-11-30T08:15")]], date_1904=True)
    assert cells(dated)[1] == ("2026-11-30T08:15:00",)


@pytest.mark.parametrize("seed", range(6))
def test_a_second_reader_finds_the_same_cells(seed: int) -> None:
    chance = random.Random(seed)
    pick: tuple[Callable[[], Any], ...] = (
        lambda: "".join(chance.choice("aé😀 &<\n\"'=_x0D") for _ in range(chance.randrange(1, 12))) + "z",
        lambda: chance.randrange(-(10**9), 10**9),
        lambda: chance.uniform(-1e6, 1e6),
        lambda: chance.random() < 0.5,
        lambda: local(f"{1900 + chance.randrange(1, 199)}-03-01") + timedelta(seconds=chance.randrange(86_400 * 300)),
        lambda: None,
    )
    written = [["h"] * 8, *([chance.choice(pick)() for _ in range(8)] for _ in range(60))]
    data = workbook(written)
    theirs = load_workbook(io.BytesIO(data)).get_sheet_by_index(0).to_python()
    ours = {record.line: record.cells for record in records(data)}
    for line, row in enumerate(theirs, 1):
        assert ours.get(line, ("",) * 8) == tuple(_as_text(value) for value in row)


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        return number(repr(value))[0]
    if isinstance(value, (datetime, date)):
        return value.isoformat() if isinstance(value, datetime) else f"{value.isoformat()}T00:00:00"
    return str(value)


def test_rows_are_told_by_their_number_in_the_sheet_and_hidden_ones_are_rows() -> None:
    lines: Rows = [*GOOD, [], [], ["c@example.com", "C", False], ["not an address", "D", False]]

    def more(book: Any, sheet: Any) -> None:
        sheet.set_row(1, None, None, {"hidden": True})
        sheet.set_column(0, 0, None, None, {"hidden": True})
        sheet.set_row(3, 30, book.add_format({"bold": True}))

    items = read(workbook(lines, more), MEANT)
    assert [row.line for row in rows(items)] == [2, 3, 6]
    assert problems(items) == [(7, "ROW-006")]
    assert items[-1] == LinesCounted(5, 1, 3, 1)


def test_cells_beyond_the_header_make_the_row_a_problem_and_empty_ones_at_its_end_do_not() -> None:
    items = read(workbook([*GOOD, ["c@b.cd"], ["d@b.cd", "D", False, "more"]]), MEANT)
    assert problems(items) == [(5, "ROW-001")]
    [short] = [row for row in rows(items) if row.line == 4]
    assert short.flags == {Flag.OPT_OUT_UNREADABLE: "out"}


@pytest.mark.parametrize(
    ("put", "said"),
    [
        (lambda sheet: sheet.write_number(1, 1, 1234567890123456), "Column 'name': 1.23456789012346E+15 stands here as a number"),
        (lambda sheet: sheet.write_formula(1, 1, "=NA()", None, "#N/A"), "Column 'name': #N/A is an error of the spreadsheet"),
        (
            lambda sheet: sheet.write_formula(1, 1, "=A1", None, ""),
            "Column 'name': a formula stands here, and its result was not",
        ),
    ],
)
def test_what_a_spreadsheet_spoilt_is_told_and_the_rows_opt_out_counts(put: Callable[[Any], None], said: str) -> None:
    def unsaved(text: str) -> str:
        return text.replace("<f>A1</f><v></v>", "<f>A1</f>").replace('t="str"><f>A1', "><f>A1")

    data = in_sheet(workbook([GOOD[0], ["a@b.cd", "", True]], lambda book, sheet: put(sheet)), unsaved)
    [row] = rows(read(data, MEANT))
    assert [problem.code for problem in row.problems] == ["ROW-009"]
    assert row.problems[0].text.startswith(said)
    assert row.flags == {Flag.OPTED_OUT: "out"}


def test_a_spoilt_cell_that_would_say_who_has_opted_out_counts_as_an_opt_out() -> None:
    status = replace(MAPPING.columns[0], opted_out_when=frozenset({"left"}))
    data = workbook([GOOD[0], ["a@b.cd"]], lambda _, sheet: sheet.write_formula(1, 1, "=NA()", None, "#N/A"))
    [row] = rows(read(data, replace(MEANT, columns=(status, replace(MEANT.columns[1], null=frozenset({""}))))))
    assert [problem.code for problem in row.problems] == ["ROW-009"]
    assert row.flags == {Flag.OPT_OUT_UNREADABLE: "name"}


def test_a_spoilt_cell_that_nobody_uses_or_that_means_nothing_is_no_fault() -> None:
    data = workbook([[*GOOD[0], "extra"], ["a@b.cd", "Ana", False, 1e17]])
    assert rows(read(data, MEANT))[0].problems == ()
    named = replace(MEANT, columns=(replace(MEANT.columns[0], null=frozenset({"#N/A"})), MEANT.columns[1]))
    data = workbook([GOOD[0], ["a@b.cd", "", False]], lambda book, sheet: sheet.write_formula(1, 1, "=NA()", None, "#N/A"))
    assert rows(read(data, named))[0].problems == ()


def test_an_error_that_is_none_is_told_without_obeying_it() -> None:
    data = workbook([GOOD[0], ["a@b.cd", "", True]], lambda book, sheet: sheet.write_formula(1, 1, "=NA()", None, "#N/A"))
    [row] = rows(read(in_sheet(data, lambda text: text.replace("#N/A", "\u202e\x9b2J{0}")), MEANT))
    assert all(str(problem).isprintable() for problem in row.problems)
    assert [problem.code for problem in row.problems] == ["ROW-009"]


def test_an_id_that_became_a_number_ties_the_row_to_nobody() -> None:
    mapping = replace(MEANT, match={"external": "name"}, external_field="X__c")
    items = read(workbook([GOOD[0], ["a@b.cd", 12345678901234567, False]]), mapping)
    assert problems(items) == [(2, "ROW-006")]
    assert "'1.23456789012346E+16' is an id that a spreadsheet turned into a number" in str(items[1])


def test_the_only_sheet_is_read_and_one_of_several_only_by_its_name() -> None:
    two = workbook({"Contacts": GOOD, "Notes": [["x"]]})
    assert refusal(two) == (
        "a.csv:1:1 [EXP-013] The workbook has 2 sheets ('Contacts', 'Notes'), and none is named."
        ' Say under [file] which one to read, such as sheet = "Contacts".'
    )
    assert len(rows(read(two, replace(MEANT, dialect=Dialect(sheet="Contacts"))))) == 2
    assert refusal(two, Dialect(sheet="Leads")).startswith(
        "a.csv:1:1 [EXP-013] The workbook has no sheet 'Leads'; it has 'Contacts'"
    )


@pytest.mark.parametrize("lines", [[], [GOOD[0]]])
def test_an_empty_sheet_pauses(lines: Rows) -> None:
    last = read(workbook(lines))[-1]
    assert isinstance(last, Refused)
    assert (last.kind, last.problem.code) == ("pause", "EXP-004")


def test_a_stray_cell_far_out_costs_nothing() -> None:
    stray = '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    items = read(in_sheet(workbook(GOOD), lambda text: text.replace("</sheetData>", stray)), MEANT)
    assert problems(items) == [(1_048_576, "ROW-001")]
    assert len(rows(items)) == 2


@pytest.mark.parametrize(
    ("part", "old", "new", "said"),
    [
        ("xl/worksheets/sheet1.xml", "</sheetData>", "</row></sheetData>", "The workbook is damaged: mismatched tag"),
        ("xl/worksheets/sheet1.xml", 'r="3"', 'r="1"', "The workbook is damaged: its rows are not in order."),
        ("xl/worksheets/sheet1.xml", 'r="B2"', 'r="A2"', "The workbook is damaged: row 2 has no right order."),
        ("xl/worksheets/sheet1.xml", 'r="B2"', 'r="ZZZ2"', "The workbook is damaged: row 2 has no right order."),
        ("xl/worksheets/sheet1.xml", "<sheetData>", '<sheetData><c r="A9"><v>1</v></c>', "row 0 has no right order."),
        ("xl/worksheets/sheet1.xml", "<v>0</v>", "<v>77</v>", "The workbook is damaged: it has no text '77'."),
        ("xl/worksheets/sheet1.xml", "<worksheet", '<!DOCTYPE x [<!ENTITY a "b">]><worksheet', "its XML has a document type"),
        ("xl/sharedStrings.xml", "<sst", '<!DOCTYPE x [<!ENTITY a "b">]><sst', "The workbook is damaged: its XML has a document"),
        (
            "xl/_rels/workbook.xml.rels",
            "sheet1.xml",
            "sheet9.xml",
            "The workbook is damaged: it has no 'xl/worksheets/sheet9.xml'.",
        ),
        ("xl/workbook.xml", "</workbook>", "", "The workbook is damaged: no element found"),
        ("xl/workbook.xml", "UTF-8", "UT", "The workbook is damaged: unknown encoding: UT."),
        ("xl/worksheets/sheet1.xml", "UTF-8", "shift_jis", "The workbook is damaged: multi-byte encodings are not supported."),
    ],
)
def test_a_damaged_workbook_is_refused_whole(part: str, old: str, new: str, said: str) -> None:
    assert said in refusal(patched(workbook(GOOD), part, lambda text: text.replace(old, new, 1)))


def test_a_workbook_that_is_a_bomb_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    data = workbook([*GOOD, *([f"p{n}@example.com", "x" * 100, True] for n in range(500))])
    monkeypatch.setattr(sheet_parts, "PART_BYTES_MAX", 1000)
    assert "[EXP-011] The workbook holds more text than syncd reads from one" in refusal(data)
    monkeypatch.undo()
    monkeypatch.setattr(unpacking, "UNPACKED_BYTES_MAX", 1000)
    assert "[EXP-011]" in refusal(data)


def test_a_cell_without_end_is_refused_before_it_fills_the_memory() -> None:
    old = re.compile(r'<c r="A2".*?</c>')
    runs = '<c r="A2" t="inlineStr"><is>' + "<r><t>a</t></r>" * 600_000 + "</is></c>"
    assert "[EXP-011] A cell of row 2 is longer" in refusal(in_sheet(workbook(GOOD), lambda text: old.sub(runs, text)))


def test_a_cell_of_many_pieces_is_read_at_once() -> None:
    old = re.compile(r'<c r="B2".*?</c>')
    runs = '<c r="B2" t="inlineStr"><is>' + "<r><t>a</t></r>" * 20_000 + "</is></c>"
    assert records(in_sheet(workbook(GOOD), lambda text: old.sub(runs, text)))[1].cells[1] == "a" * 20_000


@pytest.mark.parametrize("styles", ["<xf/>" * 100_001, '<numFmt numFmtId="164" formatCode="' + "[" * 1_000_000 + '"/>'])
def test_styles_that_no_spreadsheet_makes_hold_nothing_up(styles: str) -> None:
    data = patched(workbook(GOOD), "xl/styles.xml", lambda text: text.replace("<cellXfs", f"<cellXfs>{styles}</cellXfs><cellXfs"))
    found = read(data, MEANT)[-1]
    assert isinstance(found, LinesCounted) if "numFmt" in styles else "more than 100,000 styles" in str(found)


def test_csv_that_is_called_a_workbook_is_csv() -> None:
    assert len(rows(read(HEAD + "a@b.cd,Ana,false\n"))) == 1


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("General", None), ("Standard", None), ('General" kg"', None), ("G/通用格式", None),
        ("0.00", None), ("0.00E+00", None), ("#,##0", None), ("@", None), ("[h]:mm", None), ("[Red]0", None),
        ("dd/mm/yy", "date"), ("mmm-yy", "date"), ("[$-409]d-mmm-yyyy;@", "date"), ("mm", "date"), ('0 "days"', None),
        ("h:mm AM/PM", "time"), ("mm:ss", "time"), ("yyyy-mm-dd hh:mm", "datetime"), ('yyyy"年"m"月"d"日"', "date"),
    ],
)  # fmt: skip
def test_a_format_says_whether_it_shows_a_date(code: str, kind: str | None) -> None:
    assert format_kind(code) == kind


def test_days_are_counted_as_spreadsheets_count_them() -> None:
    assert moment("1", "date", is_1904=False) == "1900-01-01"
    assert moment("61", "date", is_1904=False) == "1900-03-01"
    assert moment("46356.34375", "datetime", is_1904=False) == "2026-11-30T08:15:00"
    assert moment("44894", "date", is_1904=True) == "2026-11-30"
    assert moment("-1", "date", is_1904=False) is None
    assert moment("1e300", "date", is_1904=False) is None


def test_halves_of_a_pair_stay_escaped() -> None:
    assert unescaped("a_x000D_b_xD83D_c_x0007_") == "a\rb_xD83D_c\x07"
