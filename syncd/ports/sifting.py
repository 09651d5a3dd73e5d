"""What is asked of the database and of a file, so that only rows which may lead to something are looked at one by one?"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from syncd.core.rows import ParsedRow
from syncd.core.values import Problem

KnownRow = tuple[str, str | None, str, int]
"""What is remembered of a person's newest row: person, row hash, how new it was ("" for unknown), fields that it would write."""
UnchangedLine = str
"""The same of a row that was compared and leads to nothing: person (18 characters), row hash (32, blanks for none), how new."""
SiftedItem = tuple[ParsedRow | Problem, str]
"""A row that has to be looked at, with its hash ("" where it may not be remembered by one)."""
CUT = "\x1f"


@dataclass(frozen=True, slots=True)
class PeopleBlock:
    """Some live leads or contacts as lines of id, keys and fields, with CUT between.

    Shapes: keys are a JSON array in the order of `keyed`, empty for people without; fields one in the order of `names`, empty
            where they are too long.
    """

    object: str
    names: tuple[str, ...]
    keyed: tuple[str, ...]
    lines: str


@dataclass(frozen=True, slots=True)
class Sifted:
    """What became of the rows that need no look. `unmatched_lines` are the first of those about nobody."""

    unchanged: int
    would_write: int
    unmatched: int
    unmatched_lines: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Background:
    """What rows are held against, as blocks of lines: see `KnownReader`.

    `policy` changes with everything that a row's reading and effect stand on besides its cells and its person; `types` are the
    types of the visible fields by object.
    """

    policy: str
    known: Iterable[str]
    told: Iterable[str]
    flagged: Iterable[str]
    people: Iterable[PeopleBlock]
    types: dict[str, dict[str, str]]


class Sieve(Protocol):
    """One file whose rows are told apart: certainly unchanged, certainly about nobody, and to be looked at."""

    @property
    def extra(self) -> tuple[str, ...]:
        """Name the columns that are in the file and not in the mapping."""
        ...

    @property
    def lines(self) -> tuple[int, int, int, int]:
        """Count the physical lines: all, of the header, of rows, of what is no row."""
        ...

    def rest(self) -> Iterator[list[SiftedItem]]:
        """Give the rows that have to be looked at, some at a time."""
        ...

    def related(self, person_ids: Collection[str], keys: Collection[str]) -> None:
        """Say whom the rows to be looked at are about, by id, or by key where they fit nobody: other rows about these wait."""
        ...

    def others(self) -> Iterator[list[SiftedItem]]:
        """Give the rows that have to be looked at because others of their person are; to be asked last."""
        ...

    def unchanged(self) -> Iterator[Sequence[UnchangedLine]]:
        """Give what is to be remembered of people whose rows were compared and lead to nothing, after `others`."""
        ...

    def sifted(self) -> Sifted:
        """Count what needs no look, after `others`."""
        ...


class KnownReader(Protocol):
    """What the database knows of rows in exports before, and gives as blocks of lines."""

    def newest_stamps(self, source: str, person_ids: Iterable[str]) -> dict[str, str]:
        """Return by person how new the newest row of a source was; people of whom no row had a time are left out."""
        ...

    def known_rows(self, source: str) -> Iterator[str]:
        """Give person, row hash, newest and would_write of everybody whom a source named."""
        ...

    def told_rows(self, source: str) -> Iterator[str]:
        """Give the names of people of whom a row of this source waits in the inbox."""
        ...

    def flagged(self) -> Iterator[str]:
        """Give person and address of whatever was said about who gets no mail."""
        ...

    def people_blocks(self) -> Iterator[PeopleBlock]:
        """Give every live lead and contact."""
        ...


class KnownWriter(Protocol):
    """What is remembered of rows."""

    def put_known(self, source: str, rows: Sequence[KnownRow]) -> None:
        """Remember the newest row of each person; a row without a time leaves the time that is known."""
        ...

    def put_unchanged(self, source: str, lines: Sequence[UnchangedLine]) -> None:
        """Remember the same as `put_known` of many people at once, of whose rows nothing would be written."""
        ...

    def forget_rows(self, person_ids: Collection[str]) -> None:
        """Let the next row about these people be looked at again, from whatever source."""
        ...
