"""A held record is refused to everybody who wants to write it, for as long as it is held."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.client import Client


def control(client: Client, method: str, body: dict[str, Any] | None = None) -> Any:
    return client.call(method, client.served.url + "/_sandbox/locks", body)


def code_of(client: Client, lead: str) -> Any:
    answer = client.call("PATCH", f"/sobjects/Lead/{lead}", {"Title": "Dr"})
    return answer.json()[0]["errorCode"] if answer.content else answer.status_code


def test_a_row_lock_lasts_its_seconds(client: Client) -> None:
    lead = client.lead()
    assert control(client, "POST", {"ids": [lead[:15]], "seconds": 30}).json()["locks"][0]["until"] == "2026-03-02T09:00:30Z"
    [error] = client.call("PATCH", f"/sobjects/Lead/{lead}", {"Title": "Dr"}).json()
    assert error == {
        "message": "unable to obtain exclusive access to this record",
        "errorCode": "UNABLE_TO_LOCK_ROW",
        "fields": [],
    }
    assert client.get("Lead", lead)["Title"] is None
    client.org.clock.advance(30)
    assert code_of(client, lead) == 204
    assert control(client, "GET").json() == {"locks": []}


def test_a_row_lock_lasts_its_attempts_even_when_each_is_rolled_back(client: Client) -> None:
    lead = client.lead()
    control(client, "POST", {"ids": [lead], "attempts": 2})
    assert [code_of(client, lead) for _ in range(3)] == ["UNABLE_TO_LOCK_ROW", "UNABLE_TO_LOCK_ROW", 204]


def test_a_lock_stops_deletion_collections_and_people_and_spares_the_other_rows(client: Client) -> None:
    held, free = client.lead(), client.lead()
    control(client, "POST", {"ids": [held], "seconds": 30})
    assert client.call("DELETE", f"/sobjects/Lead/{held}").json()[0]["errorCode"] == "UNABLE_TO_LOCK_ROW"
    rows = [{"attributes": {"type": "Lead"}, "id": each, "Title": "Dr"} for each in (held, free)]
    refused, saved = client.call("PATCH", "/composite/sobjects", {"records": rows}).json()
    assert (refused["errors"][0]["statusCode"], saved["success"]) == ("UNABLE_TO_LOCK_ROW", True)
    assert client.edit("update", "Lead", held, Title="Dr")["errors"][0]["statusCode"] == "UNABLE_TO_LOCK_ROW"


def test_a_locked_campaign_refuses_its_members(client: Client) -> None:
    campaign, lead = client.create("Campaign", Name="Webinar"), client.lead()
    control(client, "POST", {"ids": [campaign], "seconds": 30})
    [error] = client.call("POST", "/sobjects/CampaignMember", {"CampaignId": campaign, "LeadId": lead}).json()
    assert (error["errorCode"], campaign in error["message"]) == ("UNABLE_TO_LOCK_ROW", True)
    control(client, "DELETE", {"ids": [campaign]})
    assert client.create("CampaignMember", CampaignId=campaign, LeadId=lead)


def test_an_approval_locks_a_record_for_all_but_the_admin_until_it_ends(client: Client) -> None:
    lead = client.lead()
    control(client, "POST", {"ids": [lead], "kind": "approval"})
    client.org.clock.advance(86_400)
    client.log_in()
    assert code_of(client, lead) == "ENTITY_IS_LOCKED"
    assert client.edit("update", "Lead", lead, Title="Mx")["success"]
    control(client, "DELETE")
    assert code_of(client, lead) == 204


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"ids": ["nope"]},
        {"ids": ["00Q9U00000000zz"]},
        {"ids": [], "seconds": 0},
        {"ids": [], "attempts": "2"},
        {"ids": [], "kind": "x"},
        {"id": "x"},
    ],
)
def test_a_lock_that_makes_no_sense_is_refused(client: Client, body: dict[str, Any]) -> None:
    answer = control(client, "POST", body)
    assert (answer.status_code, bool(answer.json()["error"])) == (400, True)
