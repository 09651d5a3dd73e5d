"""Which records of a file that has to be read whole may be about somebody?"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from syncd.core.cells import seen
from syncd.core.mapping import SourceMapping
from syncd.core.rows import ParsedRow
from syncd.core.values import Problem
from syncd.exports.needles import needles_of
from syncd.exports.records import BadRecord, Record
from syncd.exports.sheet_thinning import Wanted

_ID_CHARS = 15
_ID_LENGTHS = (15, 18)
_OTHERWISE = (b"<r>", b"<![", b"&#", b"_x")
"""Ways in which a text may be written in a workbook other than in one piece and letter by letter."""


class Picking:
    """Says yes to the records of one file that stand on a line, or in which a word fills a cell where keys stand.

    Shapes: `spelt` makes of a cell or word what is compared. Of what is no row all cells count; it is kept, and so is the record
            that stands on the line.
    """

    def __init__(self, mapping: SourceMapping, words: Sequence[str], line: int, spelt: Callable[[str], str]) -> None:
        self._mapping, self._line, self._spelt = mapping, line, spelt
        self._keys = frozenset(map(spelt, words)) | {spelt(word[:_ID_CHARS]) for word in words if len(word) in _ID_LENGTHS}
        self._words = words
        self._places: tuple[int, ...] | None = None
        self._meant: set[int] = set()
        self._named: set[int] = set()

    def __call__(self, header: tuple[str, ...], record: Record | BadRecord) -> bool:
        """Tell whether a record may be about somebody."""
        if self._places is None:
            keys = set(self._mapping.match.values())
            self._places = tuple(place for place, name in enumerate(header) if name in keys)
        last = record.last_line if isinstance(record, Record) else record.line
        if record.line <= self._line <= last:
            self._meant.add(record.line)
            return True
        cells = record.cells
        if isinstance(record, Record) and len(cells) == len(header):
            return any(self._is_key(cells[place]) for place in self._places)
        if any(map(self._is_key, cells)):
            self._named.add(record.line)
            return True
        return False

    def in_sheet(self, texts: Sequence[str]) -> Wanted | None:
        """Return what says which rows of a workbook may name somebody: by a number in its table of texts, or by a word itself."""
        needles = needles_of(self._words)
        if needles is None or any(sign in word for word in self._words for sign in "&<>\"'"):
            return None
        shared = [f">{place}<".encode() for place, text in enumerate(texts) if self._is_key(text)]
        short = [re.compile(b">[^0-9a-z<]*" + re.escape(one.data) + b"(?![0-9a-z])") for one in needles if one.is_short]
        long = [one.data for one in needles if not one.is_short]

        def is_wanted(number: int, row: bytes) -> bool:
            if number == self._line or any(one in row for one in shared) or any(one in row for one in _OTHERWISE):
                return True
            small = row.lower()
            return any(one in small for one in long) or any(one.search(small) for one in short)

        return is_wanted

    def is_meant(self, item: ParsedRow | Problem) -> bool:
        """Tell whether what a record came to stands on the line, or is no row and named by a word."""
        return item.line in self._meant or (isinstance(item, Problem) and item.line in self._named)

    def _is_key(self, cell: str) -> bool:
        found = self._spelt(seen(cell))
        return found in self._keys or (len(found) in _ID_LENGTHS and found[:_ID_CHARS] in self._keys)
