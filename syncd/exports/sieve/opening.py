"""Is a file one for the sieve, and what does the sieve work in?"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from syncd.core.mapping import SourceMapping
from syncd.exports.headers import Wrong, check_header, check_signs
from syncd.exports.lines import Lines, NotEncoded
from syncd.exports.records import Record, records_of
from syncd.exports.sieve.columns import literal
from syncd.exports.sieve.combing import SIGN, Laid, combed
from syncd.exports.sieve.copying import copied, needs_copy
from syncd.exports.sieve.proof import Bytes, walk
from syncd.exports.unpacking import head_of, is_packed
from syncd.ports.exports import ExportFile

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MEMORY = "256MB"
PACKED = 8
"""About how much more text there is than bytes of a packed file."""


class OpenFile:
    """An open file that may be one for the sieve. `header` is that of one that is plain so far.

    Units: `text_bytes` is how much text is in it, of a packed file about.
    """

    def __init__(self, stream: BinaryIO, file: ExportFile, mapping: SourceMapping) -> None:
        self.stream, self.file, self.mapping = stream, file, mapping
        self.header: tuple[str, ...] | None = None
        head = head_of(stream)
        self.needs_copy = needs_copy(head, mapping)
        self.text_bytes = file.size_bytes * (PACKED if is_packed(head) and not file.member else 1)
        self._state = _state(os.fstat(stream.fileno()))

    def __enter__(self) -> OpenFile:
        """Keep it open."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.stream.close()

    def lay_out(self, path: Path) -> Laid | None:
        """Have the text lie under a path, and walk over it; None when a fast reader would not see what the careful one does.

        Errors: OSError, when there is no room for it.
        """
        header, delimiter = self.header, self.mapping.delimiter
        if not self.needs_copy:
            path.symlink_to(Path(self.file.path).absolute())
            seen = _walk(self.stream, delimiter)
            is_it = seen.sha256 == self.file.sha256
        elif is_it := copied(self.stream, self.file, self.mapping, path):
            with path.open("rb") as text:
                header, seen = _header_of(text, self.mapping, "utf-8"), _walk(text, delimiter)
        return Laid(header, seen) if is_it and header is not None and seen.is_plain(self.mapping.dialect.escape) else None

    def comb(self, path: Path, now_at: datetime) -> Laid | None:
        """Have the good rows of the file lie under a path, in place of all else; None when the file is refused.

        Errors: OSError, when there is no room for it.
        """
        path.unlink(missing_ok=True)
        found = combed(self.stream, self.file, self.mapping, now_at, path)
        if found is None:
            return None
        with path.open("rb") as text:
            return Laid(found.header, replace(_walk(text, SIGN), new_line="\n"), found)

    def is_same(self) -> bool:
        """Tell whether the file that was read still lies there, untouched."""
        try:
            return _state(os.lstat(self.file.path)) == self._state
        except OSError:
            return False


def open_file(file: ExportFile, mapping: SourceMapping, least_bytes: int) -> OpenFile | None:
    """Open a file that may be one for the sieve, or None; so it is where there is less text in it."""
    if file.size_bytes * PACKED < least_bytes:
        return None
    try:
        descriptor = os.open(file.path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return None  # the careful reader says why
    stream = os.fdopen(descriptor, "rb")
    opened = OpenFile(stream, file, mapping)
    if opened.text_bytes >= least_bytes:
        if not opened.needs_copy:
            opened.header = _header_of(stream, mapping, mapping.encoding)
        return opened
    stream.close()
    return None


def _walk(text: BinaryIO, delimiter: str) -> Bytes:
    text.seek(0)
    return walk(text, delimiter)


def _header_of(stream: BinaryIO, mapping: SourceMapping, encoding: str) -> tuple[str, ...] | None:
    """Return the columns of a file whose header is right and stands on the first line."""
    records = records_of(Lines(stream, encoding, hashlib.sha256()).blocks(), mapping.delimiter)
    try:
        first, second = next(records, None), next(records, None)
    except NotEncoded:
        return None
    if not isinstance(first, Record) or first.last_line != 1:
        return None
    header = check_header(first, mapping)
    if isinstance(header, Wrong) or len(header) < 2 or check_signs(header, second, mapping):
        return None
    return header


def _state(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ino, status.st_size, status.st_mtime_ns


@contextmanager
def open_database(folder: Path, path: str) -> Iterator[DuckDBPyConnection]:
    """Open a database in memory that sees one file and one folder, and nothing else of the machine."""
    import duckdb

    settings = {
        "memory_limit": MEMORY,
        "threads": str(min(2, os.cpu_count() or 1)),
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "temp_directory": str(folder / "spilled"),
    }
    connection = duckdb.connect(":memory:", config=dict(settings))
    try:
        connection.execute(f"SET allowed_directories = [{literal(str(folder))}]")
        connection.execute(f"SET allowed_paths = [{literal(path)}]")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        yield connection
    finally:
        connection.close()
