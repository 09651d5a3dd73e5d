"""What lies in the recycle bin, and for how long?"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from syncd.sandbox import deletion
from syncd.sandbox.clock import stamp
from syncd.sandbox.database import quoted
from syncd.sandbox.save import How
from syncd.sandbox.schema import SObject

if TYPE_CHECKING:
    from syncd.sandbox.org import Org

BIN_DAYS = 15


class RecycleBin:
    """When the bin was looked through last, and which objects' bins an admin emptied when."""

    def __init__(self) -> None:
        self._looked_at: datetime | None = None
        self.emptied_at: dict[str, datetime] = {}

    def let_old_go(self, org: Org) -> None:
        """Purge what has lain in the bin for 15 days; looks once an hour."""
        hour = org.clock.now().replace(minute=0, second=0)
        if hour == self._looked_at:
            return
        self._looked_at = hour
        limit = stamp(org.clock.now() - timedelta(days=BIN_DAYS))
        for sobject in org.schema.objects.values():
            gone = org.database.rows('SELECT Id FROM "_Deleted" WHERE Object = ? AND DeletedAt <= ?', (sobject.name, limit))
            for row in gone:
                _let_go(org, sobject, row["Id"])
            if gone:
                org.database.connection.execute(
                    'DELETE FROM "_Deleted" WHERE Object = ? AND DeletedAt <= ?', (sobject.name, limit)
                )

    def empty(self, org: Org, sobjects: Iterable[SObject]) -> int:
        """Hard-delete all that lies in the bin, as an admin can: `/deleted` no longer knows what went. Return how many went."""
        purged, how = 0, How(org.admin_id, org.clock.now())
        for sobject in sobjects:
            if not sobject.has("IsDeleted"):
                continue
            for row in org.database.where(sobject.name, IsDeleted=1):
                if org.database.exists(sobject.name, row["Id"]):
                    deletion.purge(org, sobject, how, row["Id"])
                    purged += 1
            org.database.connection.execute('DELETE FROM "_Deleted" WHERE Object = ?', (sobject.name,))
            self.emptied_at[sobject.name] = org.clock.now()
        return purged


def _let_go(org: Org, sobject: SObject, record_id: str) -> None:
    row = org.database.row(sobject.name, record_id)
    if row is not None and row.get("IsDeleted"):
        org.database.delete(sobject.name, record_id)


def list_loaded(org: Org, sobject: SObject) -> None:
    """Enter the deleted rows of a load into the list of the deleted."""
    if sobject.has("IsDeleted") and sobject.has("SystemModstamp"):
        org.database.connection.execute(
            " ".join(
                (
                    'INSERT INTO "_Deleted" (Object, Id, DeletedAt) SELECT ?, "Id", "SystemModstamp" FROM',
                    quoted(sobject.name),
                    'WHERE "IsDeleted" = 1',
                )
            ),
            (sobject.name,),
        )
