"""Who is in which team, now and at the time of a change, as far as the mirror knows?"""

from __future__ import annotations

from collections.abc import Container, Sequence

from syncd.core.actors import Team, members_read_from
from syncd.core.directory import Directory
from syncd.core.past import DIRECTORY_OBJECTS, Former, directory_with_past, former_of
from syncd.core.values import OrgRecord
from syncd.engine.world import Cycle, World
from syncd.ports import Case, Mark, StoreReader

ALWAYS = ("User", "Group", "GroupMember")


def read_directory(
    store: StoreReader, own_user_id: str, teams: Sequence[Team] = (), seen: Container[str] | None = None
) -> Directory:
    """Build the directory of users and queues, and of what else these teams ask for, from the mirror, with what it was before.

    Shapes: `seen` names the objects that the org shows (None: all); what it hides, or nobody has read yet, is told apart from
    what is empty.
    """
    asked = members_read_from(teams)
    names = {*ALWAYS, *asked, *(["UserRole"] if "GroupMember" in asked else [])}
    hidden = {name for name in names if seen is not None and name not in seen}
    rows = {name: {row.id: row for row in _all(store, name)} for name in names - hidden}
    marks = store.marks()
    unread = {name for name in asked - hidden if not rows[name] and marks.get(name, Mark()).decided_at is None}
    return directory_with_past(rows, store.former(), own_user_id, hidden | unread)


def _all(store: StoreReader, name: str) -> list[OrgRecord]:
    found: list[OrgRecord] = []
    while page := store.scan(name, after_id=found[-1].id if found else ""):
        found += page
    return found


def formers(world: World, cycle: Cycle, name: str, cases: Sequence[Case]) -> list[Former]:
    """Return what rows of the directory were before they were read as they are now, to be kept with them."""
    if name not in DIRECTORY_OBJECTS:
        return []
    looked_at = world.store.marks().get(name, Mark()).decided_at
    read = ((case.known, case.staged) for case in cases if case.staged is not None)
    found = (former_of(known, staged, looked_at=looked_at, read_at=cycle.now) for known, staged in read)
    return [former for former in found if former is not None]
