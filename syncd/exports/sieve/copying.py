"""How does an export that is packed, or in another encoding than UTF-8, come to lie in the workroom as plain UTF-8?"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import BinaryIO

from syncd.core.mapping import SourceMapping
from syncd.exports.lines import Hash, Lines, NotEncoded, bom_of
from syncd.exports.reading import hash_read
from syncd.exports.unpacking import NotText, head_of, is_packed, is_workbook, text_in
from syncd.ports.exports import ExportFile

FREE_BYTES_MIN = 1 << 30
"""A copy leaves so much of the disk to others."""
_LOOK_BYTES = 64 << 20
_BOM = "\ufeff"


class NoRoom(OSError):
    """A copy would leave too little of the disk to others."""


def leave_room(folder: Path) -> None:
    """See to it that the disk has room for others. Errors: NoRoom."""
    if shutil.disk_usage(folder).free < FREE_BYTES_MIN:
        raise NoRoom("a copy of the export would leave less than 1 GiB of the disk")


def needs_copy(head: bytes, mapping: SourceMapping) -> bool:
    """Tell whether a file is not plain UTF-8 by what it begins with, or by what is declared of it."""
    return is_packed(head) or not _is_utf8(head, mapping)


def copied(stream: BinaryIO, file: ExportFile, mapping: SourceMapping, target: Path) -> bool:
    """Write the text of a file as UTF-8, and tell whether it is all there, and of the bytes that the file is known by.

    Errors: OSError, when the disk has no room for it. Whatever is wrong with the file itself, the careful reader tells.
    """
    seen = hashlib.sha256()
    try:
        if not file.member and is_workbook(stream):
            return False
        with text_in(stream, file.member) as text, target.open("wb") as out:
            copy = _Copy(text, out, seen)
            is_whole = copy.as_it_is() if _is_utf8(head_of(text), mapping) else copy.decoded(mapping.encoding)
            is_read_along = text is stream or bool(file.member)
    except (NotText, NotEncoded):
        return False
    return is_whole and hash_read(stream, seen if is_read_along else None) == file.sha256


def _is_utf8(head: bytes, mapping: SourceMapping) -> bool:
    """Tell what a text is by its BOM, which wins, or by what is declared."""
    return (bom_of(head)[1] or mapping.encoding) == "utf-8"


class _Copy:
    """Writes one text, and looks at the disk from time to time."""

    def __init__(self, text: BinaryIO, out: BinaryIO, seen: Hash) -> None:
        self.text, self.out, self.seen = text, out, seen
        self._unlooked = _LOOK_BYTES

    def as_it_is(self) -> bool:
        """Copy bytes; whether they are UTF-8 is found out by whoever walks over them."""
        while chunk := self.text.read(1 << 20):
            self.seen.update(chunk)
            self._write(chunk)
        return True

    def decoded(self, encoding: str) -> bool:
        """Decode lines as the careful reader does; no line may be too long for it, and a second BOM is no part of a header."""
        for block in Lines(self.text, encoding, self.seen).blocks():
            if block.is_cut or (block.number == 1 and block.texts[0].startswith(_BOM)):
                return False
            self._write("".join(block.texts).encode())
        return True

    def _write(self, data: bytes) -> None:
        self._unlooked += len(data)
        if self._unlooked >= _LOOK_BYTES:
            self._unlooked = 0
            leave_room(Path(self.out.name).parent)
        self.out.write(data)
