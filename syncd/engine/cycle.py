"""What happens in one cycle, in which order, and what does a crash between two steps leave?"""

from __future__ import annotations

import secrets
from datetime import datetime

from syncd.core.actors import Directory
from syncd.engine.acting import act, hold_for_asking
from syncd.engine.intake import take_in
from syncd.engine.intake_rows import IntakeContext
from syncd.engine.judging import decide_fenced, decide_plain, read_directory
from syncd.engine.needs import FAST_TIER, needs_under
from syncd.engine.pulling import due_slow_tiers, move_watermarks, pull, pull_fast
from syncd.engine.recycling import is_due, recycle
from syncd.engine.schema import forget_schema, known_schema, tell_hidden
from syncd.engine.world import Cycle, World
from syncd.errors import BudgetSpent, FieldHidden, SyncdError
from syncd.ports import CycleRecord, OrgWriter

CALLS = "api calls"
HEARTBEAT = "last cycle by the host's clock"


def run_cycle(world: World, org: OrgWriter) -> CycleRecord:
    """Run one cycle. Killed between any two lines, the next cycle carries on.

    1. Settle what an earlier cycle sent without hearing the answer, and send what it did not.
    2. Pull what changed into staging.        One short transaction a page, with the read mark.
    3. Decide.                                Each batch one transaction: mirror rows, ledger rows, intents.
    4. Move the watermark.                    Everything up to it is decided.
    5. Act on the intents.                    Each is in the ledger before its request leaves.

    Errors: SyncdError after the cycle was recorded with its reason.
    """
    cycle = begin(world)
    try:
        _keep_to_share(world, cycle)
        act(world, org, cycle, limits=world.limits)
        decide(world, cycle)
        hold_for_asking(world, cycle)
        act(world, org, cycle, limits=world.limits)
    except SyncdError as problem:
        if isinstance(problem, FieldHidden):
            forget_schema(world)
        finish(world, cycle, error=str(problem))
        raise
    return finish(world, cycle)


def begin(world: World) -> Cycle:
    """Open a cycle: who we are, what the org lets us see, and the org's time of its latest answer."""
    calls_before = world.org.usage().ours
    identity = world.org.identity()
    schema = known_schema(world)
    needs = needs_under(world.policies, schema)
    world.store.index({name: need.indexed for name, need in needs.items()})
    now = world.org.now()
    id = f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
    cycle = Cycle(id, now, identity, schema, needs, Directory({}, {}, identity.user_id), calls_before)
    tell_hidden(world, cycle)
    return cycle


def decide(world: World, cycle: Cycle, *, everything: bool = False, retell: bool = False) -> None:
    """Pull and decide: steps 2 to 4.

    Shapes: `everything` reads all tiers and looks for stalls again, as a plan wants it; `retell` enters once more what was
    decided about them before.
    """
    pull_fast(world, cycle)
    nurture_is_due = everything or is_due(world, cycle)
    slow = due_slow_tiers(world, cycle.now, everything=nurture_is_due)
    pull(world, cycle, slow)
    decide_plain(world, cycle)
    cycle.people = read_directory(world.store, cycle.identity.user_id)
    decide_fenced(world, cycle)
    move_watermarks(world, cycle, [FAST_TIER, *slow])
    take_exports(world, cycle)
    if nurture_is_due:
        recycle(world, cycle, retell=retell)


def take_exports(world: World, cycle: Cycle) -> None:
    """Take up the export files that wait: staged whole, then decided batch by batch, then put away."""
    context = IntakeContext(cycle.identity.org_id, cycle.id, cycle.now, cycle.schema, world.store)
    for name, number in take_in(world.exports, world.policies.sources, context).items():
        cycle.count(f"export {name}", number)


def _keep_to_share(world: World, cycle: Cycle) -> None:
    """Raise BudgetSpent when syncd has used its share of the org's daily API requests.

    Source: promise 7; complaint 7: a sync that ate the org's daily calls.
    """
    share = world.pace.api_share_percent
    # A process that has just begun has no answer yet that tells the org's figure: it goes by the one of the last cycle.
    allowed = world.org.usage().allowed or _calls_known(world, cycle).get("allowed", 0)
    used = _calls_known(world, cycle).get("calls", 0)
    if share is not None and allowed and used >= allowed * share / 100:
        raise BudgetSpent(f"syncd has used {used} of its {share:g} % share of {allowed} daily API requests.")


def _calls_known(world: World, cycle: Cycle) -> dict[str, int]:
    """Return today's own calls and the org's daily allowance, as the cycles before this one left them."""
    known = world.store.setting(CALLS)
    if not isinstance(known, dict) or known.get("day") != cycle.now.date().isoformat():
        return {}
    return {name: int(known.get(name) or 0) for name in ("calls", "allowed")}


def finish(world: World, cycle: Cycle, *, error: str | None = None) -> CycleRecord:
    """Record the cycle with its counts and its API calls."""
    ended_at: datetime = world.org.now()
    calls = world.org.usage().ours - cycle.calls_before
    cycle.count("API calls", calls)
    record = CycleRecord(cycle.id, cycle.now, ended_at, dict(cycle.counts), error)
    with world.store.begin() as tx:
        if world.clock is not None:
            tx.put_setting(HEARTBEAT, world.clock.now().isoformat())
        calls += _calls_known(world, cycle).get("calls", 0)
        allowed = world.org.usage().allowed or _calls_known(world, cycle).get("allowed", 0)
        tx.put_setting(CALLS, {"day": cycle.now.date().isoformat(), "calls": calls, "allowed": allowed})
        tx.put_cycle(record)
    return record
