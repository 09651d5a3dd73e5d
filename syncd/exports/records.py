"""Which cells form one record, and which lines belong to none?

Strict CSV over physical lines. A record that is no CSV costs its first line only: reading goes on with the next line, so
that one lost quote swallows nobody. Every line belongs to exactly one record or one problem.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from syncd.exports.lines import LINE_CHARS_MAX, Block

CELL_CHARS_MAX = 131_072
SHOWN_CHARS_MAX = 100


@dataclass(frozen=True, slots=True)
class Fault:
    """Why one cell cannot be taken as it stands; `index` counts cells from 0."""

    index: int
    text: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Record:
    """One record and the lines it stands on."""

    line: int
    last_line: int
    cells: tuple[str, ...]
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A line that is no record, in plain words, and what stands on it; `cells` are what it may have meant, where that can be
    guessed at all."""

    line: int
    text: str
    remedy: str
    raw: str = ""
    cells: tuple[str, ...] = ()


def records_of(blocks: Iterable[Block], delimiter: str, escape: str = "") -> Iterator[Record | BadRecord]:
    """Read records; a line without any character is a record without cells.

    With `escape`, a quote after a backslash is data and the backslash stays, as PHP writes it.
    """
    return _Records(blocks, delimiter, escape).all()


def shown(text: str) -> str:
    """Return a piece of an export as it may be told: short, and nothing in it that a terminal would obey."""
    text = text.rstrip("\r\n")
    return escaped(text if len(text) <= SHOWN_CHARS_MAX else text[:SHOWN_CHARS_MAX] + "…")


def quoted(text: str) -> str:
    """Return a name or value in quotes, short, and escaped as Python does."""
    return repr(text if len(text) <= SHOWN_CHARS_MAX else text[:SHOWN_CHARS_MAX] + "…")


def escaped(text: str) -> str:
    """Escape what cannot be printed, terminal codes above all."""
    return text if text.isprintable() else "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


class _Records:
    """Reads records from lines that it keeps until the record that they belong to is known.

    `texts` holds lines from number `base` on; the current record begins at index `start`, the CSV reader stands at `at`.
    """

    def __init__(self, blocks: Iterable[Block], delimiter: str, escape: str) -> None:
        self.blocks = iter(blocks)
        self.delimiter, self.escape = delimiter, escape
        self.texts: list[str] = []
        self.cut: set[int] = set()
        self.base, self.start, self.at, self.chars = 1, 0, 0, 0

    def all(self) -> Iterator[Record | BadRecord]:
        while True:
            reader = csv.reader(self._feed(), delimiter=self.delimiter, strict=True, escapechar=self.escape or None)
            try:
                for cells in reader:
                    if self.chars > CELL_CHARS_MAX and any(len(cell) > CELL_CHARS_MAX for cell in cells):
                        raise csv.Error("field larger than field limit")
                    yield Record(self.base + self.start, self.base + self.at - 1, tuple(cells))
                    self.start, self.chars = self.at, 0
            except csv.Error as error:
                if self.start == self.at:
                    return
                yield self._bad(str(error))
                continue
            return

    def _feed(self) -> Iterator[str]:
        """Give lines to the CSV reader, and no more than it needs for one record."""
        while True:
            if self.at == len(self.texts) and not self._load():
                return
            text = self.texts[self.at]
            self.at += 1
            self.chars += len(text)
            if self.cut and self.base + self.at - 1 in self.cut:
                raise csv.Error("line too long")
            if self.chars > LINE_CHARS_MAX and self.at > self.start + 1:
                raise csv.Error("record too long")
            yield _php(text) if self.escape else text

    def _load(self) -> bool:
        """Take the next lines, and forget those of records that are done."""
        block = next(self.blocks, None)
        if block is None:
            return False
        if self.start == self.at:
            self.base, self.start, self.at, self.texts = block.number, 0, 0, block.texts
        else:
            del self.texts[: self.start]
            self.base, self.at, self.start = self.base + self.start, self.at - self.start, 0
            self.texts += block.texts
        if block.is_cut:
            self.cut.add(block.number)
        return True

    def _bad(self, words: str) -> BadRecord:
        """Spend the first line of the failed record; the others are read again."""
        text, remedy = _said(words)
        raw, number = self.texts[self.start], self.base + self.start
        cells = () if number in self.cut else self._guessed(raw)
        bad = BadRecord(number, text, remedy, raw[: SHOWN_CHARS_MAX + 1], cells)
        self.start = self.at = self.start + 1
        self.chars = 0
        return bad

    def _guessed(self, text: str) -> tuple[str, ...]:
        """Return the cells of a line as somebody would read it who looks past a stray quote or carriage return."""
        plain = text.rstrip("\r\n").replace("\r", " ")
        if len(plain) > CELL_CHARS_MAX:  # more than the CSV reader takes
            return tuple(cell.strip('"') for cell in plain.split(self.delimiter))
        line = [_php(plain) if self.escape else plain]
        try:
            return tuple(next(csv.reader(line, delimiter=self.delimiter, escapechar=self.escape or None), ()))
        except csv.Error:
            return ()


def _php(text: str) -> str:
    r"""Write a line of PHP's dialect in one where \\ is a backslash and \" a quote: PHP doubles no quote after a backslash."""
    return text.replace("\\", "\\\\").replace('\\\\"', '\\\\\\"') if "\\" in text else text


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
