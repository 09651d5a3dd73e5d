"""What is read under a fence file, and what does it cost?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from syncd.core.actors import Team
from syncd.core.fence_model import Bound, Condition, Fence, Gate, Holding, Ladder, SideRule
from syncd.core.policies import Policies
from syncd.core.values import ActorKind, Rule
from syncd.engine.backfill import new_backfill, open_backfills
from syncd.engine.needs import (
    CHART_TIER,
    FENCED_TIER,
    TEAM_TIER,
    TIERS,
    families_under,
    hidden_under,
    needs_under,
    tiers_under,
    wanted_under,
)
from syncd.ports import FieldSchema, Job, ObjectSchema
from syncd.testing.model import START
from tests.core.samples import fences

RULE = Rule("a line", "fences.toml", 7)


def condition(*fields: str) -> Condition:
    return Condition("", RULE, frozenset(fields), lambda record: True)


def policies(*more: Fence, sides: tuple[SideRule, ...] = (), teams: tuple[Team, ...] | None = None) -> Policies:
    starter = fences()
    members = starter.teams if teams is None else teams
    return Policies(replace(starter, fences=(*starter.fences, *more), sides=sides, teams=members), None, (), {})


def fence(*fields: str, **more: object) -> Fence:
    bound = tuple(Bound(object, name) for object, _, name in (field.partition(".") for field in fields))
    return replace(Fence("more", RULE, bound, {}, {}, Ladder()), **more)  # type: ignore[arg-type]


def wanted(given: Policies) -> dict[str, tuple[str, ...]]:
    return {need.object: need.fields for need in wanted_under(given)}


def shown(given: Policies, **fields: set[str]) -> dict[str, ObjectSchema]:
    """Describe everything as it is wanted; `fields` replaces the visible fields of some objects."""
    names = {name: set(each) for name, each in wanted(given).items()} | fields
    return {
        name: ObjectSchema(name, {each: FieldSchema(each, "string", 80, True, True, False) for each in some}, True, True)
        for name, some in names.items()
    }


def objects(given: Policies) -> dict[str, list[str]]:
    return {name: [need.object for need in some] for name, some in tiers_under(given).items()}


def test_without_more_fences_nothing_more_is_read() -> None:
    plain = {name: [need.object for need in some] for name, some in TIERS.items()}
    assert objects(policies(teams=())) == plain
    assert objects(policies()) == {**plain, CHART_TIER: [*plain[CHART_TIER], "UserRole"]}, "a queue may hold whole roles"
    assert families_under(policies()) == {"Lead": "LeadHistory", "Opportunity": "OpportunityFieldHistory"}


def team(**members: Any) -> Team:
    return Team("more", ActorKind.PERSON, RULE, **members)


@pytest.mark.parametrize(
    ("member", "tier", "object", "fields"),
    [
        (team(roles=frozenset({"vp sales+"})), CHART_TIER, "UserRole", {"ParentRoleId"}),
        (team(permission_sets=frozenset({"ops"})), TEAM_TIER, "PermissionSetAssignment", {"PermissionSet.Name"}),
        (team(territories=frozenset({"emea"})), TEAM_TIER, "UserTerritory2Association", {"Territory2Id"}),
        (team(groups=frozenset({"desk"})), CHART_TIER, "Group", {"RelatedId"}),
        (team(user_types=frozenset({"powerpartner"})), CHART_TIER, "User", {"UserType"}),
        (team(where=condition("Department")), CHART_TIER, "User", {"Department"}),
    ],
)
def test_who_is_in_a_team_is_read_where_a_line_asks_for_it(member: Team, tier: str, object: str, fields: set[str]) -> None:
    assert object in objects(policies(teams=(member,)))[tier]
    assert fields <= set(wanted(policies(teams=(member,)))[object])
    assert not fields & set(wanted(policies(teams=())).get(object, ()))


@pytest.mark.parametrize(
    ("field", "history", "parent"),
    [
        ("Contact.Contact_Status__c", "ContactHistory", "ContactId"),
        ("Account.Stage__c", "AccountHistory", "AccountId"),
        ("Application__c.Stage__c", "Application__History", "ParentId"),
        ("acme__Loan__c.Stage__c", "acme__Loan__History", "ParentId"),
        ("Opportunity.StageName", "OpportunityFieldHistory", "OpportunityId"),
    ],
)
def test_a_fence_reads_its_object_with_the_history_that_it_judges_by(field: str, history: str, parent: str) -> None:
    given = policies(fence(field))
    object, _, name = field.partition(".")
    needs = {need.object: need for need in wanted_under(given)}
    assert {name, "OwnerId"} <= set(needs[object].fields)
    assert not needs[object].is_optional
    assert (needs[history].parent, needs[history].lives_with) == (parent, (parent, object))
    assert not needs[history].is_optional
    assert families_under(given)[object] == history


def test_what_is_not_read_anyway_has_a_slow_tier_of_its_own_with_subjects_before_histories() -> None:
    tiers = tiers_under(policies(fence("Application__c.Stage__c", "Contact.Contact_Status__c"), fence("Account.Stage__c")))
    assert [need.object for need in tiers[FENCED_TIER]] == ["Application__c", "Application__History", "AccountHistory"]


def test_all_that_a_decision_rests_on_is_read_on_each_object() -> None:
    given = policies(
        fence(
            "Lead.Status2__c",
            "Contact.Status2__c",
            reason_field="Reason__c",
            ladder=Ladder(tell="field Syncd_Note__c"),
            holdings={
                "A": Holding("A", RULE, shared=(("sdr", condition("LeadSource")), ("sales", None))),
                "B": Holding("B", RULE, team="sales", by_record_type={"Partner": "sales"}),
            },
            gates={("A", "B"): Gate("A", "B", frozenset({"sdr"}), RULE, needs=("Phone",), when=condition("Rating", "Title"))},
        ),
        sides=(SideRule("Lead", "Industry", RULE, team="sales"),),
    )
    named = {"Reason__c", "Syncd_Note__c", "LeadSource", "Phone", "Rating", "Title", "RecordType.DeveloperName"}
    assert named | {"Industry"} <= set(wanted(given)["Lead"])
    assert named <= set(wanted(given)["Contact"])
    assert "Industry" not in wanted(given)["Contact"]


def test_a_record_type_is_asked_for_only_where_the_object_has_record_types() -> None:
    given = policies(fence("Lead.Status2__c"))
    scoped = policies(Fence("more", RULE, (Bound("Lead", "Status2__c", frozenset({"Partner"})),), {}, {}, Ladder()))
    assert "RecordType.DeveloperName" not in wanted(given)["Lead"]
    plain = set(wanted(scoped)["Lead"]) - {"RecordType.DeveloperName"}
    assert "RecordType.DeveloperName" not in needs_under(scoped, shown(scoped, Lead=plain))["Lead"].fields
    assert hidden_under(scoped, shown(scoped, Lead=plain)) == ["Lead.RecordTypeId"]
    typed = shown(scoped, Lead={*plain, "RecordTypeId"})
    assert "RecordType.DeveloperName" in needs_under(scoped, typed)["Lead"].fields
    assert hidden_under(scoped, typed) == []


def test_an_object_without_owners_is_no_finding_but_one_without_the_fenced_field_is() -> None:
    given = policies(fence("Application__c.Stage__c"))
    assert hidden_under(given, shown(given, Application__c={"Stage__c"})) == []
    assert hidden_under(given, shown(given, Application__c={"Name"})) == ["Application__c.Stage__c"]
    assert needs_under(given, shown(given, Application__c={"Stage__c"}))["Application__c"].fields == ("Stage__c",)


class Jobs:
    """A store that knows some jobs."""

    def __init__(self, *objects: str) -> None:
        self.known = [new_backfill(object, "first load", START, START).stored(START) for object in objects]

    def jobs(self, kind: str) -> list[Job]:
        return self.known


def test_a_subject_is_loaded_before_its_history() -> None:
    store = Jobs("Application__History", "Application__c", "LeadHistory", "Lead")
    loaded = [one.object for one in open_backfills(store)]  # type: ignore[arg-type]
    assert loaded == ["Lead", "LeadHistory", "Application__c", "Application__History"]
