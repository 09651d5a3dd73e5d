"""Which cells form one record, and which lines belong to none?

Strict CSV over physical lines. A record that is no CSV costs its first line only: reading goes on with the next line, so
that one lost quote swallows nobody. Every line belongs to exactly one record or one problem.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from syncd.exports.lines import LINE_CHARS_MAX, Line

CELL_CHARS_MAX = 131_072


@dataclass(frozen=True, slots=True)
class Record:
    """One record and the lines it stands on."""

    line: int
    last_line: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A line that is no record, in plain words."""

    line: int
    text: str
    remedy: str


def records_of(lines: Iterable[Line], delimiter: str) -> Iterator[Record | BadRecord]:
    """Read records; a line without any character is a record without cells."""
    return _Records(lines, delimiter).all()


class _Records:
    def __init__(self, lines: Iterable[Line], delimiter: str) -> None:
        self.lines = iter(lines)
        self.delimiter = delimiter
        self.again: deque[Line] = deque()
        self.taken: list[Line] = []

    def all(self) -> Iterator[Record | BadRecord]:
        while True:
            self.taken = []
            try:
                cells = next(csv.reader(self._feed(), delimiter=self.delimiter, strict=True), None)
            except csv.Error as error:
                cells = None
                if self.taken:
                    yield self._bad(str(error))
                    continue
            if cells is None:
                return
            if any(len(cell) > CELL_CHARS_MAX for cell in cells):
                yield self._bad("field larger than field limit")
                continue
            yield Record(self.taken[0].number, self.taken[-1].number, tuple(cells))

    def _feed(self) -> Iterator[str]:
        """Give the lines of one record to the CSV reader, remembering them."""
        chars = 0
        while chars <= LINE_CHARS_MAX:
            line = self.again.popleft() if self.again else next(self.lines, None)
            if line is None:
                return
            self.taken.append(line)
            if line.is_cut:
                raise csv.Error("line too long")
            chars += len(line.text)
            yield line.text
        raise csv.Error("record too long")

    def _bad(self, words: str) -> BadRecord:
        """Spend the first line of the failed record and put the others back."""
        first, *others = self.taken
        self.again.extendleft(reversed(others))
        text, remedy = _said(words)
        return BadRecord(first.number, text, remedy)


def _said(words: str) -> tuple[str, str]:
    """Say the CSV reader's words for people who edit exports, not parsers."""
    for piece, text, remedy in (
        ("field limit", f"A cell is longer than {CELL_CHARS_MAX:,} characters.", "Leave the long column out of the export."),
        ("too long", f"The line is longer than {LINE_CHARS_MAX:,} characters.", "Check how the file ends its lines: LF or CRLF."),
        ("unexpected end of data", "A quoted cell is never closed.", 'Write a quote inside a quoted cell twice: "".'),
        ("expected after", "A quote stands inside a quoted cell.", 'Write a quote inside a quoted cell twice: "".'),
        ("new-line character", "A carriage return stands outside quotes.", "End lines with LF or CRLF; quote cells with a CR."),
    ):
        if piece in words:
            return text, remedy
    return f"The line is not CSV: {words}.", "Export the file again."
