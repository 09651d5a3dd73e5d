"""May this cycle write as much as it wants to, and may it put another question to the org?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from syncd.core.telling import TELL
from syncd.core.values import Intent

HOUR = timedelta(hours=1)
DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Limits:
    """The mass-change limit: records a cycle, percent of the people with a floor, and owners a cycle. None lifts one."""

    records_max: int | None = 500
    records_percent: float | None = 5
    records_min: int = 25
    owners_max: int | None = 25

    def records_allowed(self, people: int) -> int | None:
        """Return how many records one cycle may change in an org with so many leads and contacts; None: any number."""
        share = None if self.records_percent is None else max(self.records_min, int(people * self.records_percent / 100))
        bounds = [bound for bound in (self.records_max, share) if bound is not None]
        return min(bounds) if bounds else None


def too_many(intents: Iterable[Intent], limits: Limits, people: int) -> str | None:
    """Say which limit these intents would break, or None when they may go out.

    Shapes: what only tells why something was put back changes no record, and does not count.
    Source: promise 8: a cycle that would change more than the agreed number of records stops and asks.
    """
    records: set[int] = set()
    owners: set[str] = set()
    for intent in intents:  # there may be a million of them: of each record only a number is kept
        if intent.part != TELL:
            records.add(hash((intent.object, intent.record_id, intent.after if intent.is_create else None)))
            if intent.field == "OwnerId":
                owners.add(intent.record_id)
    allowed = limits.records_allowed(people)
    if allowed is not None and len(records) > allowed:
        return f"{len(records)} records would change, limit {allowed} a cycle"
    if limits.owners_max is not None and len(owners) > limits.owners_max:
        return f"{len(owners)} owners would change, limit {limits.owners_max} a cycle"
    return None


class Kind(StrEnum):
    """What API calls are spent on, the most urgent first."""

    FENCES = "fences"
    EXPORTS = "exports"
    NURTURE = "nurture"
    BACKFILL = "backfill"
    CENSUS = "census"


# How much of syncd's own share each kind leaves to the kinds before it.
LEFT_TO_OTHERS: Mapping[Kind, float] = {
    Kind.FENCES: 0.0,
    Kind.EXPORTS: 0.05,
    Kind.NURTURE: 0.10,
    Kind.BACKFILL: 0.20,
    Kind.CENSUS: 0.40,
}


@dataclass(frozen=True, slots=True)
class Budget:
    """syncd's own share of the org's daily API requests, and what stays free for others. None: no bound of that kind."""

    share_percent: float | None = 25
    reserve_percent: float | None = 20


@dataclass(frozen=True, slots=True)
class Spending:
    """What is known of the calls: syncd's own by the hour they were made in, and the org's figures with the time of them.

    `allowed` 0: no answer has told the org's figures yet.
    """

    own: Mapping[datetime, int]
    used: int = 0
    allowed: int = 0
    seen_at: datetime | None = None

    def own_at(self, now: datetime) -> int:
        """Count syncd's own calls of the last 24 hours; an hour counts until its last minute is that old."""
        return sum(calls for hour, calls in self.own.items() if hour + HOUR > now - DAY)


@dataclass(frozen=True, slots=True)
class Pause:
    """Why calls of a kind are not made now, and when there is room again at the earliest."""

    reason: str
    resume_at: datetime


def hour_of(at: datetime) -> datetime:
    """Return the full hour that a time lies in."""
    return at.replace(minute=0, second=0, microsecond=0)


def pause_for(kind: Kind, calls: int, spending: Spending, budget: Budget, now: datetime) -> Pause | None:
    """Say why so many calls of a kind may not be made now, or None when they may.

    Figures of the org that are a day old bind nobody: its allowance may be another one by now.
    Source: promise 7: it stays inside its budget; complaint 7: a sync that ate the org's daily calls.
    """
    if not spending.allowed or (spending.seen_at is not None and now - spending.seen_at >= DAY):
        return None
    pauses = [_own_share(kind, calls, spending, budget, now), _reserve(kind, calls, spending, budget, now)]
    return max((pause for pause in pauses if pause is not None), key=lambda pause: pause.resume_at, default=None)


def _own_share(kind: Kind, calls: int, spending: Spending, budget: Budget, now: datetime) -> Pause | None:
    if budget.share_percent is None:
        return None
    share = spending.allowed * budget.share_percent / 100
    limit = share * (1 - LEFT_TO_OTHERS[kind])
    used = spending.own_at(now)
    if used + calls <= limit:
        return None
    left, resume_at = used, hour_of(now) + HOUR
    for hour in sorted(hour for hour in spending.own if hour + HOUR > now - DAY):
        if left + calls <= limit:
            break
        left, resume_at = left - spending.own[hour], hour + DAY + HOUR
    reason = f"syncd has used {used:,} of its {budget.share_percent:g} % share of {spending.allowed} daily API requests"
    return Pause(f"{reason}{_kept(kind)}", resume_at)


def _reserve(kind: Kind, calls: int, spending: Spending, budget: Budget, now: datetime) -> Pause | None:
    """Hold against the org's own figure. It moves with the hour and costs a call to see: the first kind asks once an hour."""
    reserve = budget.reserve_percent or 0.0
    left_over = spending.allowed * (budget.share_percent or 0.0) / 100 * LEFT_TO_OTHERS[kind]
    if spending.used + calls <= spending.allowed * (1 - reserve / 100) - left_over:
        return None
    seen_at = spending.seen_at or now
    resume_at = hour_of(seen_at) + HOUR
    if now >= resume_at:
        if kind is Kind.FENCES:
            return None
        resume_at = hour_of(now) + HOUR
    rest = f"; syncd leaves the last {reserve:g} % of them to others" if reserve else ""
    return Pause(f"{spending.used:,} of the org's {spending.allowed:,} daily API requests are used{rest}{_kept(kind)}", resume_at)


def _kept(kind: Kind) -> str:
    return f"; {kind.value} leaves {LEFT_TO_OTHERS[kind]:.0%} of the share to what comes first" if LEFT_TO_OTHERS[kind] else ""
