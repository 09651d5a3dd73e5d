"""A duplicate rule speaks up with what it found, and lets itself be overruled only where its admin said so."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.client import ADA, Client

RULE = {"object": "Lead", "name": "Our_Rule", "match": ["Email"], "against": ["Lead", "Contact"], "action": "alert"}
NAME = "Sforce_Duplicate_Rule_Header"


@pytest.fixture
def found(client: Client) -> str:
    lead = client.lead()
    client.org.change_settings({"duplicate_rules": [RULE]})
    return lead


def post(client: Client, header: str = "", **fields: Any) -> Any:
    return client.call("POST", "/sobjects/Lead", ADA | fields, **({NAME: header} if header else {}))


def test_an_alert_names_the_record_that_is_there(client: Client, found: str) -> None:
    answer = post(client, Email="ADA@engines.example")
    [error] = answer.json()
    assert (answer.status_code, error["errorCode"]) == (400, "DUPLICATES_DETECTED")
    result = error["duplicateResult"]
    assert (result["allowSave"], result["duplicateRule"]) == (True, "Our_Rule")
    [match] = result["matchResults"]
    assert (match["size"], match["matchEngine"], match["success"]) == (1, "ExactMatchEngine", True)
    [record] = match["matchRecords"]
    assert record["matchConfidence"] == 100.0
    assert (record["record"]["attributes"]["type"], record["record"]["Id"]) == ("Lead", found)
    assert "Email" not in record["record"]
    assert len(client.rows("SELECT Id FROM Lead")) == 1


def test_record_details_are_shown_when_asked_for(client: Client, found: str) -> None:
    [error] = post(client, "includeRecordDetails=true").json()
    assert error["duplicateResult"]["matchResults"][0]["matchRecords"][0]["record"]["Email"] == ADA["Email"]


@pytest.mark.parametrize(("action", "status"), [("alert", 201), ("block", 400)])
@pytest.mark.usefixtures("found")
def test_only_an_alert_can_be_overruled(client: Client, action: str, status: int) -> None:
    client.org.change_settings({"duplicate_rules": [RULE | {"action": action}]})
    answer = post(client, "allowSave=true; runAsCurrentUser=true")
    assert answer.status_code == status
    if status == 400:
        assert answer.json()[0]["duplicateResult"]["allowSave"] is False


@pytest.mark.usefixtures("found")
def test_other_values_empty_values_and_unrelated_changes_pass(client: Client) -> None:
    other = client.lead(Email="other@engines.example")
    empty = client.lead(Email=None)
    client.update("Lead", other, Title="Dr")
    client.update("Lead", empty, Title="Dr")
    refused = client.call("PATCH", f"/sobjects/Lead/{other}", {"Email": ADA["Email"]})
    assert refused.json()[0]["errorCode"] == "DUPLICATES_DETECTED"


def test_a_record_is_no_duplicate_of_itself_or_of_one_in_the_bin(client: Client, found: str) -> None:
    client.update("Lead", found, Email=ADA["Email"])
    client.edit("delete", "Lead", found)
    assert post(client).status_code == 201


def test_a_rule_looks_at_other_objects_too(client: Client) -> None:
    contact = client.create("Contact", LastName="Lovelace", Email=ADA["Email"])
    client.org.change_settings({"duplicate_rules": [RULE]})
    [error] = post(client).json()
    [match] = error["duplicateResult"]["matchResults"]
    assert (match["entityType"], match["matchRecords"][0]["record"]["Id"]) == ("Contact", contact)


@pytest.mark.usefixtures("found")
def test_a_collection_reports_the_duplicate_in_its_row(client: Client) -> None:
    rows = [{"attributes": {"type": "Lead"}} | ADA, {"attributes": {"type": "Lead"}} | ADA | {"Email": None}]
    refused, saved = client.call("POST", "/composite/sobjects", {"records": rows}).json()
    assert (refused["errors"][0]["statusCode"], saved["success"]) == ("DUPLICATES_DETECTED", True)
    assert refused["errors"][0]["duplicateResult"]["matchResults"]


def test_a_person_saves_in_spite_of_an_alert_and_a_conversion_is_not_asked(client: Client, found: str) -> None:
    fields = ADA | {"LastName": "Again"}
    assert client.edit("create", "Lead", **fields)["success"]
    client.org.change_settings({"duplicate_rules": [RULE, RULE | {"object": "Contact", "action": "block"}]})
    assert client.edit("convert", "Lead", found)["success"]


@pytest.mark.parametrize("header", ["allowSave=maybe", "saveAnyway=true"])
def test_a_header_that_means_nothing_is_refused(client: Client, header: str) -> None:
    assert post(client, header).json()[0]["errorCode"] == "INVALID_INPUT"
