"""How do open intents become writes, and each write an outcome?

Every intent that may have been sent is looked at before it is sent again: one that a lost answer may have carried out is
settled by what stands in the org, never by guessing. Killed between any two lines, the next cycle looks again and carries on.
"""

from __future__ import annotations

from collections.abc import Sequence

from syncd.core.guard import Kind, Limits
from syncd.core.routes import LOAD_ROWS_MAX, Terms, Way, ways
from syncd.core.telling import TELL
from syncd.engine import creating, creating_people, owners
from syncd.engine.canary import look_again_at_first, sort_out
from syncd.engine.holding import hold_back, over_limit
from syncd.engine.ingesting import load, resume, terms_of
from syncd.engine.looking import Group, grouped
from syncd.engine.outbox import Loads, open_items, windows
from syncd.engine.overwriting import overwrite, still_standing
from syncd.engine.regret import stopped_rules
from syncd.engine.sending import Lane, batches_of
from syncd.engine.updating import update
from syncd.engine.world import Cycle, World
from syncd.ports import OpenIntent, OrgWriter

LANES = {"fence": Kind.FENCES, TELL: Kind.FENCES, owners.PUT_BACK: Kind.FENCES, "flag": Kind.EXPORTS, "map": Kind.EXPORTS}
"""What the writes of each part are, from the most urgent on; the others are nurture's."""


def act(world: World, org: OrgWriter, cycle: Cycle, *, limits: Limits | None = None) -> None:
    """Carry out the open intents, or hold all of them back when they are too many for one cycle.

    Shapes: `limits` None means that a person approved these writes.
    """
    lane = Lane(world, org, cycle, Kind.FENCES)
    owners.read_back(lane)
    look_again_at_first(lane)
    loads = resume(lane)
    if not world.store.count_open() or (limits is not None and _is_held_back(lane, limits, loads)):
        return
    for window in windows(open_items(world, loads)):
        for kind in Kind:
            mine = [item for item in window if LANES.get(item.intent.part, Kind.NURTURE) is kind]
            if mine:
                _carry_out(Lane(world, org, cycle, kind), mine, is_approved=limits is None)


def _is_held_back(lane: Lane, limits: Limits, loads: Loads) -> bool:
    """Hold the open intents back when they break a limit, those that may have been sent only after a look."""
    if over_limit(lane.world, limits, loads) is None:
        return False
    look_again(lane, loads)
    reason = over_limit(lane.world, limits, loads)
    if reason is not None:
        hold_back(lane.world, lane.cycle, reason, loads)
    return reason is not None


def look_again(lane: Lane, loads: Loads) -> None:
    """Settle what earlier cycles may have sent by looking; nothing is sent."""
    for window in windows(open_items(lane.world, loads)):
        old = [item for item in window if item.cycle != lane.cycle.id]
        still_standing(lane, grouped(item for item in old if not item.intent.is_create))
        creating.settle(lane, [item for item in old if item.intent.is_create and not creating_people.is_person(item)])
        creating_people.settle(lane, [item for item in old if creating_people.is_person(item)])


def _carry_out(lane: Lane, items: Sequence[OpenIntent], *, is_approved: bool) -> None:
    """Send intents of one urgency: what people change too first, so that our own writes do not make them stale.

    A rule's first writes go alone, conditionally, and the rest of them in a later cycle; where a person approved just these
    writes, the first are looked at right away, and the rest goes on.
    """
    if not lane.is_open():
        return
    stopped = stopped_rules(lane.world)
    sorted_out = sort_out(lane, items, stopped)
    free = _standing(lane, sorted_out.free)
    update(lane, grouped(item for item in sorted_out.first if not item.intent.is_create), is_first=True)
    creating_people.create(lane, [item for item in sorted_out.first if item.intent.is_create])
    if sorted_out.first and is_approved:
        look_again_at_first(lane, at_once=True)
        free += _standing(lane, sort_out(lane, sorted_out.waiting, stopped).free)
    terms = terms_of(lane.world, lane.org.now())
    by_way: dict[Way, list[OpenIntent]] = {}
    for item, way in zip(free, ways([item.intent for item in free], terms), strict=True):
        by_way.setdefault(way, []).append(item)
    update(lane, grouped(by_way.get(Way.CONDITIONAL, ())))
    for groups in _alike(by_way.get(Way.COLLECTION, ())):
        overwrite(lane, groups)
    for groups in _alike(by_way.get(Way.LOAD, ())):
        _load(lane, groups, terms)
    new = by_way.get(Way.CREATE, ())
    creating_people.create(lane, [item for item in new if creating_people.is_person(item)])
    creating.create(lane, [item for item in new if not creating_people.is_person(item)])


def _standing(lane: Lane, items: Sequence[OpenIntent]) -> list[OpenIntent]:
    """Settle what earlier cycles may have sent, before any of our writes puts our name on the same records."""
    groups = grouped(item for item in items if not item.intent.is_create)
    left = {item.seq for group in still_standing(lane, groups) for item in group.items}
    return [item for item in items if item.intent.is_create or item.seq in left]


def _alike(items: Sequence[OpenIntent]) -> list[list[Group]]:
    """Put together what may share a request: one object, and each record once, as one part has it. Opt-outs come first."""
    alike: dict[tuple[str, str], list[Group]] = {}
    for group in grouped(items):
        alike.setdefault((group.intent.part, group.intent.object), []).append(group)
    return [groups for _, groups in sorted(alike.items())]


def _load(lane: Lane, groups: Sequence[Group], terms: Terms) -> None:
    """Send by loads; what a load leaves, or what is too little for one, goes in collections."""
    if len(groups) < terms.load_rows_min:
        overwrite(lane, groups)
        return
    for some in batches_of(groups, LOAD_ROWS_MAX):
        overwrite(lane, still_standing(lane, load(lane, some), anew=True))
