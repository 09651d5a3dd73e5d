"""What does a file of the drop folder say, row by row, and is it a file of this source at all?"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from itertools import chain
from typing import BinaryIO, Protocol, runtime_checkable

from syncd.core.cells import CONTROL
from syncd.core.mapping import SourceMapping, columns_read
from syncd.core.rows import ParsedRow, read_row
from syncd.core.values import Flag, Problem
from syncd.exports.headers import APART, Wrong, check_header, check_signs, header_in, other_header
from syncd.exports.lines import Hash, Lines, NotEncoded
from syncd.exports.records import BadRecord, Record, escaped, records_of, shown
from syncd.exports.sheet_thinning import Wanted
from syncd.exports.sheets import Sheet
from syncd.exports.unpacking import CHANGED, NotText, is_workbook, text_in
from syncd.ports import ExportFile, Header, Item, LinesCounted, Refused

EMPTY = "Nothing was changed: an empty export never means that everyone has left. Export it again."
_OPT_OUTS = (Flag.OPT_OUT_UNREADABLE, Flag.OPTED_OUT)
_TOTALS = frozenset((
    "total", "totals", "grand total", "subtotal", "sum", "count", "summe", "gesamt", "gesamtsumme", "gesamtergebnis", "somme",
    "total général", "suma", "total general", "totale", "totale complessivo", "totaal", "eindtotaal", "soma",
))  # fmt: skip
_COUNTED = re.compile(r"[\s:=(]*[\d.,\s]*\)?$")
"""What may stand behind the word: `Total:`, `Total (2)`, `Count: 1,204`."""
_TOTAL_CHARS_MAX = 40


class _Source(Protocol):
    """What records come from; `count` is how many lines (of a sheet: rows with something in them) there were so far."""

    count: int


Pick = Callable[[tuple[str, ...], Record | BadRecord], bool]
"""Says which records of a file are read, by the header and what stands in them."""


@runtime_checkable
class PicksInSheets(Protocol):
    """A `Pick` that can tell of the rows of a workbook before their XML is read."""

    def in_sheet(self, texts: Sequence[str]) -> Wanted | None:
        """Return what tells, by the workbook's table of texts; None where it can't be told."""
        ...


def items_of(
    stream: BinaryIO, file: ExportFile, mapping: SourceMapping, now_at: datetime | None = None, pick: Pick | None = None
) -> Iterator[Item]:
    """Read a file from its first byte to its last.

    Shapes: the header, one row or one problem for each record, then `LinesCounted`; a `Refused` ends the file and takes all of it
            back. A problem's line is the physical line on which the record begins, of a sheet its row. With `pick` only the
            records that it says yes to are read, by the header and what stands in them. A file without a hash is not held
            against it.
    Units:  memory is bounded by one line and one record; of a sheet, by its table of texts too.
    """
    mapping = mapping.of_file(file.name)
    seen = hashlib.sha256()
    try:
        with _opened(stream, file, mapping, seen, pick) as (source, records, is_read_along):
            is_refused = yield from Reading(file, mapping, now_at).items(source, records, pick)
    except NotText as error:
        yield _refused(file, Wrong(1, 1, error.code, str(error), error.remedy), "wait" if error.code == CHANGED else "refuse")
        return
    except NotEncoded as error:
        yield _refused(file, _not_encoded(error))
        return
    if not is_refused and file.sha256 and hash_read(stream, seen if is_read_along else None) != file.sha256:
        yield _refused(file, Wrong(1, 1, CHANGED, "The file changed while it was read.", "It is read again soon."), "wait")


@contextmanager
def _opened(
    stream: BinaryIO, file: ExportFile, mapping: SourceMapping, seen: Hash, pick: Pick | None
) -> Iterator[tuple[_Source, Iterator[Record | BadRecord], bool]]:
    """Give the records of a file, whatever it is packed in, and whether `seen` takes all of its bytes on the way."""
    if not file.member and is_workbook(stream):
        with Sheet(stream, mapping.dialect.sheet, mapping.dialect.decimal) as sheet:
            sheet.is_wanted = pick.in_sheet(sheet.texts) if isinstance(pick, PicksInSheets) else None
            yield sheet, sheet.records(), False
        return
    with text_in(stream, file.member) as text:
        lines = Lines(text, mapping.encoding, seen)
        yield lines, records_of(lines.blocks(), mapping.delimiter, mapping.dialect.escape), text is stream or bool(file.member)


def hash_read(stream: BinaryIO, seen: Hash | None) -> str:
    """Return the SHA-256 of what lies there; `seen` took all of it already."""
    if seen is None:
        seen = hashlib.sha256()
        stream.seek(0)
        while chunk := stream.read(1 << 18):
            seen.update(chunk)
    return seen.hexdigest()


def _not_encoded(error: NotEncoded) -> Wrong:
    """Say where a file is not in its declared encoding. What else it may be in is said, and nothing is read by it."""
    from syncd.exports.encodings import likely_of  # heavy, and seldom needed

    likely = error.likely or likely_of(error.near)
    text = f"The file is not what [file] encoding declares: {error!s}."
    remedy = "Export it again as UTF-8, or correct encoding in the mapping."
    if likely:
        remedy += f' It looks like {likely}: if its names read well so, write encoding = "{likely}".'
    return Wrong(error.line, 1, "EXP-002", text, remedy)


class Reading:
    """Reads the records of one file, and accounts for each of its lines."""

    def __init__(self, file: ExportFile, mapping: SourceMapping, now_at: datetime | None) -> None:
        self.file, self.mapping, self.now_at = file, mapping, now_at
        self.taken = self.rejected = 0

    def items(
        self, source: _Source, records: Iterator[Record | BadRecord], pick: Pick | None = None
    ) -> Generator[Item, None, bool]:
        """Give the items of a file, and tell whether it was refused."""
        first = next(records, None)
        if first is None:
            yield _refused(self.file, Wrong(1, 1, "EXP-004", "The file is empty.", EMPTY), "pause")
            return True
        header = check_header(first, self.mapping)
        if isinstance(header, Wrong):
            yield _refused(self.file, header)
            return True
        second = next(records, None)
        if wrong := check_signs(header, second, self.mapping):
            yield _refused(self.file, wrong)
            return True
        read = columns_read(self.mapping, header)
        yield Header(header, tuple(name for name in header if name not in read))
        if second is None:
            yield _refused(self.file, Wrong(1, 1, "EXP-004", "The file has a header and no rows.", EMPTY), "pause")
            return True
        names = frozenset(header)
        for record in chain((second,), records):
            if wrong := other_header(header, names, record):
                yield _refused(self.file, wrong)
                return True
            if pick is None or pick(header, record):
                yield self.item(header, record)
            else:
                self.taken += _span(record)
        counted = LinesCounted(source.count, _span(first), self.taken, self.rejected)
        if counted.lines != counted.header + counted.taken + counted.rejected:
            text = f"Of {counted.lines} lines {counted.taken} were read and {counted.rejected} set aside: they do not add up."
            yield _refused(self.file, Wrong(1, 1, "EXP-012", text, "Report this with the file: no line may get lost."))
            return True
        yield counted
        return False

    def item(self, header: tuple[str, ...], record: Record | BadRecord) -> ParsedRow | Problem:
        """Read one record, and count its lines."""
        item = self._bad(header, record) if isinstance(record, BadRecord) else self._row(header, record)
        if isinstance(item, Problem) or isinstance(record, BadRecord):
            self.rejected += _span(record)
        else:
            self.taken += _span(record)
        return item

    def _bad(self, header: tuple[str, ...], bad: BadRecord) -> ParsedRow | Problem:
        """Tell of a line that is no record. What looks like an opt-out in it counts as one that can't be read: until it can."""
        text = bad.text + (f" It begins: '{shown(bad.raw)}'." if bad.raw.strip() else "")
        problem = Problem(self.file.name, bad.line, 1, "ROW-007", text, bad.remedy)
        row = self._row(header, Record(bad.line, bad.line, bad.cells)) if len(bad.cells) == len(header) else problem
        if isinstance(row, Problem):
            return problem
        columns = [*(row.flags[flag] for flag in _OPT_OUTS if flag in row.flags), *row.scoped.values()]
        if not columns:
            return problem
        flags = {Flag.OPT_OUT_UNREADABLE: columns[0]}
        return ParsedRow(row.file, row.line, row.key, row.person_id, row.external, row.address, flags=flags, problems=(problem,))

    def _row(self, header: tuple[str, ...], record: Record) -> ParsedRow | Problem:
        if not record.cells:
            remedy = "Export the file without blank lines."
            return Problem(self.file.name, record.line, 1, "ROW-001", "The line is empty.", remedy)
        cells = record.cells
        if cells[-1] == header[-1] and header_in(cells, header) == header:
            text = "This is the header again: two files were joined here."
            if len(cells) > len(header):
                text = f"A row and the header of another file share this line: {_raw(cells)}."
            return Problem(self.file.name, record.line, 1, "ROW-012", text, APART)
        if len(cells) == 1 and cells[0] and not CONTROL.sub("", cells[0]):
            text = f"This line holds nothing but control characters (U+{ord(cells[0][0]):04X})."
            remedy = "If rows are missing at its end, the file was cut off: transfer or export it again."
            return Problem(self.file.name, record.line, 1, "ROW-002", text, remedy)
        if self.mapping.dialect.has_guard:
            cells = tuple(map(self.mapping.dialect.unguarded, cells))
        row = read_row(self.mapping, header, cells, record.line, file=self.file.name, now_at=self.now_at)
        if isinstance(row, Problem):
            return self._told(row, cells)
        return self._with_faults(row, header, record) if record.faults else row

    def _told(self, problem: Problem, cells: tuple[str, ...]) -> Problem:
        """Say of a row that is about nobody what stands in it, and whether it is the sum below a report."""
        first = next((cell.strip() for cell in cells if cell.strip()), "")
        if len(first) <= _TOTAL_CHARS_MAX and _COUNTED.sub("", first.casefold()) in _TOTALS:
            text, remedy = "This is the sum below a report, about nobody.", "Leave totals out of the report."
            return replace(problem, code="ROW-008", column=1, text=f"{text} It begins: {_raw(cells)}.", remedy=remedy)
        return replace(problem, text=f"{problem.text} It begins: {_raw(cells)}.")

    def _with_faults(self, row: ParsedRow, header: tuple[str, ...], record: Record) -> ParsedRow:
        """Add what is wrong with cells that are used; a declared spelling of nothing is no fault."""
        null = {column.name: column.null for column in self.mapping.columns}
        problems = [
            Problem(
                self.file.name, record.line, one.index + 1, "ROW-009", f"Column {header[one.index]!r}: {one.text}", one.remedy
            )
            for one in record.faults
            if one.index < len(header)
            and header[one.index] in columns_read(self.mapping, header)
            and record.cells[one.index] not in null.get(header[one.index], self.mapping.null)
        ]
        if not problems:
            return row
        told = {problem.column for problem in problems}
        others = [problem for problem in row.problems if problem.column not in told]
        spoilt = {header[problem.column - 1] for problem in problems}
        opt_outs = (one for one in self.mapping.columns if one.flag is Flag.OPTED_OUT or one.opted_out_when)
        unread = [(Flag.OPT_OUT_UNREADABLE, one.name) for one in opt_outs if one.name in spoilt]
        return replace(row, problems=(*others, *problems), clear=(), flags={**dict(unread), **row.flags})


def _raw(cells: tuple[str, ...]) -> str:
    return f"'{shown(' | '.join(cells[:12]))}'"


def _span(record: Record | BadRecord) -> int:
    return record.last_line - record.line + 1 if isinstance(record, Record) else 1


def _refused(file: ExportFile, wrong: Wrong, kind: str = "refuse") -> Refused:
    return Refused(Problem(file.name, wrong.line, wrong.column, wrong.code, escaped(wrong.text), wrong.remedy), kind)
