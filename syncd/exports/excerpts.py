"""Where in a large export stand the rows that name somebody? Found in one pass over the bytes, without reading the rest.

Only whole records are cut out, and they are read by the reader of all exports: this finds, it does not judge. A file in which
bytes alone do not tell where a record ends (a workbook, UTF-16, lone carriage returns, escaped quotes) is not cut, and who asks
reads it whole.
"""

from __future__ import annotations

import csv
import io
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from syncd.core.cells import seen
from syncd.core.mapping import SourceMapping
from syncd.exports.needles import Finder, needles_of
from syncd.exports.record_bytes import Unclear, blocks, end_of, ended, is_bytewise, start_of
from syncd.exports.unpacking import NotText, is_workbook, text_in
from syncd.ports import ExportFile

FOUND_BYTES_MAX = 1 << 26
_BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class Cut:
    """One record as it stands in the file, and the physical line on which it begins."""

    line: int
    data: bytes

    def covers(self, line: int) -> bool:
        """Tell whether the record stands on a line, among others perhaps."""
        return self.line <= line < self.line + ended(self.data).count(b"\n")


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The header and the records that were found."""

    header: bytes
    found: Sequence[Cut]

    @property
    def data(self) -> bytes:
        """Return a file of the header and the found records."""
        return b"".join([ended(self.header), *(ended(cut.data) for cut in self.found)])

    @property
    def lines(self) -> dict[int, int]:
        """Return the line in the whole file by the line in `data`."""
        places: dict[int, int] = {}
        at = 1 + ended(self.header).count(b"\n")
        for cut in self.found:
            count = ended(cut.data).count(b"\n")
            places |= {at + number: cut.line + number for number in range(count)}
            at += count
        return places


def excerpt(
    stream: BinaryIO, file: ExportFile, mapping: SourceMapping, words: Sequence[str], lines: Collection[int] = ()
) -> Excerpt | None:
    """Cut out the records that hold one of some words, whole and in whatever case, or that cover one of some lines.

    Shapes: None when the file is none that can be cut, or a word has too few ASCII letters. Of an id of 15 characters the three
            that may follow it are part of it. A word of less than 6 letters counts only where ids stand.
    Units:  memory is bounded by one block and what is found; more than 64 MB of that, or a record of more than 16 MB, ends the
            search with None.
    """
    needles = needles_of(words)
    if needles is None or not is_bytewise(mapping) or (not file.member and is_workbook(stream)):
        return None
    stream.seek(0)
    try:
        with text_in(stream, file.member) as text:
            return _Search(mapping, words, sorted(lines)).through(text)
    except (NotText, Unclear):
        return None


def cells_of(data: bytes, mapping: SourceMapping) -> list[str]:
    """Return the cells of a record; none of one that is no CSV."""
    try:
        text = io.StringIO(data.decode(mapping.encoding, "replace"), newline="")
        return next(csv.reader(text, delimiter=mapping.delimiter), [])
    except csv.Error:
        return []


def has_cell(cut: Cut, mapping: SourceMapping, words: Sequence[str]) -> bool:
    """Tell whether one of the words fills a whole cell of a record."""
    wanted = {word.casefold() for word in words}
    return any(cell.strip().casefold() in wanted for cell in cells_of(cut.data, mapping))


class _Search:
    def __init__(self, mapping: SourceMapping, words: Sequence[str], lines: Sequence[int]) -> None:
        self.mapping, self.words, self.lines = mapping, words, lines
        self.needles = needles_of(words) or []
        self.long = [needle.data for needle in self.needles if not needle.is_short]
        self.has_short = len(self.long) < len(self.needles)

    def through(self, text: BinaryIO) -> Excerpt | None:
        """Go through a file; None when too much was found."""
        header, before, size = b"", 0, 0
        found: list[Cut] = []
        finder = Finder((), b",", frozenset())
        for block in blocks(text):
            at = 0
            if not before:
                at = end_of(block, 0)
                header = block[:at]
                finder = Finder(self.needles, self.mapping.delimiter.encode(), self._id_columns(header))
            number, counted, last = before + 1, 0, before + block.count(b"\n")
            places = _at_lines(block, before, last, self.lines)
            for start, end in _records(block, at, places, finder.of(block)):
                number, counted = number + block.count(b"\n", counted, start), start
                cut = Cut(number, block[start:end])
                if not self.has_short or self._is_wanted(cut, finder.columns):
                    found.append(cut)
                    size += end - start
                if size > FOUND_BYTES_MAX:
                    return None
            before = last
            if not self.needles and before >= (self.lines[-1] if self.lines else 0):
                break
        return Excerpt(header, found)

    def _id_columns(self, header: bytes) -> frozenset[int]:
        names = cells_of(header.removeprefix(_BOM.encode()), self.mapping)
        keys = {name for kind, name in self.mapping.match.items() if kind != "email"}
        return frozenset(place for place, name in enumerate(names) if name in keys)

    def _is_wanted(self, cut: Cut, columns: frozenset[int]) -> bool:
        """Tell whether a record is what was asked for: a short word has to fill a cell where an id stands."""
        small = cut.data.lower()
        if any(map(cut.covers, self.lines)) or any(word in small for word in self.long):
            return True
        cells = cells_of(cut.data, self.mapping)
        wanted = {word.casefold() for word in self.words}
        keys = [cells[place] for place in columns if place < len(cells)] if columns else cells
        return any(seen(cell).casefold() in wanted for cell in keys)


def _records(block: bytes, at: int, places: Sequence[int], following: Callable[[int], int]) -> Iterator[tuple[int, int]]:
    """Give where the records begin and end that places lie in, from `at` on, where one begins."""
    while (place := min((one for one in (following(at), *places) if one >= at), default=-1)) >= 0:
        start = start_of(block, at, place)
        at = end_of(block, start)
        yield start, at


def _at_lines(block: bytes, before: int, last: int, lines: Sequence[int]) -> list[int]:
    """Return where in a block lines begin that stand in it; `before` is how many stand before it, `last` the number of the last
    that ends in it."""
    found = []
    end = last + (not block.endswith(b"\n"))
    for line in lines[bisect_right(lines, before) : bisect_right(lines, end)]:
        place = 0
        for _ in range(line - before - 1):
            place = block.find(b"\n", place) + 1
        found.append(place)
    return found
