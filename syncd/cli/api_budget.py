"""How much of the API budget is used, what waits for room in it, and until when?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from syncd.cli import output
from syncd.core.guard import Kind
from syncd.engine.budget import Waiting, read_spending, read_waiting

if TYPE_CHECKING:
    from syncd.config import Limits
    from syncd.ports import StoreReader


@dataclass(frozen=True, slots=True)
class ApiBudget:
    """syncd's own calls of 24 hours, the org's figures as last seen, the bounds of the config, and what waits."""

    own: int
    used: int
    allowed: int
    seen_at: datetime | None
    share_percent: float | None
    reserve_percent: float | None
    waiting: Sequence[Waiting] = ()

    @property
    def pause(self) -> Waiting | None:
        """Return what keeps even the fences waiting, or None while cycles run."""
        return next((each for each in self.waiting if each.kind == Kind.FENCES.value), None)

    def reason(self) -> str:
        """Say why no cycle runs, or return an empty text."""
        pause = self.pause
        if pause is None:
            return ""
        until = f"{output.when(pause.resume_at)}"
        return f"paused since {output.when(pause.since_at)}: {pause.reason}; it goes on by itself at {until}"

    def as_json(self) -> dict[str, Any]:
        """Return the figures for programs."""
        share = None if self.share_percent is None else int(self.allowed * self.share_percent / 100)
        return {
            "own_calls_24h": self.own,
            "own_share_calls": share if self.allowed else None,
            "org_used": self.used,
            "org_allowed": self.allowed or None,
            "org_seen_at": self.seen_at,
            "reserve_percent": self.reserve_percent,
            "waiting": self.waiting,
        }

    def told(self) -> Iterator[tuple[str, str]]:
        """Give (name, text) of each line for people."""
        share = "no bound of its own" if self.share_percent is None else f"of a {self.share_percent:g} % share"
        org = f"; the org: {self.used:,} of {self.allowed:,}" if self.allowed else ""
        yield "API calls", f"{self.own:,} by syncd in 24 hours, {share}{org}"
        for each in self.waiting:
            yield "waits", f"{each.kind}, until {output.when(each.resume_at)}: {each.reason}"


def read_budget(store: StoreReader, limits: Limits, now: datetime) -> ApiBudget:
    """Read the figures from the store."""
    known = read_spending(store)
    return ApiBudget(
        known.own_at(now),
        known.used,
        known.allowed,
        known.seen_at,
        limits.api_calls_share_percent,
        limits.api_calls_reserve_percent,
        read_waiting(store),
    )
