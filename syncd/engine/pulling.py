"""What changed in the org since the watermark, and how does it get into staging?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from syncd.core.values import digest
from syncd.engine.needs import FAST_TIER, TIERS, Need
from syncd.engine.world import Cycle, World
from syncd.ports import DeletedSince, Deletions, Keyset, Mark, Page, Pull


def due_slow_tiers(world: World, now: datetime, *, everything: bool) -> list[str]:
    """Name the slow tiers to read in this cycle: at most one unless `everything` is wanted, so that it costs one call.

    A slow tier is due when `slow_every` intervals have passed by the org's clock, or when it was never read.
    """
    wait = world.pace.interval * world.pace.slow_every
    read_at = {name: world.store.setting(f"tier {name}") for name in TIERS if name != FAST_TIER}
    never = [name for name, at in read_at.items() if at is None]
    late = [
        name for name, at in read_at.items() if at is not None and (everything or now - datetime.fromisoformat(str(at)) >= wait)
    ]
    late.sort(key=lambda name: str(read_at[name]))
    return never + (late if everything else late[:1])


def pull_fast(world: World, cycle: Cycle) -> None:
    """Stage what changed in the fast tier, and set the cycle's time: the org's clock in the first answer."""
    pull(world, cycle, [FAST_TIER], tells_time=True)


def pull(world: World, cycle: Cycle, tiers: Iterable[str], *, tells_time: bool = False) -> None:
    """Stage everything that changed in these tiers: one short transaction a page, with the read mark.

    Killed between two pages, the next pull goes on behind the read mark.
    """
    for tier in tiers:
        needs = [cycle.needs[need.object] for need in TIERS[tier] if need.object in cycle.needs]
        forget_when_fields_changed(world, needs)
        marks = world.store.marks()
        pulls = [_pull_of(need, marks.get(need.object, Mark())) for need in needs]
        deleted = [question for need in needs if (question := _deleted_of(need, marks.get(need.object, Mark()))) is not None]
        by_object = {need.object: need for need in needs}
        for answer in world.org.pull(pulls, deleted):
            world.pause_point()
            if tells_time:
                cycle.now, tells_time = world.org.now(), False
            if isinstance(answer, Page):
                _stage(world, cycle, answer, by_object[answer.object])
            elif isinstance(answer, Deletions):
                _stage_deleted(world, cycle, answer)
        if tier != FAST_TIER:
            with world.store.begin() as tx:
                tx.put_setting(f"tier {tier}", cycle.now.isoformat())


def forget_when_fields_changed(world: World, needs: Sequence[Need]) -> None:
    """Read an object from the beginning when a mapping names other fields than before."""
    for need in needs:
        fields = digest(*sorted(need.fields))
        key = f"fields {need.object}"
        known = world.store.setting(key)
        if known == fields:
            continue
        with world.store.begin() as tx:
            if known is not None:
                tx.forget_marks(need.object)
            tx.put_setting(key, fields)


def _pull_of(need: Need, mark: Mark) -> Pull:
    if mark.read is not None and mark.read.id:
        return Pull(need.object, need.fields, need.stamp_field, after=mark.read)
    return Pull(need.object, need.fields, need.stamp_field, since_at=mark.decided_at)


def _deleted_of(need: Need, mark: Mark) -> DeletedSince | None:
    since = mark.deleted_at or mark.decided_at
    return DeletedSince(need.object, since) if need.follows_deletes and since is not None else None


def _stage(world: World, cycle: Cycle, page: Page, need: Need) -> None:
    if not page.records:
        return
    last = page.records[-1]
    with world.store.begin() as tx:
        tx.stage(page.object, page.records, need.parent, Keyset(last.modified_at, last.id))
    cycle.count("rows read", len(page.records))


def _stage_deleted(world: World, cycle: Cycle, answer: Deletions) -> None:
    if not answer.ids and world.store.marks().get(answer.object, Mark()).deleted_at == answer.covered_until:
        return
    with world.store.begin() as tx:
        tx.stage_deleted(answer.object, answer.ids, answer.covered_until)
    cycle.count("deletes read", len(answer.ids))
    if not answer.is_complete:
        cycle.count("deletes lost")


def move_watermarks(world: World, cycle: Cycle, tiers: Iterable[str]) -> None:
    """Move the watermark of everything that was read and decided: held back behind the org's clock, never the host's.

    Rows that become visible late, with an earlier stamp, are read again inside that time; re-reads are harmless.
    """
    decided_at: datetime = cycle.now - world.pace.hold_back
    with world.store.begin() as tx:
        for tier in tiers:
            for need in TIERS[tier]:
                if need.object in cycle.needs:
                    tx.advance(need.object, decided_at)
