"""How do the good rows of a file that only the careful reader understands come to the sieve all the same?

The careful reader parts records from what is none in a fraction of the time that looking at rows takes. What it finds good is
written anew, with the line on which it began; the rest goes the long way.
"""

from __future__ import annotations

import csv
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
SIGN = ","
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
        self._plain = csv.writer(out, delimiter=SIGN, lineterminator="\n")
        self._quoting = csv.writer(out, delimiter=SIGN, quoting=csv.QUOTE_ALL, lineterminator="\n")
        self._waiting: list[tuple[object, ...]] = []
        self._has_returns = False

    def is_aside(self, header: tuple[str, ...], record: Record | BadRecord) -> bool:
        """Write a record, or tell that it has to be looked at."""
        if not isinstance(record, Record) or record.faults or len(record.cells) != len(header):
            return True
        cells = record.cells
        text = "".join(cells)
        if len(text) > ROW_CHARS_MAX or (cells[-1] == header[-1] and header_in(cells, header) == header):
            return True
        self._has_returns = self._has_returns or "\r" in text
        self._waiting.append((record.line, record.last_line - record.line, *cells))
        if len(self._waiting) == _ROWS_AT_ONCE:
            self.flush()
        return False

    def flush(self) -> None:
        """Write what waits."""
        leave_room(Path(self.out.name).parent)
        # Without quotes a carriage return within a cell would end a line.
        (self._quoting if self._has_returns else self._plain).writerows(self._waiting)
        self.rows += len(self._waiting)
        self._waiting.clear()
        self._has_returns = False
