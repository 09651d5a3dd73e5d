"""Where do records begin and end in the bytes of a CSV file, told without reading a cell?

A line end within quotes ends no record, and quotes come in pairs: so a place lies outside of quotes where an even number of them
stands before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from syncd.core.mapping import SourceMapping
from syncd.exports.lines import bom_of
from syncd.exports.unpacking import head_of

BLOCK_BYTES = 1 << 17  # what stays in a processor's cache while it is looked through several times
RECORD_BYTES_MAX = 1 << 24
_BYTEWISE = ("utf-8", "utf8", "ascii", "us-ascii", "latin", "iso-8859", "iso8859", "cp125", "windows-125", "mac")


class Unclear(Exception):
    """The bytes alone do not tell where records end: a lone carriage return, an open quote, another encoding by its BOM."""


def is_bytewise(mapping: SourceMapping) -> bool:
    """Tell whether quotes and line ends of a source's files are bytes that mean nothing else."""
    return not mapping.dialect.escape and mapping.encoding.casefold().startswith(_BYTEWISE)


def blocks(text: BinaryIO) -> Iterator[bytes]:
    """Give a file in blocks of whole records. Errors: Unclear."""
    if bom_of(head_of(text))[1] not in ("", "utf-8"):  # a BOM wins over the declared encoding
        raise Unclear
    rest = b""
    while chunk := text.read(BLOCK_BYTES):
        data = rest + chunk if rest else chunk
        if b"\r" in data and data.count(b"\r") != data.count(b"\r\n") + data.endswith(b"\r"):
            raise Unclear
        cut = _last_end(data)
        if not cut and len(data) > RECORD_BYTES_MAX:
            raise Unclear
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


def end_of(block: bytes, start: int) -> int:
    """Return where the record that begins at `start` ends."""
    at, quotes = start, 0
    while (line := block.find(b"\n", at)) >= 0:
        quotes += block.count(b'"', at, line)
        if quotes % 2 == 0:
            return line + 1
        at = line + 1
    return len(block)


def start_of(block: bytes, known: int, place: int) -> int:
    """Return where the record begins that a place lies in; one is known to begin at `known`, before it."""
    start = max(block.rfind(b"\n", known, place) + 1, known)
    quotes = block.count(b'"', known, start)
    while start > known and quotes % 2:
        earlier = max(block.rfind(b"\n", known, start - 1) + 1, known)
        quotes -= block.count(b'"', earlier, start)
        start = earlier
    return start


def ended(record: bytes) -> bytes:
    """Return a record with a line end."""
    return record if record.endswith(b"\n") else record + b"\n"
