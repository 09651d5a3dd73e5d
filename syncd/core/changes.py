"""What changed on a record, in which order, who did it, and how do we know?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from syncd.core.actors import QUEUE_PREFIX, USER_PREFIX
from syncd.core.fence_fields import OWNER_FIELD
from syncd.core.values import Actor, ActorKind, Change, OrgRecord, Proof, Scalar

NOBODY = Actor(None, "", ActorKind.UNKNOWN, None, "no history row proves who saved this")
ASSIGNMENT_RULE = "assignment rule"
ASSIGNED = "ownerAssignment"
FIELD_OF_HISTORY = {"Owner": OWNER_FIELD, ASSIGNED: OWNER_FIELD, "ownerAccepted": OWNER_FIELD}
HINT: Mapping[str, Scalar] = {"hint": "LastModifiedById names whoever saved the record last, for whatever field"}
ID_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
CONVERSION = "leadConverted"


def _is_owner_id(value: Scalar) -> bool:
    return isinstance(value, str) and len(value) in (15, 18) and value.startswith((USER_PREFIX, QUEUE_PREFIX))


def _value(row: OrgRecord, name: str, field: str) -> Scalar:
    """Return a value of a history row; ids get 18 characters, as everywhere in syncd.

    Source: each of the three last characters tells which of five characters are capitals, lowest bit first.
    """
    value = row.fields.get(name)
    if field != OWNER_FIELD or not isinstance(value, str) or len(value) != 15:
        return value
    capitals = (sum(1 << bit for bit, char in enumerate(value[at : at + 5]) if "A" <= char <= "Z") for at in (0, 5, 10))
    return value + "".join(ID_SUFFIX[bits] for bits in capitals)


def is_conversion(history: Sequence[OrgRecord]) -> bool:
    """Tell whether these history rows hold a lead conversion."""
    return any(row.text("Field") == CONVERSION for row in history)


def field_moved(row: OrgRecord) -> str:
    """Name the field that a history row is about as the record does: history says Owner where the record says OwnerId."""
    name = row.text("Field") or ""
    return FIELD_OF_HISTORY.get(name, name)


def in_order(history: Sequence[OrgRecord]) -> list[OrgRecord]:
    """Return history rows in the order in which they happened: (CreatedDate, Id)."""
    return sorted(history, key=lambda row: (row.modified_at, row.id))


def automation(actor: Actor, why: str, team: str | None = None) -> Actor:
    """Return the org's automation, which acted in an actor's name."""
    return Actor(actor.user_id, team or "automation", ActorKind.AUTOMATION, team, why)


def changes_of(
    object: str,
    record_id: str,
    fields: Iterable[str],
    *,
    known: OrgRecord | None,
    staged: OrgRecord | None,
    history: Sequence[OrgRecord],
    actor: Callable[[str | None, datetime], Actor],
) -> list[Change]:
    """List the changes of one record since it was last read, in order.

    Each history row is a change that is proved, whatever its field. A difference between the mirror and the row just read that
    no history row explains is a change too, of nobody: LastModifiedById belongs to the last save of any field and proves
    nothing.

    Shapes: `fields` are those whose differences count; `history` are rows that were not seen before; `known` None means first
    sight, where a difference is a baseline; `actor` resolves a user as of a moment.
    Source: Object Reference, LeadHistory; real orgs, assumption 3.
    """
    changes: list[Change] = []
    last: dict[str, Change] = {}
    for row in in_order(history):
        change = _proved(object, record_id, row, actor)
        if change is not None:
            changes.append(change)
            last[change.field] = change
    if known is None or staged is None or staged.is_deleted:
        return changes
    unproved = [found for field in fields if (found := _unproved(field, known, staged, last.get(field))) is not None]
    return sorted([*changes, *unproved], key=lambda change: change.changed_at) if unproved else changes


def _unproved(field: str, known: OrgRecord, staged: OrgRecord, last: Change | None) -> Change | None:
    """Return the change of nobody that explains what a field holds, or None when history explains it."""
    if field not in staged.fields or (last is not None and staged.modified_at <= last.changed_at):
        return None
    if last is None and field not in known.fields:  # it was not read before: what it holds now is first seen, not changed
        return None
    before, after = (last.after if last is not None else known.fields.get(field)), staged.fields[field]
    if after == before:
        return None
    return Change(known.object, known.id, field, before, after, staged.modified_at, NOBODY, Proof.LAST_MODIFIED, HINT)


def _proved(object: str, record_id: str, row: OrgRecord, actor: Callable[[str | None, datetime], Actor]) -> Change | None:
    """Make the change of a history row. It proves which login made it, and whom that stands for unless several use it.

    Shapes: None for a row that names an event, or an owner by name: Salesforce writes an owner move as two rows, one with names
    and one with ids, and only the ids say who. That a row of an owner may be named after the assignment rule or the acceptance
    from a queue is known from practice, no page says so.
    """
    name, field = row.text("Field") or "", field_moved(row)
    before, after = _value(row, "OldValue", field), _value(row, "NewValue", field)
    if field == OWNER_FIELD and not (_is_owner_id(after) and _is_owner_id(before)):
        return None
    if before is None and after is None:
        return None
    evidence = {"history_id": row.id, "history_object": row.object}
    who = actor(row.text("CreatedById"), row.modified_at)
    proof = Proof.SHARED_LOGIN if who.kind is ActorKind.SHARED else Proof.HISTORY
    if name == ASSIGNED:
        who, proof = automation(who, "the org's assignment rule moved the owner", ASSIGNMENT_RULE), Proof.AUTOMATION
    return Change(object, record_id, field, before, after, row.modified_at, who, proof, evidence)
