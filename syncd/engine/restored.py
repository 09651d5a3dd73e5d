"""What happens after a store was restored from a backup?

It does not know what was decided, written and approved since the backup. So it first reads everything and compares, settles
by looking what it had sent, and then holds all that it would write as one plan: a person says whether the past is to be
repeated. Only the next cycle writes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from syncd.core.guard import Kind
from syncd.core.values import Entry
from syncd.engine.acting import look_again
from syncd.engine.backfill import ask_for
from syncd.engine.holding import hold
from syncd.engine.ingesting import resume
from syncd.engine.loading import BACKLOG, PAUSED
from syncd.engine.outbox import open_items
from syncd.engine.sending import Lane
from syncd.engine.world import Cycle, World
from syncd.ports import OrgWriter
from syncd.ports.restored import RESTORED

OWN_USER = "own-user-used"
_NOTED = "noted"


def is_restored(world: World) -> bool:
    """Tell whether the store was restored and not compared with the org since."""
    return world.store.setting(RESTORED) is not None


def compare(world: World, org: OrgWriter, cycle: Cycle, decide: Callable[[], None]) -> None:
    """Read everything, decide, and write nothing: what would be written waits for a person's word.

    Shapes: while a re-read is still under way the store stays restored, and the next cycle goes on with it.
    A crash between two steps leaves the store restored: the next cycle compares again.
    """
    told = world.store.setting(RESTORED)
    assert isinstance(told, dict), "the mark of a restored store is an object"
    if _NOTED not in told:
        _note(world, cycle, told)
    cycle.count("export files taken once more", len(world.exports.bring_back(world.store.has_file)))
    known = {item.subject for _, item, _ in world.store.inbox(kind=OWN_USER)}
    decide()
    _forgive_own_writes(world, cycle, known)
    if cycle.counts.get(BACKLOG) or cycle.counts.get(PAUSED):
        return
    lane = Lane(world, org, cycle, Kind.FENCES)
    loads = resume(lane)
    look_again(lane, loads)
    left = sum(1 for _ in open_items(world, loads))
    if left:
        reason = f"the store was restored from {told['from']}: {left} writes wait for a word"
        hold(
            world,
            cycle,
            lambda: open_items(world, loads),
            reason,
            "or leave it: they may have been written, and changed, since the backup",
        )
    with world.store.begin() as tx:
        tx.put_setting(RESTORED, None)


def _note(world: World, cycle: Cycle, told: Mapping[str, Any]) -> None:
    """Tell the ledger where its rows from here on come from, and ask for everything to be read again."""
    words = (
        f"the store was restored from {told['from']} by {told['by']}: {told['ledger_rows']} ledger rows, root {told['root']}; "
        f"its last cycle ended at {told['last_cycle_at'] or 'no time'}"
    )
    evidence = {"verb": "restore", "by": told["by"], "ledger_rows": told["ledger_rows"], "root": told["root"]}
    entry = Entry(kind="asked", at=cycle.now, cycle=cycle.id, reason=words, evidence=evidence)
    with world.store.begin() as tx:
        tx.append([entry])
        for name in cycle.needs:
            ask_for(tx, name, "the store was restored", cycle.now)
        tx.put_setting(RESTORED, {**told, _NOTED: cycle.id})


def _forgive_own_writes(world: World, cycle: Cycle, known: set[str]) -> None:
    """Close what says that somebody else used syncd's user: what this store has forgotten were its own writes."""
    new = [item.subject for _, item, _ in world.store.inbox(kind=OWN_USER) if item.subject not in known]
    if new:
        with world.store.begin() as tx:
            tx.resolve_inbox(OWN_USER, new, cycle.now)
