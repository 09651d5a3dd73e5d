"""May this cycle write as much as it wants to?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from syncd.core.values import Intent


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

    Source: promise 8: a cycle that would change more than the agreed number of records stops and asks.
    """
    wanted = list(intents)
    records = len({(intent.object, intent.record_id, intent.after if intent.is_create else None) for intent in wanted})
    owners = len({intent.record_id for intent in wanted if intent.field == "OwnerId"})
    allowed = limits.records_allowed(people)
    if allowed is not None and records > allowed:
        return f"{records} records would change, limit {allowed} a cycle"
    if limits.owners_max is not None and owners > limits.owners_max:
        return f"{owners} owners would change, limit {limits.owners_max} a cycle"
    return None
