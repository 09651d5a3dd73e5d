"""What are the physical lines of a file, decoded strictly and held in bounded memory?"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

CHUNK_BYTES = 1 << 18
LINE_CHARS_MAX = 8_000_000

_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class Hash(Protocol):
    """Takes the bytes as they are read."""

    def update(self, data: bytes, /) -> None: ...

    def hexdigest(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Line:
    """One physical line with its end (LF ends a line; a CR inside stays where it is)."""

    number: int
    text: str
    is_cut: bool = False


class NotEncoded(Exception):
    """A byte that is not in the declared encoding; line and byte offset count from 1 and 0."""

    def __init__(self, line: int, offset: int, byte: int, encoding: str) -> None:
        super().__init__(f"byte 0x{byte:02x} at offset {offset} is not {encoding}")
        self.line = line


def lines_of(stream: BinaryIO, encoding: str, seen: Hash) -> Iterator[Line]:
    """Give the lines of a file in order.

    Units:  a line longer than LINE_CHARS_MAX comes cut, the rest of it is dropped.
    Errors: NotEncoded at the first bad byte. A BOM wins over the declared encoding; nothing is ever guessed.
    """
    return _Lines(stream, encoding, seen).all()


class _Lines:
    def __init__(self, stream: BinaryIO, encoding: str, seen: Hash) -> None:
        self.stream, self.seen = stream, seen
        head = stream.read(CHUNK_BYTES)
        seen.update(head)
        bom, name = next(((bom, name) for bom, name in _BOMS if head.startswith(bom)), (b"", encoding))
        self.encoding = name
        self.decoder = codecs.getincrementaldecoder(name)("strict")
        self.head, self.offset = head[len(bom) :], len(bom)
        self.number = 1

    def all(self) -> Iterator[Line]:
        """Split what is decoded at each LF, keeping no more than one line."""
        rest, dropping = "", False
        chunk, final = self.head, False
        while not final:
            final = not chunk
            *whole, rest = (rest + self._decode(chunk, rest, final)).split("\n")
            for text in whole:
                if dropping:
                    dropping = False
                else:
                    yield Line(self.number, text[:LINE_CHARS_MAX] + "\n", len(text) > LINE_CHARS_MAX)
                self.number += 1
            if len(rest) > LINE_CHARS_MAX:
                if not dropping:
                    yield Line(self.number, rest[:LINE_CHARS_MAX], True)
                rest, dropping = "", True
            if not final:
                chunk = self.stream.read(CHUNK_BYTES)
                self.seen.update(chunk)
        if rest and not dropping:
            yield Line(self.number, rest)

    def _decode(self, chunk: bytes, rest: str, final: bool) -> str:
        held = self.decoder.getstate()[0]
        try:
            text = self.decoder.decode(chunk, final)
        except UnicodeDecodeError as error:
            good = codecs.decode(error.object[: error.start], self.encoding, "replace")
            offset = self.offset - len(held) + error.start
            raise NotEncoded(self.number + good.count("\n"), offset, error.object[error.start], self.encoding) from None
        self.offset += len(chunk)
        return text
