"""What follows a merged record to the one that is left?"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from syncd.core.ladder import Wait
from syncd.core.merging import carried_debts, carried_flags, carried_waits, final_winners
from syncd.core.values import ActorKind, Flag, FlagFact, Intent, OrgRecord, Rule, Scalar

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def person(id: str, **fields: Scalar) -> OrgRecord:
    return OrgRecord("Contact", id, NOW, {"Email": f"{id}@example.com", "HasOptedOutOfEmail": False, **fields})


def fact(person_id: str | None, address: str | None = None, flag: Flag = Flag.OPTED_OUT) -> FlagFact:
    return FlagFact(flag, person_id, address, "marketo", "a.csv:2", NOW)


def test_chains_end_at_the_record_that_is_left_and_a_circle_ends_at_all() -> None:
    assert final_winners({"a": "b", "b": "c"}) == {"a": "c", "b": "c"}
    assert set(final_winners({"a": "b", "b": "a"})) == {"a", "b"}


def test_every_fact_about_the_merged_record_is_one_about_the_winner() -> None:
    facts = [
        fact("loser"),
        fact(None, "loser@example.com"),
        fact("lead", flag=Flag.UNREACHABLE),
        fact("somebody", "else@example.com"),
    ]
    leads = [OrgRecord("Lead", "lead", NOW, {"HasOptedOutOfEmail": False})]
    carried = carried_flags(person("loser"), leads, facts, ["loser@example.com"], "winner")
    assert {(one.flag, one.person_id, one.address) for one in carried} == {
        (Flag.OPTED_OUT, "winner", None),
        (Flag.OPTED_OUT, "winner", "loser@example.com"),
        (Flag.UNREACHABLE, "winner", None),
    }
    assert all("loser" in one.evidence for one in carried)


def test_the_orgs_own_opt_out_goes_over_that_of_a_converted_lead_too() -> None:
    [own] = carried_flags(person("loser", HasOptedOutOfEmail=True), [], [], [], "winner")
    assert (own.flag, own.person_id, own.source) == (Flag.OPTED_OUT, "winner", "salesforce")
    lead = OrgRecord("Lead", "lead", NOW, {"HasOptedOutOfEmail": True})
    assert len(carried_flags(person("loser"), [lead], [], [], "winner")) == 1
    assert carried_flags(person("loser"), [], [], [], "winner") == []


def test_a_debt_goes_over_only_with_the_value_that_may_not_stand() -> None:
    loser = person("loser", Status="Inquiry")
    owed: dict[tuple[str, str], Scalar] = {("loser", "Status"): "Working"}
    before, now = person("winner", Status="MQL"), person("winner", Status="Inquiry")
    assert carried_debts(owed, loser, before, now) == {"Status": "Working"}
    assert carried_debts(owed, loser, before, person("winner", Status="Qualified")) == {}
    assert carried_debts({**owed, ("winner", "Status"): "MQL"}, loser, before, now) == {}
    assert carried_debts(owed, loser, before, None) == {}


def test_a_value_that_the_winner_held_by_itself_owes_nothing() -> None:
    owed: dict[tuple[str, str], Scalar] = {("loser", "Status"): "Working"}
    held = person("winner", Status="Inquiry")
    assert carried_debts(owed, person("loser", Status="Inquiry"), held, held) == {}


def test_a_debt_that_is_carried_over_goes_on_waiting_under_the_winners_id() -> None:
    rule = Rule("status Working", "fences.toml", 3)
    intents = [Intent(f, "Lead", "loser", f, "Inquiry", "Working", "fence", rule, "", "", "") for f in ("Status", "OwnerId")]
    status, owner = (Wait(intent, "status", ActorKind.TOOL, NOW, is_asked=True) for intent in intents)
    carried = carried_waits({("loser", "Status"): status, ("loser", "OwnerId"): owner}, ["Status", "Rating"], "winner")
    assert carried == {("winner", "Status"): replace(status, intent=replace(intents[0], record_id="winner"))}
