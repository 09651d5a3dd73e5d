"""How are rows of a sheet left out before its XML is read, where only a few are asked for?

Reading XML takes ten times as long as finding where its rows end. What is not between the tags of a row goes by unchanged, and so
do the first rows: one of them is the header.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

FIRST_ROWS = 20
ROW_BYTES_MAX = 1 << 24
_NUMBER = re.compile(rb'\sr="(\d+)"')

Wanted = Callable[[int, bytes], bool]
"""Says by its number and its XML whether a row may be asked for."""


def thinned(chunks: Iterable[bytes], is_wanted: Wanted) -> Iterator[bytes]:
    """Give the XML of a sheet without rows that nobody asks for. Rows keep their numbers."""
    return _Thinned(is_wanted).all(chunks)


class _Thinned:
    def __init__(self, is_wanted: Wanted) -> None:
        self.is_wanted = is_wanted
        self.number = 0
        self.left = FIRST_ROWS  # of those that are kept in any case, from the first on in which something stands

    def all(self, given: Iterable[bytes]) -> Iterator[bytes]:
        """Give what is kept, piece by piece."""
        chunks, rest = iter(given), b""
        for chunk in chunks:
            data = rest + chunk if rest else chunk
            kept, at = self._some(data)
            if kept:
                yield b"".join(kept)
            rest = data[at:]
            if len(rest) > ROW_BYTES_MAX:  # a row without end: what is wrong with it is for the reader to say
                yield rest
                rest = b""
                yield from chunks
        if rest:
            yield rest

    def _some(self, data: bytes) -> tuple[list[bytes], int]:
        """Return what is kept of some XML, and where the part begins that is not whole yet."""
        kept: list[bytes] = []
        at = 0
        while (start := data.find(b"<row", at)) >= 0:
            close = data.find(b">", start)
            if close < 0:
                break
            if data[start + 4 : start + 5] not in (b" ", b">", b"/", b"\t", b"\r", b"\n"):  # such as <rowBreaks>
                kept.append(data[at : close + 1])
                at = close + 1
                continue
            end = close + 1 if data[close - 1 : close] == b"/" else data.find(b"</row>", close) + 6
            if end < 6:
                break
            kept.append(data[at:start])
            kept += self._row(data[start:end], close - start)
            at = end
        else:
            cut = max(data.rfind(b"<", at), at)  # a tag may be cut in two
            kept.append(data[at:cut])
            at = cut
        return kept, at

    def _row(self, row: bytes, close: int) -> Iterator[bytes]:
        said = _NUMBER.search(row, 0, close)
        self.number = int(said[1]) if said else self.number + 1
        if self.left or self.is_wanted(self.number, row):
            yield row if said else b'<row r="%d"' % self.number + row[4:]
        if self.left and (self.left < FIRST_ROWS or b"<v" in row or b"<t" in row):
            self.left -= 1
