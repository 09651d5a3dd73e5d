"""What changed on a record, in which order, who did it, and how do we know?"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from syncd.core.actors import QUEUE_PREFIX, USER_PREFIX
from syncd.core.values import Actor, ActorKind, Change, OrgRecord, Proof, Scalar

NOBODY = Actor(None, "", ActorKind.UNKNOWN, None, "no history row proves who saved this")
FIELD_OF_HISTORY = {"Owner": "OwnerId"}
ID_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
CONVERSION = "leadConverted"


def _is_owner_id(value: Scalar) -> bool:
    return isinstance(value, str) and len(value) in (15, 18) and value.startswith((USER_PREFIX, QUEUE_PREFIX))


def _value(row: OrgRecord, name: str, field: str) -> Scalar:
    """Return a value of a history row; ids get 18 characters, as everywhere in syncd.

    Source: each of the three last characters tells which of five characters are capitals, lowest bit first.
    """
    value = row.fields.get(name)
    if field != "OwnerId" or not isinstance(value, str) or len(value) != 15:
        return value
    capitals = (sum(1 << bit for bit, char in enumerate(value[at : at + 5]) if "A" <= char <= "Z") for at in (0, 5, 10))
    return value + "".join(ID_SUFFIX[bits] for bits in capitals)


def _is_change(row: OrgRecord, field: str) -> bool:
    name = row.text("Field") or ""
    if FIELD_OF_HISTORY.get(name, name) != field:
        return False
    # Salesforce writes an owner move as two rows, one with names and one with ids: only the ids say who.
    return field != "OwnerId" or (_is_owner_id(row.fields.get("NewValue")) and _is_owner_id(row.fields.get("OldValue")))


def is_conversion(history: Sequence[OrgRecord]) -> bool:
    """Tell whether these history rows hold a lead conversion."""
    return any(row.text("Field") == CONVERSION for row in history)


def in_order(history: Sequence[OrgRecord]) -> list[OrgRecord]:
    """Return history rows in the order in which they happened: (CreatedDate, Id)."""
    return sorted(history, key=lambda row: (row.modified_at, row.id))


def changes_of(
    object: str,
    record_id: str,
    field: str,
    *,
    known: OrgRecord | None,
    staged: OrgRecord | None,
    history: Sequence[OrgRecord],
    actor: Callable[[str | None], Actor],
) -> list[Change]:
    """List the changes of one field of one record since it was last read, in order.

    Each history row is a change that is proved. A difference between the mirror and the row just read that no history row
    explains is a change too, of nobody: LastModifiedById belongs to the last save of any field and proves nothing.

    Shapes: `history` are rows that were not seen before; `known` None means first sight, where a difference is a baseline.
    Source: Object Reference, LeadHistory; real orgs, assumption 3.
    """
    rows = in_order([row for row in history if _is_change(row, field)])
    changes = [_proved(object, record_id, field, row, actor(row.text("CreatedById"))) for row in rows]
    if known is None or staged is None or staged.is_deleted or field not in staged.fields:
        return changes
    last = changes[-1].after if changes else known.fields.get(field)
    is_newer = not changes or staged.modified_at > changes[-1].changed_at
    if is_newer and staged.fields.get(field) != last:
        evidence: dict[str, Scalar] = {"hint": "LastModifiedById names whoever saved the record last, for whatever field"}
        now = staged.fields.get(field)
        changes.append(Change(object, record_id, field, last, now, staged.modified_at, NOBODY, Proof.LAST_MODIFIED, evidence))
    return changes


def _proved(object: str, record_id: str, field: str, row: OrgRecord, who: Actor) -> Change:
    """Make the change of a history row. It proves which login made it, and whom that stands for unless several use it."""
    before, after = _value(row, "OldValue", field), _value(row, "NewValue", field)
    proof = Proof.SHARED_LOGIN if who.kind is ActorKind.SHARED else Proof.HISTORY
    evidence = {"history_id": row.id, "history_object": row.object}
    return Change(object, record_id, field, before, after, row.modified_at, who, proof, evidence)
