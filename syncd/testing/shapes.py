"""Which objects does the model know, with which fields?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from syncd.ports import FieldSchema

AUDIT = ("CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById", "SystemModstamp")
STATUSES = ("Open - Not Contacted", "Working - Contacted", "Closed - Converted", "Closed - Not Converted")
_HISTORY = "{}Id:reference Field:text OldValue:text NewValue:text CreatedDate:datetime CreatedById:reference"
_PERSON = (
    "FirstName:text LastName:text Name:text Email:email OwnerId:reference HasOptedOutOfEmail:boolean Title:text LeadSource:text"
)
_TEXTS: Mapping[str, tuple[str, str]] = {
    "Lead": (
        "00Q",
        f"{_PERSON} Company:text Status:text Rating:text IsConverted:boolean! ConvertedDate:date! "
        "ConvertedAccountId:reference! ConvertedContactId:reference! ConvertedOpportunityId:reference! MasterRecordId:reference!",
    ),
    "Contact": ("003", f"{_PERSON} AccountId:reference MasterRecordId:reference!"),
    "Account": ("001", "Name:text OwnerId:reference MasterRecordId:reference!"),
    "Opportunity": (
        "006",
        "Name:text StageName:text IsClosed:boolean! OwnerId:reference AccountId:reference Amount:double CloseDate:date "
        "LastStageChangeDate:datetime!",
    ),
    "OpportunityContactRole": ("00K", "OpportunityId:reference ContactId:reference Role:text"),
    "OpportunityHistory": ("008", "OpportunityId:reference! StageName:text!"),
    "Campaign": ("701", "Name:text IsActive:boolean"),
    "CampaignMember": ("00v", "CampaignId:reference LeadId:reference ContactId:reference Status:text"),
    "CampaignMemberStatus": ("01Y", "CampaignId:reference Label:text IsDefault:boolean"),
    "Task": (
        "00T",
        "WhatId:reference WhoId:reference OwnerId:reference Subject:text Status:text ActivityDate:date IsClosed:boolean! "
        "CompletedDateTime:datetime!",
    ),
    "Event": ("00U", "WhatId:reference WhoId:reference OwnerId:reference Subject:text ActivityDate:date"),
    "Case": ("500", "ContactId:reference AccountId:reference Status:text Subject:text OwnerId:reference"),
    "User": (
        "005",
        "Name:text Username:text IsActive:boolean ProfileId:reference UserRoleId:reference ManagerId:reference UserType:text "
        "Department:text Division:text Title:text",
    ),
    "Profile": ("00e", "Name:text"),
    "UserRole": ("00E", "Name:text DeveloperName:text ParentRoleId:reference"),
    "Group": ("00G", "Name:text DeveloperName:text Type:text RelatedId:reference"),
    "GroupMember": ("011", "GroupId:reference UserOrGroupId:reference"),
    "PermissionSet": ("0PS", "Name:text Label:text"),
    "PermissionSetAssignment": ("0Pa", "PermissionSetId:reference AssigneeId:reference IsActive:boolean"),
    "RecordType": ("012", "Name:text DeveloperName:text SobjectType:text IsActive:boolean"),
    "FeedItem": ("0D5", "ParentId:reference Body:text Type:text"),
    "LeadHistory": ("017", _HISTORY.format("Lead")),
    "ContactHistory": ("017", _HISTORY.format("Contact")),
    "OpportunityFieldHistory": ("017", _HISTORY.format("Opportunity")),
}
HISTORY_OF = {"Lead": "LeadHistory", "Contact": "ContactHistory", "Opportunity": "OpportunityFieldHistory"}
# What history is kept of where the setting `history_tracking` names nothing, by the fields' API names.
TRACKED: Mapping[str, tuple[str, ...]] = {"Lead": ("Status", "OwnerId"), "Opportunity": ("StageName", "OwnerId")}
# child object, pointing field: what goes into the bin with its parent, and moves to the winner of a merge
CHILDREN: Mapping[str, tuple[tuple[str, str], ...]] = {
    "Lead": (("CampaignMember", "LeadId"), ("Task", "WhoId"), ("LeadHistory", "LeadId")),
    "Contact": (
        ("CampaignMember", "ContactId"),
        ("OpportunityContactRole", "ContactId"),
        ("Task", "WhoId"),
        ("ContactHistory", "ContactId"),
    ),
    "Account": (("Contact", "AccountId"), ("Opportunity", "AccountId")),
    "Opportunity": (
        ("OpportunityContactRole", "OpportunityId"),
        ("OpportunityHistory", "OpportunityId"),
        ("OpportunityFieldHistory", "OpportunityId"),
        ("Task", "WhatId"),
    ),
    "Campaign": (("CampaignMember", "CampaignId"), ("CampaignMemberStatus", "CampaignId")),
}
MERGING = frozenset({"Lead", "Contact", "Account"})
_WRITTEN_BY_THE_ORG = frozenset({"LeadHistory", "ContactHistory", "OpportunityFieldHistory", "OpportunityHistory"})
_PICKLISTS = {("Lead", "Status"): STATUSES}
_LENGTHS = {"text": 255, "email": 80, "reference": 18}
_NAMES = {"text": "string"}


@dataclass(frozen=True, slots=True)
class Shape:
    """One object: the prefix of its ids, its fields, and whether rows are stamped by SystemModstamp or only created."""

    name: str
    prefix: str
    fields: dict[str, FieldSchema]
    is_written_by_the_org: bool
    stamp_field: str = field(default="SystemModstamp")


def shapes(custom: Mapping[str, str] | None = None) -> dict[str, Shape]:
    """Return all objects; `custom` adds fields to some of them, such as {"Lead": "Score__c:double Key__c:external"}."""
    made = {}
    for name, (prefix, text) in _TEXTS.items():
        words = f"Id:id! IsDeleted:boolean! {text} {(custom or {}).get(name, '')}".split()
        if not name.endswith("History") or name == "OpportunityHistory":
            words += [f"{each}:{'reference' if each.endswith('Id') else 'datetime'}!" for each in AUDIT]
        fields = {one.name: one for one in (_field(name, word) for word in words)}
        stamp = "SystemModstamp" if "SystemModstamp" in fields else "CreatedDate"
        made[name] = Shape(name, prefix, fields, name in _WRITTEN_BY_THE_ORG, stamp)
    return made


def _field(object: str, word: str) -> FieldSchema:
    """Read `Name:type`; an exclamation mark says that only the org writes it."""
    name, _, kind = word.partition(":")
    is_open = not kind.endswith("!") and object not in _WRITTEN_BY_THE_ORG
    kind = kind.removesuffix("!")
    is_external = kind == "external"
    kind = "text" if is_external else kind
    known = _PICKLISTS.get((object, name), ())
    type = "picklist" if known else _NAMES.get(kind, kind)
    return FieldSchema(name, type, _LENGTHS.get(kind, 0), is_open, is_open, is_external, tuple(known))
