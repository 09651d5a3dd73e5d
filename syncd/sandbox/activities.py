"""What do tasks and events say about the records they belong to?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from syncd.sandbox.schema import SObject

if TYPE_CHECKING:
    from syncd.sandbox.org import Org

KINDS = frozenset({"Task", "Event"})
_LATEST = {
    "WhoId": 'SELECT MAX(d) FROM (SELECT MAX("ActivityDate") AS d FROM "Task" WHERE "WhoId" = ?1 AND "IsClosed" = 1 '
    'AND "IsDeleted" = 0 UNION ALL SELECT MAX("ActivityDate") FROM "Event" WHERE "WhoId" = ?1 AND "IsDeleted" = 0)',
    "WhatId": 'SELECT MAX(d) FROM (SELECT MAX("ActivityDate") AS d FROM "Task" WHERE "WhatId" = ?1 AND "IsClosed" = 1 '
    'AND "IsDeleted" = 0 UNION ALL SELECT MAX("ActivityDate") FROM "Event" WHERE "WhatId" = ?1 AND "IsDeleted" = 0)',
}


def complete(org: Org, sobject: SObject, values: dict[str, Any], before: Mapping[str, Any] | None, at: str) -> None:
    """Complete a task's closing facts, and an event's date from its start."""
    if sobject.name == "Event":
        start = values.get("ActivityDateTime") or values.get("StartDateTime")
        if start and not values.get("ActivityDate"):
            values["ActivityDate"] = start[:10]
        return
    if "Status" in values:
        closed = values["Status"] == "Completed"
        values["IsClosed"] = int(closed)
        was_closed = bool(before and before["IsClosed"])
        if closed != was_closed:
            values["CompletedDateTime"] = at if closed else None
    if "Priority" in values:
        values["IsHighPriority"] = int(values["Priority"] == "High")


def roll_up(org: Org, row: Mapping[str, Any], at: str) -> None:
    """Write LastActivityDate on the records an activity names: events by due date, tasks once they are closed.

    The parent's LastModifiedDate stays; its SystemModstamp moves only where the org is set to do so.
    """
    for pointer, statement in _LATEST.items():
        parent_id = row.get(pointer)
        if parent_id:
            roll_up_parent(org, str(parent_id), org.database.value(statement, (parent_id,)), at)


def roll_up_parent(org: Org, parent_id: str, latest: str | None, at: str) -> None:
    """Write LastActivityDate on one record, when it differs."""
    name = org.schema.by_prefix.get(parent_id[:3])
    if name is None or not org.schema.get(name).has("LastActivityDate"):
        return
    parent = org.database.row(name, parent_id)
    if parent is None or parent["LastActivityDate"] == latest:
        return
    changes = {"LastActivityDate": latest}
    if org.settings.activity_moves_stamp:
        changes["SystemModstamp"] = max(at, parent["SystemModstamp"])
    org.database.update(name, parent_id, changes)
