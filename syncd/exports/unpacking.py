"""What is the text inside a packed export, read as a stream and never more of it than is sane?

Marketing tools hand out gzip files, ZIP archives and workbooks. What a file is, its first bytes say, not its name. An archive
that unpacks to far more than it holds is a bomb, and a damaged one was not transferred whole: both are refused whole.
"""

from __future__ import annotations

import errno
import gzip
import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, BinaryIO

from syncd.exports.kinds import HEAD_BYTES, other_archive, other_kind
from syncd.exports.records import quoted

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

UNPACKED_BYTES_MAX = 50 * 1024**3
RATIO_MAX = 200  # exports of many equal columns pack to a fiftieth; a bomb to a thousandth
RATIO_FROM_BYTES = 64 * 1024**2  # below this nothing can do harm
MEMBERS_MAX = 1000
_ZIP, _GZIP = b"PK\x03\x04", b"\x1f\x8b"
_EMPTY_ZIP = b"PK\x05\x06"
# A ZIP of nonsense makes the library seek before its beginning, or decode a name that is none.
DAMAGED = (EOFError, ValueError, struct.error, zlib.error, zipfile.BadZipFile, gzip.BadGzipFile, NotImplementedError)
_BEGIN_AGAIN = "Transfer or export it again; nothing of it was taken."
CHANGED = "EXP-003"
"""The problem that ends by itself when the file is looked at again."""


class NotText(Exception):
    """Why a file cannot be read as text, with a code and the way out."""

    def __init__(self, code: str, text: str, remedy: str) -> None:
        super().__init__(text)
        self.code, self.remedy = code, remedy


@contextmanager
def text_in(stream: BinaryIO, member: str = "") -> Iterator[BinaryIO]:
    """Give the bytes of the text in a file, packed or not; `member` names one of several files in an archive.

    Errors: NotText, at once or while the text is read.
    Source: RFC 1952 (gzip), APPNOTE.TXT (ZIP); both say in their trailers how much was packed and its checksum.
    """
    head = head_of(stream)
    _refuse_other(head)
    if head.startswith(_GZIP):
        with gzip.GzipFile(fileobj=stream, mode="rb") as inside:
            yield _no_archive(bounded(inside, stream))
    elif is_zip(head):
        with archive_in(stream) as archive:
            if member and member not in archive.namelist():
                raise NotText(CHANGED, "The file changed while it was read.", "It is read again soon.")
            with whole():
                opened = archive.open(readable(archive.getinfo(member)) if member else _only_member(archive))
            with opened:
                yield _no_archive(bounded(opened, stream))
    else:
        yield stream


def head_of(stream: BinaryIO) -> bytes:
    """Return the first bytes of a stream and leave it at its beginning; one that cannot go back is only peeked at."""
    if isinstance(stream, io.BufferedReader) and not stream.seekable():
        return stream.peek(HEAD_BYTES)[:HEAD_BYTES]
    head = stream.read(HEAD_BYTES)
    stream.seek(0)
    return head


def _refuse_other(head: bytes) -> None:
    """Refuse what is neither text nor packed text."""
    found = other_kind(head)
    if found is not None:
        raise NotText("EXP-001", f"This is {found[0]}, not a CSV file.", found[1])


def is_zip(head: bytes) -> bool:
    """Tell whether a file that begins so is a ZIP archive, or a workbook, which is one too."""
    return head.startswith((_ZIP, _EMPTY_ZIP))


def is_packed(head: bytes) -> bool:
    """Tell whether a file that begins so is packed by gzip or ZIP."""
    return head.startswith(_GZIP) or is_zip(head)


def is_workbook(stream: BinaryIO) -> bool:
    """Tell whether a file is an Excel workbook, whatever its name says."""
    if not is_zip(head_of(stream)):
        return False
    with archive_in(stream) as archive:
        return holds_workbook(archive)


def holds_workbook(archive: zipfile.ZipFile) -> bool:
    """Tell whether an archive is an Excel workbook."""
    names = set(archive.namelist())
    return "[Content_Types].xml" in names and any(name.startswith("xl/") for name in names)


@contextmanager
def archive_in(stream: BinaryIO) -> Iterator[zipfile.ZipFile]:
    """Open a ZIP archive and leave the stream at its beginning."""
    with whole():
        archive = zipfile.ZipFile(stream)
    with archive:
        yield archive
    stream.seek(0)


@contextmanager
def whole() -> Iterator[None]:
    """Say of whatever is damaged, or packed in a way that nobody can read here, that it was refused whole."""
    try:
        yield
    except (*DAMAGED, OSError) as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise  # of the machine, not of the archive; a seek to a place that cannot be is of the archive
        raise NotText("EXP-009", f"The archive is damaged or cut off: {error}.", _BEGIN_AGAIN) from None


def refuse_document(archive: zipfile.ZipFile) -> None:
    """Refuse what a program writes as a ZIP archive and is one document to people."""
    with whole():
        found = other_archive(archive)
    if found is not None:
        raise NotText("EXP-001", f"This is {found[0]}, not a CSV file.", found[1])


def members_of(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return the files of an archive, what macOS packs beside each file left aside."""
    return [one for one in archive.infolist() if not (one.filename.endswith("/") or one.filename.startswith("__MACOSX/"))]


def readable(member: zipfile.ZipInfo) -> zipfile.ZipInfo:
    """Return a file of an archive that can be read. Errors: NotText, when it is locked, a link, or packed in a rare way."""
    if member.flag_bits & 0x1:
        raise NotText("EXP-010", "The archive is locked with a password.", "Export it without one; the drop folder is the guard.")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        text = f"The archive is packed by a method ({member.compress_type}) that syncd does not read."
        raise NotText("EXP-010", text, "Pack it as usual ZIP (deflate) or gzip.")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise NotText("EXP-010", "The archive holds a link, not a file.", "Pack the CSV file itself.")
    return member


def _only_member(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = members_of(archive)
    if holds_workbook(archive):
        raise NotText("EXP-001", "This is an Excel workbook, not a CSV file.", "Save it as CSV UTF-8.")
    refuse_document(archive)
    if len(members) != 1:
        listed = ", ".join(quoted(one.filename) for one in members[:3]) + (", ..." if len(members) > 3 else "")
        text = f"The archive holds {len(members)} files" + (f" ({listed})." if members else ".")
        raise NotText("EXP-010", text, "Put each CSV file into the folder of its source by itself.")
    return readable(members[0])


class _Bounded(io.RawIOBase):
    """Counts what comes out of an archive, and stops a bomb."""

    def __init__(self, inside: IO[bytes] | gzip.GzipFile, packed_bytes: int, seen_bytes: int) -> None:
        self._inside, self._packed, self._seen = inside, packed_bytes, seen_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        with whole():
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


def bounded(inside: IO[bytes] | gzip.GzipFile, stream: BinaryIO, seen_bytes: int = 0) -> io.BufferedReader:
    """Give what is packed in a stream, and no more of it than is sane beside what other files of it gave (`seen_bytes`)."""
    size = 0
    if stream.seekable():
        place = stream.tell()
        size = stream.seek(0, io.SEEK_END)
        stream.seek(place)
    return io.BufferedReader(_Bounded(inside, size, seen_bytes), 1 << 18)


def _no_archive(inside: io.BufferedReader) -> BinaryIO:
    """Refuse an archive in an archive, and what is no CSV, before anybody wonders about its strange header."""
    head = inside.peek(HEAD_BYTES)[:HEAD_BYTES]
    if is_packed(head):
        raise NotText(
            "EXP-010", "The archive holds an archive or a workbook.", "Put what is in it into the folder of its source."
        )
    _refuse_other(head)
    return inside
