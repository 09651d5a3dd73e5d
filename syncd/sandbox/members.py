"""Who may become a member of a campaign, and what does a member's status mean?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from syncd.sandbox.errors import SalesforceError

if TYPE_CHECKING:
    from syncd.sandbox.org import Org


def complete(org: Org, values: dict[str, Any], at: datetime) -> None:
    """Check who joins which campaign, and complete the row with status and response.

    Errors: REQUIRED_FIELD_MISSING without a person, FIELD_INTEGRITY_EXCEPTION with two, DUPLICATE_VALUE for a member
    who is already one, CANNOT_UPDATE_CONVERTED_LEAD for a converted lead.
    """
    lead_id, contact_id = values.get("LeadId"), values.get("ContactId")
    if lead_id is None and contact_id is None:
        raise SalesforceError("REQUIRED_FIELD_MISSING", "Required fields are missing: [LeadId]", fields=("LeadId",))
    if lead_id is not None and contact_id is not None:
        raise SalesforceError(
            "FIELD_INTEGRITY_EXCEPTION", "Specify either a lead or a contact, not both", fields=("LeadId", "ContactId")
        )
    if lead_id is not None and (org.database.row("Lead", lead_id) or {}).get("IsConverted"):
        raise SalesforceError("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead", fields=())
    person = {"LeadId": lead_id} if lead_id is not None else {"ContactId": contact_id}
    if org.database.where("CampaignMember", CampaignId=values["CampaignId"], IsDeleted=0, **person):
        raise SalesforceError("DUPLICATE_VALUE", "Already a campaign member.", fields=())
    values["Status"] = _known_status(org, values["CampaignId"], values.get("Status"))
    _respond(org, values["CampaignId"], values, None, at)


def follow_status(org: Org, before: Mapping[str, Any], values: dict[str, Any], at: datetime) -> None:
    """Work out the response from a changed status."""
    if "Status" in values:
        values["Status"] = _known_status(org, before["CampaignId"], values["Status"])
        _respond(org, before["CampaignId"], values, before, at)


def _known_status(org: Org, campaign_id: str, wanted: str | None) -> str | None:
    statuses = org.database.where("CampaignMemberStatus", order="SortOrder", CampaignId=campaign_id)
    for row in statuses:
        if wanted is not None and row["Label"].lower() == wanted.lower():
            return str(row["Label"])
    rule = org.settings.unknown_member_status
    if wanted is not None and rule == "accept":
        return wanted
    if wanted is not None and rule == "refuse":
        message = f"Status: bad value for restricted picklist field: {wanted}"
        raise SalesforceError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, fields=("Status",))
    return next((str(row["Label"]) for row in statuses if row["IsDefault"]), wanted)


def _respond(org: Org, campaign_id: str, values: dict[str, Any], before: Mapping[str, Any] | None, at: datetime) -> None:
    row = org.database.where("CampaignMemberStatus", CampaignId=campaign_id, Label=values["Status"])
    responded = bool(row and row[0]["HasResponded"])
    values["HasResponded"] = int(responded)
    if responded and not (before and before["FirstRespondedDate"]):
        values["FirstRespondedDate"] = at.date().isoformat()


def add_default_statuses(org: Org, campaign_id: str, by: str, at: str) -> None:
    """Give a new campaign the two member statuses every campaign starts with."""
    add_status(org, campaign_id, "Sent", by=by, at=at, is_default=True)
    add_status(org, campaign_id, "Responded", by=by, at=at, responded=True)


def add_status(
    org: Org, campaign_id: str, label: str, *, by: str, at: str, is_default: bool = False, responded: bool = False
) -> None:
    """Add one member status to a campaign, after those it has."""
    order = org.database.value('SELECT COUNT(*) FROM "CampaignMemberStatus" WHERE "CampaignId" = ?', (campaign_id,))
    org.database.insert(
        "CampaignMemberStatus",
        {
            "Id": org.mint_id("01Y"),
            "IsDeleted": 0,
            "CampaignId": campaign_id,
            "Label": label,
            "SortOrder": order + 1,
            "IsDefault": int(is_default),
            "HasResponded": int(responded),
            "CreatedDate": at,
            "CreatedById": by,
            "LastModifiedDate": at,
            "LastModifiedById": by,
            "SystemModstamp": at,
        },
    )


def keep_one_default(org: Org, status: Mapping[str, Any]) -> None:
    """Take the default flag from the campaign's other member statuses when `status` has it."""
    if status.get("IsDefault"):
        for other in org.database.where("CampaignMemberStatus", CampaignId=status["CampaignId"], IsDefault=1):
            if other["Id"] != status["Id"]:
                org.database.update("CampaignMemberStatus", other["Id"], {"IsDefault": 0})
