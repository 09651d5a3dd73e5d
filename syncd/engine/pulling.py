"""What changed in the org since the watermark, and how does it get into staging?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from syncd.engine.backfill import BIG_DELTA, NEW_FIELD, Backfill, ask_for, begin_loads, big_ones, new_backfill, open_backfills
from syncd.engine.catching import catch, spill
from syncd.engine.census import want_census
from syncd.engine.loading import finish
from syncd.engine.merging import follow_merges
from syncd.engine.needs import FAST_TIER, Need
from syncd.engine.schema import questions, take_described
from syncd.engine.world import Cycle, World
from syncd.errors import FieldHidden
from syncd.ports import (
    Counted,
    DeletedSince,
    Deletions,
    Described,
    DescribedSince,
    Keyset,
    Mark,
    Page,
    Pull,
    UpdatedSince,
    Updates,
)

DENSE = "dense overlaps"
DENSE_ROWS = 200
COVERED_ASKED = timedelta(minutes=2)
COVERED_MARGIN = timedelta(minutes=1)


def due_slow_tiers(world: World, cycle: Cycle, *, everything: bool) -> list[str]:
    """Name the slow tiers to read in this cycle: those that are due, or all when `everything` is wanted. Each costs one call.

    A slow tier is due when `slow_every` intervals have passed by the org's clock, or when it was never read.
    """
    wait = world.pace.interval * world.pace.slow_every
    read_at = {name: world.store.setting(f"tier {name}") for name in cycle.tiers if name != FAST_TIER}
    return [
        name for name, at in read_at.items() if everything or at is None or cycle.now - datetime.fromisoformat(str(at)) >= wait
    ]


def pull_fast(world: World, cycle: Cycle) -> None:
    """Stage what changed in the fast tier, and set the cycle's time: the org's clock in the first answer."""
    pull(world, cycle, [FAST_TIER], tells_time=True)


def pull(world: World, cycle: Cycle, tiers: Iterable[str], *, tells_time: bool = False) -> None:
    """Stage everything that changed in these tiers: one short transaction a page, with the read mark.

    Killed between two pages, the next pull goes on behind the read mark. What turns out to have other fields than it was asked
    for, what changes rarely and did change, and what was only counted because it was never read, is asked for in one more call.
    Many changes come by a Bulk job.
    """
    for tier in tiers:
        objects = list(cycle.tiers[tier])
        for one in open_backfills(world.store):
            if one.is_urgent and one.object in objects:
                finish(world, cycle, one)
        again = _Asking(world, cycle, objects, questions(world, cycle, objects)).ask(tells_time=tells_time)
        if again:
            _Asking(world, cycle, [object for object in objects if object in again], is_again=True).ask()
        if tier != FAST_TIER:
            with world.store.begin() as tx:
                tx.put_setting(f"tier {tier}", cycle.now.isoformat())


class _Asking:
    """One round of questions about some objects."""

    def __init__(
        self,
        world: World,
        cycle: Cycle,
        objects: Sequence[str],
        described: Sequence[DescribedSince] = (),
        *,
        is_again: bool = False,
    ) -> None:
        self.world, self.cycle, self.described = world, cycle, described
        self.needs = {name: cycle.needs[name] for name in objects if name in cycle.needs}
        forget_when_fields_changed(world, cycle, list(self.needs.values()))
        marks = world.store.marks()
        self.marks = {name: marks.get(name, Mark()) for name in self.needs}
        self.unread = [
            name for name, mark in self.marks.items() if not is_again and mark.decided_at is None and mark.read is None
        ]
        self.rare = {} if is_again else self._rare()
        self.dense = [] if is_again else [name for name in dense_objects(world) if name in self.needs and name not in self.rare]
        self.counts: dict[str, int] = {}
        self.overlap: Counter[str] = Counter()
        self.urgent: list[Backfill] = []

    def _rare(self) -> dict[str, UpdatedSince]:
        found = ((name, _updated_of(need, self.marks[name])) for name, need in self.needs.items())
        return {name: since for name, since in found if since is not None}

    def ask(self, *, tells_time: bool = False) -> set[str]:
        """Ask for what changed, and stage it. Returns the objects to be asked for once more."""
        world, cycle = self.world, self.cycle
        skipped = {*self.rare, *self.unread}
        pulls = [_pull_of(world, need, self.marks[name]) for name, need in self.needs.items() if name not in skipped]
        deleted = [question for name, need in self.needs.items() if (question := _deleted_of(need, self.marks[name])) is not None]
        updated = [*self.rare.values(), *(UpdatedSince(name, cycle.now - COVERED_ASKED) for name in self.dense)]
        unanswered = {each.object for each in pulls}
        news: list[Described] = []
        again: set[str] = set()
        try:
            for answer in world.org.pull(pulls, deleted, counted=self.unread, updated=updated, described=self.described):
                world.pause_point()
                if tells_time:
                    cycle.now, tells_time = world.org.now(), False
                if isinstance(answer, Described):
                    news.append(answer)
                    continue
                again, news = again | take_described(world, cycle, news), []
                if isinstance(answer, Page):
                    unanswered.discard(answer.object)
                    if answer.object in again:
                        continue
                again |= self._take(answer)
        except FieldHidden:
            again |= take_described(world, cycle, news)
            if not again & unanswered:
                raise
        again |= take_described(world, cycle, news) | self._begin_loads()
        for one in self.urgent:
            finish(world, cycle, one)
        _note_dense(world, self.needs, self.overlap)
        return again

    def _take(self, answer: Page | Deletions | Updates | Counted) -> set[str]:
        """Take one answer; returns the object when it is to be asked for once more."""
        cycle, name = self.cycle, answer.object
        if isinstance(answer, Counted):
            self.counts[name] = answer.rows
        elif isinstance(answer, Updates) and name in self.rare:
            cycle.covered[name] = answer.covered_until
            return {name} if answer.ids or not answer.is_complete else set()
        elif isinstance(answer, Updates):
            cycle.covered[name] = min(answer.covered_until, cycle.now) - COVERED_MARGIN
        elif isinstance(answer, Deletions):
            _stage_deleted(self.world, cycle, answer)
        else:
            self._take_page(answer)
        return set()

    def _take_page(self, page: Page) -> None:
        mark, need = self.marks[page.object], self.needs[page.object]
        if mark.decided_at is not None:
            known_until = mark.decided_at + self.world.pace.hold_back
            self.overlap[page.object] += sum(row.modified_at <= known_until for row in page.records)
        _stage(self.world, self.cycle, page, need)
        if page.is_last or mark.decided_at is None or page.total <= self.world.pace.bulk_rows_min:
            return
        spill(self.world, self.cycle, page.object)
        last = page.records[-1]
        cut_at = self.cycle.now - self.world.pace.hold_back
        place, left = (last.modified_at.isoformat(), last.id), page.total - len(page.records)
        one = new_backfill(page.object, BIG_DELTA, self.cycle.now, cut_at, after=place, expected=left)
        with self.world.store.begin() as tx:
            tx.put_job(one.stored(self.cycle.now))
        self.urgent.append(one)

    def _begin_loads(self) -> set[str]:
        """Begin to load what has many rows; all that was counted is asked for once more, the big ones for what is new."""
        big = big_ones(self.counts, self.world.pace.bulk_rows_min, self.cycle.families)
        cut_at = self.cycle.now - self.world.pace.hold_back
        counts = {name: rows for name, rows in self.counts.items() if name in big}
        if counts:
            begun = begin_loads(self.world.store, counts, self.cycle.now, cut_at)
            with self.world.store.begin() as tx:
                for one in begun:
                    tx.put_job(one.stored(self.cycle.now))
                    tx.advance(one.object, cut_at)
            self.urgent += [one for one in begun if one.is_urgent]
        return set(self.counts)


def dense_objects(world: World) -> list[str]:
    """Name the objects of which the last pulls read so much twice that the org is asked how far its transactions have ended."""
    known = world.store.setting(DENSE)
    return known if isinstance(known, list) else []


def _note_dense(world: World, needs: Iterable[str], overlap: Mapping[str, int]) -> None:
    known = dense_objects(world)
    dense = sorted(
        {*(name for name in known if name not in needs), *(name for name, rows in overlap.items() if rows >= DENSE_ROWS)}
    )
    if dense != known:
        with world.store.begin() as tx:
            tx.put_setting(DENSE, dense)


def forget_when_fields_changed(world: World, cycle: Cycle, needs: Sequence[Need]) -> None:
    """Read an object from the beginning when there is a field to read that was not read before: a large one as a backfill.

    A field that is no longer read is only taken off the list, so that it counts as new when it comes back.
    """
    for need in needs:
        fields = sorted(need.fields)
        key = f"fields {need.object}"
        known = world.store.setting(key)
        if known == fields:
            continue
        is_large = known is not None and _is_large(world, need.object)
        with world.store.begin() as tx:
            if known is not None and not (isinstance(known, list) and set(fields) <= set(known)):
                if is_large:
                    ask_for(tx, need.object, NEW_FIELD, cycle.now)
                else:
                    tx.forget_marks(need.object)
            tx.put_setting(key, fields)


def _is_large(world: World, object: str) -> bool:
    return (
        any(one.object == object for one in open_backfills(world.store)) or world.store.count(object) >= world.pace.bulk_rows_min
    )


def _pull_of(world: World, need: Need, mark: Mark) -> Pull:
    rows_max = None if mark.decided_at is None else world.pace.bulk_rows_min
    if mark.read is not None and mark.read.id:
        return Pull(need.object, need.fields, need.stamp_field, after=mark.read, rows_max=rows_max)
    return Pull(need.object, need.fields, need.stamp_field, since_at=mark.decided_at, rows_max=rows_max)


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
        follow_merges(world, cycle, answer.object, answer.ids)
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
    said up to when all transactions have ended, its word counts. The watermark never goes back.
    """
    held_back: datetime = cycle.now - world.pace.hold_back
    marks = world.store.marks()
    with world.store.begin() as tx:
        for tier in tiers:
            for object in cycle.tiers[tier]:
                if object in cycle.needs:
                    decided_at = cycle.covered.get(object, held_back)
                    before = marks.get(object, Mark()).decided_at
                    tx.advance(object, decided_at if before is None else max(before, decided_at))
