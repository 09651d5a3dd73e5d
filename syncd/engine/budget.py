"""How many API calls has syncd spent, what may it spend now, and when does it go on by itself?

The count outlives the process: before calls are made, a block of them is claimed in the store, and what a killed cycle had
claimed counts as spent. A cycle that ends puts its true number in place of the claim.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from syncd.core.guard import DAY, HOUR, Budget, Kind, Pause, Spending, hour_of, pause_for
from syncd.engine.world import Cycle, Pace, World
from syncd.errors import BudgetSpent
from syncd.ports import StoreReader, StoreWriter

CALLS = "api calls"
BLOCK = 25


@dataclass(slots=True)
class Purse:
    """What one cycle knows of the calls: what was spent before it, what it claimed in the store, how many it has allowed in all
    (some of them may not have left yet), and which kinds of calls it left."""

    before: Spending
    calls_before: int
    claimed: int = 0
    promised: int = 0
    paused: dict[Kind, Pause] = field(default_factory=dict)
    granted: set[Kind] = field(default_factory=set)
    known: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Calls of one kind that wait: why, since when, and until when at least."""

    kind: str
    reason: str
    since_at: datetime
    resume_at: datetime


def open_purse(world: World) -> Purse:
    """Begin to spend: count what a killed cycle had claimed, and claim the first calls of this one.

    Errors: BudgetSpent, before any call is made, while there is no room for the most urgent ones.
    """
    known = _known(world.store)
    before = _spending(known)
    settled = {**known, "hours": {hour.isoformat(): calls for hour, calls in before.own.items()}, "claimed": None}
    purse = Purse(before, world.org.usage().ours, known=settled)
    world.org.identity()
    if Kind.FENCES in purse_waits(known):
        world.org.look_at_clock()  # nothing else is asked during a pause, so the org's clock would stand still
    now = world.org.now()
    pause = pause_now(world, purse, Kind.FENCES, 1, now)
    if pause is not None:
        with world.store.begin() as tx:
            tx.put_setting(CALLS, {**settled, "waits": _noted(purse, now)})
        raise spent(pause)
    return purse


def may_spend(world: World, cycle: Cycle, kind: Kind, calls: int = 1) -> bool:
    """Tell whether so many calls of a kind may be made now; where not, that work waits and `syncd status` says until when.

    Asked before each piece of work, never inside a write transaction: it may claim calls in the store.
    """
    return cycle.purse is None or pause_now(world, cycle.purse, kind, calls, world.org.now()) is None


def require(world: World, purse: Purse | None, kind: Kind, now: datetime, calls: int = 1) -> None:
    """Raise BudgetSpent, saying when syncd goes on by itself, unless so many calls of a kind may be made now."""
    pause = None if purse is None else pause_now(world, purse, kind, calls, now)
    if pause is not None:
        raise spent(pause)


def pause_now(world: World, purse: Purse, kind: Kind, calls: int, now: datetime) -> Pause | None:
    """Say why so many calls may not be made, and note it; or claim them and return None."""
    ours = world.org.usage().ours - purse.calls_before
    under_way = max(0, purse.promised - ours)
    pause = pause_for(kind, under_way + calls, _spending_now(world, purse, now), budget_of(world.pace), now)
    if pause is not None:
        purse.paused[kind] = pause
        purse.granted.discard(kind)
        return pause
    purse.granted.add(kind)
    purse.paused.pop(kind, None)
    purse.promised = ours + under_way + calls
    if purse.promised > purse.claimed:
        purse.claimed = purse.promised + BLOCK
        with world.store.begin() as tx:
            tx.put_setting(CALLS, {**purse.known, "claimed": {"hour": hour_of(now).isoformat(), "calls": purse.claimed}})
    return None


def spent(pause: Pause) -> BudgetSpent:
    """Return the error that says why and until when nothing is asked."""
    return BudgetSpent(f"{pause.reason}. It goes on at {pause.resume_at:%Y-%m-%d %H:%M} UTC.", resume_at=pause.resume_at)


def refused_by_org(world: World, problem: BudgetSpent) -> BudgetSpent:
    """Add to the org's own refusal when syncd asks again: when its count has moved on by an hour."""
    if problem.resume_at is not None:
        return problem
    resume_at = hour_of(world.org.now()) + HOUR
    return BudgetSpent(f"{problem} It goes on at {resume_at:%Y-%m-%d %H:%M} UTC.", hint=problem.hint, resume_at=resume_at)


def close_purse(tx: StoreWriter, world: World, purse: Purse | None, now: datetime, *, is_refused: bool = False) -> None:
    """Put the cycle's true number of calls in place of its claim, and keep which kinds of calls wait.

    `is_refused`: the org itself said that all its calls are used.
    """
    if purse is None:
        return
    after = _spending_now(world, purse, now)
    own = {hour.isoformat(): number for hour, number in sorted(after.own.items()) if hour + HOUR > now - DAY}
    used = max(after.used, after.allowed) if is_refused else after.used
    if is_refused:
        purse.granted.discard(Kind.FENCES)
        purse.paused.setdefault(Kind.FENCES, Pause("the org's daily API requests are used up", hour_of(now) + HOUR))
    told = {
        "hours": own,
        "used": used,
        "allowed": after.allowed,
        "seen_at": None if after.seen_at is None else after.seen_at.isoformat(),
        "waits": _noted(purse, now),
    }
    tx.put_setting(CALLS, told)


def budget_of(pace: Pace) -> Budget:
    """Return the bounds of the config."""
    return Budget(pace.api_share_percent, pace.api_reserve_percent)


def read_spending(store: StoreReader) -> Spending:
    """Return what the store knows of the calls, those of a cycle in progress as far as it has claimed them."""
    return _spending(_known(store))


def read_waiting(store: StoreReader) -> list[Waiting]:
    """Return the kinds of calls that wait for room."""
    waits = purse_waits(_known(store))
    return [
        Waiting(kind.value, str(one["reason"]), datetime.fromisoformat(one["since_at"]), datetime.fromisoformat(one["resume_at"]))
        for kind, one in waits.items()
    ]


def purse_waits(known: Mapping[str, Any]) -> dict[Kind, Mapping[str, str]]:
    """Return what is noted of each kind that waits."""
    return {Kind(name): one for name, one in (known.get("waits") or {}).items()}


def _noted(purse: Purse, now: datetime) -> dict[str, Mapping[str, str]]:
    """Return what waits: what was refused in this cycle, and what was before, is not due yet and was not asked for again."""
    before = purse_waits(purse.known)
    noted: dict[str, Mapping[str, str]] = {
        kind.value: one
        for kind, one in before.items()
        if kind not in purse.granted and datetime.fromisoformat(one["resume_at"]) > now
    }
    for kind, pause in purse.paused.items():
        since = before[kind]["since_at"] if kind in before else now.isoformat()
        noted[kind.value] = {"reason": pause.reason, "since_at": since, "resume_at": pause.resume_at.isoformat()}
    return noted


def _spending_now(world: World, purse: Purse, now: datetime) -> Spending:
    """Add to what was known before the cycle what it has spent itself, and the org's figure of the latest answer."""
    usage = world.org.usage()
    own = dict(purse.before.own)
    ours = usage.ours - purse.calls_before
    if ours:
        own[hour_of(now)] = own.get(hour_of(now), 0) + ours
    if usage.allowed and ours:
        return Spending(own, usage.used, usage.allowed, now)
    return Spending(own, purse.before.used, purse.before.allowed or usage.allowed, purse.before.seen_at)


def _known(store: StoreReader) -> Mapping[str, Any]:
    known = store.setting(CALLS)
    return known if isinstance(known, dict) and "hours" in known else {}


def _spending(known: Mapping[str, Any]) -> Spending:
    own = {datetime.fromisoformat(hour): int(calls) for hour, calls in (known.get("hours") or {}).items()}
    claim = known.get("claimed")
    if claim:
        hour = datetime.fromisoformat(claim["hour"])
        own[hour] = own.get(hour, 0) + int(claim["calls"])
    seen_at = known.get("seen_at")
    return Spending(
        own,
        int(known.get("used") or 0),
        int(known.get("allowed") or 0),
        datetime.fromisoformat(seen_at) if seen_at else None,
    )
