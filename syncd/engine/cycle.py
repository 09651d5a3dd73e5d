"""What happens in one cycle, in which order, and what does a crash between two steps leave?"""

from __future__ import annotations

import secrets
import time
from contextlib import suppress
from datetime import datetime

from syncd.core.actors import Directory
from syncd.core.guard import Kind
from syncd.engine.acting import act
from syncd.engine.archiving import sweep_archive
from syncd.engine.backfill import is_waited_for
from syncd.engine.budget import close_purse, may_spend, open_purse, refused_by_org, require
from syncd.engine.census import CALLS as CENSUS_CALLS
from syncd.engine.census import is_due as census_due
from syncd.engine.census import take_census
from syncd.engine.clearing import settle_cleared
from syncd.engine.fetching import fetch
from syncd.engine.formulas import read_formulas_again
from syncd.engine.holding import hold_for_asking
from syncd.engine.intake import take_in
from syncd.engine.intake_context import IntakeContext
from syncd.engine.judging import decide_fenced, decide_plain
from syncd.engine.loading import BACKLOG, PAUSED, work_off
from syncd.engine.merging import settle_lost_opt_outs
from syncd.engine.needs import FAST_TIER, families_under, needs_under, tiers_under
from syncd.engine.owner_health import count_owners, keep_owners
from syncd.engine.privacy_latching import keep_terms
from syncd.engine.pulling import due_slow_tiers, move_watermarks, pull, pull_fast
from syncd.engine.reactions import follow_up
from syncd.engine.recycling import is_due, recycle
from syncd.engine.regret import keep_writes
from syncd.engine.restored import compare, is_restored
from syncd.engine.schema import forget_schema, known_schema, tell_hidden
from syncd.engine.snapshots import read_directory
from syncd.engine.unowned import settle_unowned
from syncd.engine.world import Cycle, World
from syncd.errors import BudgetSpent, FieldHidden, SyncdError
from syncd.ports import CycleRecord, OrgWriter, StoreWriter

WAITED = "waiting for a first load"
HEARTBEAT = "last cycle by the host's clock"
OWN_USER = "own user"


def run_cycle(world: World, org: OrgWriter) -> CycleRecord:
    """Run one cycle. Killed between any two lines, the next cycle carries on.

    1. Settle what an earlier cycle sent without hearing the answer, and send what it did not.
    2. Pull what changed into staging.        One short transaction a page, with the read mark.
    3. Decide.                                Each batch one transaction: mirror rows, ledger rows, intents.
    4. Move the watermark.                    Everything up to it is decided.
    5. Act on the intents.                    Each is in the ledger before its request leaves.
    6. Work on the backlog: first loads, and objects that are read again. Rows and the place in them are kept together.
    7. Fetch exports for the next cycle, and remove originals that are too old. See `engine.fetching`.

    Errors: SyncdError after the cycle was recorded with its reason.
    """
    try:
        cycle = begin(world)
    except SyncdError as problem:
        _record_unbegun(world, problem)
        raise
    try:
        if is_restored(world):
            compare(world, org, cycle, lambda: decide(world, cycle, everything=True))
            return finish(world, cycle)
        act(world, org, cycle, limits=world.limits)
        decide(world, cycle)
        hold_for_asking(world, cycle)
        require(world, cycle.purse, Kind.FENCES, world.org.now())
        act(world, org, cycle, limits=world.limits)
        _work_on_backlog(world, cycle)
        fetch(world, cycle)
        sweep_archive(world, cycle)
    except BudgetSpent as problem:
        dated = refused_by_org(world, problem)
        finish(world, cycle, error=str(dated), is_refused=problem.resume_at is None)
        raise dated from problem
    except SyncdError as problem:
        if isinstance(problem, FieldHidden):
            forget_schema(world)
        finish(world, cycle, error=str(problem))
        raise
    return finish(world, cycle)


def _work_on_backlog(world: World, cycle: Cycle) -> None:
    """Load what is still to be loaded. Exports and nurture that waited for it are the next cycle's, which begins at once."""
    wait = world.pace.interval if world.pace.backlog_slice is None else world.pace.backlog_slice
    work_off(world, cycle, wait.total_seconds())
    if cycle.counts.get(WAITED) and not (cycle.counts.get(BACKLOG) or cycle.counts.get(PAUSED)):
        cycle.count(BACKLOG)


def _record_unbegun(world: World, problem: SyncdError) -> None:
    """Record a cycle that ended before it began, as far as the org's time is known and the store can be written."""
    with suppress(SyncdError):
        now = world.org.now()
        record = CycleRecord(_cycle_id(now), now, now, {}, str(problem))
        with world.store.begin() as tx:
            _beat(tx, world)
            tx.put_cycle(record)


def _cycle_id(now: datetime) -> str:
    """Name a cycle so that names sort as cycles came, even while nothing is asked and the org's clock seems to stand still."""
    return f"{now:%Y%m%dT%H%M%SZ}-{time.time_ns() // 1_000_000:011x}{secrets.token_hex(1)}"


def _beat(tx: StoreWriter, world: World) -> None:
    if world.clock is not None:
        tx.put_setting(HEARTBEAT, world.clock.now().isoformat())


def begin(world: World) -> Cycle:
    """Open a cycle: who we are, what the org lets us see, and the org's time of its latest answer.

    Errors: BudgetSpent, before anything is asked, while the API budget has no room even for the fences.
    """
    calls_before = world.org.usage().ours
    purse = open_purse(world)
    identity = world.org.identity()
    schema = known_schema(world)
    needs = needs_under(world.policies, schema)
    world.store.index({name: need.indexed for name, need in needs.items()})
    now = world.org.now()

    def people() -> Directory:
        return read_directory(world.store, identity.user_id, world.policies.fences.teams, needs)

    tiers = {name: tuple(need.object for need in each) for name, each in tiers_under(world.policies).items()}
    families = families_under(world.policies)
    cycle = Cycle(_cycle_id(now), now, identity, schema, needs, people, calls_before, purse=purse, families=families, tiers=tiers)
    tell_hidden(world, cycle)
    return cycle


def decide(world: World, cycle: Cycle, *, everything: bool = False, retell: bool = False) -> None:
    """Pull and decide: steps 2 to 4.

    Shapes: `everything` reads all tiers and looks for stalls again, as a plan wants it; `retell` enters once more what was
    decided about them before.
    """
    pull_fast(world, cycle)
    nurture_is_due = everything or is_due(world, cycle)
    slow = due_slow_tiers(world, cycle, everything=nurture_is_due)
    if slow and not everything and not may_spend(world, cycle, Kind.NURTURE, len(slow)):
        slow, nurture_is_due = [], False
    pull(world, cycle, slow)
    keep_terms(world, cycle, is_last=False)
    decide_plain(world, cycle)
    cycle.forget_people()
    settle_unowned(world, cycle)
    decide_fenced(world, cycle)
    keep_terms(world, cycle, is_last=True)
    follow_up(world, cycle)
    move_watermarks(world, cycle, [FAST_TIER, *slow])
    if slow:
        settle_lost_opt_outs(world, cycle)
        settle_cleared(world, cycle)
    if slow and not everything:
        if not _was_behind(world):
            count_owners(world, cycle)
        read_formulas_again(world, cycle)
        _count(world, cycle)
    if everything:
        work_off(world, cycle, None)
    if is_waited_for(world.store):
        cycle.count(WAITED)
        return
    take_exports(world, cycle)
    if nurture_is_due:
        recycle(world, cycle, retell=retell)


def _was_behind(world: World) -> bool:
    """Tell whether the cycle before this one left a backlog: what reads the whole mirror waits until that is worked off."""
    return any(record.counts.get(BACKLOG) for record in world.store.cycles(1))


def _count(world: World, cycle: Cycle) -> None:
    """Prove once a night, right after everything was read, that the mirror is the org, and put right what is not."""
    objects = census_due(world, cycle)
    if not objects or not may_spend(world, cycle, Kind.CENSUS, CENSUS_CALLS):
        return
    if any(drift.number for drift in take_census(world, cycle, objects)):
        decide_plain(world, cycle)
        decide_fenced(world, cycle)


def take_exports(world: World, cycle: Cycle) -> None:
    """Take up the export files that wait: staged whole, then decided batch by batch, then put away."""
    context = IntakeContext(cycle.identity.org_id, cycle.id, cycle.now, cycle.schema, world.store, world.points)
    for name, number in take_in(world.exports, world.policies.sources, context).items():
        cycle.count(f"export {name}", number)


def finish(world: World, cycle: Cycle, *, error: str | None = None, is_refused: bool = False) -> CycleRecord:
    """Record the cycle with its counts and its API calls. `is_refused`: the org itself said that all its calls are used."""
    ended_at: datetime = world.org.now()
    cycle.count("API calls", world.org.usage().ours - cycle.calls_before)
    record = CycleRecord(cycle.id, cycle.now, ended_at, dict(cycle.counts), error)
    with world.store.begin() as tx:
        _beat(tx, world)
        tx.put_setting(OWN_USER, cycle.identity.user_id)
        keep_writes(tx, world, cycle)
        keep_owners(tx, world, cycle)
        close_purse(tx, world, cycle.purse, ended_at, is_refused=is_refused)
        tx.put_cycle(record)
    return record
