"""What goes with a deleted record, and what can come back?"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from syncd.sandbox import activities
from syncd.sandbox.clock import stamp
from syncd.sandbox.errors import SalesforceError
from syncd.sandbox.save import How, live_row
from syncd.sandbox.schema import SObject

if TYPE_CHECKING:
    from syncd.sandbox.org import Org

BIN_DAYS = 15
_CASCADES: dict[str, tuple[tuple[str, str], ...]] = {
    "Account": (("Contact", "AccountId"), ("Opportunity", "AccountId"), ("Task", "WhatId"), ("Event", "WhatId")),
    "Contact": (
        ("CampaignMember", "ContactId"),
        ("OpportunityContactRole", "ContactId"),
        ("Task", "WhoId"),
        ("Event", "WhoId"),
        ("ContactHistory", "ContactId"),
    ),
    "Lead": (("CampaignMember", "LeadId"), ("Task", "WhoId"), ("Event", "WhoId"), ("LeadHistory", "LeadId")),
    "Opportunity": (
        ("OpportunityContactRole", "OpportunityId"),
        ("OpportunityHistory", "OpportunityId"),
        ("OpportunityFieldHistory", "OpportunityId"),
        ("Task", "WhatId"),
        ("Event", "WhatId"),
    ),
    "Campaign": (("CampaignMember", "CampaignId"), ("CampaignMemberStatus", "CampaignId"), ("Task", "WhatId")),
}
_LOOKUPS: dict[str, tuple[tuple[str, str], ...]] = {
    "Campaign": (("Opportunity", "CampaignId"), ("Campaign", "ParentId")),
    "Contact": (("Opportunity", "ContactId"), ("Contact", "ReportsToId"), ("Case", "ContactId")),
    "Account": (("Account", "ParentId"), ("Case", "AccountId")),
}


def delete(org: Org, sobject: SObject, record_id: str, how: How) -> None:
    """Put a record, and what belongs to it, into the bin.

    A contact role deleted by itself leaves nothing behind but its entry in the deleted list.
    Errors: 404 NOT_FOUND or ENTITY_IS_DELETED.
    """
    if not sobject.can("delete"):
        raise SalesforceError("INVALID_TYPE_FOR_OPERATION", f"entity type cannot be deleted: {sobject.label}")
    row = live_row(org, sobject, record_id)
    if sobject.name == "CampaignMemberStatus" and row["IsDefault"]:
        raise SalesforceError("DELETE_FAILED", "The default member status of a campaign cannot be deleted", fields=())
    if not how.sees_all:
        org.faults.meet_row(sobject.name, record_id)
    with org.database.savepoint():
        _bin(org, sobject, record_id, how, with_parent=False)
        if sobject.name in activities.KINDS:
            activities.roll_up(org, row, how.stamp)


def _bin(org: Org, sobject: SObject, record_id: str, how: How, *, with_parent: bool) -> None:
    for child, pointer in _CASCADES.get(sobject.name, ()):
        for row in org.database.where(child, **{pointer: record_id}):
            if not row["IsDeleted"]:
                _bin(org, org.schema.get(child), row["Id"], how, with_parent=sobject.name == "Opportunity")
    for child, pointer in _LOOKUPS.get(sobject.name, ()):
        for row in org.database.where(child, **{pointer: record_id}):
            org.database.update(child, row["Id"], {pointer: None, "SystemModstamp": max(how.stamp, row["SystemModstamp"])})
    vanishes = sobject.name == "OpportunityContactRole" and not with_parent
    if vanishes or not sobject.has("IsDeleted"):
        org.database.delete(sobject.name, record_id)
    else:
        _mark(org, sobject, record_id, how)
    org.database.insert("_Deleted", {"Object": sobject.name, "Id": record_id, "DeletedAt": how.stamp})


def _mark(org: Org, sobject: SObject, record_id: str, how: How) -> None:
    changes: dict[str, object] = {"IsDeleted": 1}
    if sobject.has("SystemModstamp"):
        changes["SystemModstamp"] = how.stamp
    if sobject.has("LastModifiedDate"):
        changes |= {"LastModifiedDate": how.stamp, "LastModifiedById": how.user_id}
    org.database.update(sobject.name, record_id, changes)


def undelete(org: Org, sobject: SObject, record_id: str, how: How) -> None:
    """Take a record out of the bin, with its children that were binned at the same moment. Its stamp moves.

    Errors: UNDELETE_FAILED when it is not in the bin.
    """
    row = org.database.row(sobject.name, record_id)
    if row is None or not row.get("IsDeleted") or not sobject.can("undelete"):
        raise SalesforceError("UNDELETE_FAILED", "Entity is not in the recycle bin", fields=())
    binned_at = row.get("SystemModstamp")
    with org.database.savepoint():
        org.database.update(sobject.name, record_id, {"IsDeleted": 0, "SystemModstamp": how.stamp})
        for child, pointer in _CASCADES.get(sobject.name, ()):
            for each in org.database.where(child, **{pointer: record_id}, IsDeleted=1):
                if each.get("SystemModstamp", binned_at) == binned_at:
                    touched = {"SystemModstamp": how.stamp} if "SystemModstamp" in each else {}
                    org.database.update(child, each["Id"], {"IsDeleted": 0, **touched})
                    _forget(org, child, each["Id"])
        _forget(org, sobject.name, record_id)


def _forget(org: Org, name: str, record_id: str) -> None:
    org.database.connection.execute('DELETE FROM "_Deleted" WHERE Object = ? AND Id = ?', (name, record_id))


def merge(org: Org, sobject: SObject, winner_id: str, loser_id: str, how: How) -> None:
    """Merge one record into another: the loser is binned with MasterRecordId, its children move to the winner."""
    live_row(org, sobject, winner_id)
    live_row(org, sobject, loser_id)
    with org.database.savepoint():
        for child, pointer in _CASCADES.get(sobject.name, ()):
            if not child.endswith("History"):
                for row in org.database.where(child, **{pointer: loser_id}, IsDeleted=0):
                    org.database.update(child, row["Id"], {pointer: winner_id, "SystemModstamp": how.stamp})
        org.database.update(sobject.name, loser_id, {"MasterRecordId": winner_id})
        _bin(org, sobject, loser_id, how, with_parent=False)
        org.database.update(
            sobject.name, winner_id, {"LastModifiedDate": how.stamp, "LastModifiedById": how.user_id, "SystemModstamp": how.stamp}
        )


def purge(org: Org, sobject: SObject, how: How, record_id: str | None = None) -> int:
    """Empty the bin of one object: of one record, or of all that have lain there for 15 days. Return how many went."""
    limit = stamp(how.at - timedelta(days=BIN_DAYS))
    gone = 0
    for row in org.database.where(sobject.name, IsDeleted=1):
        if row["Id"] == record_id or (record_id is None and row["SystemModstamp"] <= limit):
            org.database.delete(sobject.name, row["Id"])
            gone += 1
    return gone
