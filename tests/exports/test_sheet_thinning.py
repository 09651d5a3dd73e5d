"""Are the rows of a workbook that somebody asks for read as they stand, when the others are left out unread?"""

from __future__ import annotations

import io
import re

import pytest

from syncd.exports import sheet_thinning
from syncd.exports.picking import Picking
from syncd.exports.records import Record
from syncd.exports.sheet_thinning import FIRST_ROWS, thinned
from syncd.exports.sheets import Sheet
from tests.exports.test_excerpts import BY_ID
from tests.exports.test_sheets import Rows, in_sheet, workbook

ANN = "Ann@example.com"
LINES: Rows = [["id", "email", "note"], *([number, f"p{number}@example.com", "7"] for number in range(1, 100))]
LINES[50] = [7000, ANN, "x"]
LINES[60] = ["", f" {ANN.lower()} ", "x & y"]
LINES[70] = ["7", "a@b.c", "y"]
LINES[80] = [7, "see Ann@example.com", "z"]


def found(data: bytes, words: tuple[str, ...], line: int = 0) -> list[tuple[int, tuple[str, ...]]]:
    """Return the records below the rows that are always read."""
    with Sheet(io.BytesIO(data), None, ".") as sheet:
        sheet.is_wanted = Picking(BY_ID, words, line, str.casefold).in_sheet(sheet.texts)
        records = [one for one in sheet.records() if isinstance(one, Record)]
    return [(one.line, one.cells) for one in records if one.line > FIRST_ROWS + 1]


def unnumbered(text: str) -> str:
    return re.sub(r'<row r="\d+"', "<row", text)


def in_runs(text: str) -> str:
    """Write each text of a cell in two pieces of different looks."""
    return re.sub(r"<is><t[^>]*>(..)([^<]*)</t></is>", r"<is><r><t>\1</t></r><r><t>\2</t></r></is>", text)


@pytest.mark.parametrize("constant_memory", [True, False])
@pytest.mark.parametrize("change", [str, unnumbered])
def test_rows_that_hold_a_word_or_stand_on_a_line_are_read_as_they_stand(change: type[str], constant_memory: bool) -> None:
    # In constant memory texts stand in their cells, else in the table of texts.
    data = in_sheet(workbook(LINES, constant_memory=constant_memory), change)
    lines = {line for line, _ in found(data, ("ann@example.com",))}
    assert {51, 61} <= lines
    assert len(lines) <= 5  # a number may be that of a text
    assert {line for line, _ in found(data, ("7",))} >= {71, 81}
    assert found(data, (), 33) == [(33, ("32", "p32@example.com", "7"))]


def test_texts_in_pieces_are_read() -> None:
    data = in_sheet(workbook(LINES, constant_memory=True), in_runs)
    assert {51, 61} <= {line for line, _ in found(data, ("ann@example.com",))}


@pytest.mark.parametrize("size", [1, 7, 100, 100_000])
def test_wherever_the_xml_is_cut_only_rows_are_left_out(size: int) -> None:
    rows = "".join(f'<row r="{number}"><c><v>{number}</v></c></row>' for number in range(2, 60))
    xml = f'<x><sheetData><row r="1"/>{rows}</sheetData><rowBreaks a="1"/><y></x>'.encode()
    kept = b"".join(thinned((xml[at : at + size] for at in range(0, len(xml), size)), lambda number, row: number == 40))
    numbers = [int(one) for one in re.findall(rb'<row r="(\d+)"', kept)]
    assert numbers == [*range(1, FIRST_ROWS + 2), 40]
    assert re.sub(rb'<row r="\d+"(/>|>.*?</row>)', b"", kept) == b'<x><sheetData></sheetData><rowBreaks a="1"/><y></x>'


def test_a_row_without_end_is_left_to_the_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet_thinning, "ROW_BYTES_MAX", 100)
    chunks = [b"<sheetData><row r='1'>", *(b"<c/>" * 20 for _ in range(5)), b"</row></sheetData>"]
    assert b"".join(thinned(chunks, lambda number, row: False)) == b"".join(chunks)
