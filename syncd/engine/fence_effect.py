"""Which changes of the last days would edited fences have judged otherwise?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from syncd.core.fence_effect import Otherwise, Story, counted, judged_otherwise, law_for
from syncd.core.fence_model import Fences
from syncd.core.policies import Policies
from syncd.core.values import Entry
from syncd.engine.fence_types import fences_under
from syncd.engine.needs import needs_under
from syncd.engine.schema import SCHEMA, schema_from_json
from syncd.engine.snapshots import read_directory
from syncd.ports import LedgerQuery, StoreReader

NOBODY = ""
"""syncd's own user is told from others by the ledger."""
LOOKED_AT = timedelta(days=7)
ROWS_MAX = 2000
SHOWN_MAX = 5


@dataclass(frozen=True, slots=True)
class FenceEffect:
    """What edited fences would have judged otherwise, the newest first, of how many changes that were looked at."""

    found: Sequence[Otherwise] = ()
    number: int = 0

    @property
    def told(self) -> list[str]:
        """Say how many changes of which field, without anybody's data."""
        of_how_many = f"of {self.number:,} changes of the last {LOOKED_AT.days} days"
        return [
            f"{name}: {sum(kinds.values()):,} {of_how_many} would be judged otherwise: "
            + ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common())
            for name, kinds in counted(self.found).items()
        ]

    @property
    def examples(self) -> list[str]:
        """Tell some of them in full."""
        return [one.text for one in self.found[:SHOWN_MAX]]


def fence_effect(store: StoreReader, before: Fences, new: Policies) -> FenceEffect:
    """Judge what the ledger holds of the last days by the fences before and by new ones; the org is not asked for anything.

    Units: the newest 2,000 changes of the 7 days before the ledger's last row at most.
    """
    known = store.setting(SCHEMA)
    last = next(store.ledger(LedgerQuery(limit=1, newest_first=True)), None)
    if last is None or not isinstance(known, dict):
        return FenceEffect()
    schema = schema_from_json(known["objects"])
    since = last.entry.at - LOOKED_AT
    query = LedgerQuery(kind="change", since_at=since, limit=ROWS_MAX, newest_first=True)
    rows = [row.entry for row in store.ledger(query) if row.entry.changed_at is not None and row.entry.changed_at >= since]
    teams = [*before.teams, *new.fences.teams]
    people = read_directory(store, NOBODY, teams, needs_under(new, schema))
    laws = [law_for(fences_under(fences, schema), people) for fences in (before, new.fences)]
    return FenceEffect(judged_otherwise(_stories(store, rows), laws[0], laws[1]), len(rows))


def _stories(store: StoreReader, rows: Sequence[Entry]) -> Iterator[Story]:
    told: dict[str, dict[str, list[Entry]]] = {}
    for row in reversed(rows):
        told.setdefault(row.object or "", {}).setdefault(row.record_id or "", []).append(row)
    for object, by_record in sorted(told.items()):
        held = store.get(object, list(by_record))
        for id, some in by_record.items():
            in_order = sorted(some, key=lambda row: row.changed_at or row.at)
            yield Story(object, id, in_order, held[id].fields if id in held else {})
