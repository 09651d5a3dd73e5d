"""What is the text inside a packed export, read as a stream and never more of it than is sane?

Marketing tools hand out gzip files and ZIP archives of one CSV. What a file is, its first bytes say, not its name. An archive
that unpacks to far more than it holds is a bomb, and a damaged one was not transferred whole: both are refused whole.
"""

from __future__ import annotations

import gzip
import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

UNPACKED_BYTES_MAX = 50 * 1024**3
RATIO_MAX = 200  # exports of many equal columns pack to a fiftieth; a bomb to a thousandth
RATIO_FROM_BYTES = 64 * 1024**2  # below this nothing can do harm
_ZIP, _GZIP = b"PK\x03\x04", b"\x1f\x8b"
_EMPTY_ZIP = b"PK\x05\x06"
_OTHERS = (
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "Save it as CSV UTF-8."),
    (b"%PDF", "a PDF document", "Export as CSV."),
    (b"7z\xbc\xaf", "a 7-Zip archive", "Unpack it, or pack it as ZIP or gzip."),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive", "Unpack it, or pack it as ZIP or gzip."),
    (b"BZh", "a bzip2 archive", "Unpack it, or pack it as ZIP or gzip."),
)
# A ZIP of nonsense makes the library seek before its beginning, or decode a name that is none.
_DAMAGED = (EOFError, ValueError, struct.error, zlib.error, zipfile.BadZipFile, gzip.BadGzipFile, NotImplementedError)
_BEGIN_AGAIN = "Transfer or export it again; nothing of it was taken."


class NotText(Exception):
    """Why a file cannot be read as text, with a code and the way out."""

    def __init__(self, code: str, text: str, remedy: str) -> None:
        super().__init__(text)
        self.code, self.remedy = code, remedy


@contextmanager
def text_in(stream: BinaryIO) -> Iterator[BinaryIO]:
    """Give the bytes of the text in a file, packed or not.

    Errors: NotText, at once or while the text is read.
    Source: RFC 1952 (gzip), APPNOTE.TXT (ZIP); both say in their trailers how much was packed and its checksum.
    """
    head = stream.read(4)
    stream.seek(0)
    for magic, what, remedy in _OTHERS:
        if head.startswith(magic):
            raise NotText("EXP-001", f"This is {what}, not a CSV file.", remedy)
    if head.startswith(_GZIP):
        with gzip.GzipFile(fileobj=stream, mode="rb") as inside:
            yield _bounded(inside, _size_of(stream))
    elif head.startswith((_ZIP, _EMPTY_ZIP)):
        with _whole(), zipfile.ZipFile(stream) as archive:
            member = archive.open(_only_member(archive))
        with member:
            yield _bounded(member, _size_of(stream))
    else:
        yield stream


@contextmanager
def _whole() -> Iterator[None]:
    """Say of whatever is damaged, or packed in a way that nobody can read here, that it was refused whole."""
    try:
        yield
    except _DAMAGED as error:
        raise NotText("EXP-009", f"The archive is damaged or cut off: {error}.", _BEGIN_AGAIN) from None


def _size_of(stream: BinaryIO) -> int:
    place = stream.tell()
    size = stream.seek(0, io.SEEK_END)
    stream.seek(place)
    return size


def _only_member(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    """Return the one file of an archive, what macOS packs beside each file left aside."""
    members = [one for one in archive.infolist() if not (one.filename.endswith("/") or one.filename.startswith("__MACOSX/"))]
    names = [one.filename for one in members]
    if "[Content_Types].xml" in names:
        raise NotText("EXP-001", "This is an Excel workbook, not a CSV file.", "Save it as CSV UTF-8.")
    if len(members) != 1:
        shown = ", ".join(repr(name) for name in names[:3]) + (", ..." if len(names) > 3 else "")
        text = f"The archive holds {len(members)} files" + (f" ({shown})." if shown else ".")
        raise NotText("EXP-010", text, "Put each CSV file into the folder of its source by itself.")
    if members[0].flag_bits & 0x1:
        raise NotText("EXP-010", "The archive is locked with a password.", "Export it without one; the drop folder is the guard.")
    if members[0].compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        text = f"The archive is packed by a method ({members[0].compress_type}) that syncd does not read."
        raise NotText("EXP-010", text, "Pack it as usual ZIP (deflate) or gzip.")
    if stat.S_ISLNK(members[0].external_attr >> 16):
        raise NotText("EXP-010", "The archive holds a link, not a file.", "Pack the CSV file itself.")
    return members[0]


class _Bounded(io.RawIOBase):
    """Counts what comes out of an archive, and stops a bomb."""

    def __init__(self, inside: IO[bytes] | gzip.GzipFile, packed_bytes: int) -> None:
        self._inside, self._packed, self._seen = inside, packed_bytes, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        with _whole():
            data = self._inside.read(len(view))
        view[: len(data)] = data
        self._seen += len(data)
        if self._seen > UNPACKED_BYTES_MAX:
            text = f"The archive holds more than {UNPACKED_BYTES_MAX // 1024**3} GiB of text."
            raise NotText("EXP-011", text, "Export in parts.")
        if self._seen > max(RATIO_FROM_BYTES, RATIO_MAX * self._packed):
            text = f"The archive unpacks to more than {RATIO_MAX} times its size: no export does."
            raise NotText("EXP-011", text, "Unpack it yourself, look at it, and put the CSV file into the folder.")
        return len(data)


def _bounded(inside: IO[bytes] | gzip.GzipFile, packed_bytes: int) -> BinaryIO:
    return io.BufferedReader(_Bounded(inside, packed_bytes), 1 << 18)
