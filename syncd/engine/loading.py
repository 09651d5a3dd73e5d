"""How is a backfill worked off, so that a crash at any point resumes it and what is hot never waits for it?

By a Bulk job, or by pages where it is small. The row of the job is committed before Salesforce is asked for it; rows and the
place where reading goes on are committed together.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from syncd.core.guard import Kind
from syncd.core.values import Entry
from syncd.engine.ahead import made_ahead
from syncd.engine.backfill import ASKED, RUNNING, Backfill, open_backfills
from syncd.engine.budget import may_spend
from syncd.engine.judging import decide_fenced, decide_first_sights, decide_plain
from syncd.engine.needs import Need
from syncd.engine.world import Cycle, World
from syncd.errors import LoginRefused, OrgRefused
from syncd.ports import Keyset, Packed, Page, Pull, QueryJob

ROWS_AT_ONCE = 20_000
FAILURES_MAX = 3
BACKLOG = "backlog"
PAUSED = "backlog waiting for API calls"
_POLL_FIRST_S, _POLL_SHARE, _POLL_MAX_S, _STEP_S = 0.1, 0.15, 30.0, 1.0
_BEFORE_ALL_IDS = "000000000000000AAA"
Enough = Callable[[], bool]


def work_off(world: World, cycle: Cycle, slice_s: float | None) -> None:
    """Work on the backlog for about so many seconds (None: until nothing is left), and count what is left of it.

    Shapes: what waits for API calls is counted apart, so that nobody begins the next cycle at once because of it.
    """
    ends = None if slice_s is None else time.monotonic() + slice_s

    def is_enough() -> bool:
        return (ends is not None and time.monotonic() >= ends) or not may_spend(world, cycle, Kind.BACKFILL)

    for one in open_backfills(world.store):
        if is_enough() or not finish(world, cycle, one, is_enough):
            break
    left = len(open_backfills(world.store))
    cycle.count(BACKLOG if not left or may_spend(world, cycle, Kind.BACKFILL) else PAUSED, left)


def finish(world: World, cycle: Cycle, one: Backfill, is_enough: Enough = lambda: False) -> bool:
    """Read a backfill to its end and decide what it brought; False when there was enough before."""
    need = cycle.needs.get(one.object)
    if need is None:  # hidden meanwhile; when it is seen again it is read anew
        _drop(world, one)
        return True
    if one.fields != need.fields:
        _abort(world, one)
        one = _keep(world, one.anew(fields=need.fields, expected=_expected(world, one)))
        one = _keep(world, replace(one, is_by_pages=(one.expected or 0) < world.pace.bulk_rows_min))
    if not one.is_read:
        read = _read_pages if one.is_by_pages else _read_bulk
        found = read(world, cycle, one, need, is_enough)
        if found is None:
            return False
        one = found
    _settle(world, cycle, one, need)
    return True


def _expected(world: World, one: Backfill) -> int:
    return one.expected if one.expected is not None else world.store.count(one.object)


def _pull_of(one: Backfill, need: Need) -> Pull:
    after = None if one.after is None else Keyset(datetime.fromisoformat(one.after[0]), one.after[1])
    return Pull(need.object, need.fields, need.stamp_field, after=after)


def _read_pages(world: World, cycle: Cycle, one: Backfill, need: Need, is_enough: Enough) -> Backfill | None:
    pull = _pull_of(one, need)
    if one.place is not None:
        pull = replace(pull, after=Keyset(datetime.fromisoformat(one.place[0]), one.place[1]))
    for page in world.org.pull([pull]):
        world.pause_point()
        if not isinstance(page, Page) or not page.records:
            continue
        last = page.records[-1]
        place = (last.modified_at.isoformat(), last.id)
        one = replace(one, rows=one.rows + len(page.records), place=place)
        with world.store.begin() as tx:
            tx.stage(one.object, page.records, need.parent, None)
            tx.put_job(one.stored(world.org.now()))
        cycle.count("rows read", len(page.records))
        if not page.is_last and is_enough():
            return None
    return _keep(world, replace(one, is_read=True))


def _read_bulk(world: World, cycle: Cycle, one: Backfill, need: Need, is_enough: Enough) -> Backfill | None:
    while True:
        try:
            one = _begun(world, one, need)
        except LoginRefused:
            raise
        except OrgRefused:  # this object, or one job more today, is not for the Bulk API
            one = _keep(world, one.anew(is_by_pages=True))
            return _read_pages(world, cycle, one, need, is_enough)
        told = _awaited(world, one, is_enough)
        if told is None or told.state == "running":
            if told is not None:
                return None
            one = _keep(world, one.anew())  # the org has forgotten it: a job lives for seven days
            continue
        if told.state != "done":
            one = _failed(world, one, told)
            if one.is_by_pages:
                return _read_pages(world, cycle, one, need, is_enough)
            continue
        try:
            return _read_rows(world, cycle, replace(one, expected=told.rows or one.expected), need, told, is_enough)
        except OrgRefused:  # its results are gone, or the place in them is: everything once more, which is harmless
            one = _failed(world, one, told)
            if one.is_by_pages:
                raise


def _begun(world: World, one: Backfill, need: Need) -> Backfill:
    """Have a job at Salesforce; one that may have been begun without our hearing of it is ended first."""
    if one.job.job_id is not None:
        return one
    if one.job.state == ASKED:
        for stray in world.org.running_queries(one.object, one.job.updated_at):
            world.org.abort_query(stray.id)
    one = _keep(world, replace(one, job=replace(one.job, state=ASKED)))
    told = world.org.open_query(_pull_of(one, need))
    return _keep(world, replace(one, job=replace(one.job, job_id=told.id, state=RUNNING)))


def _awaited(world: World, one: Backfill, is_enough: Enough) -> QueryJob | None:
    """Ask for a job soon, then later and later; None when the org does not know it."""
    assert one.job.job_id is not None
    slept_s = 0.0
    told = world.org.query_job(one.job.job_id)
    while told is not None and told.state == "running" and not is_enough():
        wait_s = min(_POLL_MAX_S, max(_POLL_FIRST_S, slept_s * _POLL_SHARE))
        _wait(world, wait_s)
        slept_s += wait_s
        told = world.org.query_job(one.job.job_id)
    return told


def _wait(world: World, seconds: float) -> None:
    """Wait in short steps, so that the daemon ends at once when it is asked to."""
    sleep = world.clock.sleep if world.clock is not None else time.sleep
    while seconds > 0:
        sleep(min(_STEP_S, seconds))
        seconds -= _STEP_S
        world.pause_point()


def _failed(world: World, one: Backfill, told: QueryJob) -> Backfill:
    failures = one.failures + 1
    return _keep(world, one.anew(failures=failures, is_by_pages=failures >= FAILURES_MAX))


def _read_rows(world: World, cycle: Cycle, one: Backfill, need: Need, told: QueryJob, is_enough: Enough) -> Backfill | None:
    waiting: list[Packed] = []
    stopped: list[Packed] = []

    def is_stop(packed: Packed) -> bool:
        # Asked once, by whoever is about to ask for the next page: the answer claims that call.
        if packed.chunk.is_page_end and not packed.chunk.is_last and is_enough():
            stopped.append(packed)
        return bool(stopped)

    chunks = world.org.query_rows(told, _pull_of(one, need), cycle.schema[one.object], one.locator)
    for packed in made_ahead(map(world.store.pack, chunks), is_stop):
        waiting.append(packed)
        chunk = packed.chunk
        if not chunk.is_page_end and sum(len(each.chunk.ids) for each in waiting) < ROWS_AT_ONCE:
            continue
        one = replace(one, locator=chunk.locator, is_read=chunk.is_last)
        one = _take(world, cycle, one, need, waiting)
        waiting = []
        world.pause_point()
        if stopped and packed is stopped[0]:
            return None
    return one


def _take(world: World, cycle: Cycle, one: Backfill, need: Need, waiting: list[Packed]) -> Backfill:
    """Keep rows and the place where reading goes on, together."""
    is_direct = one.is_first and one.object not in cycle.families.values()
    with world.store.begin() as tx:
        if is_direct:
            kept = sum(tx.load(each) for each in waiting)
        else:
            for each in waiting:
                tx.reload(each, need.parent)
            kept = sum(len(each.chunk.ids) for each in waiting)
        one = replace(one, rows=one.rows + kept)
        tx.put_job(one.stored(world.org.now()))
    cycle.count("rows read", sum(len(each.chunk.ids) for each in waiting))
    return one


def _settle(world: World, cycle: Cycle, one: Backfill, need: Need) -> None:
    """Decide what was read, and be done with it."""
    if one.is_delta:
        with world.store.begin() as tx:
            tx.stage(one.object, (), need.parent, Keyset(one.cut_at, _BEFORE_ALL_IDS))
            tx.drop_job(one.job.key)
        return
    if one.is_first and not one.is_by_pages and one.object not in cycle.families.values():
        one = _key(world, one)
    cycle.forget_people()
    if one.is_first and one.object in cycle.families.values():
        decide_first_sights(world, cycle, cycle.subject_of(one.object), one.object, one.cut_at)
    elif not one.is_first or one.is_by_pages:
        decide_plain(world, cycle)
        decide_fenced(world, cycle)
    with world.store.begin() as tx:
        if one.is_first and one.object not in cycle.families.values():
            tx.append([_baseline(cycle, one)])
        if need.follows_deletes:  # what was deleted while it was read has come, or has not: it is asked for once more
            tx.stage_deleted(one.object, (), one.cut_at)
        tx.drop_job(one.job.key)


def _key(world: World, one: Backfill) -> Backfill:
    after_id: str | None = one.keyed_after or ""
    while after_id is not None:
        world.pause_point()
        with world.store.begin() as tx:
            after_id = tx.key_loaded(one.object, after_id)
            one = replace(one, keyed_after=after_id or one.keyed_after)
            tx.put_job(one.stored(world.org.now()))
    return one


def _baseline(cycle: Cycle, one: Backfill) -> Entry:
    rows = one.rows if one.is_by_pages else one.expected or 0
    words = f"{rows} rows of {one.object} as first seen"
    return Entry(kind="baseline", at=cycle.now, cycle=cycle.id, object=one.object, reason=words, evidence={"rows": rows})


def _keep(world: World, one: Backfill) -> Backfill:
    one = replace(one, job=one.stored(world.org.now()))
    with world.store.begin() as tx:
        tx.put_job(one.job)
    return one


def _abort(world: World, one: Backfill) -> None:
    if one.job.job_id is not None:
        world.org.abort_query(one.job.job_id)


def _drop(world: World, one: Backfill) -> None:
    _abort(world, one)
    with world.store.begin() as tx:
        if one.is_first:
            tx.forget_marks(one.object)
        tx.drop_job(one.job.key)
