"""What happens when a record is saved? The one path that API calls and people's edits both take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from syncd.sandbox import access, activities, automation, deeds, history, members, opportunities, person_accounts, role_groups
from syncd.sandbox.clock import stamp
from syncd.sandbox.duplicates import ALERT, check_duplicates
from syncd.sandbox.errors import NotThere, SalesforceError
from syncd.sandbox.locks import check_locks
from syncd.sandbox.schema import SObject
from syncd.sandbox.validate import Values, check_required, check_values

if TYPE_CHECKING:
    from syncd.sandbox.org import Org

ID_IN_BODY = "The Id field should not be specified in the sobject data."


@dataclass(frozen=True, slots=True)
class How:
    """Who saves, when, and whether assignment rules run."""

    user_id: str
    at: datetime
    auto_assign: bool = False
    sees_all: bool = False  # field-level security does not restrict this user
    duplicates: str = ALERT  # what an alerting duplicate rule does: ALERT refuses, ALLOW lets it pass, IGNORE does not look
    duplicate_details: bool = False
    automated: bool = False  # a rule of the org writes; rules do not judge rules
    as_process: bool = False  # ... as the user Automated Process
    via: str = deeds.EDIT  # what the deeds say the save came by
    hand: str | None = None  # whose hand it was, where the login is used by several or by an admin
    made_at: str | None = None  # when it was made, where it reached the org later

    @property
    def stamp(self) -> str:
        """The moment of the save, as stored."""
        return stamp(self.at)


def create(org: Org, sobject: SObject, given: Mapping[str, Any], how: How) -> str:
    """Create a record and return its id.

    Errors: SalesforceError; nothing is written then.
    """
    if not sobject.can("create"):
        message = f"entity type cannot be inserted: {sobject.label}"
        raise SalesforceError("INVALID_TYPE_FOR_OPERATION", message)
    if any(name.lower() == "id" for name in given):
        raise SalesforceError("INVALID_FIELD_FOR_INSERT_UPDATE", "cannot specify Id in an insert call", fields=("Id",))
    values = check_values(org, sobject, given, creating=True, sees_all=how.sees_all)
    if not how.sees_all:
        org.faults.meet_row(sobject.name, None)
    with org.database.savepoint():
        return insert(org, sobject, values, how)


def insert(org: Org, sobject: SObject, values: Values, how: How) -> str:
    """Complete checked values to a row, write it, and do what follows from it."""
    person_accounts.complete(org, sobject, values)
    _default(org, sobject, values, how)
    check_required(org, sobject, values, creating=True)
    if sobject.name == "CampaignMember":
        members.complete(org, values, how.at)
    elif sobject.name == "Opportunity":
        opportunities.derive(org, None, values, how.stamp)
    elif sobject.name in activities.KINDS:
        activities.complete(org, sobject, values, None, how.stamp)
    _check_unique(org, sobject, values, None)
    assigned = sobject.name == "Lead" and how.auto_assign and _assign(org, values)
    row = _full_row(sobject, values)
    row["Id"] = org.mint_id(sobject.key_prefix or "000")
    _judge(org, sobject, None, row, values, how)
    _stamp_new(sobject, row, how)
    org.database.insert(sobject.name, row)
    deeds.record_new(org, sobject, row, how, assigned=assigned)
    _after_insert(org, sobject, row, how)
    _follow_rules(org, sobject, None, row, how)
    return str(row["Id"])


def _judge(
    org: Org, sobject: SObject, before: Mapping[str, Any] | None, after: Mapping[str, Any], changes: Values, how: How
) -> None:
    if how.automated:
        return
    check_locks(org, sobject, (before, after), how)
    automation.refuse_by_rules(org, sobject, after, creating=before is None)
    check_duplicates(org, sobject, after, changes, how)


def _follow_rules(org: Org, sobject: SObject, before: Mapping[str, Any] | None, after: Mapping[str, Any], how: How) -> None:
    for values, as_whom in automation.rewrites(org, sobject, before, after, how):
        current = org.database.row(sobject.name, after["Id"])
        assert current is not None
        write_changes(org, sobject, current, values, as_whom)


def _after_insert(org: Org, sobject: SObject, row: Values, how: How) -> None:
    history.record_event(org, sobject, row["Id"], "created", by=how.user_id, at=how.stamp)
    if row.get("IsPersonAccount") and sobject.name == "Account":
        contact_id = insert(org, org.schema.get("Contact"), person_accounts.contact_of(row), how)
        org.database.update("Account", row["Id"], {"PersonContactId": contact_id})
    elif sobject.name == "Opportunity":
        history.snapshot_opportunity(org, None, row, {}, by=how.user_id, at=how.stamp)
        _role_from_contact(org, row, how)
    elif sobject.name == "Campaign":
        members.add_default_statuses(org, row["Id"], how.user_id, how.stamp)
    elif sobject.name == "OpportunityContactRole":
        opportunities.keep_one_primary(org, row, how)
    elif sobject.name == "CampaignMemberStatus":
        members.keep_one_default(org, row)
    elif sobject.name in activities.KINDS:
        activities.roll_up(org, row, how.stamp)
    elif sobject.name == "UserRole":
        role_groups.add_role_groups(org, row)
    elif sobject.name == "PermissionSetAssignment" and org.settings.access_by_permission_set:
        access.look_again(org)


def _role_from_contact(org: Org, row: Mapping[str, Any], how: How) -> None:
    if row.get("ContactId"):
        role = {"OpportunityId": row["Id"], "ContactId": row["ContactId"], "IsPrimary": 1}
        insert(org, org.schema.get("OpportunityContactRole"), role, how)


def update(org: Org, sobject: SObject, record_id: str, given: Mapping[str, Any], how: How) -> None:
    """Change a record. Fields not given stay; null clears.

    Errors: SalesforceError; nothing is written then.
    """
    if not sobject.can("update"):
        raise SalesforceError("INVALID_TYPE_FOR_OPERATION", f"entity type cannot be updated: {sobject.label}")
    if not how.sees_all and record_id in org.settings.unshared:
        raise NotThere()
    before = live_row(org, sobject, record_id)
    if any(name.lower() == "id" for name in given):
        raise SalesforceError("INVALID_FIELD", ID_IN_BODY)
    values = check_values(org, sobject, given, creating=False, sees_all=how.sees_all)
    if before.get("IsConverted") and sobject.name == "Lead":
        raise SalesforceError("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead", fields=())
    if sobject.name == "Contact":
        person_accounts.refuse_contact(before)
    check_required(org, sobject, values, creating=False)
    if not how.sees_all:
        org.faults.meet_row(sobject.name, record_id)
    with org.database.savepoint():
        write_changes(org, sobject, before, values, how)


def write_changes(org: Org, sobject: SObject, before: Mapping[str, Any], values: Values, how: How) -> None:
    """Write checked values over a row, with what follows from them. A save that changes nothing still moves the stamps."""
    assigned = sobject.name == "Lead" and how.auto_assign and _assign(org, values)
    if sobject.name == "Opportunity":
        opportunities.derive(org, before, values, how.stamp)
    elif sobject.name == "CampaignMember":
        members.follow_status(org, before, values, how.at)
    elif sobject.name in activities.KINDS:
        activities.complete(org, sobject, values, before, how.stamp)
    if sobject.has_compound_name:
        _compound_name(values, before)
    _check_unique(org, sobject, values, before["Id"])
    changes = {name: value for name, value in values.items() if value != before.get(name)}
    _judge(org, sobject, before, {**before, **changes}, changes, how)
    touched = _stamp_changed(sobject, before, how)
    org.database.update(sobject.name, before["Id"], {**changes, **touched})
    after = {**before, **changes}
    deeds.record_changes(org, sobject, before, changes, how, assigned=assigned)
    history.record_changes(org, sobject, before, changes, by=how.user_id, at=how.stamp)
    if sobject.name == "Opportunity":
        history.snapshot_opportunity(org, before, after, changes, by=how.user_id, at=how.stamp)
    elif sobject.name == "OpportunityContactRole":
        opportunities.keep_one_primary(org, after, how)
    elif sobject.name == "CampaignMemberStatus":
        members.keep_one_default(org, after)
    elif sobject.name in activities.KINDS:
        activities.roll_up(org, before, how.stamp)
        activities.roll_up(org, after, how.stamp)
    mirrored = person_accounts.shown(sobject, before, changes)
    if mirrored is not None:
        contact = org.database.row("Contact", mirrored[0])
        assert contact is not None
        write_changes(
            org, org.schema.get("Contact"), contact, mirrored[1], replace(how, automated=True, via=person_accounts.SHOWN)
        )
    _follow_rules(org, sobject, before, after, how)


def live_row(org: Org, sobject: SObject, record_id: str) -> Values:
    """Return the stored row of a record that is there and not deleted.

    Errors: 404 NOT_FOUND, or 404 ENTITY_IS_DELETED.
    """
    row = org.database.row(sobject.name, record_id)
    if row is None:
        raise NotThere()
    if row.get("IsDeleted"):
        raise SalesforceError("ENTITY_IS_DELETED", "entity is deleted", status=404, fields=())
    return row


def _default(org: Org, sobject: SObject, values: Values, how: How) -> None:
    for field in sobject.fields.values():
        if field.default is not None and values.get(field.name) is None:
            values[field.name] = int(field.default == "true") if field.type == "boolean" else field.default
        elif field.type == "boolean" and field.stored and values.get(field.name) is None:
            values[field.name] = 0
    if sobject.has("OwnerId") and sobject.name != "Group":
        values.setdefault("OwnerId", how.user_id)
    if sobject.name == "Lead" and values.get("Status") is None:
        values["Status"] = org.default_lead_status()
    if sobject.name == "User" and values.get("ProfileId"):
        values["UserType"] = (org.database.row("Profile", values["ProfileId"]) or {}).get("UserType")
    elif sobject.name == "FeedItem":
        values["InsertedById"] = how.user_id
    if sobject.has_compound_name:
        _compound_name(values, {})


def _compound_name(values: Values, before: Mapping[str, Any]) -> None:
    parts = (values.get(name, before.get(name)) for name in ("FirstName", "LastName"))
    values["Name"] = " ".join(part for part in parts if part)


def _assign(org: Org, values: Values) -> bool:
    owner = org.rule_owner()
    if owner is not None:
        values["OwnerId"] = owner
    return owner is not None


def _check_unique(org: Org, sobject: SObject, values: Values, own_id: str | None) -> None:
    for field in sobject.fields.values():
        if not field.unique or values.get(field.name) is None:
            continue
        for row in org.database.where(sobject.name, **{field.name: values[field.name]}):
            if row["Id"] != own_id and not row.get("IsDeleted"):
                message = f"duplicate value found: {field.name} duplicates value on record with id: {row['Id'][:15]}"
                code = "DUPLICATE_USERNAME" if field.name == "Username" else "DUPLICATE_VALUE"
                raise SalesforceError(code, message, fields=())


def _full_row(sobject: SObject, values: Values) -> Values:
    return {field.name: values.get(field.name) for field in sobject.fields.values() if field.stored}


def _stamp_new(sobject: SObject, row: Values, how: How) -> None:
    for name in ("CreatedDate", "LastModifiedDate", "SystemModstamp"):
        if sobject.has(name):
            row[name] = how.stamp
    for name in ("CreatedById", "LastModifiedById"):
        if sobject.has(name):
            row[name] = how.user_id
    if sobject.has("IsDeleted"):
        row["IsDeleted"] = 0


def _stamp_changed(sobject: SObject, before: Mapping[str, Any], how: How) -> Values:
    touched: Values = {}
    for name in ("SystemModstamp",) if how.as_process else ("LastModifiedDate", "SystemModstamp"):
        if sobject.has(name):
            touched[name] = max(how.stamp, before[name] or "")
    if sobject.has("LastModifiedById") and not how.as_process:
        touched["LastModifiedById"] = how.user_id
    return touched
