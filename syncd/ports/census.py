"""What does the engine ask of both sides to prove that the mirror is the org?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from syncd.core.values import Scalar


@dataclass(frozen=True, slots=True)
class Span:
    """Live rows of one object by their stamp and their id: each from the first bound on, up to and not including the second.

    Shapes: `since_at` None, and `low` and `high` empty, set no bound.
    """

    object: str
    stamp_field: str
    since_at: datetime | None
    until_at: datetime
    low: str = ""
    high: str = ""


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a row that is still known to the org: whether it is in the recycle bin, the id it was merged into, and what
    it held last in the fields that were asked for."""

    is_deleted: bool
    winner_id: str | None = None
    fields: Mapping[str, Scalar] = field(default_factory=dict)


class CensusReader(Protocol):
    """The part of an org that a census asks."""

    def count_days(self, spans: Sequence[Span]) -> list[dict[str, int]]:
        """Count rows by day in UTC, such as {"2026-03-02": 5}; five spans a call. A span is at most 2,000 days long."""
        ...

    def count_spans(self, spans: Sequence[Span]) -> list[int]:
        """Count rows; five spans a call."""
        ...

    def ids(self, span: Span) -> Iterator[tuple[str, datetime]]:
        """Give ids with their stamps, about 2,000 a call."""
        ...

    def fates(self, object: str, ids: Sequence[str], fields: Sequence[str] = ()) -> Mapping[str, Fate]:
        """Say what became of rows, and what they held last in these fields: boxes, texts and dates.

        Shapes: one that the org no longer knows, or does not show, is absent.
        """
        ...


class CensusStore(Protocol):
    """The part of a store that a census asks. Rows that are known to be deleted are not counted."""

    def days(self, span: Span) -> dict[str, int]:
        """Count mirrored rows by day in UTC."""
        ...

    def count_span(self, span: Span) -> int:
        """Count mirrored rows."""
        ...

    def stamps(self, span: Span) -> dict[str, datetime]:
        """Return the stamps of mirrored rows by id."""
        ...

    def id_cuts(self, span: Span, pieces: int) -> list[str]:
        """Return the ids that cut the mirrored rows into so many pieces of about one size."""
        ...

    def deleted_ids(self, object: str) -> list[str]:
        """Return the ids of mirrored rows that are known to be deleted."""
        ...
