"""What happens when a person resolves an inbox item, or asks for another try?

To resolve is to say "I have looked at this": the item closes, what waited for its sake is forgotten, and when the cause is
still there it comes back. To retry is to let syncd try again at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from syncd.core.asking import REVERT
from syncd.core.bulk_events import MASS_EDIT
from syncd.core.canary import CANARY
from syncd.core.clearing import KIND as CLEARED
from syncd.core.regret import REGRET
from syncd.core.values import Entry, InboxItem, Intent, Scalar, digest
from syncd.engine.bulk_events import confirm
from syncd.engine.canary import begin_anew
from syncd.engine.choosing import choose, is_choice
from syncd.engine.clearing import forget_cleared
from syncd.engine.closing import REFUSED
from syncd.engine.cycle import begin, run_cycle
from syncd.engine.holding import WAITING_PLAN
from syncd.engine.intake_creation import send_again
from syncd.engine.judging import bench_of, standing_fences
from syncd.engine.opening import open_intents
from syncd.engine.planning import still_wanted
from syncd.engine.plans import read_plan
from syncd.engine.reactions import answer as answer_question
from syncd.engine.reactions import refuse_unless_answered
from syncd.engine.regret import believe_again
from syncd.engine.reloading import WAITING as WAITING_POLICIES
from syncd.engine.reloading import approve
from syncd.engine.world import Cycle, World
from syncd.errors import PlanUnreadable, SyncdError
from syncd.ports import OrgWriter, Request, StoreWriter

ASKED = "asked"
OnResolve = Callable[[World, StoreWriter, InboxItem], None]
Numbered = tuple[int, InboxItem]


def resolve(world: World, org: OrgWriter, numbers: Sequence[int], request: Request) -> Mapping[str, Any]:
    """Close inbox items because a person has looked at them; the ledger tells who, and why.

    Shapes: a question is closed with the answer that the request brings. Values to be put back are written in a cycle at once;
    "put_back" lists the numbers of their questions, "moved" of those whose value was changed before it could be.
    Errors: SyncdError when a number is not an open item, or an answer is missing or out of place; then nothing is closed.
    """
    if is_choice(request):
        return choose(world, numbers, request)
    word = request.payload.get("answer")
    is_resumed = bool(request.tries)
    items = _open_items(world, numbers, may_be_closed=is_resumed and word is not None)
    refuse_unless_answered(items, word)
    reverted = _answer(world, items, str(word), request) if word is not None else _close(world, items, request)
    answer: dict[str, Any] = {"resolved": list(dict.fromkeys(numbers))}
    if word == REVERT:
        record = run_cycle(world, org)
        answer |= {"put_back": reverted, "reverts": record.counts.get("reverts", 0), "cycle": record.id}
    return answer


def _close(world: World, items: Sequence[Numbered], request: Request) -> list[int]:
    at = world.org.now()
    with world.store.begin() as tx:
        for number, item in items:
            tx.resolve_inbox(item.kind, [item.subject], at)
            ON_RESOLVE.get(item.kind, _nothing_more)(world, tx, item)
            tx.append([_entry(number, item, at, request)])
    return []


def _answer(world: World, items: Sequence[Numbered], word: str, request: Request) -> list[int]:
    """Carry out the answer to some questions, and return the numbers of those after which something is put back."""
    cycle = begin(world)
    bench, _ = bench_of(world, cycle, standing_fences(world, cycle))
    reason = request.payload.get("reason")
    by = f"{request.asked_by}: {reason}" if reason else request.asked_by
    reverted = []
    with world.store.begin() as tx:
        for number, item in items:
            tx.resolve_inbox(item.kind, [item.subject], cycle.now)
            if answer_question(world, tx, cycle, bench, item, word, by):
                reverted.append(number)
            tx.append([_entry(number, item, cycle.now, request)])
    return reverted


def retry(world: World, org: OrgWriter, numbers: Sequence[int], request: Request) -> Mapping[str, Any]:
    """Send refused writes once more, and look at everything again in a cycle.

    Shapes: "closed" lists the numbers that this cleared, "still_open" the others with the item's words and remedy.
    Errors: SyncdError when a number is not an open item, or waits for a plan to be applied; then nothing is tried.
    """
    items = _open_items(world, numbers)
    plans = [item for _, item in items if item.kind == WAITING_PLAN]
    if plans:
        raise SyncdError(f"{plans[0].where} is a plan: it is carried out as a whole, or not.", hint=plans[0].remedy)
    if request.tries == 0 or not world.store.count_open():
        _open_again(world, items, request)
    record = run_cycle(world, org)
    left = {(item.kind, item.subject): (number, item) for number, item, _ in world.store.inbox()}
    still = [left[item.kind, item.subject] for _, item in items if (item.kind, item.subject) in left]
    return {
        "closed": [number for number, item in items if (item.kind, item.subject) not in left],
        "still_open": [{"number": number, "where": i.where, "text": i.text, "remedy": i.remedy} for number, i in still],
        "cycle": record.id,
    }


def _open_again(world: World, items: Sequence[Numbered], request: Request) -> None:
    """Put the refused writes of these items into the outbox once more, under keys of their own."""
    cycle = begin(world)
    refused = {item.subject: (number, item) for number, item in items if item.kind == REFUSED}
    mine = [intent for intent in world.store.deferred() if subject_of(intent) in refused]
    wanted = still_wanted(world, mine, [])
    with world.store.begin() as tx:
        for number, item in items:
            [seq] = tx.append([_entry(number, item, cycle.now, request)])
            again = [replace(i, key=_key(request, i)) for i in wanted if subject_of(i) == item.subject]
            _open(tx, again, seq, cycle)


def _open(tx: StoreWriter, intents: Sequence[Intent], seq: int, cycle: Cycle) -> None:
    open_intents(tx, [(intent, seq) for intent in intents], cycle.now, cycle.id)


def _key(request: Request, intent: Intent) -> str:
    return digest("retry", request.number, request.asked_at.isoformat(), intent.key)


def subject_of(intent: Intent) -> str:
    """Return the subject under which a refused write stands in the inbox."""
    return f"{intent.record_id}:{intent.field}"


def _open_items(world: World, numbers: Sequence[int], *, may_be_closed: bool = False) -> list[Numbered]:
    """Return open items by their numbers. Shapes: `may_be_closed` leaves out those that a writer closed before it died."""
    known = {number: item for number, item, _ in world.store.inbox()}
    missing = [number for number in numbers if number not in known]
    if may_be_closed:
        numbers = [number for number in numbers if number in known]
    elif missing:
        named = ", ".join(map(str, missing))
        raise SyncdError(f"No open inbox item has the number {named}. Nothing was changed.", hint="See: syncd inbox list")
    return [(number, known[number]) for number in dict.fromkeys(numbers)]


def _entry(number: int, item: InboxItem, at: datetime, request: Request) -> Entry:
    reason = request.payload.get("reason")
    words = f"inbox item {number} ({item.kind}, {item.where}): {request.verb} by {request.asked_by}"
    evidence: dict[str, Scalar] = {"verb": request.verb, "item": number, "by": request.asked_by}
    words += f": {reason}" if reason else ""
    return Entry(kind=ASKED, at=at, cycle=f"request-{request.number}", reason=words, evidence=evidence)


def _nothing_more(_world: World, _tx: StoreWriter, _item: InboxItem) -> None:
    """Do nothing besides closing the item."""


def _forget_refused(world: World, tx: StoreWriter, item: InboxItem) -> None:
    tx.undefer([intent for intent in world.store.deferred() if subject_of(intent) == item.subject])
    send_again(tx, [item.subject])


def _decline_plan(_world: World, tx: StoreWriter, item: InboxItem) -> None:
    """Forget the writes of a plan that a person declined. A plan file that is gone has none to name."""
    try:
        intents = read_plan(Path(item.where)).intents
    except PlanUnreadable:
        return
    tx.undefer(intents)
    send_again(tx, [intent.record_id for intent in intents])


ON_RESOLVE: dict[str, OnResolve] = {
    REFUSED: _forget_refused,
    WAITING_PLAN: _decline_plan,
    MASS_EDIT: confirm,
    CANARY: begin_anew,
    REGRET: believe_again,
    CLEARED: forget_cleared,
    WAITING_POLICIES: approve,
}
