"""Which records does somebody else hold, so that nobody may write them now?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from syncd.sandbox.clock import zulu
from syncd.sandbox.errors import SalesforceError
from syncd.sandbox.schema import SObject

if TYPE_CHECKING:
    from syncd.sandbox.org import Org
    from syncd.sandbox.save import How

ROW, APPROVAL = "row", "approval"
# Saving the child locks the parent for a moment: that is why parallel loads of one campaign's members collide.
_PARENTS: dict[str, tuple[str, ...]] = {
    "CampaignMember": ("CampaignId", "LeadId", "ContactId"),
    "Contact": ("AccountId",),
    "Opportunity": ("AccountId",),
    "OpportunityContactRole": ("OpportunityId",),
    "Task": ("WhoId", "WhatId"),
    "Event": ("WhoId", "WhatId"),
}


@dataclass(slots=True)
class Hold:
    """One held record: until a moment, for a number of attempts, or until it is released."""

    kind: str = ROW
    until: datetime | None = None
    attempts: int | None = None


class Locks:
    """The records that are held."""

    def __init__(self) -> None:
        self._held: dict[str, Hold] = {}

    def hold(self, ids: Iterable[str], *, kind: str = ROW, until: datetime | None = None, attempts: int | None = None) -> None:
        """Hold records; a record held already is held anew."""
        for record_id in ids:
            self._held[record_id] = Hold(kind, until, attempts)

    def release(self, ids: Iterable[str]) -> None:
        """Let records go."""
        for record_id in ids:
            self._held.pop(record_id, None)

    def release_all(self) -> None:
        """Let every record go."""
        self._held.clear()

    def listed(self, now: datetime) -> list[dict[str, Any]]:
        """List what is held now."""
        return [
            {"id": record_id, "kind": hold.kind, "until": zulu(hold.until) if hold.until else None, "attempts": hold.attempts}
            for record_id, hold in self._held.items()
            if hold.until is None or now < hold.until
        ]

    def met(self, record_id: str, now: datetime) -> str | None:
        """Return how a record is held, counting the attempt; None when it is free."""
        hold = self._held.get(record_id)
        if hold is None:
            return None
        if hold.until is not None and now >= hold.until:
            del self._held[record_id]
            return None
        if hold.attempts is not None:
            hold.attempts -= 1
            if not hold.attempts:
                del self._held[record_id]
        return hold.kind

    def __bool__(self) -> bool:
        return bool(self._held)


def check_locks(org: Org, sobject: SObject, rows: Iterable[Mapping[str, Any] | None], how: How) -> None:
    """Refuse a save of records that are held, or whose parents are. A parent's approval lock does not matter.

    Errors: UNABLE_TO_LOCK_ROW, ENTITY_IS_LOCKED (from which the admin is exempt).
    """
    if not org.locks:
        return
    now = org.clock.now()
    present = [row for row in rows if row]
    own = next((row["Id"] for row in present if row.get("Id")), None)
    kind = org.locks.met(own, now) if own else None
    if kind == APPROVAL and how.user_id != org.admin_id:
        message = "This record is locked. If you need to edit it, contact your admin."
        raise SalesforceError("ENTITY_IS_LOCKED", message, fields=())
    if kind == ROW:
        raise SalesforceError("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record", fields=())
    parents = {row[name] for row in present for name in _PARENTS.get(sobject.name, ()) if row.get(name)}
    for parent in sorted(parents):
        if org.locks.met(parent, now) == ROW:
            message = f"unable to obtain exclusive access to this record or 1 records: {parent}"
            raise SalesforceError("UNABLE_TO_LOCK_ROW", message, fields=())
