"""Is a file one for the sieve, and what does the sieve work in?"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from syncd.core.mapping import SourceMapping
from syncd.exports.headers import check_header, check_signs
from syncd.exports.lines import Lines, NotEncoded
from syncd.exports.records import Record, records_of
from syncd.exports.sieve.columns import literal
from syncd.exports.sieve.proof import Bytes, walk
from syncd.ports.exports import ExportFile

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MEMORY = "256MB"


class PlainFile:
    """An open file whose header is right; what follows it is not known yet."""

    def __init__(self, stream: BinaryIO, file: ExportFile, mapping: SourceMapping, header: tuple[str, ...]) -> None:
        self.stream, self.file, self.mapping, self.header = stream, file, mapping, header
        self._state = _state(os.fstat(stream.fileno()))

    def __enter__(self) -> PlainFile:
        """Keep it open."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.stream.close()

    def walk(self) -> Bytes | None:
        """Walk over the file; return what its bytes say, or None when it is not for the sieve."""
        self.stream.seek(0)
        seen = walk(self.stream, self.mapping.delimiter)
        if self.mapping.dialect.escape and seen.has_escaped_quotes:
            return None
        return seen if seen.sha256 == self.file.sha256 and seen.is_plain(self.mapping.encoding) else None

    def is_same(self) -> bool:
        """Tell whether the file that was walked over still lies there, untouched."""
        try:
            return _state(os.lstat(self.file.path)) == self._state
        except OSError:
            return False


def open_plain(file: ExportFile, mapping: SourceMapping) -> PlainFile | None:
    """Open a file that may be one for the sieve, or None."""
    try:
        descriptor = os.open(file.path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return None  # the careful reader says why
    stream = os.fdopen(descriptor, "rb")
    header = _header_of(stream, mapping)
    if header is None:
        stream.close()
        return None
    return PlainFile(stream, file, mapping, header)


def _header_of(stream: BinaryIO, mapping: SourceMapping) -> tuple[str, ...] | None:
    """Return the columns of a file whose header is right and stands on the first line."""
    records = records_of(Lines(stream, mapping.encoding, hashlib.sha256()).blocks(), mapping.delimiter)
    try:
        first, second = next(records, None), next(records, None)
    except NotEncoded:
        return None
    if not isinstance(first, Record) or first.last_line != 1:
        return None
    header = check_header(first, mapping)
    is_right = isinstance(header, tuple) and len(header) > 1 and check_signs(header, second, mapping) is None
    return header if is_right and isinstance(header, tuple) else None


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
