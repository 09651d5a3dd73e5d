"""How does an export begin, whatever it is packed in: a file, a set of files, or the sheet of a workbook?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from syncd.core.dialect import MEMBERS
from syncd.exports.archives import contents_of
from syncd.exports.records import Record
from syncd.exports.sheets import Sheet
from syncd.exports.unpacking import is_workbook, text_in
from syncd.exports.vendors import Export, NoExport, read_header

HEAD_BYTES = 256 * 1024


def beginning_of(path: Path) -> Export:
    """Read the header of an export; of a set of files the first one's, of a workbook the first sheet's.

    Errors: OSError, NotText, and NoExport with words for what it is.
    """
    contents = contents_of(path, MEMBERS)
    members = tuple(one.name for one in contents.members) if contents is not None else ()
    with path.open("rb") as stream:
        if not members and is_workbook(stream):
            return _of_workbook(stream)
        with text_in(stream, next(iter(members), "")) as text:
            return replace(read_header(text.read(HEAD_BYTES)), members=members)


def _of_workbook(stream: BinaryIO) -> Export:
    with Sheet(stream, None, ".") as sheet:
        names = sheet.names
    with Sheet(stream, next(iter(names), None), ".") as sheet:
        first = next(sheet.records(), None)
    if not isinstance(first, Record):
        raise NoExport("has nothing on its first sheet")
    return Export(first.cells, "utf-8", ",", sheets=names)
