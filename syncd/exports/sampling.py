"""What do the first rows of an export show, and how does the file seem to be written?

For a person who is about to write a mapping: what is found here is proposed, never applied. Nothing is refused that can be
shown at all; reading for good is `syncd.exports.reading`.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from syncd.core.dialect import MEMBERS
from syncd.core.mapping_file.keys import DELIMITERS
from syncd.exports.archives import contents_of
from syncd.exports.encodings import likely_of
from syncd.exports.lines import LINE_CHARS_MAX
from syncd.exports.records import Record
from syncd.exports.sheets import Sheet
from syncd.exports.unpacking import NotText, is_workbook, text_in
from syncd.exports.vendors import Export, NoExport

HEAD_BYTES = 256 * 1024
ROWS_MAX = 5_000
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe\x00\x00", "utf-32"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_CODECS = {"utf-8": "utf-8-sig"}

Row = tuple[int, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Sampled:
    """The first rows of a file, each with the line that it begins on.

    `bad` are the lines whose row has another length than the header; `is_whole` says that the file has no more rows.
    """

    export: Export
    rows: tuple[Row, ...]
    bad: tuple[int, ...]
    is_whole: bool


def sample(path: Path, *, rows_max: int = ROWS_MAX) -> Sampled:
    """Read the header and the first rows of a file by the encoding and the delimiter that it seems to have.

    Shapes: of a set of files in an archive the first one's, of a workbook the first sheet's.
    Errors: OSError, and NoExport with words for what cannot be read.
    """
    try:
        contents = contents_of(path, MEMBERS)
        members = tuple(one.name for one in contents.members) if contents is not None else ()
        with path.open("rb") as stream:
            if not members and is_workbook(stream):
                return _of_workbook(stream, rows_max)
            first = next(iter(members), "")
            with text_in(stream, first) as text:
                head = text.read(HEAD_BYTES)
            name = suggest_encoding(head)
            sign = suggest_delimiter(head, name)
            stream.seek(0)
            with text_in(stream, first) as text, closing(_records(text, name, sign)) as records:
                return _sampled(records, Export((), name, sign, members), rows_max)
    except NotText as error:
        raise NoExport(f"cannot be read: {error} {error.remedy}") from None
    except csv.Error as error:
        raise NoExport(f"is no CSV: {error}") from None


def _of_workbook(stream: BinaryIO, rows_max: int) -> Sampled:
    with Sheet(stream, None, ".") as sheet:
        names = sheet.names
    with Sheet(stream, next(iter(names), None), ".") as sheet:
        rows = ((one.line, one.cells) for one in sheet.records() if isinstance(one, Record))
        return _sampled(rows, Export((), "utf-8", ",", sheets=names), rows_max)


def _records(text: BinaryIO, encoding: str, delimiter: str) -> Generator[Row, None, None]:
    """Give the records with the line that each begins on. A byte of another encoding shows as U+FFFD: this is only a look."""
    decoded = io.TextIOWrapper(text, _CODECS.get(encoding, encoding), errors="replace", newline="")
    try:
        lines = iter(lambda: decoded.readline(LINE_CHARS_MAX), "")  # a file may be one line of gigabytes
        reader = csv.reader((line.replace("\0", "") for line in lines), delimiter=delimiter)
        line = 1
        for cells in reader:
            yield line, tuple(cells)
            line = reader.line_num + 1
    finally:
        decoded.detach()


def _sampled(records: Iterator[Row], export: Export, rows_max: int) -> Sampled:
    _, header = next(records, (1, ()))
    if not any(cell.strip() for cell in header):
        raise NoExport("is empty, or begins with an empty line")
    twice = [name for name, count in Counter(header).items() if count > 1]
    if twice:
        raise NoExport(f"has the column {twice[0]!r} twice in its header: rename or leave out one of them in the export")
    rows: list[Row] = []
    bad: list[int] = []
    for line, cells in records:
        if len(rows) + len(bad) >= rows_max:
            return Sampled(replace(export, columns=header), tuple(rows), tuple(bad), is_whole=False)
        if len(cells) == len(header):
            rows.append((line, cells))
        else:
            bad.append(line)
    return Sampled(replace(export, columns=header), tuple(rows), tuple(bad), is_whole=True)


def suggest_encoding(head: bytes) -> str:
    """Name the encoding that the first bytes of a file seem to be in: that of its mark, UTF-8 where they are, or a guess."""
    marked = next((name for bom, name in _BOMS if head.startswith(bom)), None)
    if marked is not None:
        return marked
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as fault:
        if fault.reason not in {"unexpected end of data", "truncated data"} or fault.start < len(head) - 4:
            return likely_of(head[max(0, fault.start - 2000) : fault.start + 2000]) or "cp1252"
    return "utf-8"


def suggest_delimiter(head: bytes, encoding: str) -> str:
    """Name the sign that stands as often in the first lines as in the header."""
    text = head.decode(_CODECS.get(encoding, encoding), errors="ignore")
    lines = [line for line in text.splitlines()[:50] if line.strip()] or [""]
    counts = {sign: lines[0].count(sign) for sign in DELIMITERS if sign in lines[0]}
    steady = {sign: sum(line.count(sign) >= count for line in lines) for sign, count in counts.items()}
    return max(counts, key=lambda sign: (steady[sign], counts[sign]), default=",")
