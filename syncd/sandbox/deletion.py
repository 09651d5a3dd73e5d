"""What goes with a deleted record, and what can come back?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from syncd.sandbox import access, activities, deeds, role_groups
from syncd.sandbox.errors import SalesforceError
from syncd.sandbox.locks import check_locks
from syncd.sandbox.save import How, live_row
from syncd.sandbox.schema import SObject

if TYPE_CHECKING:
    from syncd.sandbox.org import Org

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
    "Individual": (("ContactPointTypeConsent", "PartyId"), ("ContactPointEmail", "ParentId")),
    "ContactPointEmail": (("ContactPointConsent", "ContactPointId"),),
    "Campaign": (("CampaignMember", "CampaignId"), ("CampaignMemberStatus", "CampaignId"), ("Task", "WhatId")),
}
_FED = frozenset({"Account", "Campaign", "Contact", "Lead", "Opportunity"})
_LOOKUPS: dict[str, tuple[tuple[str, str], ...]] = {
    "Campaign": (("Opportunity", "CampaignId"), ("Campaign", "ParentId")),
    "Contact": (("Opportunity", "ContactId"), ("Contact", "ReportsToId"), ("Case", "ContactId")),
    "Account": (("Account", "ParentId"), ("Case", "AccountId")),
    "Individual": (("Lead", "IndividualId"), ("Contact", "IndividualId")),
    "DataUsePurpose": (("ContactPointTypeConsent", "DataUsePurposeId"), ("ContactPointConsent", "DataUsePurposeId")),
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
    check_locks(org, sobject, (row,), how)
    with org.database.savepoint():
        _bin(org, sobject, record_id, how, with_parent=False)
        if sobject.name in activities.KINDS:
            activities.roll_up(org, row, how.stamp)


def _bin(org: Org, sobject: SObject, record_id: str, how: How, *, with_parent: bool) -> None:
    for child, pointer in (*_CASCADES.get(sobject.name, ()), *_own_rows(sobject)):
        for row in org.database.where(child, **{pointer: record_id}):
            if not row["IsDeleted"]:
                _bin(org, org.schema.get(child), row["Id"], how, with_parent=sobject.name == "Opportunity")
    for child, pointer in _LOOKUPS.get(sobject.name, ()):
        for row in org.database.where(child, **{pointer: record_id}):
            org.database.update(child, row["Id"], {pointer: None, "SystemModstamp": max(how.stamp, row["SystemModstamp"])})
            deeds.record_changes(org, org.schema.get(child), row, {pointer: None}, how)
    vanishes = sobject.name == "OpportunityContactRole" and not with_parent
    if vanishes or not sobject.has("IsDeleted"):
        org.database.delete(sobject.name, record_id)
        deeds.record_gone(org, sobject, record_id, how)
        if sobject.name == "UserRole":
            role_groups.drop_role_groups(org, record_id)
        elif sobject.name == "PermissionSetAssignment" and org.settings.access_by_permission_set:
            access.look_again(org)
    else:
        _mark(org, sobject, record_id, how)
    org.database.insert("_Deleted", {"Object": sobject.name, "Id": record_id, "DeletedAt": how.stamp})


def _own_rows(sobject: SObject) -> list[tuple[str, str]]:
    """List what goes with a record and never moves to another: its feed, and a custom object's history."""
    found = [("FeedItem", "ParentId")] if sobject.name in _FED else []
    return [*found, (sobject.history, "ParentId")] if sobject.history and sobject.name.endswith("__c") else found


def _mark(org: Org, sobject: SObject, record_id: str, how: How) -> None:
    changes: dict[str, object] = {"IsDeleted": 1}
    if sobject.has("SystemModstamp"):
        changes["SystemModstamp"] = how.stamp
    if sobject.has("LastModifiedDate"):
        changes["LastModifiedDate"] = how.stamp
    if sobject.has("LastModifiedById"):
        changes["LastModifiedById"] = how.user_id
    org.database.update(sobject.name, record_id, changes)
    if not sobject.name.endswith("History"):
        deeds.record_changes(org, sobject, {"Id": record_id, "IsDeleted": 0}, {"IsDeleted": 1}, how)


def undelete(org: Org, sobject: SObject, record_id: str, how: How) -> None:
    """Take a record out of the bin, with its children that were binned at the same moment. Its stamp moves.

    Errors: UNDELETE_FAILED when it is not in the bin.
    """
    row = org.database.row(sobject.name, record_id)
    if row is None or not row.get("IsDeleted") or not sobject.can("undelete"):
        raise SalesforceError("UNDELETE_FAILED", "Entity is not in the recycle bin", fields=())
    binned_at = row.get("SystemModstamp")
    with org.database.savepoint():
        org.database.update(sobject.name, record_id, {"IsDeleted": 0, "SystemModstamp": how.stamp} | _unmerged(row))
        deeds.record_changes(org, sobject, row, {"IsDeleted": 0} | _unmerged(row), how)
        for child, pointer in (*_CASCADES.get(sobject.name, ()), *_own_rows(sobject)):
            for each in org.database.where(child, **{pointer: record_id}, IsDeleted=1):
                if each.get("SystemModstamp", binned_at) == binned_at:
                    touched = {"SystemModstamp": how.stamp} if "SystemModstamp" in each else {}
                    org.database.update(child, each["Id"], {"IsDeleted": 0, **touched})
                    if not child.endswith("History"):
                        deeds.record_changes(org, org.schema.get(child), each, {"IsDeleted": 0}, how)
                    _forget(org, child, each["Id"])
        _forget(org, sobject.name, record_id)


def _unmerged(row: Mapping[str, Any]) -> dict[str, None]:
    return {"MasterRecordId": None} if row.get("MasterRecordId") else {}


def _forget(org: Org, name: str, record_id: str) -> None:
    org.database.connection.execute('DELETE FROM "_Deleted" WHERE Object = ? AND Id = ?', (name, record_id))


def merge(org: Org, sobject: SObject, winner_id: str, loser_id: str, how: How) -> None:
    """Merge one record into another: the loser is binned with MasterRecordId, its children move to the winner.

    A membership that the winner has already is not moved: it goes into the bin with the loser.
    Errors: INVALID_TYPE_FOR_OPERATION, 404 NOT_FOUND or ENTITY_IS_DELETED.
    """
    if not sobject.can("merge") or winner_id == loser_id:
        raise SalesforceError("INVALID_TYPE_FOR_OPERATION", f"entity cannot be merged: {sobject.label} {loser_id}", fields=())
    live_row(org, sobject, winner_id)
    loser = live_row(org, sobject, loser_id)
    how = replace(how, via=deeds.MERGE)
    with org.database.savepoint():
        for child, pointer in _CASCADES.get(sobject.name, ()):
            if not child.endswith("History"):
                _move_children(org, child, pointer, (winner_id, loser_id), how)
        org.database.update(sobject.name, loser_id, {"MasterRecordId": winner_id})
        deeds.record_changes(org, sobject, loser, {"MasterRecordId": winner_id}, how)
        _bin(org, sobject, loser_id, how, with_parent=False)
        org.database.update(
            sobject.name, winner_id, {"LastModifiedDate": how.stamp, "LastModifiedById": how.user_id, "SystemModstamp": how.stamp}
        )


def _move_children(org: Org, child: str, pointer: str, records: tuple[str, str], how: How) -> None:
    winner_id, loser_id = records
    joined = (
        {row["CampaignId"] for row in org.database.where("CampaignMember", **{pointer: winner_id}, IsDeleted=0)}
        if (child == "CampaignMember")
        else set()
    )
    for row in org.database.where(child, **{pointer: loser_id}, IsDeleted=0):
        if row.get("CampaignId") not in joined or child != "CampaignMember":
            org.database.update(child, row["Id"], {pointer: winner_id, "SystemModstamp": how.stamp})
            deeds.record_changes(org, org.schema.get(child), row, {pointer: winner_id}, how)


def purge(org: Org, sobject: SObject, how: How, record_id: str) -> None:
    """Take a record out of the bin for good, with what was binned along with it. `/deleted` goes on listing it.

    Errors: INVALID_ID_FIELD when it is not in the bin.
    """
    row = org.database.row(sobject.name, record_id)
    if row is None or not row.get("IsDeleted"):
        raise SalesforceError("INVALID_ID_FIELD", "Entity is not in the recycle bin", fields=("Id",))
    check_locks(org, sobject, (row,), how)
    for child, pointer in (*_CASCADES.get(sobject.name, ()), *_own_rows(sobject)):
        for each in org.database.where(child, **{pointer: record_id}, IsDeleted=1):
            purge(org, org.schema.get(child), how, each["Id"])
    org.database.delete(sobject.name, record_id)
    if not sobject.name.endswith("History"):
        deeds.record_gone(org, sobject, record_id, how)
