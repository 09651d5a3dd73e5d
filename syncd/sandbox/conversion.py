"""What happens when a person converts a lead?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from syncd.sandbox import deeds, history
from syncd.sandbox.duplicates import IGNORE
from syncd.sandbox.errors import SalesforceError
from syncd.sandbox.save import How, insert, live_row, write_changes

if TYPE_CHECKING:
    from syncd.sandbox.org import Org

_CARRIED = (
    "FirstName",
    "LastName",
    "Salutation",
    "Title",
    "Phone",
    "MobilePhone",
    "Fax",
    "Email",
    "LeadSource",
    "HasOptedOutOfEmail",
    "HasOptedOutOfFax",
    "DoNotCall",
    "IndividualId",
)
_ADDRESS = ("Street", "City", "State", "PostalCode", "Country")


def convert(org: Org, lead_id: str, options: Mapping[str, Any], how: How) -> dict[str, str | None]:
    """Turn a lead into account, contact and (unless told not to) opportunity.

    Options as `convertLead` has them: convertedStatus, accountId, contactId, ownerId, opportunityName,
    doNotCreateOpportunity. An existing contact keeps its own opt-out; only a new one takes the lead's.
    Errors: CANNOT_UPDATE_CONVERTED_LEAD for a second conversion, INVALID_STATUS for a status that converts nothing.
    """
    lead_object = org.schema.get("Lead")
    lead = live_row(org, lead_object, lead_id)
    if lead["IsConverted"]:
        raise SalesforceError("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead", fields=())
    status = _converted_status(org, options.get("convertedStatus"))
    owner = options.get("ownerId") or (lead["OwnerId"] if lead["OwnerId"].startswith("005") else how.user_id)
    with org.database.savepoint():
        account_id = options.get("accountId") or _account(org, lead, owner, how)
        contact_id = options.get("contactId") or _contact(org, lead, account_id, owner, how)
        opportunity_id = None
        if not options.get("doNotCreateOpportunity"):
            opportunity_id = _opportunity(org, lead, (account_id, contact_id, owner), options, how)
        changes = {
            "Status": status,
            "IsConverted": 1,
            "ConvertedDate": how.at.date().isoformat(),
            "IsUnreadByOwner": 0,
            "ConvertedAccountId": account_id,
            "ConvertedContactId": contact_id,
            "ConvertedOpportunityId": opportunity_id,
        }
        history.record_event(org, lead_object, lead_id, "leadConverted", by=how.user_id, at=how.stamp)
        write_changes(org, lead_object, lead, changes, _signed(how))
        _carry_members(org, lead_id, contact_id, how)
    return {"accountId": account_id, "contactId": contact_id, "opportunityId": opportunity_id, "leadId": lead_id}


def _signed(how: How) -> How:
    return How(how.user_id, how.at, duplicates=IGNORE, via=deeds.CONVERSION)


def _converted_status(org: Org, wanted: str | None) -> str:
    converted = [str(row["ApiName"]) for row in org.database.where("LeadStatus", order="SortOrder", IsConverted=1)]
    if wanted is None and converted:
        return converted[0]
    if wanted not in converted:
        raise SalesforceError("INVALID_STATUS", f"invalid convertedStatus: {wanted}", fields=())
    return str(wanted)


def _account(org: Org, lead: Mapping[str, Any], owner: str, how: How) -> str:
    values = {
        "Name": lead["Company"],
        "OwnerId": owner,
        "Phone": lead["Phone"],
        "Website": lead["Website"],
        "Industry": lead["Industry"],
        "NumberOfEmployees": lead["NumberOfEmployees"],
        **{"Billing" + part: lead[part] for part in _ADDRESS},
    }
    return insert(org, org.schema.get("Account"), values, _signed(how))


def _contact(org: Org, lead: Mapping[str, Any], account_id: str, owner: str, how: How) -> str:
    values = {
        "AccountId": account_id,
        "OwnerId": owner,
        **{name: lead[name] for name in _CARRIED},
        **{"Mailing" + part: lead[part] for part in _ADDRESS},
    }
    return insert(org, org.schema.get("Contact"), values, _signed(how))


def _opportunity(org: Org, lead: Mapping[str, Any], links: tuple[str, str, str], options: Mapping[str, Any], how: How) -> str:
    account_id, contact_id, owner = links
    stages = org.database.where("OpportunityStage", order="SortOrder", IsActive=1)
    quarter_end_month = (how.at.month + 2) // 3 * 3
    next_quarter = how.at.replace(day=28, month=quarter_end_month) + timedelta(days=4)
    close_on = (next_quarter - timedelta(days=next_quarter.day)).date()
    values = {
        "AccountId": account_id,
        "ContactId": contact_id,
        "OwnerId": owner,
        "StageName": stages[0]["ApiName"],
        "Name": options.get("opportunityName") or f"{lead['Company']}-"[:120],
        "LeadSource": lead["LeadSource"],
        "CloseDate": close_on.isoformat(),
        "CampaignId": _latest_campaign(org, lead["Id"]),
    }
    return insert(org, org.schema.get("Opportunity"), values, _signed(how))


def _latest_campaign(org: Org, lead_id: str) -> str | None:
    rows = org.database.where("CampaignMember", LeadId=lead_id, IsDeleted=0)
    return max(rows, key=lambda row: (row["CreatedDate"], row["Id"]))["CampaignId"] if rows else None


def _carry_members(org: Org, lead_id: str, contact_id: str, how: How) -> None:
    for row in org.database.where("CampaignMember", LeadId=lead_id, IsDeleted=0):
        org.database.update("CampaignMember", row["Id"], {"ContactId": contact_id, "SystemModstamp": how.stamp})
        deeds.record_changes(org, org.schema.get("CampaignMember"), row, {"ContactId": contact_id}, _signed(how))
