"""Who did what to which field, by the org's own account?

Every save leaves a deed per field it changed, whether its history is tracked or not. Deeds lie in the same database as the
records, so a save that is undone takes its deeds along, and a snapshot or a state file holds them. A field "Id" tells of a
record that came to be, or that is gone for good; "IsDeleted" of the recycle bin. Stamps, authors and roll-ups are left out.
What no reader of the org can know stands here too: the hand behind a shared login, and when an edit made offline was made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from syncd.sandbox.org import Org
    from syncd.sandbox.save import How
    from syncd.sandbox.schema import SObject

EDIT, API, AUTOMATION, ASSIGNMENT = "edit", "api", "automation", "assignment rule"
CONVERSION, MERGE, CAPTURE = "conversion", "merge", "activity capture"
DEEDS_MAX = 100_000
_STAMPS = frozenset({"CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById", "SystemModstamp"})
_COLUMNS = ("At", "UserId", "Via", "Object", "RecordId", "Field", "Before", "After", "Hand", "MadeAt")
_INSERT = " ".join(('INSERT INTO "_Deeds" (', ", ".join(_COLUMNS), ") VALUES (", ", ".join("?" * len(_COLUMNS)), ")"))
_FORGET = 'DELETE FROM "_Deeds" WHERE N <= (SELECT MAX(N) FROM "_Deeds") - ?'
_READ = 'SELECT d.*, u."Username" FROM "_Deeds" d LEFT JOIN "User" u ON u."Id" = d.UserId'


def record_changes(
    org: Org, sobject: SObject, before: Mapping[str, Any], changes: Mapping[str, Any], how: How, *, assigned: bool = False
) -> None:
    """Note what a save changed in one record. `assigned`: the assignment rule, not the saver, chose the owner."""
    via = {"OwnerId": ASSIGNMENT} if assigned else {}
    told = [
        (via.get(name, how.via), name, before.get(name), after)
        for name, after in changes.items()
        if name not in _STAMPS and after != before.get(name)
    ]
    _write(org, sobject, before["Id"], told, how)


def record_new(org: Org, sobject: SObject, row: Mapping[str, Any], how: How, *, assigned: bool = False) -> None:
    """Note a record that came to be, with every field that holds something."""
    via = {"OwnerId": ASSIGNMENT} if assigned else {}
    booleans = {field.name for field in sobject.fields.values() if field.type == "boolean"}
    told = [(how.via, "Id", None, row["Id"])]
    told += [
        (via.get(name, how.via), name, None, value)
        for name, value in row.items()
        if value is not None and name != "Id" and name not in _STAMPS and (value or name not in booleans)
    ]
    _write(org, sobject, row["Id"], told, how)


def record_gone(org: Org, sobject: SObject, record_id: str, how: How) -> None:
    """Note a record that is gone for good."""
    _write(org, sobject, record_id, [(how.via, "Id", record_id, None)], how)


def record_mail(org: Org, sobject: SObject, record_id: str, subject: str, how: How) -> None:
    """Note a mail that activity capture shows on the timeline and that no query finds."""
    _write(org, sobject, record_id, [(CAPTURE, "Mail", None, subject)], how)


def _write(org: Org, sobject: SObject, record_id: str, told: Iterable[tuple[str, str, Any, Any]], how: How) -> None:
    by, behind = (how.stamp, how.user_id), (how.hand, how.made_at)
    rows = [(*by, via, sobject.name, record_id, name, before, after, *behind) for via, name, before, after in told]
    if rows:
        org.database.connection.executemany(_INSERT, rows)
        org.database.connection.execute(_FORGET, (DEEDS_MAX,))


def deeds_since(org: Org, number: int) -> list[dict[str, Any]]:
    """List the deeds after deed `number`, oldest first; the last 100,000 are kept."""
    return [_shape(org, row) for row in org.database.rows(_READ + " WHERE d.N > ? ORDER BY d.N", (number,))]


def last_deeds(org: Org, count: int) -> list[dict[str, Any]]:
    """List the last `count` deeds, oldest first."""
    return [_shape(org, row) for row in reversed(org.database.rows(_READ + " ORDER BY d.N DESC LIMIT ?", (count,)))]


def _shape(org: Org, row: Mapping[str, Any]) -> dict[str, Any]:
    sobject = org.schema.find(row["Object"])
    field = sobject.find(row["Field"]) if sobject else None
    before, after = row["Before"], row["After"]
    if field is not None and field.type == "boolean":
        before, after = (None if value is None else bool(value) for value in (before, after))
    return {
        "n": row["N"],
        "at": row["At"],
        "user": row["UserId"],
        "username": row["Username"],
        "via": row["Via"],
        "object": row["Object"],
        "id": row["RecordId"],
        "field": row["Field"],
        "before": before,
        "after": after,
        "hand": row["Hand"],
        "made_at": row["MadeAt"],
    }
