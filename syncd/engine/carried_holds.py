"""Where is kept until when Sales had taken a merged record out of campaigns, for the record that is left?

It is kept in the transaction that enters the merge; syncd writes nothing of it to the org, where the field is Sales' own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from syncd.core.holds import Carried, carried_from, carried_text, carried_to
from syncd.core.nurture import local_day
from syncd.core.values import OrgRecord
from syncd.engine.needs import holds_under
from syncd.engine.world import Cycle, World
from syncd.ports import StoreReader, StoreWriter

CARRIED = "holds carried over"


def carried_by(store: StoreReader, ids: Iterable[str]) -> dict[str, list[Carried]]:
    """Return by the id of the record that is left what was carried over to it."""
    return {id: carried_from(text) for id, text in store.verdicts(CARRIED, sorted(ids)).items() if text}


def hold_fields(world: World, cycle: Cycle, object: str) -> list[str]:
    """Return the date field of an object that keeps people out, where there is one and syncd sees it."""
    name = holds_under(world.policies).get(object)
    return [name] if name is not None and name in cycle.needs[object].fields else []


def take_over_holds(world: World, cycle: Cycle, loser: OrgRecord, winner_id: str, winner: OrgRecord | None) -> list[Carried]:
    """Return the holds that were carried over to the record that is left, this merge's among them.

    Shapes: `winner` as just read.
    """
    if not hold_fields(world, cycle, loser.object):
        return []
    before = carried_by(world.store, (loser.id, winner_id))
    of_loser, of_winner = before.get(loser.id, []), before.get(winner_id, [])
    today = local_day(cycle.now, world.zone)
    return carried_to(winner, loser, of_loser, of_winner, holds_under(world.policies), today)


def keep_holds(tx: StoreWriter, winner_id: str, holds: Sequence[Carried]) -> None:
    """Keep them beside the merge."""
    if holds:
        tx.put_verdicts(CARRIED, {winner_id: carried_text(holds)})
