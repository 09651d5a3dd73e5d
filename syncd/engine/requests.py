"""What do commands ask the writer of an org to do, and how is each carried out once?

A request that the writer died over is taken up again; what it did before is found in the store, not repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from syncd import errors
from syncd.core.plan import plan_from_json
from syncd.engine.census import RESULT, order_census
from syncd.engine.consenting import CONSENT, store_consent
from syncd.engine.cycle import run_cycle
from syncd.engine.loading import BACKLOG
from syncd.engine.planning import apply, is_applied, take_up_again
from syncd.engine.resolving import resolve, retry
from syncd.engine.taking_again import AGAIN, take_again
from syncd.engine.windows import APPROVE, CLOSE, OPEN, approve_window, close_window, open_window
from syncd.engine.world import World
from syncd.errors import BudgetSpent, PlanUnreadable, StoreUnusable, SyncdError
from syncd.ports import CycleRecord, OrgWriter, Request

TRIES_MAX = 3
ASKED_FOR = timedelta(hours=1)
CYCLE, APPLY, RESOLVE, RETRY, CENSUS = "cycle", "apply", "resolve", "retry", "census"

Answer = Mapping[str, Any]
Verb = Callable[[World, OrgWriter, Request], Answer]
Tell = Callable[[Request, Answer], None]


def take_up(world: World, org: OrgWriter, tell: Tell = lambda request, answer: None) -> int:
    """Carry out what waits, oldest first, and return how much it was. `tell` hears of each when it is done.

    Errors: Stopped when the daemon was asked to end; StoreUnusable; a broken promise of our own. All of them leave the
    request to the next start. What the org or the request itself is to blame for ends in its result.
    """
    waiting = world.store.waiting_requests()
    for request in waiting:
        world.pause_point()
        tell(request, _carried_out(world, org, request))
    return len(waiting)


def _carried_out(world: World, org: OrgWriter, request: Request) -> Answer:
    refusal = _refusal(request, _now(world))
    if refusal is not None:
        return close(world, request, {"error": error_to_json(refusal)})
    with world.store.begin() as tx:
        tx.take_request(request, _now(world))
    try:
        answer = VERBS[request.verb](world, org, request)
    except StoreUnusable:
        raise
    except SyncdError as problem:
        answer = {"error": error_to_json(problem)}
    return close(world, request, answer)


def _refusal(request: Request, now: datetime) -> SyncdError | None:
    """Say why a request is not even begun, or return None."""
    is_late = now - request.asked_at > ASKED_FOR
    if request.verb not in VERBS:
        return SyncdError(f"This syncd does not know the request {request.verb!r}.", hint="Run one version everywhere.")
    if request.tries >= TRIES_MAX or (request.tries and is_late):
        text = f"syncd ended {request.tries} times while it carried this request out; it is not tried again."
        return SyncdError(text, hint="See the daemon's log for the cause. What was sent already is settled by the next cycle.")
    if is_late:
        return SyncdError("Nobody took this request up for an hour; it was not carried out.", hint="Ask again.")
    return None


def close(world: World, request: Request, answer: Answer) -> Answer:
    """Store what became of a request, and return it."""
    kept = {name: value for name, value in request.payload.items() if name != "plan"}
    with world.store.begin() as tx:
        tx.finish_request(request.number, kept, dict(answer), _now(world))
    return answer


def _now(world: World) -> datetime:
    return world.clock.now() if world.clock is not None else datetime.now(UTC)


def _run_one_cycle(world: World, org: OrgWriter, _request: Request) -> Answer:
    """Run a cycle, and more of them until the backlog is worked off."""
    record = run_cycle(world, org)
    while record.counts.get(BACKLOG):
        world.pause_point()
        record = run_cycle(world, org)
    return {"cycle": record_to_json(record)}


def _apply_plan(world: World, org: OrgWriter, request: Request) -> Answer:
    try:
        plan = plan_from_json(str(request.payload.get("plan")))
    except ValueError as problem:
        raise PlanUnreadable(f"The plan cannot be applied: {problem}.") from problem
    is_resumed = request.tries > 0 and is_applied(world, plan)
    record = take_up_again(world, org) if is_resumed else apply(world, org, plan, request.asked_by)
    return {
        "plan": plan.hash,
        "writes": len(plan.intents),
        "cycle": record_to_json(record),
        "open_intents": world.store.count_open(),
        "is_resumed": is_resumed,
    }


def _numbers(request: Request) -> Sequence[int]:
    return [int(number) for number in request.payload.get("numbers", ())]


def _resolve_items(world: World, org: OrgWriter, request: Request) -> Answer:
    return resolve(world, org, _numbers(request), request)


def _retry_items(world: World, org: OrgWriter, request: Request) -> Answer:
    return retry(world, org, _numbers(request), request)


def _take_census(world: World, org: OrgWriter, request: Request) -> Answer:
    before = world.store.setting(RESULT)
    order_census(world, [str(name) for name in request.payload.get("accept", ())])
    record = run_cycle(world, org)
    found = world.store.setting(RESULT)
    if not isinstance(found, dict) or found == before:
        raise BudgetSpent("The census waits: syncd's share of the API requests is kept for what is more urgent.")
    return {**found, "cycle": record_to_json(record)}


VERBS: dict[str, Verb] = {
    CYCLE: _run_one_cycle,
    APPLY: _apply_plan,
    RESOLVE: _resolve_items,
    RETRY: _retry_items,
    CENSUS: _take_census,
    OPEN: open_window,
    APPROVE: approve_window,
    CLOSE: close_window,
    CONSENT: store_consent,
    AGAIN: take_again,
}


def record_to_json(record: CycleRecord) -> dict[str, Any]:
    """Return a cycle as JSON values."""
    body = asdict(record)
    return body | {"started_at": record.started_at.isoformat(), "ended_at": record.ended_at.isoformat()}


def record_from_json(body: Mapping[str, Any]) -> CycleRecord:
    """Read a cycle back."""
    times = {name: datetime.fromisoformat(body[name]) for name in ("started_at", "ended_at")}
    return CycleRecord(**{**body, **times})


def error_to_json(problem: SyncdError) -> dict[str, str]:
    """Return an error as JSON values that another process can raise again."""
    return {"kind": type(problem).__name__, "text": str(problem), "hint": problem.hint}


def error_from_json(body: Mapping[str, str]) -> SyncdError:
    """Read an error back: of the same kind, where this syncd has it."""
    kind = getattr(errors, body["kind"], None)
    known = kind if isinstance(kind, type) and issubclass(kind, SyncdError) else SyncdError
    return known(body["text"], hint=body["hint"])
