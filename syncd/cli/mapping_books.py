"""How are the sheets of a mapping written to a CSV file or a workbook, and read from what a spreadsheet made of it?

A CSV file holds the sheets one below the other, each under its name in [brackets]. No cell is ever a formula: in CSV a cell that
begins like one gets an apostrophe before it, in a workbook all cells are texts.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from syncd.cli.mapping_files import unreadable
from syncd.core.mapping_file.keys import COLUMN, COMPUTED
from syncd.core.mapping_sheets.grids import COLUMNS, COMPUTED_SHEET, Grid, cell_name, title_of
from syncd.core.values import Problem
from syncd.errors import ConfigInvalid, SyncdError

BYTES_MAX = 20_000_000
_STARTS = re.compile(r"'*[=+\-@\t\r]")
_STARTED = re.compile(r"'+[=+\-@\t\r]")
_NAME = re.compile(r"\[([^\]]+)\]")
_DELIMITERS = (",", ";", "\t")
_WIDTH_MAX = 60
Found = tuple[list[Grid], list[Problem]]


def write_csv(path: Path, grids: Sequence[Grid]) -> None:
    """Write sheets as one CSV file in UTF-8 with a mark, as spreadsheets want it."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    for place, grid in enumerate(grids):
        if place:
            writer.writerow([])
        writer.writerow([f"[{grid.name}]"])
        writer.writerow(grid.header)
        writer.writerows([harmless(cell) for cell in row] for _, row in grid.rows)
    _written(path, text.getvalue().encode("utf-8-sig"))


def harmless(cell: str) -> str:
    """Write a cell so that no spreadsheet takes it for a formula; `original` gives it back."""
    return f"'{cell}" if _STARTS.match(cell) else cell


def original(cell: str) -> str:
    """Take the apostrophe away that `harmless` put before a cell."""
    return cell[1:] if _STARTED.match(cell) else cell


def write_book(path: Path, grids: Sequence[Grid]) -> None:
    """Write sheets as a workbook of texts, with the choices of a cell to choose from and the help of a title as its note."""
    import xlsxwriter

    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(out, options) as book:
        head = book.add_format({"bold": True, "bg_color": "#DDE7F0", "bottom": 1, "num_format": "@"})
        plain = book.add_format({"num_format": "@", "text_wrap": True, "valign": "top"})
        for grid in grids:
            sheet = book.add_worksheet(grid.name)
            sheet.freeze_panes(1, 1)
            for place, title in enumerate(grid.header):
                cells = [title, *(row[place] for _, row in grid.rows if len(row) > place)]
                width = max(len(line) for cell in cells for line in cell.split("\n"))
                sheet.set_column(place, place, min(width + 2, _WIDTH_MAX), plain)
                sheet.write_string(0, place, title, head)
            for number, (_, row) in enumerate(grid.rows, 1):
                for place, cell in enumerate(row):
                    if cell and sheet.write_string(number, place, cell, plain):
                        text = f"{grid.name}!{cell_name(place, number + 1)} has more signs than a cell of a workbook holds."
                        raise SyncdError(f"{text} Nothing was written.", hint="Write a .csv file instead.")
            _choices(sheet, grid)
    _written(path, out.getvalue())


def _choices(sheet: Any, grid: Grid) -> None:
    """Offer the words that a cell may hold, and say what its title means."""
    keys = {COLUMNS: COLUMN, COMPUTED_SHEET: COMPUTED}.get(grid.name, ())
    by_title = {title_of(key.name): key for key in keys}
    last = len(grid.rows) + 200
    for place, title in enumerate(grid.header):
        key = by_title.get(title)
        if key is None:
            continue
        sheet.write_comment(0, place, key.help)
        choices = list(key.choices) if key.shape != "truth" else ["yes", "no"]
        if choices:
            sheet.data_validation(1, place, last, place, {"validate": "list", "source": choices, "error_type": "warning"})


def _written(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise SyncdError(f"cannot write {path}: {error.strerror}.", hint="Check its owner and permissions.") from error


def read_csv(path: Path) -> Found:
    """Read the sheets of a CSV file; problems are told with its rows and columns as a spreadsheet names them."""
    data = _bytes(path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        text = f"The file is not UTF-8: byte 0x{data[error.start]:02x} on line {line}."
        return [], [Problem(f"{path}:row {line}", line, 1, "SHT-010", text, 'Save it as "CSV UTF-8", or as .xlsx.')]
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text)))
    except csv.Error as error:
        return [], [Problem(str(path), 1, 1, "SHT-010", f"The file is no CSV: {error}.", "Save it again, or use .xlsx.")]
    return _sections(path, rows)


def _delimiter(text: str) -> str:
    first = f"{title_of('name')}".casefold()
    for line in text.splitlines():
        bare = line.strip('"').casefold()
        if bare.startswith(first):
            after = line[len(first) :].lstrip('"')[:1]
            return after if after in _DELIMITERS else ","
    return ","


def _sections(path: Path, rows: Sequence[Sequence[str]]) -> Found:
    grids: list[Grid] = []
    problems: list[Problem] = []
    name, header, at, body = "", None, 1, []  # type: str, tuple[str, ...] | None, int, list[tuple[int, Sequence[str]]]

    def end() -> None:
        if name and header is not None:
            grids.append(Grid(name, header, tuple(body), at))

    for number, row in enumerate(rows, 1):
        filled = [cell for cell in row if cell.strip()]
        found = _NAME.fullmatch(filled[0].strip()) if len(filled) == 1 and row[0] == filled[0] else None
        if found:
            end()
            name, header, body = found[1], None, []
        elif not filled:
            continue
        elif not name:
            text = f"Row {number} belongs to no sheet: a file begins with a line such as [{COLUMNS}]."
            remedy = f"Write [{COLUMNS}] above it. For an export of people a mapping is proposed by: syncd mapping suggest"
            problems.append(Problem(f"{path}:{cell_name(0, number)}", number, 1, "SHT-011", text, remedy))
            return [], problems
        elif header is None:
            header, at = tuple(row), number
        else:
            body.append((number, [original(cell) for cell in row]))
    end()
    return grids, problems


def read_book(path: Path) -> Found:
    """Read the sheets of a workbook; formulas and merged cells are told, each with its cell."""
    from syncd.exports.sheet_parts import parts_of
    from syncd.exports.sheets import Sheet
    from syncd.exports.unpacking import NotText, archive_in

    _bytes(path)
    grids: list[Grid] = []
    problems: list[Problem] = []
    try:
        with path.open("rb") as stream, archive_in(stream) as archive:
            sheets = dict(parts_of(archive, stream).sheets)
            for name, inside in sheets.items():
                problems += _unfit(path, name, archive, inside, stream)
        for name in sheets:
            with path.open("rb") as stream, Sheet(stream, name, ".") as sheet:
                rows = [(one.line, list(getattr(one, "cells", ()))) for one in sheet.records()]
            if rows:
                (at, header), *body = rows
                grids.append(Grid(name, tuple(header), body, at))
    except NotText as error:
        raise ConfigInvalid(f"{path}: {error}", hint=error.remedy) from error
    except OSError as error:
        raise unreadable(path, error) from error
    return grids, problems


def _unfit(path: Path, sheet: str, archive: zipfile.ZipFile, inside: str, stream: BinaryIO) -> Iterator[Problem]:
    """Find the formulas and the merged cells of a sheet."""
    from xml.parsers import expat

    from syncd.exports.sheet_parts import refuse_doctype
    from syncd.exports.unpacking import bounded, readable, whole

    found: list[tuple[str, str, str]] = []
    place = ""

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal place
        name = tag.rpartition(":")[2]
        if name == "c":
            place = attributes.get("r", "")
        elif name == "f":
            found.append((place, "SHT-012", "This cell is a formula."))
        elif name == "mergeCell":
            cells = attributes.get("ref", "")
            found.append((cells.partition(":")[0], "SHT-013", f"The cells {cells} are merged: only the first would count."))

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.StartDoctypeDeclHandler = start, refuse_doctype
    with whole(), archive.open(readable(archive.getinfo(inside))) as part:
        try:
            parser.ParseFile(bounded(part, stream))
        except expat.ExpatError:  # told by whoever reads the cells
            return
    for cell, code, text in found:
        remedy = "Put its result there as a text." if code == "SHT-012" else "Split them, and fill each."
        yield Problem(f"{path}:{sheet}!{cell}", 1, 1, code, text, remedy)


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > BYTES_MAX:
            raise ConfigInvalid(
                f"{path} is larger than {BYTES_MAX:,} bytes.", hint="Give the sheets of a mapping, not an export."
            )
        return path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from error


WRITERS: dict[str, Callable[[Path, Sequence[Grid]], None]] = {".csv": write_csv, ".xlsx": write_book}
READERS: dict[str, Callable[[Path], Found]] = {".csv": read_csv, ".xlsx": read_book}
