"""Which rows of a large export are looked at, where a few of them, spread over all of it, have to do?

The same ones each time, each in a stretch of its own, at a place in it that has nothing to do with what stands there.
"""

from __future__ import annotations

import zlib
from bisect import bisect_left
from collections.abc import Sequence
from typing import BinaryIO

from syncd.core.mapping import SourceMapping
from syncd.exports.excerpts import Cut, Excerpt
from syncd.exports.record_bytes import BLOCK_BYTES, Unclear, blocks, end_of, is_bytewise, start_of
from syncd.exports.records import BadRecord, Record
from syncd.exports.sheet_thinning import Wanted
from syncd.exports.unpacking import NotText, head_of, is_workbook, text_in
from syncd.ports import ExportFile


def portion(stream: BinaryIO, file: ExportFile, mapping: SourceMapping, number: int) -> tuple[Excerpt, int] | None:
    """Cut out so many records at most, and count the lines of the file; None when it is none that can be cut."""
    if not is_bytewise(mapping) or (not file.member and is_workbook(stream)):
        return None
    try:
        size = _text_bytes(stream, file)
        stream.seek(0)
        with text_in(stream, file.member) as text:
            return _cut_out(text, _places(size, number))
    except (NotText, Unclear):
        return None


def _text_bytes(stream: BinaryIO, file: ExportFile) -> int:
    """Return how many bytes of text a file holds; what is packed is read for that."""
    head_of(stream)
    with text_in(stream, file.member) as text:
        return file.size_bytes if text is stream else sum(map(len, iter(lambda: text.read(BLOCK_BYTES), b"")))


def _places(size: int, number: int) -> list[int]:
    step = max(size // number, 1)
    return [first + _spread(first) % step for first in range(0, size, step)]


def _spread(number: int) -> int:
    return zlib.crc32(str(number).encode())


def _cut_out(text: BinaryIO, places: list[int]) -> tuple[Excerpt, int]:
    header, begun, lines = b"", 0, 0
    found: list[Cut] = []
    for block in blocks(text):
        at = 0
        if not begun:
            at = end_of(block, 0)
            header = block[:at]
        counted, number = 0, lines + 1
        first, last = bisect_left(places, begun + at), bisect_left(places, begun + len(block))
        for place in places[first:last]:
            if place - begun < at:
                continue  # within the record before
            start = start_of(block, at, place - begun)
            at = end_of(block, start)
            number, counted = number + block.count(b"\n", counted, start), start
            found.append(Cut(number, block[start:at]))
        begun += len(block)
        lines += block.count(b"\n")
    return Excerpt(header, found), lines


class Thinning:
    """Picks so many records of a file that has to be read whole, or up to twice as many: those whose lines spread lowest.

    It says yes to more at first; `is_kept` tells in the end which of them count.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self._limit = 1 << 32
        self._kept: list[int] = []
        self.lines = 1

    def __call__(self, header: tuple[str, ...], record: Record | BadRecord) -> bool:
        """Tell whether a record is picked for now."""
        self.lines = max(self.lines, record.last_line if isinstance(record, Record) else record.line)
        if not self.is_kept(record.line):
            return False
        self._kept.append(record.line)
        while len(self._kept) > 2 * self._number:
            self._limit //= 2
            self._kept = list(filter(self.is_kept, self._kept))
        return True

    def in_sheet(self, texts: Sequence[str]) -> Wanted:
        """Return what picks rows of a workbook before they are read."""

        def is_wanted(number: int, row: bytes) -> bool:
            self.lines = number
            return self.is_kept(number)

        return is_wanted

    def is_kept(self, line: int) -> bool:
        """Tell whether the record that begins on a line counts."""
        return _spread(line) < self._limit
