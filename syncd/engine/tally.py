"""How many changes were judged, and of how many cannot it be known whether they were lawful?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from syncd.core.values import ActorKind, Judgement
from syncd.engine.world import Cycle
from syncd.ports import StoreReader, StoreWriter

TALLY = "changes judged"


@dataclass(frozen=True, slots=True)
class Tally:
    """What was judged since a moment of the org's time; what was there before syncd is not among it."""

    since_at: datetime
    judged: int = 0
    crossings: int = 0
    unknowable: int = 0

    @property
    def unknowable_percent(self) -> float:
        """Return the share of what cannot be known."""
        return 100 * self.unknowable / self.judged if self.judged else 0.0


def read_tally(store: StoreReader) -> Tally | None:
    """Return what was judged so far, or None when nothing was."""
    kept = store.setting(TALLY)
    if not isinstance(kept, dict):
        return None
    return Tally(datetime.fromisoformat(kept["since_at"]), kept["judged"], kept["crossings"], kept["unknowable"])


def keep_tally(tx: StoreWriter, store: StoreReader, cycle: Cycle, judgements: Iterable[Judgement]) -> None:
    """Count what a batch judged, in the batch's own transaction, so that no change is counted twice.

    Shapes: `judgements` are those of records that were known before.
    """
    news = [item for item in judgements if item.change.actor.kind is not ActorKind.SYNCD]
    if not news:
        return
    before = read_tally(store) or Tally(cycle.now)
    kept = {
        "since_at": before.since_at.isoformat(),
        "judged": before.judged + len(news),
        "crossings": before.crossings + sum(item.fence is not None for item in news),
        "unknowable": before.unknowable + sum(not item.is_knowable for item in news),
    }
    tx.put_setting(TALLY, kept)
