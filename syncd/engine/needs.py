"""Which objects and fields does a cycle read, and which of them are looked up by key?

Only what a rule names is mirrored: the base fields of each object, and what the mapping files add.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from syncd.core.mapping import fields_needed, keys_needed
from syncd.core.policies import Policies
from syncd.ports import ObjectSchema


@dataclass(frozen=True, slots=True)
class Need:
    """One object to read. `parent` is the reference field that makes it a history of another object."""

    object: str
    fields: tuple[str, ...]
    indexed: tuple[str, ...] = ()
    stamp_field: str = "SystemModstamp"
    parent: str | None = None
    follows_deletes: bool = False


FAST = (
    Need(
        "Lead",
        ("Name", "Email", "Status", "OwnerId", "HasOptedOutOfEmail", "IsConverted", "ConvertedContactId", "CreatedDate"),
        ("Email", "ConvertedContactId"),
        follows_deletes=True,
    ),
    Need(
        "Opportunity",
        ("Name", "StageName", "IsClosed", "OwnerId", "CreatedDate", "LastStageChangeDate"),
        ("StageName",),
        follows_deletes=True,
    ),
    Need(
        "LeadHistory",
        ("LeadId", "Field", "OldValue", "NewValue", "CreatedById", "CreatedDate"),
        ("LeadId",),
        stamp_field="CreatedDate",
        parent="LeadId",
    ),
    Need(
        "OpportunityFieldHistory",
        ("OpportunityId", "Field", "OldValue", "NewValue", "CreatedById", "CreatedDate"),
        ("OpportunityId",),
        stamp_field="CreatedDate",
        parent="OpportunityId",
    ),
    Need(
        "Task",
        ("WhatId", "OwnerId", "CreatedById", "Subject", "ActivityDate", "IsClosed", "CompletedDateTime", "CreatedDate"),
        ("WhatId",),
        follows_deletes=True,
    ),
)
ORG_CHART = (
    Need("User", ("Name", "Username", "IsActive", "Profile.Name", "UserRole.Name")),
    Need("Group", ("Name", "DeveloperName", "Type")),
    Need("GroupMember", ("GroupId", "UserOrGroupId"), follows_deletes=False),
    Need("Campaign", ("Name", "IsActive"), ("Name",), follows_deletes=True),
    Need("CampaignMemberStatus", ("CampaignId", "Label", "IsDefault"), ("CampaignId",)),
)
DEAL_PEOPLE = (
    Need("Contact", ("Name", "Email", "HasOptedOutOfEmail", "CreatedDate"), ("Email",), follows_deletes=True),
    Need("OpportunityContactRole", ("OpportunityId", "ContactId", "Role"), ("OpportunityId", "ContactId"), follows_deletes=True),
    Need("CampaignMember", ("CampaignId", "LeadId", "ContactId", "Status"), ("ContactId", "LeadId"), follows_deletes=True),
    Need("OpportunityHistory", ("OpportunityId", "StageName", "CreatedDate"), ("OpportunityId",)),
)
# Fields that not every edition of Salesforce has; rules fall back to others without them.
OPTIONAL = frozenset({"LastStageChangeDate", "CompletedDateTime"})
FAST_TIER = "fast"
TIERS: Mapping[str, tuple[Need, ...]] = {FAST_TIER: FAST, "org chart": ORG_CHART, "deal people": DEAL_PEOPLE}
FAMILIES = {"Lead": "LeadHistory", "Opportunity": "OpportunityFieldHistory"}
ALL = (*FAST, *ORG_CHART, *DEAL_PEOPLE)
OBJECTS = tuple(need.object for need in ALL)


def needs_under(policies: Policies, schema: Mapping[str, ObjectSchema]) -> dict[str, Need]:
    """Return what to read under these policies, by object, less what the org hides.

    A hidden field is left out, not an error here: the inbox and `check` name it, and rules treat what they cannot read as
    closed.
    """
    found = {}
    for need in _wanted(policies):
        seen = schema.get(need.object)
        if seen is None:
            continue
        fields = _visible(need.fields, seen)
        indexed = tuple(name for name in need.indexed if name in fields)
        found[need.object] = Need(need.object, fields, indexed, need.stamp_field, need.parent, need.follows_deletes)
    return found


def hidden_under(policies: Policies, schema: Mapping[str, ObjectSchema]) -> list[str]:
    """Name the objects and fields that these policies need and the org hides, such as `Lead.Status`.

    An external id that exports name people by may stand on leads or on contacts alone.
    """
    found: list[str] = []
    keys = {name for fields in keys_needed(policies.sources).values() for name in fields}
    elsewhere = {name for name in keys for seen in schema.values() if name in seen.fields}
    for need in _wanted(policies):
        seen = schema.get(need.object)
        if seen is None:
            found.append(need.object)
            continue
        visible = _visible(need.fields, seen)
        excused = {*visible, *OPTIONAL, *elsewhere}
        found += [f"{need.object}.{name}" for name in need.fields if name not in excused]
    return found


def _wanted(policies: Policies) -> Iterator[Need]:
    extra, keys = fields_needed(policies.sources), keys_needed(policies.sources)
    holds = policies.nurture.hold_field if policies.nurture is not None else {}
    for need in ALL:
        own_keys = keys.get(need.object, ())
        hold = [holds[need.object]] if need.object in holds else []
        fields = tuple(dict.fromkeys((*need.fields, *extra.get(need.object, ()), *own_keys, *hold)))
        indexed = tuple(dict.fromkeys((*need.indexed, *own_keys)))
        yield Need(need.object, fields, indexed, need.stamp_field, need.parent, need.follows_deletes)


def _visible(fields: Iterable[str], seen: ObjectSchema) -> tuple[str, ...]:
    return tuple(name for name in dict.fromkeys(fields) if "." in name or name in seen.fields)
