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
State = tuple[int, int, int]


def looked_at(file: ExportFile, mapping: SourceMapping) -> tuple[Bytes, tuple[str, ...], State] | None:
    """Walk over a file; return what its bytes say, its header, and how it lies there, or None when it is not for the sieve."""
    try:
        descriptor = os.open(file.path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return None  # the careful reader says why
    with os.fdopen(descriptor, "rb") as stream:
        state = _state(os.fstat(descriptor))
        header = _header_of(stream, mapping)
        if header is None:
            return None
        stream.seek(0)
        seen = walk(stream, mapping.delimiter)
    return (seen, header, state) if seen.sha256 == file.sha256 and seen.is_plain(mapping.encoding) else None


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


def is_same(path: str, state: State) -> bool:
    """Tell whether the file that was walked over still lies there, untouched."""
    try:
        return _state(os.lstat(path)) == state
    except OSError:
        return False


def _state(status: os.stat_result) -> State:
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
