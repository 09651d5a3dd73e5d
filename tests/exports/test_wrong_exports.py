"""Each wrong export is refused or read with the whole of what must be said of it, line by line.

wrong_exports/ has a file for each mistake, with what is said of it beside it, and NAME.toml where [file] is another one. What is
no text (packed, or a workbook) is made here.
"""

from __future__ import annotations

import gzip
import os
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from syncd.core.mapping import SourceMapping
from syncd.core.mapping_file.parsing import parse_mapping
from syncd.core.rows import ParsedRow
from syncd.exports import unpacking
from syncd.exports.folder import DropFolder
from syncd.policies.documents import read_table
from syncd.ports import Header, Item, LinesCounted, Refused
from tests.exports.test_folder import NOW, Standing
from tests.exports.test_sheets import in_sheet, workbook
from tests.exports.test_unpacking import zipped

FOLDER = Path(__file__).parent / "wrong_exports"
WRITTEN = sorted(path for path in FOLDER.iterdir() if path.suffix in (".csv", ".zip") and path.stem != "right")
RIGHT = (FOLDER / "right.csv").read_bytes()
_OPEN_DOCUMENT = b"application/vnd.oasis.opendocument.spreadsheet"
CELLS = [line.split(",") for line in RIGHT.decode().splitlines()]


def _locked() -> bytes:
    packed = bytearray(zipped({"a.csv": RIGHT}))
    for header, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        packed[packed.index(header) + place] |= 1
    return bytes(packed)


def _cells(**changed: object) -> list[list[object]]:
    header, first, second = CELLS
    return [
        list(header),
        [changed.get(name.replace(" ", "_"), cell) for name, cell in zip(header, first, strict=True)],
        list(second),
    ]


def _lost(sheet: str) -> str:
    return sheet.replace("<v>0</v>", "<v>99</v>")


def _merge_first_row(book: object, sheet: Any) -> None:
    sheet.merge_range(0, 0, 0, 9, "All contacts")


def _hide(book: object, sheet: Any) -> None:
    if sheet.get_name() != "Contacts":
        sheet.hide()


MADE: dict[str, Callable[[], bytes]] = {
    "gzip_cut_off.csv.gz": lambda: gzip.compress(RIGHT, mtime=0)[:-12],
    "gzip_with_junk_behind.csv.gz": lambda: gzip.compress(RIGHT, mtime=0) + b"junk",
    "gzip_with_a_wrong_sum.csv.gz": lambda: gzip.compress(RIGHT, mtime=0)[:-8] + bytes(8),
    "gzip_called_csv_of_another_delimiter.csv": lambda: gzip.compress(RIGHT.replace(b",", b";"), mtime=0),
    "gzip_of_nothing.csv.gz": lambda: gzip.compress(b"", mtime=0),
    "gzip_of_gzip.csv.gz": lambda: gzip.compress(gzip.compress(RIGHT, mtime=0), mtime=0),
    "zip_with_a_password.zip": _locked,
    "zip_without_a_file.zip": lambda: zipped({}),
    "zip_without_a_csv.zip": lambda: zipped({"a.txt": RIGHT, "b.txt": RIGHT}),
    "zip_that_leads_out.zip": lambda: zipped({"../../etc/a.csv": RIGHT, "b.csv": RIGHT}),
    "zip_of_a_rare_kind.zip": lambda: zipped({"a.csv": RIGHT}, zipfile.ZIP_LZMA),
    "zip_of_a_workbook.zip": lambda: zipped({"a.csv": workbook(_cells())}),
    "zip_with_one_wrong_file.zip": lambda: zipped({"a.csv": RIGHT, "b.csv": RIGHT.replace(b"Email", b"Mail")}),
    "bomb.csv.gz": lambda: gzip.compress(RIGHT + b"x" * 2_000_000, mtime=0),
    "utf_16_cut_off.csv": lambda: RIGHT.decode().encode("utf-16")[:-1],
    "utf_16_with_another_delimiter.csv": lambda: RIGHT.decode().replace(",", "\t").encode("utf-16"),
    "workbook_of_two_sheets.xlsx": lambda: workbook({"Contacts": _cells(), "Notes": [["x"]]}),
    "workbook_without_rows.xlsx": lambda: workbook(_cells()[:1]),
    "workbook_without_a_column.xlsx": lambda: workbook([row[:-1] for row in _cells()]),
    "workbook_called_csv_with_spoilt_cells.csv": lambda: workbook(
        _cells(Person=12345678901234567, Score=1e18, Name="", Opted_Out=True),
        lambda book, sheet: sheet.write_formula(1, 3, "=NA()", None, "#N/A"),
    ),
    "workbook_with_a_row_too_long.xlsx": lambda: workbook([*_cells(), [*CELLS[1], "more"]]),
    "workbook_with_text_that_is_lost.xlsx": lambda: in_sheet(
        workbook(_cells()), lambda text: text.replace("<v>0</v>", "<v>99</v>")
    ),
    "workbook_with_a_title_above.xlsx": lambda: workbook([["All contacts", *[""] * 9], *_cells()], _merge_first_row),
    "workbook_with_a_hidden_sheet.xlsx": lambda: workbook({"_meta": [["v1"]], "Contacts": _cells()}, _hide),
    "workbook_of_another_program.xlsx": lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
    "workbook_of_open_document.xlsx": lambda: zipped({"mimetype": _OPEN_DOCUMENT, "content.xml": b"<x/>"}, zipfile.ZIP_STORED),
    "web_page_packed.csv.gz": lambda: gzip.compress(b"<!doctype html>\n<title>Sign in</title>", mtime=0),
    "workbook_cut_off.xlsx": lambda: workbook(_cells())[:-40],
}


def mapping_of(name: str) -> SourceMapping:
    text = (FOLDER / "right.toml").read_text(encoding="utf-8")
    return _parsed(text[: text.index("[file]")] + own if (own := _own_file(name)) else text)


@cache
def _parsed(text: str) -> SourceMapping:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "wrong.toml"
        path.write_text(text, encoding="utf-8")
        table, problems = read_table(path)
    assert table is not None, problems
    mapping, problems = parse_mapping("wrong", replace(table, file="mappings/fields/wrong.toml"))
    assert mapping is not None, [str(problem) for problem in problems]
    return replace(mapping, pattern="*")


def _own_file(name: str) -> str:
    path = FOLDER / f"{name}.toml"
    return path.read_text(encoding="utf-8") if path.exists() and name != "right" else ""


def said_of(data: bytes, name: str, mapping: SourceMapping, root: Path) -> list[str]:
    """Return all that is said of a file in the drop folder."""
    path = root / "wrong" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (NOW.timestamp() - 60,) * 2)
    folder = DropFolder(root, Standing())
    files, problems = folder.waiting(mapping)
    told = [str(replace(problem, file=Path(problem.file).name)) for problem in problems]
    items = (item for file in files for item in folder.rows(file, mapping, datetime(2026, 11, 22, tzinfo=UTC)))
    return told + [text for item in items for text in _said(item)]


def _said(item: Item) -> list[str]:
    if isinstance(item, Refused):
        return [f"{item.kind}: {item.problem}"]
    if isinstance(item, LinesCounted):
        return [f"{item.lines} lines: {item.header} of the header, {item.taken} taken, {item.rejected} set aside"]
    if isinstance(item, ParsedRow):
        flags = "".join(f" ({flag.value})" for flag in sorted(item.flags))
        return [f"{problem}{flags}" for problem in item.problems] or ([f"{item.where}{flags}"] if flags else [])
    return [] if isinstance(item, Header) else [str(item)]


@pytest.mark.parametrize("name", [path.name for path in WRITTEN] + list(MADE))
def test_a_wrong_export_is_told_of_in_full(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "RATIO_FROM_BYTES", 1 << 20)
    data = MADE[name]() if name in MADE else (FOLDER / name).read_bytes()
    stem = name.partition(".")[0]
    found = said_of(data, name, mapping_of(stem), tmp_path)
    assert found == (FOLDER / f"{stem}.txt").read_text(encoding="utf-8").splitlines()
    assert all(line.isprintable() for line in found)


def test_the_right_export_is_read_without_a_word(tmp_path: Path) -> None:
    found = said_of(RIGHT, "right.csv", mapping_of("right"), tmp_path)
    assert found == ["3 lines: 1 of the header, 2 taken, 0 set aside"]


def test_every_wrong_export_differs_from_the_right_one_by_its_mistake() -> None:
    assert len({(path.read_bytes(), _own_file(path.stem)) for path in WRITTEN} | {(RIGHT, "")}) == len(WRITTEN) + 1
    assert len(WRITTEN) + len(MADE) >= 100
