"""Does the mirror hold what the org holds? Counts by day, then ids of the days that differ, as functions of values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

LOSS_ROWS_MIN, LOSS_ROWS_MAX, LOSS_PERCENT = 10, 500, 2
IDS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Suspects:
    """Ids that differ at first sight: rows that the mirror lacks, has with another stamp, or has although the org does not."""

    missing: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.ids)

    @property
    def ids(self) -> tuple[str, ...]:
        """Return all of them."""
        return (*self.missing, *self.stale, *self.extra)

    def and_also(self, more: Suspects) -> Suspects:
        """Join two findings; an id that moved from one span to the other is in both lists then, which reading it settles."""
        return Suspects((*self.missing, *more.missing), (*self.stale, *more.stale), (*self.extra, *more.extra))


@dataclass(frozen=True, slots=True)
class Drift:
    """What was found about one object.

    `rows` is how many the mirror held, `gone` what the org no longer has. `is_held`: so many are gone that somebody should look
    first, as rows that syncd's user lost sight of look the same. `lacking` counts missing rows, where they are so many that
    the whole object is read again.
    """

    object: str
    rows: int
    missing: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    is_held: bool = False
    lacking: int = 0

    @property
    def number(self) -> int:
        """Count the rows that differ."""
        return len(self.missing) + len(self.stale) + len(self.gone) + self.lacking


def differing_days(mirror: Mapping[str, int], org: Mapping[str, int], *, keeps_more: bool = False) -> list[str]:
    """Return the days on which the counts differ, in order.

    Shapes: `keeps_more`: the mirror may lawfully hold rows that the org has dropped, so that only a day with too few counts.
    """
    days = sorted({*mirror, *org})
    return [
        day for day in days if mirror.get(day, 0) < org.get(day, 0) or (mirror.get(day, 0) > org.get(day, 0) and not keeps_more)
    ]


def suspects(mirror: Mapping[str, datetime], org: Mapping[str, datetime], *, keeps_more: bool = False) -> Suspects:
    """Compare rows by id and stamp."""
    missing = tuple(sorted(org.keys() - mirror.keys()))
    stale = tuple(sorted(id for id in org.keys() & mirror.keys() if org[id] != mirror[id]))
    extra = () if keeps_more else tuple(sorted(mirror.keys() - org.keys()))
    return Suspects(missing, stale, extra)


def is_mass_loss(gone: int, rows: int) -> bool:
    """Tell whether so many rows are gone that it looks like lost visibility: more than 500, or 2 % of them and more than 10.

    Source: REST API Developer Guide, Get Deleted; a row that leaves a user's visibility leaves no trace.
    """
    return gone > LOSS_ROWS_MAX or (gone > LOSS_ROWS_MIN and gone * 100 > rows * LOSS_PERCENT)


def ranges(cuts: Sequence[str], low: str, high: str) -> Iterator[tuple[str, str]]:
    """Give the id ranges between cuts, each from its first id up to, not including, the next one's; "" is open."""
    edges = [low, *cuts, high]
    yield from pairwise(edges)


def to_json(counted_at: datetime, found: Sequence[Drift]) -> dict[str, Any]:
    """Return what a census found as JSON values."""
    return {
        "counted_at": counted_at.isoformat(),
        "objects": len(found),
        "rows": sum(one.rows for one in found),
        "drift": [
            {
                "object": one.object,
                "missing": len(one.missing) + one.lacking,
                "stale": len(one.stale),
                "gone": len(one.gone),
                "held": one.is_held,
                "ids": [*one.missing, *one.stale, *one.gone][:IDS_SHOWN],
            }
            for one in found
            if one.number
        ],
    }


def sentence(told: Mapping[str, Any]) -> str:
    """Say in one line what a census found."""
    at = datetime.fromisoformat(told["counted_at"])
    counted = f"counted {at:%Y-%m-%d %H:%M} UTC: {told['rows']:,} rows of {told['objects']} objects"
    drift = told["drift"]
    if not drift:
        return f"0 ({counted})"
    total = sum(one["missing"] + one["stale"] + one["gone"] for one in drift)
    return f"{total:,} ({counted}): " + "; ".join(_of(one) for one in drift)


def _of(one: Mapping[str, Any]) -> str:
    parts = [f"{one[name]:,} {word}" for name, word in (("missing", "missing"), ("stale", "old"), ("gone", "gone")) if one[name]]
    more = ", …" if one["missing"] + one["stale"] + one["gone"] > len(one["ids"]) else ""
    then = "held back, see the inbox" if one["held"] else "put right"
    return f"{one['object']} {', '.join(parts)} ({', '.join(one['ids'])}{more}), {then}"
