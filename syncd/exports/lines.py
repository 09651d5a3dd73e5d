"""What are the physical lines of a file, decoded strictly and held in bounded memory?"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

CHUNK_BYTES = 1 << 18
NEAR_BYTES = 4000
LINE_CHARS_MAX = 8_000_000

_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SINGLE_BYTES = frozenset((
    "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1257", "iso8859-1", "iso8859-2", "iso8859-9", "iso8859-15", "mac-roman",
))  # fmt: skip
_LETTERS = re.compile(rb"(?:[\xc2-\xf4][\x80-\xbf]+)+")


def bom_of(head: bytes) -> tuple[bytes, str]:
    """Return the BOM that a text begins with, and the encoding that it means; both are empty where there is none."""
    return next(((bom, name) for bom, name in _BOMS if head.startswith(bom)), (b"", ""))


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
    """Bytes that are not in the declared encoding; line and byte offset count from 1 and 0.

    `near` is what stands around it; nothing where a BOM says what the file is: then it is damaged, and no other would help.
    `likely` is what the file is, where that is certain.
    """

    def __init__(self, line: int, words: str, near: bytes = b"", likely: str = "") -> None:
        super().__init__(words)
        self.line, self.near, self.likely = line, near, likely


class _AlsoUtf8:
    """Follows a file that is declared to be in an encoding of single bytes, in which UTF-8 reads as well: ü as Ã¼.

    No text of such an encoding that has other letters than ASCII's is UTF-8 by chance from its beginning to its end.
    """

    def __init__(self, encoding: str) -> None:
        self.is_so = codecs.lookup(encoding).name in _SINGLE_BYTES
        self.line, self.piece = 0, b""
        self._decoder = codecs.getincrementaldecoder("utf-8")("strict")

    def follow(self, chunk: bytes, is_last: bool, line: int) -> None:
        """Take the next bytes, the first of them on a line."""
        if not self.is_so or (chunk.isascii() and not is_last and not self._decoder.getstate()[0]):
            return
        try:
            self._decoder.decode(chunk, is_last)
        except UnicodeDecodeError:
            self.is_so = False
            return
        found = None if self.line else _LETTERS.search(chunk)
        if found:
            self.line, self.piece = line + chunk.count(b"\n", 0, found.start()), found[0]


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
        bom, said = bom_of(head)
        name = self.encoding = said or encoding
        self._has_bom = bool(bom)
        self._decoder = codecs.getincrementaldecoder(name)("strict")
        self._head, self._offset = head[len(bom) :], len(bom)
        self._also = _AlsoUtf8(name)

    def blocks(self) -> Iterator[Block]:
        """Split what is decoded at each LF, keeping no more than one line."""
        rest, is_dropping = "", False
        chunk, is_last = self._head, False
        while not is_last:
            is_last = not chunk
            self._also.follow(chunk, is_last, self.count + 1)
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
        self._refuse_utf8()

    def _refuse_utf8(self) -> None:
        """Refuse a file at its end that is UTF-8 throughout, and would be read by its declared encoding all the same."""
        if self._also.is_so and self._also.line:
            piece = self._also.piece
            read = piece.decode(self.encoding, "replace")
            words = f"all of it is UTF-8; {piece.decode('utf-8', 'replace')!r} would be read as {read!r}"
            raise NotEncoded(self._also.line, words, likely="utf-8")

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
            near = b"" if self._has_bom else error.object[max(error.start - NEAR_BYTES, 0) : error.start + NEAR_BYTES]
            line = self.count + 1 + good.count("\n")
            words = f"byte 0x{error.object[error.start]:02x} at offset {offset} is not {self.encoding}"
            raise NotEncoded(line, words, near) from None
        self._offset += len(chunk)
        return text
