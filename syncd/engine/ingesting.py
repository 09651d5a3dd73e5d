"""How do thousands of unconditional updates go as one Bulk load, and how is one taken up again after a crash?

A row in `jobs` is committed before Salesforce is asked for the load, and says how far it came: asked, named, closing. Only a
load that was never closed is ever given up; of any other the results are read before one of its rows is sent again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain, repeat

from syncd.core.routes import Terms
from syncd.core.values import InboxItem, Intent, Outcome, OutcomeKind, digest
from syncd.engine import owners
from syncd.engine.closing import Closing, close, outcome_of
from syncd.engine.looking import Group, grouped
from syncd.engine.outbox import INGEST, Loads, items_of, loads_of, spans_of
from syncd.engine.overwriting import still_standing
from syncd.engine.sending import Lane, batches_of
from syncd.engine.world import World
from syncd.errors import LoginRefused, OrgRefused
from syncd.ports import IngestJob, Job, Overwrite, WriteResult

ASKED, NAMED, CLOSING = "asked", "named", "closing"
PAUSED = "bulk loads wait until"
ABORTED = "load-aborted"
WAIT_AFTER_FAILURE = timedelta(hours=1)
CLOSED_AT_ONCE = 1000
_PAUSES_S = (0.3, 0.5, 1.0, 2.0, 4.0)
_LONGEST_PAUSE_S = 8.0


def terms_of(world: World, now: datetime) -> Terms:
    """Say what decides between the ways of writing in this org now."""
    waits = _waits(world)
    no_load = frozenset(name for name, until in waits.items() if now < datetime.fromisoformat(until))
    safe = owners.are_safe(world.store)
    return Terms(world.pace.load_rows_min, no_load, frozenset({owners.OBJECT}) if safe is False else frozenset())


def _waits(world: World) -> dict[str, str]:
    known = world.store.setting(PAUSED)
    return {str(name): str(until) for name, until in known.items()} if isinstance(known, dict) else {}


def load(lane: Lane, groups: Sequence[Group]) -> list[Group]:
    """Send groups of one object, each on another record, as one load; return those that have to go another way.

    Shapes: when Salesforce takes longer than this cycle may wait, nothing is returned: a later cycle reads the results.
    """
    if not lane.is_open():
        return []
    job = _put(lane, _asked(lane, groups))
    try:
        job = _put(lane, job, job_id=lane.org.open_ingest(job.object).id, state=NAMED)
        lane.org.fill_ingest(_id(job), [Overwrite(group.intent.record_id, group.values) for group in groups])
    except LoginRefused:
        raise
    except OrgRefused as refusal:
        return _do_without(lane, job, groups, str(refusal))
    if not lane.is_open():
        return []
    job = _put(lane, job, state=CLOSING)
    lane.org.close_ingest(_id(job))
    ended = _wait(lane, _id(job))
    return [] if ended is None else _finish(lane, job, ended)


def _asked(lane: Lane, groups: Sequence[Group]) -> Job:
    seqs = [item.seq for group in groups for item in group.items]
    name, now = groups[0].intent.object, lane.org.now()
    key = digest(lane.cycle.id, name, min(seqs))[:32]
    return Job(key, INGEST, name, None, ASKED, {"spans": spans_of(seqs), "rows": len(groups)}, now, now)


def _put(lane: Lane, job: Job, *, job_id: str | None = None, state: str = ASKED) -> Job:
    job = replace(job, job_id=job_id or job.job_id, state=state, updated_at=lane.org.now())
    with lane.world.store.begin() as tx:
        tx.put_job(job)
    return job


def _id(job: Job) -> str:
    if job.job_id is None:
        raise AssertionError("a load that Salesforce never named")
    return job.job_id


def _do_without(lane: Lane, job: Job, groups: Sequence[Group], reason: str) -> list[Group]:
    """Give up a load that Salesforce does not want, and take no other for an hour."""
    if job.job_id is not None:
        lane.org.abort_ingest(job.job_id)
    _pause_loads(lane, job, reason)
    _drop(lane, job)
    return list(groups)


def _pause_loads(lane: Lane, job: Job, reason: str) -> None:
    until = {**_waits(lane.world), job.object: (lane.org.now() + WAIT_AFTER_FAILURE).isoformat()}
    with lane.world.store.begin() as tx:
        tx.put_setting(PAUSED, until)
    lane.cycle.count("bulk loads failed")


def _drop(lane: Lane, job: Job) -> None:
    with lane.world.store.begin() as tx:
        tx.drop_job(job.key)


def _wait(lane: Lane, job_id: str) -> IngestJob | None:
    """Ask soon, then later and later, for at most one interval. None when the load has not ended by then, or is forgotten."""
    waited_s, most_s = 0.0, lane.world.pace.interval.total_seconds()
    for pause_s in chain(_PAUSES_S, repeat(_LONGEST_PAUSE_S)):
        told = lane.org.ingest_job(job_id)
        if told is None or told.is_ended:
            return told
        if lane.world.clock is None or waited_s >= most_s:
            return None
        lane.world.pause_point()
        lane.world.clock.sleep(pause_s)
        waited_s += pause_s
    return None


def resume(lane: Lane) -> Loads:
    """Take up the loads of earlier cycles, and return what is still under way in them."""
    jobs = lane.world.store.jobs(INGEST)
    return loads_of([job for job in jobs if not _is_done_with(lane, job)])


def _is_done_with(lane: Lane, job: Job) -> bool:
    if job.job_id is None:
        _abort_nameless(lane, job)
        _drop(lane, job)
        return True
    told = lane.org.ingest_job(job.job_id)
    if told is None:  # forgotten after 7 days: the records themselves tell
        _drop(lane, job)
        return True
    if told.state == "Open":
        return _take_up_open(lane, job)
    if told.state == "Aborted" and job.state != CLOSING:  # given up by us: nothing of it was ever written
        _drop(lane, job)
        return True
    if told.is_ended:
        _finish(lane, job, told)
    return told.is_ended


def _take_up_open(lane: Lane, job: Job) -> bool:
    if job.state == CLOSING:  # all rows were uploaded; the word that they are complete did not arrive
        lane.org.close_ingest(_id(job))
        return False
    lane.org.abort_ingest(_id(job))
    _drop(lane, job)
    return True


def _abort_nameless(lane: Lane, job: Job) -> None:
    """Give up what was opened without our hearing its name: ours, for that object, since we asked, and known to no other row."""
    named = {other.job_id for other in lane.world.store.jobs(INGEST)}
    since_at = job.created_at.replace(microsecond=0)
    for told in lane.org.open_ingests():
        is_ours = told.created_by == lane.cycle.identity.user_id and told.object == job.object
        if is_ours and told.created_at >= since_at and told.id not in named:
            lane.org.abort_ingest(told.id)


def _finish(lane: Lane, job: Job, told: IngestJob) -> list[Group]:
    """Record what became of each row of an ended load; return the groups that it left."""
    results = {result.id: result for result in lane.org.ingest_results(told.id)}
    left: list[Group] = []
    for some in batches_of(grouped(items_of(lane.world, job)), CLOSED_AT_ONCE):
        closing, rest = _answered(some, results)
        close(lane.world, lane.cycle, closing)
        left += rest
    if left and told.state == "Aborted":
        _give_up(lane, told, still_standing(lane, left, anew=True))
        left = []
    elif told.state == "Failed":
        _pause_loads(lane, job, told.error)
    _drop(lane, job)
    return left


def _answered(groups: Iterable[Group], results: dict[str | None, WriteResult]) -> tuple[list[Closing], list[Group]]:
    closing: list[Closing] = []
    left: list[Group] = []
    for group in groups:
        result = results.get(group.intent.record_id)
        outcome = None if result is None else outcome_of(result, is_judged_again=False)
        if outcome is None:
            left.append(group)
        else:
            closing += group.all(outcome)
    return closing, left


def _give_up(lane: Lane, told: IngestJob, groups: Sequence[Group]) -> None:
    """Close what a person kept from being written by aborting the load: it waits for a word, like a plan."""
    text = f"Bulk load {told.id} was aborted in Salesforce before this row was written"
    closing = [pair for group in groups for pair in group.all(Outcome(OutcomeKind.NOT_APPLIED, text, "ABORTED", told.id))]
    close(lane.world, lane.cycle, closing)
    item = InboxItem(
        ABORTED,
        told.id,
        f"Bulk load {told.id} of {told.object}",
        f"The load was aborted in Salesforce (Setup, Bulk Data Load Jobs). {len(closing)} values were not written.",
        "To write them after all: syncd plan --out plan.json, then syncd apply plan.json",
    )
    with lane.world.store.begin() as tx:
        tx.defer(list(_intents(closing)))
        tx.put_inbox([item] if closing else [], lane.cycle.now)


def _intents(closing: Iterable[Closing]) -> Iterator[Intent]:
    return (item.intent for item, _ in closing)
