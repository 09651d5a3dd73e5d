"""The org's own rules forbid, break and rewrite saves, by whoever makes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from syncd.sandbox.errors import ControlRefused
from tests.sandbox.client import ADA, Client

HOT = {"object": "Lead", "when": {"Status": "MQL"}, "set": {"Rating": "Hot"}}


def history(client: Client, lead: str) -> list[tuple[str, str, str]]:
    rows = client.rows(f"SELECT Field, CreatedBy.Name, CreatedDate FROM LeadHistory WHERE LeadId = '{lead}' ORDER BY Id")  # noqa: S608
    return [(row["Field"], row["CreatedBy"]["Name"], row["CreatedDate"]) for row in rows if row["Field"] != "created"]


def test_a_workflow_rule_rewrites_what_was_just_saved(client: Client) -> None:
    client.org.change_settings({"workflow_rules": [HOT], "history_tracking": {"Lead": ["Status", "Rating"]}})
    lead = client.lead()
    client.org.clock.advance(60)
    client.update("Lead", lead, Status="MQL")
    read = client.get("Lead", lead)
    assert (read["Rating"], read["LastModifiedById"]) == ("Hot", client.org.api_user_id)
    at = "2026-03-02T09:01:00.000+0000"
    assert (read["SystemModstamp"], read["LastModifiedDate"]) == (at, at)
    assert history(client, lead) == [("Status", "syncd Integration", at), ("Rating", "syncd Integration", at)]


def test_a_process_signs_its_history_rows_and_moves_the_system_stamp_alone(client: Client) -> None:
    client.org.change_settings({"workflow_rules": [HOT | {"as": "process"}], "history_tracking": {"Lead": ["Status", "Rating"]}})
    lead = client.lead()
    client.org.clock.advance(60)
    client.update("Lead", lead, Status="MQL")
    at = "2026-03-02T09:01:00.000+0000"
    assert history(client, lead) == [("Status", "syncd Integration", at), ("Rating", "Automated Process", at)]
    assert client.get("Lead", lead)["LastModifiedById"] == client.org.api_user_id


def test_a_rule_fires_when_its_condition_comes_true_and_not_again(client: Client) -> None:
    client.org.change_settings({"workflow_rules": [HOT]})
    lead = client.lead(Status="MQL")
    assert client.get("Lead", lead)["Rating"] == "Hot"
    client.update("Lead", lead, Rating="Cold")
    client.update("Lead", lead, Title="Dr")
    assert client.get("Lead", lead)["Rating"] == "Cold"
    client.update("Lead", lead, Status="Open - Not Contacted")
    client.update("Lead", lead, Status="MQL")
    assert client.get("Lead", lead)["Rating"] == "Hot"


def test_rules_do_not_set_off_rules(client: Client) -> None:
    chain = {"object": "Lead", "when": {"Rating": "Hot"}, "set": {"Title": "Chained"}}
    client.org.change_settings({"workflow_rules": [HOT, chain]})
    lead = client.lead(Status="MQL")
    assert client.get("Lead", lead)["Title"] is None


def test_a_rule_takes_any_of_several_values_and_reacts_to_peoples_edits_too(client: Client) -> None:
    client.org.change_settings({"workflow_rules": [HOT | {"when": {"Status": ["MQL", "SAL"], "Title": None}}]})
    lead, titled = client.lead(), client.lead(Title="Dr")
    for each in (lead, titled):
        assert client.edit("update", "Lead", each, Status="SAL")["success"]
    assert [client.get("Lead", each)["Rating"] for each in (lead, titled)] == ["Hot", None]


def test_a_stage_that_a_rule_sets_derives_what_a_stage_derives(client: Client) -> None:
    rule = {"object": "Opportunity", "when": {"NextStep": "sign"}, "set": {"StageName": "Closed Won"}}
    client.org.change_settings({"workflow_rules": [rule]})
    deal = client.opportunity()
    client.update("Opportunity", deal, NextStep="sign")
    assert client.get("Opportunity", deal)["IsWon"] is True


@pytest.mark.parametrize(
    ("setting", "rule", "code", "fields"),
    [
        ("validation_rules", {"message": "Not so.", "field": "Title"}, "FIELD_CUSTOM_VALIDATION_EXCEPTION", ["Title"]),
        ("validation_rules", {"message": "Not so."}, "FIELD_CUSTOM_VALIDATION_EXCEPTION", []),
        ("failing_triggers", {"message": "Not so."}, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", []),
        ("failing_triggers", {"message": "Not so.", "kind": "flow"}, "CANNOT_EXECUTE_FLOW_TRIGGER", []),
    ],
)
def test_a_rule_refuses_creation_and_change_by_rest_collection_and_person(
    client: Client, setting: str, rule: dict[str, Any], code: str, fields: list[str]
) -> None:
    lead = client.lead()
    client.org.change_settings({setting: [rule | {"object": "Lead", "when": {"Title": "Bad"}}]})
    before = client.org.dump(["Lead", "LeadHistory"])
    for method, path, body in (
        ("POST", "/sobjects/Lead", ADA | {"Title": "Bad"}),
        ("PATCH", f"/sobjects/Lead/{lead}", {"Title": "Bad"}),
    ):
        [error] = client.call(method, path, body).json()
        assert (error["errorCode"], error["fields"]) == (code, fields)
        assert "Not so." in error["message"]
    rows = [{"attributes": {"type": "Lead"}, "id": lead, "Title": title} for title in ("Bad", "Good")]
    refused, saved = client.call("PATCH", "/composite/sobjects", {"records": rows}).json()
    assert (refused["errors"][0]["statusCode"], saved["success"]) == (code, True)
    assert client.edit("update", "Lead", lead, Title="Bad")["errors"][0]["statusCode"] == code
    client.update("Lead", lead, Title=None)
    assert client.org.dump(["Lead", "LeadHistory"]) == before


def test_an_admins_message_stands_alone_and_a_triggers_names_its_cause(client: Client) -> None:
    rule = {"object": "Lead", "when": {"Title": "Bad"}, "message": "Not so."}
    client.org.change_settings({"validation_rules": [rule]})
    assert client.call("POST", "/sobjects/Lead", ADA | {"Title": "Bad"}).json()[0]["message"] == "Not so."
    client.org.change_settings({"validation_rules": [], "failing_triggers": [{"object": "Lead"}]})
    assert "caused by: System." in client.call("POST", "/sobjects/Lead", ADA).json()[0]["message"]


@pytest.mark.parametrize(
    ("setting", "rule", "said"),
    [
        ("workflow_rules", {"object": "Nope", "when": {"Status": "x"}, "set": {"Rating": "y"}}, "no object 'Nope'"),
        ("workflow_rules", {"object": "Lead", "when": {}, "set": {"Rating": "y"}}, "when takes"),
        ("workflow_rules", {"object": "Lead", "when": {"Status": "x"}}, "set takes"),
        ("workflow_rules", {"object": "Lead", "when": {"Status": "x"}, "set": {"Nope": 1}}, "no field 'Nope'"),
        ("workflow_rules", {"object": "Lead", "when": {"Status": "x"}, "set": {"Rating": "y"}, "as": "me"}, "user or process"),
        ("workflow_rules", {"object": "Lead", "wen": {}}, "a table of"),
        ("validation_rules", {"object": "Lead", "when": {"Status": "x"}}, "needs a message"),
        ("validation_rules", {"object": "Lead", "when": {"Address": "x"}, "message": "m"}, "no field 'Address'"),
        ("failing_triggers", {"object": "Lead", "kind": "apex"}, "trigger or flow"),
        ("duplicate_rules", {"object": "Lead"}, "match and against"),
        ("duplicate_rules", {"object": "Lead", "match": ["Email"], "action": "warn"}, "alert or block"),
        ("late_commit", {"object": "Lead", "minutes": 0}, "whole number from 1"),
        ("late_commit", {"object": "Lead"}, "minutes is missing"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_and_changes_nothing(
    client: Client, setting: str, rule: dict[str, Any], said: str
) -> None:
    with pytest.raises(ControlRefused, match=said):
        client.org.change_settings({"page_size_max": 500, setting: rule if setting == "late_commit" else [rule]})
    assert client.org.settings.page_size_max == 2_000


def test_the_documented_rules_are_taken(client: Client) -> None:
    documented = Path(__file__).parents[2] / "docs" / "sandbox.md"
    rules = documented.read_text(encoding="utf-8").partition("## The admin's rules")[2].split("```json\n")[1].partition("```")[0]
    client.org.change_settings(json.loads(rules))
    lead = client.lead(Rating="Hot", Phone="1")
    assert client.get("Lead", lead)["Title"] == "Call today"
    assert client.call("PATCH", f"/sobjects/Lead/{lead}", {"Phone": None}).json()[0]["message"] == "Add a phone."
    assert client.get("Opportunity", client.opportunity(Amount=100))["Share__c"] == 10.0
    assert client.call("POST", "/sobjects/Lead", ADA).json()[0]["errorCode"] == "DUPLICATES_DETECTED"
