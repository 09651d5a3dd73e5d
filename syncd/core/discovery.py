"""Who writes Status and Owner, and does it look like a person, a machine, or both behind one login?

History rows say who changed what and when. Machines show by their pace (many records in a minute or a second), their hours
(nights, weekends) and how steadily they keep them; a login that does both is shared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from enum import StrEnum

PACE_OF_MACHINES = 20  # records in one minute: nobody opens, reads and saves so many
BURST_OF_LIST_VIEW = 3  # records in one second; a list view saves up to 200 at once, now and then
ODD_SHARE = 0.25  # of the rows by night and at weekends
BURST_SHARE = 0.5
SINGLE_SHARE = 0.15  # what a person must leave behind, beside bursts, for a login to count as shared
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
    """One history row: who changed which field of which record, and when (UTC)."""

    user_id: str
    record_id: str
    field: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Trace:
    """What one login left in the history. Shares are of its rows, from 0 to 1; `peak` is records in its busiest minute."""

    user_id: str
    rows: int
    records: int
    fields: tuple[str, ...]
    peak: int
    odd_share: float
    burst_share: float
    single_by_day_share: float
    hours: int
    first_at: datetime
    last_at: datetime


@dataclass(slots=True)
class _Seen:
    rows: int = 0
    fields: Counter[str] = field(default_factory=Counter)
    records: set[str] = field(default_factory=set)
    minutes: dict[datetime, set[str]] = field(default_factory=dict)
    seconds: Counter[datetime] = field(default_factory=Counter)
    hours: set[int] = field(default_factory=set)
    odd: int = 0


def traces(touches: Iterable[Touch], zone: tzinfo) -> list[Trace]:
    """Gather what each login left behind, the busiest first. `zone` says when night and weekend are."""
    seen: dict[str, _Seen] = {}
    for touch in touches:
        here, at = seen.setdefault(touch.user_id, _Seen()), touch.at.astimezone(zone)
        here.rows += 1
        here.fields[touch.field] += 1
        here.records.add(touch.record_id)
        here.minutes.setdefault(touch.at.replace(second=0, microsecond=0), set()).add(touch.record_id)
        here.seconds[touch.at.replace(microsecond=0)] += 1
        here.hours.add(at.hour)
        here.odd += _is_odd(at)
    found = [_trace(user_id, one, zone) for user_id, one in seen.items()]
    return sorted(found, key=lambda trace: (-trace.rows, trace.user_id))


def _is_odd(at: datetime) -> bool:
    return at.weekday() >= 5 or not FIRST_HOUR <= at.hour < LAST_HOUR


def _trace(user_id: str, seen: _Seen, zone: tzinfo) -> Trace:
    bursts = sum(count for count in seen.seconds.values() if count >= BURST_OF_LIST_VIEW)
    singles = sum(count for at, count in seen.seconds.items() if count < BURST_OF_LIST_VIEW and not _is_odd(at.astimezone(zone)))
    return Trace(
        user_id,
        seen.rows,
        len(seen.records),
        tuple(name for name, _ in seen.fields.most_common()),
        max(len(records) for records in seen.minutes.values()),
        seen.odd / seen.rows,
        bursts / seen.rows,
        singles / seen.rows,
        len(seen.hours),
        min(seen.seconds),
        max(seen.seconds),
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
    signs = _machine_signs(trace)
    if not signs:
        return Proposal(Likeness.PERSON, f"at most {trace.peak} records a minute, {trace.odd_share:.0%} by night or at weekends")
    if trace.single_by_day_share >= SINGLE_SHARE and trace.peak >= PACE_OF_MACHINES:
        words = f"{trace.single_by_day_share:.0%} single edits by day"
        return Proposal(Likeness.SHARED, f"{', '.join(signs)}, and {words} besides: give each of them a login of its own")
    if trace.hours >= 20:
        signs.append(f"at {trace.hours} of 24 hours")
    return Proposal(Likeness.TOOL, ", ".join(signs))


def _machine_signs(trace: Trace) -> list[str]:
    signs = []
    if trace.peak >= PACE_OF_MACHINES:
        signs.append(f"{trace.peak} records in one minute")
    if trace.burst_share >= BURST_SHARE and trace.odd_share >= ODD_SHARE:
        signs.append(f"{trace.burst_share:.0%} in bursts of a second")
    if trace.odd_share >= ODD_SHARE and trace.hours >= 18:
        signs.append(f"{trace.odd_share:.0%} by night or at weekends")
    return signs
