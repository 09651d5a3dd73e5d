"""What does a file of the drop folder say, row by row, and is it a file of this source at all?"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import BinaryIO

from syncd.core.cells import CONTROL
from syncd.core.mapping import SourceMapping
from syncd.core.mapping_keys import DELIMITERS
from syncd.core.rows import read_row
from syncd.core.values import Problem
from syncd.exports.lines import Hash, NotEncoded, lines_of
from syncd.exports.records import BadRecord, Record, records_of
from syncd.exports.unpacking import NotText, text_in
from syncd.policies.documents import nearest
from syncd.ports import ExportFile, Header, Item, Refused

_EMPTY = "Nothing was changed: an empty export never means that everyone has left. Export it again."


def items_of(stream: BinaryIO, file: ExportFile, mapping: SourceMapping, now_at: datetime | None = None) -> Iterator[Item]:
    """Read a file from its first byte to its last.

    Shapes: the header, then one row or one problem for each record; a `Refused` ends the file and takes all of it back.
            A problem's line is the physical line on which the record begins.
    Units:  memory is bounded by one line and one record.
    """
    seen = hashlib.sha256()
    try:
        with text_in(stream) as text:
            is_packed = text is not stream
            records = records_of(lines_of(text, mapping.encoding, seen), mapping.delimiter)
            yield from _items(records, file, mapping, now_at)
    except NotText as error:
        yield _refused(file, 1, 1, error.code, str(error), error.remedy)
        return
    except NotEncoded as error:
        text_of = f"The file is not what [file] encoding declares: {error!s}."
        yield _refused(file, error.line, 1, "EXP-002", text_of, "Export it again as UTF-8, or correct encoding in the mapping.")
        return
    if _hash_of(stream, None if is_packed else seen) != file.sha256:
        yield _refused(file, 1, 1, "EXP-003", "The file changed while it was read.", "It is read again soon.", "wait")


def _hash_of(stream: BinaryIO, seen: Hash | None) -> str:
    """Return the SHA-256 of the file as it lies there; `seen` took what has been read of it so far."""
    if seen is None:
        seen = hashlib.sha256()
        stream.seek(0)
    while chunk := stream.read(1 << 18):
        seen.update(chunk)
    return seen.hexdigest()


def _items(
    records: Iterator[Record | BadRecord], file: ExportFile, mapping: SourceMapping, now_at: datetime | None
) -> Iterator[Item]:
    first = next(records, None)
    header = _header(first, file, mapping)
    yield header
    if isinstance(header, Refused):
        return
    count = 0
    for count, record in enumerate(records, 1):  # noqa: B007  the count is read after the loop
        if isinstance(record, BadRecord):
            yield Problem(file.name, record.line, 1, "ROW-007", record.text, record.remedy)
        elif not record.cells:
            yield Problem(file.name, record.line, 1, "ROW-001", "The line is empty.", "Export the file without blank lines.")
        else:
            yield read_row(mapping, header.columns, record.cells, record.line, file=file.name, now_at=now_at)
    if count == 0:
        yield _refused(file, 1, 1, "EXP-004", "The file has a header and no rows.", _EMPTY, "pause")


def _header(first: Record | BadRecord | None, file: ExportFile, mapping: SourceMapping) -> Header | Refused:
    if first is None:
        return _refused(file, 1, 1, "EXP-004", "The file is empty.", _EMPTY, "pause")
    if isinstance(first, BadRecord):
        return _refused(file, first.line, 1, "EXP-005", f"The header cannot be read: {first.text}", first.remedy)
    columns = first.cells
    if not any(cell.strip() for cell in columns):
        text = "The first line is empty; the header belongs there."
        return _refused(file, first.line, 1, "EXP-005", text, "Export the file again with column names.")
    control = CONTROL.search("".join(columns))
    if control:
        text = f"The header holds the control character U+{ord(control[0]):04X}: the file may be in another encoding."
        return _refused(file, first.line, 1, "EXP-005", text, "Export it again as UTF-8, or correct encoding in the mapping.")
    for index, name in enumerate(columns):
        if name in columns[:index]:
            text = f"Column {name!r} stands in the header twice: as columns {columns.index(name) + 1} and {index + 1}."
            return _refused(file, first.line, index + 1, "EXP-006", text, "Rename or leave out one of them in the export.")
    missing = [name for name in mapping.required if name not in columns]
    if missing:
        return _missing(file, first, mapping, missing)
    return Header(columns, tuple(name for name in columns if name not in mapping.required))


def _missing(file: ExportFile, header: Record, mapping: SourceMapping, missing: list[str]) -> Refused:
    text = header.cells[0]
    counts = {sign: text.count(sign) for sign in DELIMITERS if sign != mapping.delimiter}
    likely = max(counts, key=lambda sign: counts[sign])
    if len(header.cells) == 1 and counts[likely]:
        words = f"The file has one column; its cells look separated by {likely!r}, not by {mapping.delimiter!r}."
        return _refused(file, header.line, 1, "EXP-007", words, f"Write delimiter = {_toml(likely)} under [file] in the mapping.")
    spare = [name for name in header.cells if name not in mapping.required]
    named = []
    for name in missing:
        near = nearest(name, spare)
        named.append(f"{name!r}" + (f" (nearest: {near!r})" if near else ""))
    words = f"The header lacks {', '.join(named)}."
    return _refused(file, header.line, 1, "EXP-008", words, f"Add the column to the export, or correct {mapping.file}.")


def _toml(sign: str) -> str:
    return '"\\t"' if sign == "\t" else f'"{sign}"'


def _refused(file: ExportFile, line: int, column: int, code: str, text: str, remedy: str, kind: str = "refuse") -> Refused:
    return Refused(Problem(file.name, line, column, code, text, remedy), kind)
