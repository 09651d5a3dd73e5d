"""Which records stand on the sheet of an Excel workbook, read as a stream and as text?

Numbers come without exponent or trailing zeros, dates and times as ISO 8601, booleans as TRUE and FALSE. What a spreadsheet has
spoilt is a fault of its cell: a number of more than 15 digits, an error such as #N/A, a formula whose result was not saved.
Hidden rows are rows; a row with nothing in it is none. Libraries that read workbooks take a whole sheet into memory, one with a
single stray cell far out as a grid of billions: here memory is bounded by one row and the workbook's table of texts.

Source: ECMA-376, part 1: SpreadsheetML (18.3.1.4 cells, 18.8.30 number formats, 18.17.4 dates).
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from functools import lru_cache
from types import TracebackType
from typing import BinaryIO, Self
from xml.parsers import expat

from syncd.exports.lines import LINE_CHARS_MAX
from syncd.exports.records import CELL_CHARS_MAX, BadRecord, Fault, Record, quoted, shown
from syncd.exports.sheet_parts import NO_XML, Parts, parts_of, refuse_doctype
from syncd.exports.sheet_thinning import Wanted, thinned
from syncd.exports.sheet_values import DAMAGED_NUMBER, ERROR, NO_RESULT, boolean, moment, number, unescaped
from syncd.exports.unpacking import NotText, archive_in, bounded, readable, whole

COLUMNS_MAX, ROWS_MAX = 16_384, 1_048_576
_CHUNK_BYTES = 1 << 16
_NAMES_SHOWN = 20
_CELL_CHUNKS_MAX = LINE_CHARS_MAX // _CHUNK_BYTES
_LETTERS = re.compile("[A-Z]{1,3}")


class Sheet:
    """One sheet of a workbook. `count` is how many rows with something in them there were so far.

    `is_wanted`, set before reading, says which rows may be left out unread: see `sheet_thinning`.

    Errors: NotText, when the workbook is damaged, or which sheet to read is not said.
    """

    def __init__(self, stream: BinaryIO, name: str | None, decimal: str) -> None:
        self.count = 0
        self.is_wanted: Wanted | None = None
        self._stream, self._name, self._decimal = stream, name, decimal
        self._held = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as held:
            self._archive: zipfile.ZipFile = held.enter_context(archive_in(self._stream))
            self._parts: Parts = parts_of(self._archive, self._stream)
            self._held = held.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._held.__exit__(kind, error, trace)

    @property
    def texts(self) -> list[str]:
        """Return the workbook's table of texts."""
        return self._parts.texts

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of all sheets with cells, hidden ones too."""
        return tuple(self._parts.sheets)

    def records(self) -> Iterator[Record | BadRecord]:
        """Give the rows of the sheet in order, each as wide as the header or as what stands in it."""
        width = 0
        for number_of, cells, faults in self._rows():
            if not any(cells):
                continue
            self.count += 1
            if not width:
                width = len(cells)
            cells += [""] * (width - len(cells))
            if sum(map(len, cells)) > CELL_CHARS_MAX and (bad := _too_long(number_of, cells)):
                yield bad
            else:
                yield Record(number_of, number_of, tuple(cells), tuple(faults))

    def _rows(self) -> Iterator[tuple[int, list[str], list[Fault]]]:
        reader = _Rows(self._parts, self._decimal)
        with whole():
            opened = self._archive.open(readable(self._archive.getinfo(self._chosen())))
        with opened:
            text = bounded(opened, self._stream)
            try:
                chunks = iter(lambda: text.read(_CHUNK_BYTES), b"")
                for chunk in chunks if self.is_wanted is None else thinned(chunks, self.is_wanted):
                    reader.parser.Parse(chunk, False)
                    yield from reader.taken()
                reader.parser.Parse(b"", True)
            except NO_XML as error:
                raise NotText("EXP-009", f"The workbook is damaged: {error}.", "Save or export it again.") from None
        yield from reader.taken()

    def _chosen(self) -> str:
        """Return the path of the sheet to read."""
        sheets = self._parts.sheets
        names = ", ".join(quoted(name) for name in list(sheets)[:_NAMES_SHOWN]) + (", ..." if len(sheets) > _NAMES_SHOWN else "")
        if self._name is not None and self._name not in sheets:
            text = f"The workbook has no sheet {self._name!r}; it has {names or 'none'}."
            raise NotText("EXP-013", text, "Correct sheet under [file] in the mapping, or export that sheet.")
        if self._name is None and len(sheets) != 1:
            remedy = 'Say under [file] which one to read, such as sheet = "Contacts".'
            raise NotText("EXP-013", f"The workbook has {len(sheets)} sheets ({names}), and none is named.", remedy)
        return sheets[self._name] if self._name is not None else next(iter(sheets.values()))


@lru_cache(COLUMNS_MAX)
def _column(letters: str) -> int:
    """Return the number of a column by its letters; 0 when they are none."""
    column = 0
    for letter in letters if _LETTERS.fullmatch(letters) else "":
        column = column * 26 + ord(letter) - 64
    return column


def _too_long(number_of: int, cells: list[str]) -> BadRecord | None:
    if any(len(cell) > CELL_CHARS_MAX for cell in cells):
        text = f"A cell is longer than {CELL_CHARS_MAX:,} characters."
    elif sum(map(len, cells)) > LINE_CHARS_MAX:
        text = f"The row is longer than {LINE_CHARS_MAX:,} characters."
    else:
        return None
    return BadRecord(number_of, text, "Leave the long column out of the export.", cells=tuple(cells))


class _Rows:
    """Collects rows while the XML goes by."""

    def __init__(self, parts: Parts, decimal: str) -> None:
        self.parts, self.decimal = parts, decimal
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.StartDoctypeDeclHandler = refuse_doctype
        self.done: list[tuple[int, list[str], list[Fault]]] = []
        self.row, self.column = 0, COLUMNS_MAX
        self.cells: list[str] = []
        self.faults: list[Fault] = []
        self.kind, self.style, self.has_formula, self.in_phonetic = "", "", False, False
        self.text: list[str] = []
        self.has_value = False
        self.chunks = -1  # how many have gone by since the cell began that is not ended

    def taken(self) -> list[tuple[int, list[str], list[Fault]]]:
        """Return the rows that are complete, once, after each piece of the XML."""
        if self.chunks >= 0:
            self.chunks += 1
            if self.chunks > _CELL_CHUNKS_MAX:
                text = f"A cell of row {self.row} is longer than {LINE_CHARS_MAX:,} characters: no spreadsheet keeps such a one."
                raise NotText("EXP-011", text, "Look at who made it, or export as CSV.")
        done, self.done = self.done, []
        return done

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag if ":" not in tag else tag.rpartition(":")[2]
        if name == "c":
            self.column = self._place(attributes.get("r"))
            self.kind, self.style = attributes.get("t", "n"), attributes.get("s", "")
            self.has_formula, self.has_value, self.text, self.chunks = False, False, [], 0
        elif name in ("v", "t"):
            if not self.in_phonetic:
                self.parser.CharacterDataHandler = self.text.append
        elif name == "row":
            number_of = attributes.get("r", str(self.row + 1))
            if not number_of.isdecimal() or not self.row < int(number_of) <= ROWS_MAX:
                raise NotText("EXP-009", "The workbook is damaged: its rows are not in order.", "Save or export it again.")
            self.row, self.column = int(number_of), 0
            self.cells, self.faults = [], []
        elif name == "f":
            self.has_formula = True
        elif name == "rPh":
            self.in_phonetic = True

    def _end(self, tag: str) -> None:
        name = tag if ":" not in tag else tag.rpartition(":")[2]
        if name in ("v", "t"):
            self.parser.CharacterDataHandler = None
            self.has_value = True
        elif name == "c":
            self._cell()
            self.chunks = -1
        elif name == "row":
            self.done.append((self.row, self.cells, self.faults))
            self.column = COLUMNS_MAX  # a cell outside of any row has no place
        elif name == "rPh":
            self.in_phonetic = False

    def _place(self, place: str | None) -> int:
        """Return the column of a cell, counted from 1; one that says nothing stands after the last."""
        column = self.column + 1 if place is None else _column(place.rstrip("0123456789"))
        if not self.column < column <= COLUMNS_MAX:
            raise NotText("EXP-009", f"The workbook is damaged: row {self.row} has no right order.", "Save or export it again.")
        return column

    def _cell(self) -> None:
        """Put the cell that ended into its row."""
        written = self.text[0] if len(self.text) == 1 else "".join(self.text)
        text, fault = "", None
        if not self.has_value or (written == "" and self.kind != "str"):
            if not self.has_formula:
                return
            text, fault = "#FORMULA", NO_RESULT
        elif self.kind == "s":
            text = self._shared(written)
        elif self.kind in ("str", "inlineStr"):
            text = unescaped(written)
        elif self.kind == "b":
            text = boolean(written)
        elif self.kind == "e":
            text, fault = written, ERROR
        elif self.kind == "d":
            text = written
        else:
            text, fault = self._number(written)
        if not text:
            return
        if (gap := self.column - 1 - len(self.cells)) > 0:
            self.cells += [""] * gap
        self.cells.append(text)
        if fault is not None:
            self.faults.append(Fault(self.column - 1, fault[0].format(shown(text)), fault[1]))

    def _shared(self, written: str) -> str:
        index = int(written) if written.isdecimal() and len(written) < 10 else -1
        if not 0 <= index < len(self.parts.texts):
            raise NotText("EXP-009", f"The workbook is damaged: it has no text {written[:20]!r}.", "Save or export it again.")
        return self.parts.texts[index]

    def _number(self, written: str) -> tuple[str, tuple[str, str] | None]:
        kind = self.parts.times.get(self.style)
        text = moment(written, kind, is_1904=self.parts.is_1904) if kind else None
        if text is not None:
            return text, None
        text, is_whole = number(written)
        return text.replace(".", self.decimal), None if is_whole else DAMAGED_NUMBER
