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
class Block:
    """Some physical lines with their ends, numbered from `number` on (LF ends a line; a CR inside stays where it is).

    A line that was cut stands in a block by itself.
    """

    number: int
    texts: list[str]
    is_cut: bool = False


class NotEncoded(Exception):
    """A byte that is not in the declared encoding; line and byte offset count from 1 and 0.

    `near` is what stands around it; nothing where a BOM says what the file is: then it is damaged, and no other would help.
    """

    def __init__(self, line: int, offset: int, byte: int, encoding: str, near: bytes = b"") -> None:
        super().__init__(f"byte 0x{byte:02x} at offset {offset} is not {encoding}")
        self.line, self.near = line, near


class Lines:
    """The lines of one file, given once and in order. `count` is how many there were so far.

    Units:  a line longer than LINE_CHARS_MAX comes cut, the rest of it is dropped; it counts as one.
    Errors: NotEncoded at the first bad byte. A BOM wins over the declared encoding; nothing is ever guessed.
    """

    def __init__(self, stream: BinaryIO, encoding: str, seen: Hash) -> None:
        self.count = 0
        self._stream, self._seen = stream, seen
        head = stream.read(CHUNK_BYTES)
        seen.update(head)
        bom, name = next(((bom, name) for bom, name in _BOMS if head.startswith(bom)), (b"", encoding))
        self.encoding = name
        self._has_bom = bool(bom)
        self._decoder = codecs.getincrementaldecoder(name)("strict")
        self._head, self._offset = head[len(bom) :], len(bom)

    def blocks(self) -> Iterator[Block]:
        """Split what is decoded at each LF, keeping no more than one line."""
        rest, is_dropping = "", False
        chunk, is_last = self._head, False
        while not is_last:
            is_last = not chunk
            *whole, rest = (rest + self._decode(chunk, is_last)).split("\n")
            if is_dropping and whole:
                del whole[0]
                is_dropping = False
            yield from self._whole(whole)
            if len(rest) > LINE_CHARS_MAX:
                if not is_dropping:
                    self.count += 1
                    yield Block(self.count, [rest[:LINE_CHARS_MAX]], True)
                rest, is_dropping = "", True
            if not is_last:
                chunk = self._stream.read(CHUNK_BYTES)
                self._seen.update(chunk)
        if rest and not is_dropping:
            self.count += 1
            yield Block(self.count, [rest])

    def _whole(self, whole: list[str]) -> Iterator[Block]:
        """Give lines that have an end; almost always none of them is too long."""
        first, self.count = self.count + 1, self.count + len(whole)
        if not whole or max(map(len, whole)) <= LINE_CHARS_MAX:
            if whole:
                yield Block(first, [text + "\n" for text in whole])
            return
        for number, text in enumerate(whole, first):
            yield Block(number, [text[:LINE_CHARS_MAX] + "\n"], len(text) > LINE_CHARS_MAX)

    def _decode(self, chunk: bytes, is_last: bool) -> str:
        held = self._decoder.getstate()[0]
        try:
            text = self._decoder.decode(chunk, is_last)
        except UnicodeDecodeError as error:
            good = codecs.decode(error.object[: error.start], self.encoding, "replace")
            offset = self._offset - len(held) + error.start
            near = b"" if self._has_bom else error.object[max(error.start - 4000, 0) : error.start + 4000]
            line = self.count + 1 + good.count("\n")
            raise NotEncoded(line, offset, error.object[error.start], self.encoding, near) from None
        self._offset += len(chunk)
        return text
