"""What follows when a person says which of several people, or which of several lines, an export means?

The rows that asked are carried out at once. A choice between people is remembered for later rows of that source with the same
keys; a choice between lines is about one file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from syncd.core.cells import long_id
from syncd.core.mapping import SourceMapping
from syncd.core.unreadable import Unreadable
from syncd.core.values import Entry, InboxItem, Scalar
from syncd.engine.cycle import begin
from syncd.engine.intake import decide_again
from syncd.engine.intake_choices import CHOICE, KEPT
from syncd.engine.intake_context import IntakeContext
from syncd.engine.intake_people import CHOSEN, standing_people
from syncd.engine.world import World
from syncd.errors import SyncdError
from syncd.ports import ExportFile, ExportRow, InboxCard, LedgerQuery, Request

ASKED = "asked"
LATEST = 1000
"""How far back the ledger is looked at for what a writer that died did of a request."""


def is_choice(request: Request) -> bool:
    """Tell whether a request to resolve brings a choice, or asks to forget one."""
    return any(request.payload.get(name) is not None for name in ("person", "line", "forget"))


def choose(world: World, numbers: Sequence[int], request: Request) -> Mapping[str, Any]:
    """Answer one question of an export, or forget such an answer.

    Shapes: "applied" tells whether the rows that asked were carried out at once; their values leave with the next cycle.
    Errors: SyncdError when the item asks nothing of that kind, or the answer is none of those that it offers; nothing is changed.
    """
    card = _card(world, numbers, request)
    answered = _answered(world, request)
    if request.payload.get("forget"):
        return _forget(world, card, request, answered)
    text = world.store.verdicts(KEPT, [card.item.subject]).get(card.item.subject, "")
    kept: dict[str, Any] = json.loads(text) if text else {}
    person_id, line = request.payload.get("person"), request.payload.get("line")
    if answered is not None:
        is_done = not kept or _carried_out(world, card, kept, line)
        return {"resolved": [card.number], "person": answered.record_id, "line": line, "applied": is_done}
    if person_id is not None:
        person_id = _candidate(world, card, kept, str(person_id))
    else:
        _refuse_strange_line(card, kept, line)
    at = world.org.now()
    source = card.item.subject.partition(" ")[0]
    with world.store.begin() as tx:
        tx.resolve_inbox(CHOICE, [card.item.subject], at)
        if person_id is not None:
            tx.put_verdicts(f"{CHOSEN}:{source}", {_key(card): person_id})
            words = f"rows of {source} with the keys of {card.item.where} are this person"
        else:
            words = f"of the lines that tie, line {line} counts"
        tx.append([_entry(card, at, request, words, person_id)])
    return {"resolved": [card.number], "person": person_id, "line": line, "applied": _carried_out(world, card, kept, line)}


def _answered(world: World, request: Request) -> Entry | None:
    """Return what a writer that died noted of this very request; its rows may be left to carry out, where they are still kept."""
    if not request.tries:
        return None
    rows = world.store.ledger(LedgerQuery(kind=ASKED, limit=LATEST, newest_first=True))
    return next((row.entry for row in rows if row.entry.cycle == _cycle(request)), None)


def _card(world: World, numbers: Sequence[int], request: Request) -> InboxCard:
    """Return the item that is answered. One that a writer closed before it died is answered once more."""
    if len(set(numbers)) != 1:
        raise SyncdError("One choice answers one item. Nothing was changed.", hint="Name one number.")
    may_be_closed = bool(request.tries) or bool(request.payload.get("forget"))
    cards = {card.number: card for card in world.store.inbox_cards(open_only=not may_be_closed)}
    card = cards.get(numbers[0])
    if card is None:
        raise SyncdError(f"No open inbox item has the number {numbers[0]}. Nothing was changed.", hint="See: syncd inbox list")
    if card.item.kind != CHOICE:
        raise SyncdError(
            f"Inbox item {card.number} ({card.item.kind}) asks for no choice. Nothing was changed.",
            hint=f"See: syncd inbox show {card.number}",
        )
    return card


def _key(card: InboxCard) -> str:
    return card.item.subject.partition(" ")[2]


def _candidate(world: World, card: InboxCard, kept: Mapping[str, Any], given: str) -> str:
    """Return the id of the chosen person as it is remembered."""
    see = f"See: syncd inbox show {card.number}"
    if kept and kept["asks"] != "person":
        raise SyncdError(f"Inbox item {card.number} asks for a line, not for a person. Nothing was changed.", hint=see)
    try:
        id = long_id(given)
    except Unreadable as problem:
        raise SyncdError(f"{problem.text} Nothing was changed.", hint=see) from problem
    offered = kept.get("candidates", [id])
    if id not in offered:
        shown = ", ".join(offered)
        raise SyncdError(f"{id} is none of the people whom the row fits: {shown}. Nothing was changed.", hint=see)
    if id not in standing_people(world.store, [id]):
        raise SyncdError(f"{id} is gone from the org. Nothing was changed.", hint="Choose another, or wait for the next export.")
    return id


def _refuse_strange_line(card: InboxCard, kept: Mapping[str, Any], line: object) -> None:
    see = f"See: syncd inbox show {card.number}"
    if not kept or kept["asks"] != "line":
        raise SyncdError(f"Inbox item {card.number} asks for a person, not for a line. Nothing was changed.", hint=see)
    lines = [number for number, _ in kept["rows"]]
    if line not in lines:
        shown = ", ".join(map(str, lines))
        raise SyncdError(f"Line {line} is none of those that tie: {shown}. Nothing was changed.", hint=see)


def _carried_out(world: World, card: InboxCard, kept: Mapping[str, Any], line: int | None) -> bool:
    """Decide on the rows that asked, as far as the mapping still reads them as it did and nothing of theirs is under way."""
    mapping = _mapping(world, kept)
    if mapping is None:
        return False
    cycle = begin(world)
    file = ExportFile(**kept["file"])
    rows = [ExportRow(number, payload["key"], payload["newest"] or "", payload) for number, payload in kept["rows"]]
    rows = [row for row in rows if line is None or row.line == line]
    context = IntakeContext(
        cycle.identity.org_id, cycle.id, cycle.now, cycle.schema, world.store, world.points, asked_at=card.last_at
    )
    is_done = decide_again(file, mapping, rows, context)
    if is_done:
        with world.store.begin() as tx:
            tx.put_verdicts(KEPT, {card.item.subject: ""})
    return is_done


def _mapping(world: World, kept: Mapping[str, Any]) -> SourceMapping | None:
    if not kept:
        return None
    found = (source for source in world.policies.sources if source.name == kept["file"]["source"])
    return next((source for source in found if source.sha256 == kept["mapping"]), None)


def _forget(world: World, card: InboxCard, request: Request, answered: Entry | None) -> Mapping[str, Any]:
    if answered is not None:
        return {"resolved": [], "forgotten": [card.number], "person": answered.record_id}
    source = card.item.subject.partition(" ")[0]
    scope = f"{CHOSEN}:{source}"
    known = world.store.verdicts(scope, [_key(card)]).get(_key(card))
    if not known:
        raise SyncdError(f"No choice is remembered for inbox item {card.number}. Nothing was changed.")
    at = world.org.now()
    with world.store.begin() as tx:
        tx.put_verdicts(scope, {_key(card): ""})
        words = f"rows of {source} with the keys of {card.item.where} are asked about again"
        tx.append([_entry(card, at, request, words, known)])
    return {"resolved": [], "forgotten": [card.number], "person": known}


def _entry(card: InboxCard, at: datetime, request: Request, words: str, person_id: str | None) -> Entry:
    reason = request.payload.get("reason")
    item: InboxItem = card.item
    text = f"inbox item {card.number} ({item.kind}, {item.where}): {words}, says {request.asked_by}"
    text += f": {reason}" if reason else ""
    object = {"00Q": "Lead", "003": "Contact"}.get(person_id[:3]) if person_id else None
    evidence: dict[str, Scalar] = {"verb": request.verb, "item": card.number, "by": request.asked_by}
    return Entry(
        kind=ASKED,
        at=at,
        cycle=_cycle(request),
        object=object,
        record_id=person_id,
        reason=text,
        evidence=evidence,
    )


def _cycle(request: Request) -> str:
    return f"request-{request.number}"
