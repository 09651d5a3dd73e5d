"""Did writing leads in collections set off the org's assignment rules, whatever the header said?

No guide says whether collections heed `Sforce-Auto-Assign`. So the first write in an org goes out with one lead alone, and
the owners are read back after every one; an owner that moved is put back, and leads are written one by one from then on.
Source: promise 19: owners change only because a rule in the mapping says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from syncd.core.routes import READ_AT_ONCE
from syncd.core.values import InboxItem, Intent, OrgRecord, Rule, digest
from syncd.engine.looking import Group
from syncd.engine.opening import open_intents
from syncd.engine.sending import Lane, batches_of, side_by_side
from syncd.engine.world import Cycle
from syncd.ports import OpenIntent, OrgWriter, StoreReader

OBJECT = "Lead"
FACT = "collections leave the owners of leads alone"
WATCHED = "owners to read back"
MOVED = "owner-moved"
PUT_BACK = "owner"
Owners = Mapping[str, str | None]


def are_safe(store: StoreReader) -> bool | None:
    """Tell what is known of this org: True, False, or None before the first write."""
    known = store.setting(FACT)
    return known if isinstance(known, bool) else None


def watch(lane: Lane, groups: Sequence[Group], mirrored: Mapping[str, OrgRecord]) -> None:
    """Remember who owns these leads, before they are written: what comes after may be cut off anywhere.

    Shapes: owners come from the mirrored rows; those that are not among them are read now.
    """
    known = {id: row.text("OwnerId") for id, row in mirrored.items() if "OwnerId" in row.fields}
    known |= now(lane, [group.intent.record_id for group in groups if group.intent.record_id not in known])
    wrote = groups[0].intent
    told = {
        "since": lane.org.now().isoformat(), "owners": known, "field": wrote.field, "rule": asdict(wrote.rule),
        "policy_hash": wrote.policy_hash, "cause": wrote.key,
    }  # fmt: skip
    with lane.world.store.begin() as tx:
        tx.put_setting(WATCHED, told)


def read_back(lane: Lane, seen: Owners | None = None, *, is_proof: bool = False) -> list[OpenIntent]:
    """Compare the owners of the leads written last with those before, and open intents that put back what our write moved.

    Shapes: `seen` are the owners as read after the last write, None: they are read here. `is_proof` says that a lead was written:
            when no owner moved, collections are safe in this org.
    """
    told: Any = lane.world.store.setting(WATCHED)
    if told is None:
        return []
    before: Owners = told["owners"]
    seen = now(lane, sorted(before)) if seen is None else seen
    moved, doubtful = _moved(lane, before, seen, datetime.fromisoformat(told["since"]))
    intents = [_return_of(told, id, owner, lane.cycle) for id, owner in moved.items()]
    with lane.world.store.begin() as tx:
        seqs = open_intents(tx, [(intent, None) for intent in intents], lane.cycle.now, lane.cycle.id)
        tx.put_inbox([_doubt(id) for id in doubtful], lane.cycle.now)
        tx.put_setting(WATCHED, None)
        if moved or doubtful:
            tx.put_setting(FACT, False)
        elif is_proof:
            tx.put_setting(FACT, True)
    lane.cycle.count("owners put back", len(intents))
    return [OpenIntent(seq, lane.cycle.id, intent) for seq, intent in zip(seqs, intents, strict=True)]


def now(lane: Lane, ids: Sequence[str]) -> dict[str, str | None]:
    """Read who owns these leads now."""
    pieces = list(batches_of(ids, READ_AT_ONCE))
    answers = side_by_side(lane, lambda piece: lane.org.read(OBJECT, piece, ["OwnerId"]).records, pieces)
    return {id: row.text("OwnerId") for rows in answers for id, row in rows.items()}


def _moved(lane: Lane, before: Owners, seen: Owners, since_at: datetime) -> tuple[dict[str, str], list[str]]:
    """Return the leads that our own write moved, with the owner that stands now, and those that it may have moved.

    Shapes: proof is the lead's history; where an owner differs and no history was ever kept, nobody can say.
    """
    other = {id: owner for id, owner in seen.items() if owner is not None and owner != before[id]}
    history = _history(lane.org, other)
    moved: dict[str, str] = {}
    for id, owner in other.items():
        fresh = [row for row in history.get(id, ()) if row.modified_at >= since_at.replace(microsecond=0)]
        if any(row.text("CreatedById") == lane.cycle.identity.user_id for row in fresh):
            moved[id] = owner
    return moved, [id for id in other if id not in history]


def _history(org: OrgWriter, ids: Iterable[str]) -> dict[str, list[OrgRecord]]:
    found: dict[str, list[OrgRecord]] = {}
    where = {"LeadId": sorted(ids), "Field": ["Owner"]}
    for row in org.find("LeadHistory", ("LeadId", "CreatedById"), where).records.values():
        found.setdefault(row.text("LeadId") or "", []).append(row)
    return found


def _return_of(told: Mapping[str, Any], id: str, moved_to: str, cycle: Cycle) -> Intent:
    reason = f"the org's assignment rule moved the owner when syncd wrote {told['field']}: put back"
    return Intent(
        digest(told["cause"], id, "OwnerId", cycle.id), OBJECT, id, "OwnerId", moved_to, told["owners"][id], PUT_BACK,
        Rule(**told["rule"]), reason, told["policy_hash"], told["cause"],
    )  # fmt: skip


def _doubt(id: str) -> InboxItem:
    text = (
        "The owner changed about when syncd wrote the lead, and no field history says by whom. Leads are written one by one now."
    )
    remedy = "Look at the owner in Salesforce, and turn on field history for Lead Owner."
    return InboxItem(MOVED, id, f"{OBJECT} {id}", text, remedy)
