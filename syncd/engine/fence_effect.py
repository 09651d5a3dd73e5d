"""Which changes of the last days would edited fences have judged otherwise?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from syncd.core.fence_effect import Otherwise, Story, counted, judged_otherwise, law_for
from syncd.core.fence_model import Fences
from syncd.core.fence_types import has_conditions, with_types
from syncd.core.policies import Policies
from syncd.core.values import Entry
from syncd.engine.needs import needs_under
from syncd.engine.schema import SCHEMA, schema_from_json
from syncd.engine.snapshots import read_directory
from syncd.ports import LedgerQuery, ObjectSchema, StoreReader

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
    laws = [law_for(_typed(fences, schema), people) for fences in (before, new.fences)]
    return FenceEffect(judged_otherwise(_stories(store, rows), laws[0], laws[1]), len(rows))


def _typed(fences: Fences, schema: Mapping[str, ObjectSchema]) -> Fences:
    if not has_conditions(fences):
        return fences
    return with_types(fences, {name: {one.name: one.type for one in seen.fields.values()} for name, seen in schema.items()})[0]


def _stories(store: StoreReader, rows: Sequence[Entry]) -> Iterator[Story]:
    by_record: dict[tuple[str, str], list[Entry]] = {}
    for row in reversed(rows):
        by_record.setdefault((row.object or "", row.record_id or ""), []).append(row)
    for object in sorted({object for object, _ in by_record}):
        held = store.get(object, [id for each, id in by_record if each == object])
        for (each, id), told in by_record.items():
            if each == object:
                in_order = sorted(told, key=lambda row: row.changed_at or row.at)
                yield Story(object, id, in_order, held[id].fields if id in held else {})
