"""What changed in the org since the watermark, and how does it get into staging?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from syncd.engine.catching import catch, spill
from syncd.engine.census import want_census
from syncd.engine.needs import FAST_TIER, TIERS, Need
from syncd.engine.schema import questions, take_described
from syncd.engine.world import Cycle, World
from syncd.errors import FieldHidden
from syncd.ports import DeletedSince, Deletions, Described, DescribedSince, Keyset, Mark, Page, Pull, UpdatedSince, Updates


def due_slow_tiers(world: World, now: datetime, *, everything: bool) -> list[str]:
    """Name the slow tiers to read in this cycle: those that are due, or all when `everything` is wanted. Each costs one call.

    A slow tier is due when `slow_every` intervals have passed by the org's clock, or when it was never read.
    """
    wait = world.pace.interval * world.pace.slow_every
    read_at = {name: world.store.setting(f"tier {name}") for name in TIERS if name != FAST_TIER}
    return [name for name, at in read_at.items() if everything or at is None or now - datetime.fromisoformat(str(at)) >= wait]


def pull_fast(world: World, cycle: Cycle) -> None:
    """Stage what changed in the fast tier, and set the cycle's time: the org's clock in the first answer."""
    pull(world, cycle, [FAST_TIER], tells_time=True)


def pull(world: World, cycle: Cycle, tiers: Iterable[str], *, tells_time: bool = False) -> None:
    """Stage everything that changed in these tiers: one short transaction a page, with the read mark.

    Killed between two pages, the next pull goes on behind the read mark. What turns out to have other fields than it was asked
    for, and what changes rarely and did change, is asked for in one more call.
    """
    for tier in tiers:
        objects = [need.object for need in TIERS[tier]]
        again = _ask(world, cycle, objects, questions(world, cycle, objects), tells_time=tells_time)
        if again:
            _ask(world, cycle, [object for object in objects if object in again])
        if tier != FAST_TIER:
            with world.store.begin() as tx:
                tx.put_setting(f"tier {tier}", cycle.now.isoformat())


def _ask(
    world: World, cycle: Cycle, objects: Sequence[str], described: Sequence[DescribedSince] = (), *, tells_time: bool = False
) -> set[str]:
    """Ask for what changed in these objects, and stage it. Returns the objects to be asked for once more."""
    needs = {name: cycle.needs[name] for name in objects if name in cycle.needs}
    forget_when_fields_changed(world, list(needs.values()))
    marks = world.store.marks()
    rare = {name: since for name, need in needs.items() if described and (since := _updated_of(need, marks.get(name, Mark())))}
    pulls = [_pull_of(need, marks.get(name, Mark())) for name, need in needs.items() if name not in rare]
    deleted = [question for name, need in needs.items() if (question := _deleted_of(need, marks.get(name, Mark()))) is not None]
    unanswered = {each.object for each in pulls}
    news: list[Described] = []
    again: set[str] = set()
    try:
        for answer in world.org.pull(pulls, deleted, updated=list(rare.values()), described=described):
            world.pause_point()
            if tells_time:
                cycle.now, tells_time = world.org.now(), False
            if isinstance(answer, Described):
                news.append(answer)
                continue
            again, news = again | take_described(world, cycle, news), []
            if isinstance(answer, Updates):
                cycle.covered[answer.object] = answer.covered_until
                again |= {answer.object} if answer.ids or not answer.is_complete else set()
            elif isinstance(answer, Deletions):
                _stage_deleted(world, cycle, answer)
            elif isinstance(answer, Page):
                unanswered.discard(answer.object)
                if answer.object not in again:
                    _stage(world, cycle, answer, needs[answer.object])
    except FieldHidden:
        again |= take_described(world, cycle, news)
        if not again & unanswered:
            raise
    return again | take_described(world, cycle, news)


def forget_when_fields_changed(world: World, needs: Sequence[Need]) -> None:
    """Read an object from the beginning when there is a field to read that was not read before.

    A field that is no longer read is only taken off the list, so that it counts as new when it comes back.
    """
    for need in needs:
        fields = sorted(need.fields)
        key = f"fields {need.object}"
        known = world.store.setting(key)
        if known == fields:
            continue
        with world.store.begin() as tx:
            if known is not None and not (isinstance(known, list) and set(fields) <= set(known)):
                tx.forget_marks(need.object)
            tx.put_setting(key, fields)


def _pull_of(need: Need, mark: Mark) -> Pull:
    if mark.read is not None and mark.read.id:
        return Pull(need.object, need.fields, need.stamp_field, after=mark.read)
    return Pull(need.object, need.fields, need.stamp_field, since_at=mark.decided_at)


def _deleted_of(need: Need, mark: Mark) -> DeletedSince | None:
    since = mark.deleted_at or mark.decided_at
    return DeletedSince(need.object, since) if need.follows_deletes and since is not None else None


def _updated_of(need: Need, mark: Mark) -> UpdatedSince | None:
    """Ask for changed ids instead of rows, once an object was read to its end."""
    is_whole = mark.decided_at is not None and mark.read is not None and not mark.read.id
    return UpdatedSince(need.object, mark.decided_at) if need.is_rare and is_whole and mark.decided_at else None


def _stage(world: World, cycle: Cycle, page: Page, need: Need) -> None:
    if not page.records:
        return
    if catch(world, cycle, page):
        cycle.count("rows read", len(page.records))
        return
    spill(world, cycle, page.object)
    last = page.records[-1]
    with world.store.begin() as tx:
        tx.stage(page.object, page.records, need.parent, Keyset(last.modified_at, last.id))
    cycle.count("rows read", len(page.records))


def _stage_deleted(world: World, cycle: Cycle, answer: Deletions) -> None:
    if not answer.ids and world.store.marks().get(answer.object, Mark()).deleted_at == answer.covered_until:
        return
    if answer.ids:
        spill(world, cycle, answer.object)
    with world.store.begin() as tx:
        tx.stage_deleted(answer.object, answer.ids, answer.covered_until)
    cycle.count("deletes read", len(answer.ids))
    if not answer.is_complete:
        cycle.count("deletes lost")
        want_census(world, answer.object)


def move_watermarks(world: World, cycle: Cycle, tiers: Iterable[str]) -> None:
    """Move the watermark of everything that was read and decided: held back behind the org's clock, never the host's.

    Rows that become visible late, with an earlier stamp, are read again inside that time; re-reads are harmless. Where the org
    said up to when all transactions have ended, its word counts.
    """
    decided_at: datetime = cycle.now - world.pace.hold_back
    with world.store.begin() as tx:
        for tier in tiers:
            for need in TIERS[tier]:
                if need.object in cycle.needs:
                    tx.advance(need.object, cycle.covered.get(need.object, decided_at))
