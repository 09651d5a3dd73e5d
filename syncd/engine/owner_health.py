"""How many open leads has each owner, and which owners need a look?

The leads are counted once, and once a day anew; in between each cycle adds what it saw change. So the work grows with what
changed, and a count that a crash left behind is put right within a day.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from syncd.core.owner_health import OwnerFinding, find, from_json, moved, to_json
from syncd.core.values import Intent, OrgRecord
from syncd.engine.backfill import first_load_of
from syncd.engine.world import Cycle, World
from syncd.ports import Mark, StoreReader, StoreWriter

OBJECT = "Lead"
LOADS, HEALTH = "owner loads", "owner health"
COUNTED_ANEW = timedelta(days=1)


def see_owners(cycle: Cycle, name: str, changes: Iterable[tuple[OrgRecord | None, OrgRecord | None]]) -> None:
    """Add what rows of an object, as mirrored before and after, change in the loads of their owners."""
    if name == OBJECT:
        for before, after in changes:
            cycle.loads.update(moved(before, after))


def see_written(cycle: Cycle, intent: Intent) -> None:
    """Add an owner move of syncd's own."""
    if intent.object == OBJECT and intent.field == "OwnerId" and not intent.is_create:
        cycle.loads.update({str(intent.before): -1, str(intent.after): 1})


def count_owners(world: World, cycle: Cycle) -> None:
    """Count all open leads by owner, where that was not done within a day, and not while they are first loaded.

    It reads every lead of the mirror, so it belongs to a cycle that reads what is slow, not to one that catches up.
    """
    known = world.store.setting(LOADS)
    counted_at = datetime.fromisoformat(known["counted_at"]) if isinstance(known, dict) else None
    is_read = world.store.marks().get(OBJECT, Mark()).decided_at is not None
    if not is_read or (counted_at is not None and cycle.now - counted_at < COUNTED_ANEW):
        return
    if first_load_of(world.store, OBJECT) is not None:
        return
    loads = world.store.tally(OBJECT, "OwnerId", unless=("IsConverted",))
    cycle.loads.clear()
    with world.store.begin() as tx:
        tx.put_setting(LOADS, {"counted_at": cycle.now.isoformat(), "loads": loads})
        _keep(tx, world, cycle, loads)


def keep_owners(tx: StoreWriter, world: World, cycle: Cycle) -> None:
    """Keep what this cycle changed, and which owners need a look now."""
    known = world.store.setting(LOADS)
    if not isinstance(known, dict):
        return
    changed = Counter({owner: number for owner, number in cycle.loads.items() if number})
    loads: Counter[str] = Counter(known["loads"])
    loads.update(changed)
    if changed:
        kept = {owner: number for owner, number in loads.items() if number > 0}
        tx.put_setting(LOADS, {"counted_at": known["counted_at"], "loads": kept})
    if (changed or cycle.counts.get("changes seen")) and cycle.people.users:
        _keep(tx, world, cycle, loads)


def _keep(tx: StoreWriter, world: World, cycle: Cycle, loads: Mapping[str, int]) -> None:
    """Keep the findings where they differ from what was kept before."""
    found = to_json(find(loads, cycle.people, world.policies.fences.teams))
    if found != world.store.setting(HEALTH):
        tx.put_setting(HEALTH, found)


def read_owner_health(store: StoreReader) -> list[OwnerFinding] | None:
    """Return the owners that need a look, or None before leads were counted."""
    known = store.setting(HEALTH)
    return from_json(known) if isinstance(known, list) else None
