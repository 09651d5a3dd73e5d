"""Where do a bulk job's rows lie? In a file without a name, so that a job of any size costs no memory."""

from __future__ import annotations

import os
import tempfile
import weakref
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice
from typing import Any

READ_BYTES = 512 * 1024
DELIMITERS = {"BACKQUOTE": "`", "CARET": "^", "COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "TAB": "\t"}
CSV_TYPE = "text/csv; charset=UTF-8"
LINE_ENDINGS = {"LF": "\n", "CRLF": "\r\n"}


@dataclass(frozen=True, slots=True)
class Style:
    """How a job's CSV is written, in the API's words."""

    column_delimiter: str = "COMMA"
    line_ending: str = "LF"

    @property
    def delimiter(self) -> str:
        """Return the character between two values."""
        return DELIMITERS[self.column_delimiter]

    @property
    def ending(self) -> str:
        """Return the characters that end a line."""
        return LINE_ENDINGS[self.line_ending]

    def line(self, cells: Sequence[str]) -> bytes:
        """Write one line, every value in quotes."""
        inner = f'"{self.delimiter}"'.join([cell.replace('"', '""') if '"' in cell else cell for cell in cells])
        return f'"{inner}"{self.ending}'.encode()


class Spool:
    """Bytes that are only ever appended; they go when nobody holds the spool any more."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - lives as long as the spool
        weakref.finalize(self, self._file.close)
        self.size = 0

    def append(self, data: bytes) -> None:
        """Add bytes at the end."""
        rest = memoryview(data)
        while rest:
            written = os.pwrite(self._file.fileno(), rest, self.size)
            self.size += written
            rest = rest[written:]

    def read(self, start: int, stop: int) -> bytes:
        """Return the bytes from `start` up to `stop`."""
        return os.pread(self._file.fileno(), stop - start, start)

    def blocks(self, start: int, stop: int) -> Iterator[bytes]:
        """Return the bytes from `start` up to `stop`, a block at a time."""
        while start < stop:
            block = self.read(start, min(stop, start + READ_BYTES))
            start += len(block)
            yield block

    def __getstate__(self) -> dict[str, Any]:
        kept = {name: value for name, value in vars(self).items() if name not in ("_file", "size")}
        return kept | {"content": self.read(0, self.size)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        Spool.__init__(self)
        self.append(state.pop("content"))
        vars(self).update(state)


class Rows(Spool):
    """CSV rows under a header, any stretch of which can be read again."""

    def __init__(self, header: Sequence[str], style: Style) -> None:
        super().__init__()
        self.header = style.line(header)
        self.complete = False
        self._ends = array("Q", [0])

    @property
    def count(self) -> int:
        """Return how many rows there are."""
        return len(self._ends) - 1

    def add(self, lines: Sequence[bytes]) -> None:
        """Add rows, each a whole line."""
        self._ends.extend(islice(accumulate(map(len, lines), initial=self._ends[-1]), 1, None))
        self.append(b"".join(lines))

    def page(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Return the header and the rows from `start` up to `stop`, in blocks."""
        last = self.count if stop is None else min(stop, self.count)
        yield self.header
        yield from self.blocks(self._ends[start], self._ends[last])

    def __deepcopy__(self, memo: dict[int, Any]) -> Rows:
        if self.complete:
            return self
        other = Rows.__new__(Rows)
        other.__setstate__(self.__getstate__() | {"_ends": array("Q", self._ends)})
        return other


class Lines:
    """Reads a spool line by line as text, and knows how far it has come: `offset` is where the next line begins."""

    def __init__(self, spool: Spool, offset: int = 0) -> None:
        self._spool = spool
        self._buffer = b""
        self._at = 0
        self.offset = offset

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        end = self._buffer.find(b"\n", self._at)
        while end < 0:
            start = self.offset + len(self._buffer) - self._at
            more = self._spool.read(start, min(self._spool.size, start + READ_BYTES))
            self._buffer, self._at = self._buffer[self._at :] + more, 0
            end = self._buffer.find(b"\n")
            if not more:
                break
        line = self._buffer[self._at : end + 1] if end >= 0 else self._buffer[self._at :]
        if not line:
            raise StopIteration
        self._at += len(line)
        self.offset += len(line)
        return line.decode()
