"""Which objects and fields does a cycle read, and which of them are looked up by key?

Only what a rule names is mirrored: the base fields of each object, and what fences and mapping files add.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from syncd.core.actors import Team, members_read_from
from syncd.core.fence_fields import RECORD_TYPE, Named, fenced_objects, fields_named, history_of
from syncd.core.mapping import fields_needed, keys_needed
from syncd.core.policies import Policies
from syncd.core.privacy import LINK, PrivacySources, asked_of
from syncd.ports import ObjectSchema


@dataclass(frozen=True, slots=True)
class Need:
    """One object to read.

    `parent` is the reference field that makes it a history of another object. `is_optional`: no rule rests on it, so that
    nobody is told when it is hidden. `is_rare`: it changes so rarely that the org is asked for the ids of changed rows, which
    is no query, before rows are asked for. `lives_with` names the reference field and the object without whose row the org
    drops this one silently; syncd keeps it as evidence. `dispensable` fields are read where the object has them.
    """

    object: str
    fields: tuple[str, ...]
    indexed: tuple[str, ...] = ()
    stamp_field: str = "SystemModstamp"
    parent: str | None = None
    follows_deletes: bool = False
    is_optional: bool = False
    is_rare: bool = False
    lives_with: tuple[str, str] | None = None
    dispensable: frozenset[str] = frozenset()


def _history(name: str, of: str, parent: str | None, *, is_optional: bool = False) -> Need:
    fields = (f"{of}Id", "Field", "OldValue", "NewValue", "CreatedById", "CreatedDate")
    return Need(name, fields, (f"{of}Id",), "CreatedDate", parent, is_optional=is_optional, lives_with=(f"{of}Id", of))


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
    _history("LeadHistory", "Lead", "LeadId"),
    _history("OpportunityFieldHistory", "Opportunity", "OpportunityId"),
    Need(
        "Task",
        ("WhatId", "OwnerId", "CreatedById", "Subject", "ActivityDate", "IsClosed", "CompletedDateTime", "CreatedDate"),
        ("WhatId",),
        follows_deletes=True,
    ),
)
# Each slow tier is one call: at most five queries. What changes rarely is asked for its changed ids, which is no query.
PERSON_ACCOUNT = ("IsPersonAccount", "AccountId")
"""What tells where a Person Account is written; orgs without them have no such field, and are not asked for the account."""
DEAL_PEOPLE = (
    Need(
        "Contact",
        ("Name", "Email", "HasOptedOutOfEmail", "CreatedDate", *PERSON_ACCOUNT),
        ("Email",),
        follows_deletes=True,
        dispensable=frozenset(PERSON_ACCOUNT),
    ),
    Need("OpportunityContactRole", ("OpportunityId", "ContactId", "Role"), ("OpportunityId", "ContactId"), follows_deletes=True),
    Need("CampaignMember", ("CampaignId", "LeadId", "ContactId", "Status"), ("ContactId", "LeadId"), follows_deletes=True),
    Need("Account", ("Name", "OwnerId", "CreatedDate"), follows_deletes=True, is_optional=True),
    _history("ContactHistory", "Contact", None, is_optional=True),
)
ORG_CHART = (
    Need("User", ("Name", "Username", "IsActive", "Profile.Name", "UserRole.Name"), is_rare=True),
    Need("Campaign", ("Name", "IsActive"), ("Name",), follows_deletes=True, is_rare=True),
    Need("CampaignMemberStatus", ("CampaignId", "Label", "IsDefault"), ("CampaignId",), follows_deletes=True, is_rare=True),
    Need("Group", ("Name", "DeveloperName", "Type"), follows_deletes=True),
    Need("GroupMember", ("GroupId", "UserOrGroupId"), follows_deletes=True),
    Need(
        "OpportunityHistory",
        ("OpportunityId", "StageName", "CreatedDate"),
        ("OpportunityId",),
        lives_with=("OpportunityId", "Opportunity"),
    ),
    Need(
        "Event",
        ("WhatId", "OwnerId", "CreatedById", "Subject", "ActivityDate", "CreatedDate"),
        ("WhatId",),
        follows_deletes=True,
        is_optional=True,
    ),
    Need(
        "Case",
        ("ContactId", "AccountId", "Status", "IsClosed", "CreatedDate"),
        ("ContactId",),
        follows_deletes=True,
        is_optional=True,
    ),
)
# Who is in a team, where a line under [teams] asks for more than users and queues.
# Groups may hold whole roles; these change rarely, so that they cost no query.
ROLES = Need("UserRole", ("Name", "DeveloperName", "ParentRoleId"), follows_deletes=True, is_optional=True, is_rare=True)
TEAMS = (
    Need("PermissionSetAssignment", ("AssigneeId", "PermissionSet.Name", "PermissionSet.Label", "IsActive")),
    Need("Territory2", ("Name", "DeveloperName", "ParentTerritory2Id"), follows_deletes=True),
    Need("UserTerritory2Association", ("UserId", "Territory2Id", "IsActive"), follows_deletes=True),
)
# Fields that not every edition of Salesforce has; rules fall back to others without them.
OPTIONAL = frozenset({"LastStageChangeDate", "CompletedDateTime"})
FAST_TIER = "fast"
FENCED_TIER = "fenced objects"
TEAM_TIER = "teams"
PRIVACY_TIER = "privacy"
CHART_TIER = "org chart"
TIERS: Mapping[str, tuple[Need, ...]] = {FAST_TIER: FAST, "deal people": DEAL_PEOPLE, CHART_TIER: ORG_CHART}
ALWAYS_JUDGED = ("Lead", "Opportunity")
"""Every change of these is in the ledger, whether a fence stands on them or not."""
ALL = (*FAST, *DEAL_PEOPLE, *ORG_CHART)
OBJECTS = tuple(need.object for need in ALL)
_BASE = ("Name", "OwnerId", "CreatedDate")
_REFERENCE_OF = {RECORD_TYPE: "RecordTypeId"}


def tiers_under(policies: Policies) -> dict[str, tuple[Need, ...]]:
    """Return what to read under these policies by tier, each slow tier one call or more, if nothing were hidden.

    What fences stand on besides the objects that are always read has a slow tier of its own, which costs nothing without them,
    and so have what tells who is in a team and data privacy records that count.
    """
    families, named = families_under(policies), _named_by_object(policies)
    known = {need.object for need in ALL}
    more = [need for object in families if (need := _subject(object)).object not in known]
    more += [need for object in families if (need := _history_need(object)).object not in known]
    asked = members_read_from(policies.fences.teams)
    added = {FENCED_TIER: tuple(more), TEAM_TIER: tuple(need for need in TEAMS if need.object in asked)}
    added[PRIVACY_TIER] = _privacy(privacy_under(policies))
    tiers = {**TIERS, **{name: needs for name, needs in added.items() if needs}}
    if _asks_for_roles(asked):
        tiers[CHART_TIER] = (*ORG_CHART, replace(ROLES, is_optional="UserRole" not in asked))
    return {name: tuple(_under(policies, need, families, named) for need in needs) for name, needs in tiers.items()}


def _with_members(teams: Sequence[Team], need: Need) -> Need:
    """Add what lines under [teams] ask of users and groups."""
    if need.object == "Group":
        more = ["RelatedId"] if "GroupMember" in members_read_from(teams) else []
        return replace(need, fields=(*need.fields, *more), dispensable=frozenset(more))
    asked = [field for team in teams if team.where is not None for field in sorted(team.where.fields)]
    asked += ["UserType"] if any(team.user_types for team in teams) else []
    asked += ["UserRoleId"] if _asks_for_roles(members_read_from(teams)) else []
    return replace(need, fields=tuple(dict.fromkeys((*need.fields, *asked))), dispensable=frozenset({"UserRoleId"}))


def _asks_for_roles(asked: frozenset[str]) -> bool:
    return not asked.isdisjoint({"UserRole", "GroupMember"})


def families_under(policies: Policies) -> dict[str, str]:
    """Return by object the history that its changes are judged by: of leads, deals, and whatever a fence stands on."""
    fences = policies.fences
    judged = dict.fromkeys([*ALWAYS_JUDGED, *fenced_objects(fences.fences, fences.sides)])
    return {object: history_of(object).object for object in judged}


def objects_under(policies: Policies) -> tuple[str, ...]:
    """Name everything that is read under these policies."""
    return tuple(need.object for need in wanted_under(policies))


def _subject(object: str) -> Need:
    return Need(object, _BASE, follows_deletes=True, dispensable=frozenset(_BASE))


def _history_need(object: str) -> Need:
    history = history_of(object)
    fields = (history.parent, "Field", "OldValue", "NewValue", "CreatedById", "CreatedDate")
    return Need(history.object, fields, (history.parent,), "CreatedDate", history.parent, lives_with=(history.parent, object))


def _named_by_object(policies: Policies) -> dict[str, list[Named]]:
    found: dict[str, list[Named]] = {}
    for named in fields_named(policies.fences.fences, policies.fences.sides):
        found.setdefault(named.object, []).append(named)
    return found


def _under(policies: Policies, need: Need, families: Mapping[str, str], named: Mapping[str, Iterable[Named]]) -> Need:
    """Add what fences, mappings and the nurture rules want of an object."""
    by_fences = list(named.get(need.object, ()))
    own_keys = keys_needed(policies.sources).get(need.object, ())
    holds = holds_under(policies)
    hold = [holds[need.object]] if need.object in holds else []
    screened = policies.nurture.screen.fields_of(need.object) if policies.nurture is not None else ()
    links = (LINK,) if need.object in ("Lead", "Contact") and privacy_under(policies) else ()
    extra = (*fields_needed(policies.sources).get(need.object, ()), *_opt_outs(policies, need.object), *links)
    fields = tuple(dict.fromkeys((*need.fields, *extra, *own_keys, *hold, *screened, *(one.field for one in by_fences))))
    indexed = tuple(dict.fromkeys((*need.indexed, *own_keys, *links)))
    need = replace(need, fields=fields, indexed=indexed, dispensable=need.dispensable - set(extra))
    if need.object in ("User", "Group"):
        return _with_members(policies.fences.teams, need)
    if need.object in families:
        return replace(need, is_optional=False, dispensable=need.dispensable - {one.field for one in by_fences if one.is_own})
    if need.object in families.values():  # a history that was only kept is judged by now
        return replace(need, parent=need.fields[0], is_optional=False)
    return need


def holds_under(policies: Policies) -> Mapping[str, str]:
    """Return the date field by object that keeps a deal or person out under these policies."""
    return policies.nurture.hold_field if policies.nurture is not None else {}


def privacy_under(policies: Policies) -> PrivacySources:
    """Return which data privacy records count under these policies."""
    return policies.nurture.privacy if policies.nurture is not None else PrivacySources()


def _privacy(sources: PrivacySources) -> tuple[Need, ...]:
    asked = asked_of(sources).items()
    return tuple(Need(name, fields, keys, follows_deletes=True) for name, (fields, keys) in asked)


def _opt_outs(policies: Policies, object: str) -> tuple[str, ...]:
    """Name the org's own opt-out fields that nurture.toml adds."""
    return tuple(policies.nurture.opt_outs.get(object, ())) if policies.nurture is not None else ()


def needs_under(policies: Policies, schema: Mapping[str, ObjectSchema]) -> dict[str, Need]:
    """Return what to read under these policies, by object, less what the org hides.

    A hidden field is left out, not an error here: the inbox and `check` name it, and rules treat what they cannot read as
    closed.
    """
    found = {}
    for need in wanted_under(policies):
        seen = schema.get(need.object)
        if seen is None:
            continue
        fields = _visible(need.fields, seen)
        if need.object == "Contact" and PERSON_ACCOUNT[0] not in fields and PERSON_ACCOUNT[1] in need.dispensable:
            fields = tuple(name for name in fields if name != PERSON_ACCOUNT[1])
        indexed = tuple(name for name in need.indexed if name in fields)
        found[need.object] = replace(need, fields=fields, indexed=indexed)
    return found


def hidden_under(policies: Policies, schema: Mapping[str, ObjectSchema]) -> list[str]:
    """Name the objects and fields that these policies need and the org hides, such as `Lead.Status`.

    An external id that exports name people by may stand on leads or on contacts alone.
    """
    found: list[str] = []
    keys = {source.external_field for source in policies.sources if source.external_field}
    elsewhere = {name for name in keys for seen in schema.values() if name in seen.fields}
    for need in wanted_under(policies):
        if need.is_optional:
            continue
        seen = schema.get(need.object)
        if seen is None:
            found.append(need.object)
            continue
        visible = _visible(need.fields, seen)
        excused = {*visible, *OPTIONAL, *elsewhere, *need.dispensable}
        found += [f"{need.object}.{shown_as(name)}" for name in need.fields if name not in excused]
    return found


def wanted_under(policies: Policies) -> Iterator[Need]:
    """Give what these policies would read if nothing were hidden."""
    return chain.from_iterable(tiers_under(policies).values())


def shown_as(field: str) -> str:
    """Return the field that has to be visible for this one to be read: the reference that a path goes by, or the field."""
    return _REFERENCE_OF.get(field, field)


def _visible(fields: Iterable[str], seen: ObjectSchema) -> tuple[str, ...]:
    return tuple(name for name in dict.fromkeys(fields) if _is_visible(name, seen))


def _is_visible(name: str, seen: ObjectSchema) -> bool:
    """Tell whether a field, or the reference that a path begins with, may be asked for."""
    return _REFERENCE_OF.get(name, name) in seen.fields or ("." in name and name not in _REFERENCE_OF)
