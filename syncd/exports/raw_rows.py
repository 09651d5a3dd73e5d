"""What stands on some lines of an export, as it was written?"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from pathlib import Path

from syncd.core.mapping import SourceMapping
from syncd.exports.reading import items_of
from syncd.exports.records import BadRecord, Record
from syncd.ports import ExportFile

Cells = tuple[str, ...]


def rows_at(file: ExportFile, mapping: SourceMapping, lines: Collection[int]) -> tuple[Cells, dict[int, Cells]]:
    """Return the header of an export, and by the line that each begins on the cells of some of its records.

    Shapes: a line that is no record has one cell, all of it as far as it is kept.
    Errors: OSError.
    """
    wanted = frozenset(lines)
    header: Cells = ()
    found: dict[int, Cells] = {}

    def pick(names: Cells, record: Record | BadRecord) -> bool:
        nonlocal header
        header = names
        if record.line in wanted:
            found[record.line] = record.cells if isinstance(record, Record) else (record.raw,)
        return False

    with Path(file.path).open("rb") as stream:
        deque(items_of(stream, file, mapping, pick=pick), maxlen=0)
    return header, found
