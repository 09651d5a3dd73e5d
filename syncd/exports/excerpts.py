"""Where in a large export stand the rows that name somebody? Found in one pass over the bytes, without reading the rest.

Only whole records are cut out, and they are read by the reader of all exports: this finds, it does not judge. A file in which
bytes alone do not tell where a record ends (a workbook, UTF-16, lone carriage returns, escaped quotes) is not cut, and who asks
reads it whole.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from syncd.core.mapping import SourceMapping
from syncd.exports.unpacking import NotText, is_workbook, text_in
from syncd.ports import ExportFile

BLOCK_BYTES = 1 << 22
RECORD_BYTES_MAX = 1 << 24
FOUND_BYTES_MAX = 1 << 26
_SHORT_ID = 15
_LETTERS = frozenset(b"0123456789abcdefghijklmnopqrstuvwxyz")
_BYTEWISE = ("utf-8", "utf8", "ascii", "us-ascii", "latin", "iso-8859", "iso8859", "cp125", "windows-125", "mac")


@dataclass(frozen=True, slots=True)
class Cut:
    """One record as it stands in the file, and the physical line on which it begins."""

    line: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The header and the records that were found. `lines` maps each line of `data` on which a record begins to the file's."""

    header: bytes
    found: Sequence[Cut]

    @property
    def data(self) -> bytes:
        """Return a file of the header and the found records."""
        return b"".join([_ended(self.header), *(_ended(cut.data) for cut in self.found)])

    @property
    def lines(self) -> dict[int, int]:
        """Return the line in the whole file by the line in `data`."""
        at, places = 1 + _ended(self.header).count(b"\n"), {}
        for cut in self.found:
            places[at] = cut.line
            at += _ended(cut.data).count(b"\n")
        return places


def excerpt(
    stream: BinaryIO, file: ExportFile, mapping: SourceMapping, words: Sequence[str], lines: Sequence[int] = ()
) -> Excerpt | None:
    """Cut out the records that hold one of some words, whole and in whatever case, or that cover one of some lines.

    Shapes: None when the file is none that can be cut, or the words are not plain ASCII. Of an id of 15 characters the three that
            may follow it are part of it.
    Units:  memory is bounded by one block and what is found; more than 64 MB of that, or a record of more than 16 MB, ends the
            search with None.
    """
    if mapping.dialect.escape or not mapping.encoding.casefold().startswith(_BYTEWISE) or not all(map(str.isascii, words)):
        return None
    if not file.member and is_workbook(stream):
        return None
    stream.seek(0)
    needles = list(dict.fromkeys(word.casefold().encode() for word in words if word))
    try:
        with text_in(stream, file.member) as text:
            return _search(text, needles, sorted(lines))
    except NotText:
        return None


def has_cell(cut: Cut, mapping: SourceMapping, words: Sequence[str]) -> bool:
    """Tell whether one of the words fills a whole cell of a record."""
    text = cut.data.decode(mapping.encoding, "replace")
    wanted = {word.casefold() for word in words}
    try:
        rows = list(csv.reader(io.StringIO(text), delimiter=mapping.delimiter))
    except csv.Error:
        return False
    return any(cell.strip().casefold() in wanted for row in rows for cell in row)


def _search(text: BinaryIO, needles: Sequence[bytes], lines: Sequence[int]) -> Excerpt | None:
    header, found, before, size = b"", [], 0, 0
    for block in _blocks(text):
        if block is None:
            return None
        at = 0
        if not before:
            at = _end(block, 0)
            header = block[:at]
        number, counted = before + 1, 0
        for start, end in _records(block, at, _places(block, needles, _at_lines(block, before, lines))):
            number, counted = number + block.count(b"\n", counted, start), start
            found.append(Cut(number, block[start:end]))
            size += end - start
            if size > FOUND_BYTES_MAX:
                return None
        before = number + block.count(b"\n", counted) - 1
        if not needles and before >= max(lines, default=0):
            break
    return Excerpt(header, found)


def _blocks(text: BinaryIO) -> Iterator[bytes | None]:
    """Give the file in blocks that end with a record; None when it can't be told where one ends."""
    rest = b""
    while chunk := text.read(BLOCK_BYTES):
        data = rest + chunk
        if b"\r" in data and data.count(b"\r") != data.count(b"\r\n") + data.endswith(b"\r"):
            yield None
            return
        cut = _last_end(data)
        if not cut and len(data) > RECORD_BYTES_MAX:
            yield None
            return
        if cut:
            yield data[:cut]
        rest = data[cut:]
    if rest:
        yield rest


def _last_end(data: bytes) -> int:
    """Return where the last whole record of a block ends, 0 when none does. A block begins outside of quotes."""
    if b'"' not in data:
        return data.rfind(b"\n") + 1
    at, quotes = len(data), data.count(b'"')
    while (line := data.rfind(b"\n", 0, at)) >= 0:
        quotes -= data.count(b'"', line, at)
        if quotes % 2 == 0:
            return line + 1
        at = line
    return 0


def _end(block: bytes, start: int) -> int:
    """Return where the record that begins at `start` ends."""
    at, quotes = start, 0
    while (line := block.find(b"\n", at)) >= 0:
        quotes += block.count(b'"', at, line)
        if quotes % 2 == 0:
            return line + 1
        at = line + 1
    return len(block)


def _records(block: bytes, at: int, next_place: Callable[[int], int]) -> Iterator[tuple[int, int]]:
    """Give where the records begin and end that places lie in, from `at` on, where one begins; no byte is counted often."""
    while (place := next_place(at)) >= 0:
        start = max(block.rfind(b"\n", at, place) + 1, at)
        quotes = block.count(b'"', at, start)
        while start > at and quotes % 2:
            earlier = max(block.rfind(b"\n", at, start - 1) + 1, at)
            quotes -= block.count(b'"', earlier, start)
            start = earlier
        at = _end(block, start)
        yield start, at


def _places(block: bytes, needles: Sequence[bytes], lines: Sequence[int]) -> Callable[[int], int]:
    """Return what finds the next place of interest from a place on; -1 when there is none."""
    small = block.lower() if needles else b""
    known = dict.fromkeys(needles, 0)

    def following(at: int) -> int:
        for needle, place in known.items():
            if 0 <= place <= at:
                known[needle] = _find(small, needle, at)
        return min((one for one in (*known.values(), *lines) if one >= at), default=-1)

    return following


def _find(small: bytes, word: bytes, at: int) -> int:
    """Find a word that is no part of a longer one."""
    while (place := small.find(word, at)) >= 0:
        end = place + len(word)
        is_end = end == len(small) or len(word) == _SHORT_ID or small[end] not in _LETTERS
        if is_end and (not place or small[place - 1] not in _LETTERS):
            return place
        at = place + 1
    return -1


def _at_lines(block: bytes, before: int, lines: Sequence[int]) -> list[int]:
    """Return where in a block lines begin that stand in it; `before` is how many stand before it."""
    found = []
    for line in lines:
        place = 0
        if not before < line <= before + block.count(b"\n") + (not block.endswith(b"\n")):
            continue
        for _ in range(line - before - 1):
            place = block.find(b"\n", place) + 1
        found.append(place)
    return found


def _ended(record: bytes) -> bytes:
    return record if record.endswith(b"\n") else record + b"\n"
