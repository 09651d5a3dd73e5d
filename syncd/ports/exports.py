"""What does the engine ask of the folders that marketing tools drop their exports into?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from syncd.core.mapping import SourceMapping
from syncd.core.rows import ParsedRow
from syncd.core.values import Problem
from syncd.ports.sifting import Background, Sieve


@dataclass(frozen=True, slots=True)
class ExportFile:
    """A file waiting in the drop folder of one source. `sha256` is that of its bytes.

    One of several files in an archive is a file of its own: `member` is its name there, `path` is that of the archive.
    """

    source: str
    path: str
    name: str
    sha256: str
    size_bytes: int
    member: str = ""


@dataclass(frozen=True, slots=True)
class TakenFile:
    """A file that was taken in, how many of its lines and rows came to what, and the SHA-256 of its bytes."""

    source: str
    name: str
    finished_at: datetime
    counts: Mapping[str, int]
    sha256: str


@dataclass(frozen=True, slots=True)
class ExportRow:
    """One parsed row, as JSON scalars: see `syncd.core.mapping`."""

    line: int
    key: str
    version: str
    payload: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Header:
    """The header of an export of one source; `extra` columns are in the file and not in the mapping."""

    columns: tuple[str, ...]
    extra: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a whole export is not taken; nothing of it may be applied.

    `kind`: "refuse" (it never will be), "pause" (it has no rows: somebody must look), "wait" (it changed while it was read).
    """

    problem: Problem
    kind: str = "refuse"


@dataclass(frozen=True, slots=True)
class LinesCounted:
    """How many physical lines a file has, and what they belong to: lines = header + taken + rejected. Of a sheet: its rows."""

    lines: int
    header: int
    taken: int
    rejected: int


Item = Header | ParsedRow | Problem | LinesCounted | Refused


class Exports(Protocol):
    """The drop folder of every source's exports."""

    def waiting(self, mapping: SourceMapping) -> tuple[list[ExportFile], list[Problem]]:
        """Return the files of a source that may be read now, in name order, and what may never be read."""
        ...

    def rows(self, file: ExportFile, mapping: SourceMapping, now_at: datetime | None = None) -> Iterator[Item]:
        """Read a file: its header, a row or a problem for each record, and then how many lines they stood on."""
        ...

    def sift(
        self, file: ExportFile, mapping: SourceMapping, now_at: datetime, background: Background
    ) -> AbstractContextManager[Sieve | None]:
        """Hold a large file against what is known; None for one whose every row has to be looked at."""
        ...

    def done(self, file: ExportFile) -> None:
        """Put a finished file away; nothing happens when it is there already."""
        ...

    def refused(self, file: ExportFile) -> None:
        """Put a file away that will never be taken."""
        ...

    def bring_back(self, is_known: Callable[[str], bool]) -> list[str]:
        """Put finished files back whose SHA-256 is not known, to be taken once more; return their names."""
        ...
