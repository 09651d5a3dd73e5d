"""Who is in which team, now and at the time of a change, as far as the mirror knows?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from syncd.core.actors import members_read_from
from syncd.core.directory import Directory
from syncd.core.past import DIRECTORY_OBJECTS, Former, directory_with_past, former_of
from syncd.core.values import OrgRecord
from syncd.engine.world import Cycle, World
from syncd.ports import Case, Mark, StoreReader


def people_of(world: World, cycle: Cycle) -> Directory:
    """Return the org's users and queues for a cycle that has read what was due, with what they were before."""
    return read_directory(world.store, cycle.identity.user_id, _unseen(world, cycle))


def read_directory(store: StoreReader, own_user_id: str, unseen: Iterable[str] = ()) -> Directory:
    """Build the directory from the mirror and from what its rows were before.

    Shapes: `unseen` names objects that say who is in a team and were not read.
    """
    rows = {name: {row.id: row for row in _all(store, name)} for name in DIRECTORY_OBJECTS}
    return directory_with_past(rows, store.former(), own_user_id, unseen)


def _all(store: StoreReader, name: str) -> list[OrgRecord]:
    found: list[OrgRecord] = []
    while page := store.scan(name, after_id=found[-1].id if found else ""):
        found += page
    return found


def _unseen(world: World, cycle: Cycle) -> list[str]:
    """Name what teams ask for and nobody has read: it is hidden, or it was never its turn."""
    marks = world.store.marks()
    now = cycle.now.isoformat()
    in_time = {
        object for tier, objects in cycle.tiers.items() if world.store.setting(f"tier {tier}") == now for object in objects
    }
    return [
        name
        for name in sorted(members_read_from(world.policies.fences.teams))
        if name not in cycle.needs or (marks.get(name, Mark()).decided_at is None and name not in in_time)
    ]


def formers(world: World, cycle: Cycle, name: str, cases: Sequence[Case]) -> list[Former]:
    """Return what rows of the directory were before they were read as they are now, to be kept with them."""
    if name not in DIRECTORY_OBJECTS:
        return []
    looked_at = world.store.marks().get(name, Mark()).decided_at
    read = ((case.known, case.staged) for case in cases if case.staged is not None)
    found = (former_of(known, staged, looked_at=looked_at, read_at=cycle.now) for known, staged in read)
    return [former for former in found if former is not None]
