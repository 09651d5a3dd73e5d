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
    keeping = _Keeping(lines)
    with Path(file.path).open("rb") as stream:
        deque(items_of(stream, file, mapping, pick=keeping), maxlen=0)
    return keeping.header, keeping.found


class _Keeping:
    """Has no record read for what it means, and keeps the cells of those that are wanted."""

    def __init__(self, lines: Collection[int]) -> None:
        self.wanted = frozenset(lines)
        self.header: Cells = ()
        self.found: dict[int, Cells] = {}

    def __call__(self, header: Cells, record: Record | BadRecord) -> bool:
        """Keep a record that is wanted."""
        self.header = header
        if record.line in self.wanted:
            self.found[record.line] = record.cells if isinstance(record, Record) else (record.raw.rstrip("\r\n"),)
        return False
