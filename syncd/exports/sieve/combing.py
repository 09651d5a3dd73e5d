"""How do the good rows of a file that only the careful reader understands come to the sieve all the same?

The careful reader parts records from what is none in a fraction of the time that looking at rows takes. What it finds good is
written anew, with the line on which it began; the rest goes the long way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, TextIO

from syncd.core.mapping import SourceMapping
from syncd.core.rows import ParsedRow
from syncd.core.values import Problem
from syncd.exports.headers import header_in
from syncd.exports.reading import items_of
from syncd.exports.records import BadRecord, Record
from syncd.exports.sieve.copying import leave_room
from syncd.exports.sieve.proof import Bytes
from syncd.ports.exports import ExportFile, Header, LinesCounted, Refused

ASIDE_MAX = 20_000
"""Of a file with more that is no good row every row is looked at."""
ROW_CHARS_MAX = 24_000
"""A longer row goes the long way: in UTF-8, with its quotes, it may be more than the fast reader takes in one."""
SIGN = "|"
"""It stands in few cells: those have to be quoted."""
PLACE = ("line", "breaks")
_ROWS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Combed:
    """What a file was parted into: its good rows stand in a copy, each behind PLACE; `aside` is what else there is in it."""

    header: tuple[str, ...]
    rows: int
    counted: LinesCounted
    aside: Sequence[ParsedRow | Problem]


@dataclass(frozen=True, slots=True)
class Laid:
    """The text of a file as it lies in the workroom: as it is, or combed."""

    header: tuple[str, ...]
    seen: Bytes
    combed: Combed | None = None


def combed(stream: BinaryIO, file: ExportFile, mapping: SourceMapping, now_at: datetime, target: Path) -> Combed | None:
    """Write the good rows of a file; None where it is refused, or hardly anything in it is good.

    Errors: OSError, when the disk has no room for it.
    """
    header: tuple[str, ...] = ()
    aside: list[ParsedRow | Problem] = []
    with target.open("w", encoding="utf-8", newline="") as out:
        comb = _Comb(out)
        stream.seek(0)
        for item in items_of(stream, file, mapping, now_at, comb.is_aside):
            if isinstance(item, Header):
                header = item.columns
                if len(header) < 2:
                    return None
                out.write(SIGN * (len(PLACE) + len(header) - 1) + "\n")
            elif isinstance(item, LinesCounted):
                counted = item
            elif isinstance(item, Refused) or len(aside) == ASIDE_MAX:
                return None
            else:
                aside.append(item)
        comb.flush()
    return Combed(header, comb.rows, counted, aside) if comb.rows else None


class _Comb:
    """Writes good rows, and says which are none."""

    def __init__(self, out: TextIO) -> None:
        self.out, self.rows = out, 0
        self._waiting: list[str] = []

    def is_aside(self, header: tuple[str, ...], record: Record | BadRecord) -> bool:
        """Write a record, or tell that it has to be looked at."""
        if not isinstance(record, Record) or record.faults or len(record.cells) != len(header):
            return True
        cells = record.cells
        place = f"{record.line}{SIGN}{record.last_line - record.line}{SIGN}"
        text = SIGN.join(cells)
        if len(text) > ROW_CHARS_MAX or (cells[-1] == header[-1] and header_in(cells, header) == header):
            return True
        if '"' in text or "\n" in text or "\r" in text or text.count(SIGN) != len(cells) - 1:
            text = SIGN.join(_quoted(cell) for cell in cells)
        self.rows += 1
        self._waiting.append(f"{place}{text}\n")
        if len(self._waiting) == _ROWS_AT_ONCE:
            self.flush()
        return False

    def flush(self) -> None:
        """Write what waits."""
        leave_room(Path(self.out.name).parent)
        self.out.writelines(self._waiting)
        self._waiting.clear()


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"'
