"""Which changes of the last days would edited fences have judged otherwise?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from syncd.core.actors import Team
from syncd.core.fence_effect import Otherwise, Story, counted, judged_otherwise, law_for
from syncd.core.fence_model import Fences
from syncd.core.fence_types import has_conditions, with_types
from syncd.core.policies import Policies
from syncd.core.values import Entry
from syncd.engine.needs import needs_under
from syncd.engine.schema import SCHEMA, schema_from_json
from syncd.engine.snapshots import read_directory
from syncd.engine.world import World
from syncd.ports import LedgerQuery, ObjectSchema

LOOKED_AT = timedelta(days=7)
ROWS_MAX = 2000
SHOWN_MAX = 5


@dataclass(frozen=True, slots=True)
class FenceEffect:
    """How many changes of which field, in words without anybody's data, and some of them in full, the newest first."""

    told: Sequence[str] = ()
    examples: Sequence[str] = field(default=(), repr=False)


def fence_effect(world: World, new: Policies) -> FenceEffect:
    """Judge what the ledger holds of the last days by the fences in force and by new ones; the org is not asked for anything.

    Units: the newest 2,000 changes of 7 days at most.
    """
    known = world.store.setting(SCHEMA)
    if not isinstance(known, dict):
        return FenceEffect()
    schema = schema_from_json(known["objects"])
    since = world.org.now() - LOOKED_AT
    query = LedgerQuery(kind="change", since_at=since, limit=ROWS_MAX, newest_first=True)
    rows = [row.entry for row in world.store.ledger(query) if row.entry.changed_at is not None and row.entry.changed_at >= since]
    people = read_directory(world.store, world.org.identity().user_id, _teams(world, new), needs_under(new, schema))
    before, after = (law_for(_typed(one.fences, schema), people) for one in (world.policies, new))
    found = judged_otherwise(_stories(world, rows), before, after)
    return FenceEffect(_told(found, len(rows)), [one.text for one in found[:SHOWN_MAX]])


def _told(found: Sequence[Otherwise], number: int) -> list[str]:
    of_how_many = f"of {number:,} changes of the last {LOOKED_AT.days} days"
    return [
        f"{name}: {sum(kinds.values()):,} {of_how_many} would be judged otherwise: "
        + ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common())
        for name, kinds in counted(found).items()
    ]


def _teams(world: World, new: Policies) -> list[Team]:
    return [*world.policies.fences.teams, *new.fences.teams]


def _typed(fences: Fences, schema: Mapping[str, ObjectSchema]) -> Fences:
    if not has_conditions(fences):
        return fences
    return with_types(fences, {name: {one.name: one.type for one in seen.fields.values()} for name, seen in schema.items()})[0]


def _stories(world: World, rows: Sequence[Entry]) -> Iterator[Story]:
    by_record: dict[tuple[str, str], list[Entry]] = {}
    for row in reversed(rows):
        by_record.setdefault((row.object or "", row.record_id or ""), []).append(row)
    for object in sorted({object for object, _ in by_record}):
        held = world.store.get(object, [id for each, id in by_record if each == object])
        for (each, id), told in by_record.items():
            if each == object:
                in_order = sorted(told, key=lambda row: row.changed_at or row.at)
                yield Story(object, id, in_order, held[id].fields if id in held else {})
