"""Who writes Status and Owner, and does it look like a person, a machine, or both behind one login?

History rows say who changed what and when. Machines show by their pace (most of their records many at once) or by hours that
nobody keeps (more than half by night and at weekends, around the clock); a login that does both is shared. A person who edits a
list view now and then, or works late, is neither.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from enum import StrEnum

PACE_OF_MACHINES = 20  # records in one minute: nobody opens, reads and saves so many one by one
BURST_OF_LIST_VIEW = 3  # records in one second; a list view saves up to 200 at once, now and then
BULK_SHARE = 0.5  # of the rows, saved many at once
ODD_SHARE = 0.5  # of the rows by night and at weekends; around the clock and the week they are 61 %
ROUND_THE_CLOCK_HOURS = 22
SINGLE_SHARE = 0.25  # what a person must leave behind, beside bulk, for a login to count as shared
ROWS_MIN = 10
FIRST_HOUR, LAST_HOUR = 7, 20


class Likeness(StrEnum):
    """What a login looks like."""

    PERSON = "person"
    TOOL = "tool"
    AUTOMATION = "automation"
    SHARED = "shared login"
    UNCLEAR = "too few rows"


@dataclass(frozen=True, slots=True)
class Touch:
    """One history row: who changed which field of which record, and when (UTC). `is_fenced`: a fence stands on that field."""

    user_id: str
    record_id: str
    field: str
    at: datetime
    is_fenced: bool = True


@dataclass(frozen=True, slots=True)
class Trace:
    """What one login left in the history. Shares are of its rows, from 0 to 1; `peak` is records in its busiest minute, `fenced`
    the number of rows of fields that a fence stands on.

    `bulk_share`: saved many at once, three in a second or twenty in a minute. `single_by_day_share`: neither so nor at odd hours.
    """

    user_id: str
    rows: int
    fenced: int
    records: int
    fields: tuple[str, ...]
    peak: int
    odd_share: float
    bulk_share: float
    single_by_day_share: float
    hours: int
    first_at: datetime
    last_at: datetime


@dataclass(slots=True)
class _Seen:
    rows: int = 0
    fenced: int = 0
    fields: Counter[str] = field(default_factory=Counter)
    records: set[str] = field(default_factory=set)
    minutes: dict[datetime, set[str]] = field(default_factory=dict)
    moments: list[datetime] = field(default_factory=list)
    hours: set[int] = field(default_factory=set)
    odd: int = 0


def traces(touches: Iterable[Touch], zone: tzinfo) -> list[Trace]:
    """Gather what each login left behind, who moved most of what is fenced first. `zone` says when night and weekend are."""
    seen: dict[str, _Seen] = {}
    for touch in touches:
        here, at = seen.setdefault(touch.user_id, _Seen()), touch.at.astimezone(zone)
        here.rows += 1
        here.fenced += touch.is_fenced
        here.fields[touch.field] += 1
        here.records.add(touch.record_id)
        here.minutes.setdefault(touch.at.replace(second=0, microsecond=0), set()).add(touch.record_id)
        here.moments.append(touch.at.replace(microsecond=0))
        here.hours.add(at.hour)
        here.odd += _is_odd(at)
    found = [_trace(user_id, one, zone) for user_id, one in seen.items()]
    return sorted(found, key=lambda trace: (-trace.fenced, -trace.rows, trace.user_id))


def _is_odd(at: datetime) -> bool:
    return at.weekday() >= 5 or not FIRST_HOUR <= at.hour < LAST_HOUR


def _trace(user_id: str, seen: _Seen, zone: tzinfo) -> Trace:
    in_second = Counter(seen.moments)
    in_minute = {minute: len(records) for minute, records in seen.minutes.items()}
    bulk = [in_second[at] >= BURST_OF_LIST_VIEW or in_minute[at.replace(second=0)] >= PACE_OF_MACHINES for at in seen.moments]
    singles = sum(not many and not _is_odd(at.astimezone(zone)) for at, many in zip(seen.moments, bulk, strict=True))
    return Trace(
        user_id,
        seen.rows,
        seen.fenced,
        len(seen.records),
        tuple(name for name, _ in seen.fields.most_common()),
        max(in_minute.values()),
        seen.odd / seen.rows,
        sum(bulk) / seen.rows,
        singles / seen.rows,
        len(seen.hours),
        min(seen.moments),
        max(seen.moments),
    )


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a login looks like, and the sentence that says why."""

    likeness: Likeness
    why: str


def propose(trace: Trace, name: str = "") -> Proposal:
    """Say what a login looks like. A proposal only: nothing is judged by it before a person has written it into the file.

    Source: practice of orgs with many machines: pace, hours and breadth tell them from people; one login for several tools
    or for a tool and a person proves nothing about either.
    """
    if name.casefold() in {"automated process", "platform integration user"}:
        return Proposal(Likeness.AUTOMATION, "Salesforce's own user for flows and packages")
    if trace.rows < ROWS_MIN:
        return Proposal(Likeness.UNCLEAR, f"{trace.rows} rows tell nothing")
    if trace.bulk_share >= BULK_SHARE:
        many = f"{trace.bulk_share:.0%} saved many at once, up to {trace.peak} records a minute"
        if trace.single_by_day_share >= SINGLE_SHARE:
            single = f"{trace.single_by_day_share:.0%} one by one by day"
            return Proposal(Likeness.SHARED, f"{many}, and {single}: give each of them a login of its own")
        return Proposal(Likeness.TOOL, many)
    odd = f"{trace.odd_share:.0%} by night or at weekends"
    if trace.odd_share >= ODD_SHARE and trace.hours >= ROUND_THE_CLOCK_HOURS:
        return Proposal(Likeness.TOOL, f"{odd}, at {trace.hours} of 24 hours")
    return Proposal(Likeness.PERSON, f"mostly one by one, {odd}")
