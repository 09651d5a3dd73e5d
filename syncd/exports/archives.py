"""Which files of their own does an archive hold? Some tools pack a set of CSV files, and say a status in each one's name."""

from __future__ import annotations

import fnmatch
import hashlib
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from syncd.exports.records import quoted
from syncd.exports.unpacking import (
    MEMBERS_MAX,
    NotText,
    archive_in,
    bounded,
    head_of,
    holds_workbook,
    is_zip,
    members_of,
    readable,
    refuse_document,
    whole,
)  # fmt: skip

_ROWS_BEGIN = 2  # lines; the first one is the header


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive. `has_rows` says that something stands below its header."""

    name: str
    sha256: str
    size_bytes: int
    has_rows: bool


@dataclass(frozen=True, slots=True)
class Contents:
    """The files of an archive that are exports, in name order, and the names of the others."""

    members: tuple[Member, ...]
    others: tuple[str, ...]


def contents_of(path: Path, pattern: str) -> Contents | None:
    """Return what an archive of several files holds; None for every other file, an archive of one included.

    Errors: NotText, when it cannot be read to its end, or holds a name that leads out of it; OSError.
    """
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as stream:
        if not is_zip(head_of(stream)):
            return None
        with archive_in(stream) as archive:
            found = members_of(archive)
            if holds_workbook(archive) or len(found) < 2:
                return None
            refuse_document(archive)
            _check_names([one.filename for one in found])
            fitting = [one for one in found if fnmatch.fnmatchcase(PurePosixPath(one.filename).name, pattern)]
            if not fitting:
                names = ", ".join(quoted(one.filename) for one in found[:3]) + (", ..." if len(found) > 3 else "")
                text = f"The archive holds {len(found)} files ({names}), and none fits members = {pattern!r}."
                raise NotText("EXP-010", text, "Correct members under [file] in the mapping, or pack the CSV files alone.")
            members: list[Member] = []
            for one in fitting:
                members.append(_member(archive, one, stream, sum(each.size_bytes for each in members)))
            members.sort(key=lambda one: one.name)
            return Contents(tuple(members), tuple(sorted({one.filename for one in found} - {one.filename for one in fitting})))


def hash_of(path: Path) -> str:
    """Return the SHA-256 of a file that is no link."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def hashes_of(path: Path, members: str = "*") -> list[str]:
    """Return what a file is known by: the hashes of the files in it that fit `members`, where it is an archive of several."""
    try:
        contents = contents_of(path, members)
    except NotText:
        contents = None
    return [hash_of(path)] if contents is None else [one.sha256 for one in contents.members]


def _check_names(names: list[str]) -> None:
    if len(names) > MEMBERS_MAX:
        raise NotText("EXP-010", f"The archive holds {len(names)} files; {MEMBERS_MAX} are read at most.", "Export in parts.")
    seen: set[str] = set()
    for name in names:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or not name.isprintable():
            text = f"The archive holds a file called {quoted(name)}: no export has such a name."
            raise NotText("EXP-022", text, "Look at who made it; pack the CSV files alone, under plain names.")
        if name in seen:
            text = f"The archive holds {quoted(name)} twice: nobody could say which one counts."
            raise NotText("EXP-010", text, "Pack each file once.")
        seen.add(name)


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, stream: BinaryIO, seen_bytes: int) -> Member:
    seen, size, lines = hashlib.sha256(), 0, 0
    with whole():
        opened = archive.open(readable(member))
    with opened:
        inside, last = bounded(opened, stream, seen_bytes), b"\n"
        while chunk := inside.read(1 << 18):
            seen.update(chunk)
            size += len(chunk)
            lines += chunk.count(b"\n")
            last = chunk.rstrip(b"\0")[-1:]
    lines += last != b"\n"
    return Member(member.filename, seen.hexdigest(), size, lines >= _ROWS_BEGIN)
