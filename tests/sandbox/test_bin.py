"""What is deleted lies in the bin for 15 days, comes back whole, or goes for good; every answer agrees on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from syncd.sandbox.local import running
from tests.sandbox.client import Client

DAY = 86_400


def listed(client: Client, sobject: str = "Lead", days: int = 1) -> Any:
    now = client.org.clock.now()
    start = now.timestamp() - days * DAY + 60
    from_ = client.org.clock.now().fromtimestamp(start, tz=now.tzinfo).strftime("%Y-%m-%dT%H:%M:%SZ")
    to = client.org.clock.now().fromtimestamp(now.timestamp() + 60, tz=now.tzinfo).strftime("%Y-%m-%dT%H:%M:%SZ")
    answer = client.call("GET", f"/sobjects/{sobject}/deleted/?start={from_}&end={to}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def ids(answer: Any) -> list[str]:
    return [each["id"] for each in answer["deletedRecords"]]


def binned(client: Client, sobject: str = "Lead") -> list[str]:
    return [row["Id"] for row in client.rows(f"SELECT Id FROM {sobject} WHERE IsDeleted = true", every=True)]  # noqa: S608


def empty(client: Client, **body: Any) -> Any:
    return client.call("DELETE", client.served.url + "/_sandbox/bin", body or None).json()


def test_the_bin_forgets_after_fifteen_days_and_so_does_the_list(client: Client) -> None:
    lead, campaign = client.lead(), client.create("Campaign", Name="Webinar")
    client.create("CampaignMember", CampaignId=campaign, LeadId=lead)
    client.edit("delete", "Lead", lead)
    client.org.clock.advance(15 * DAY - 3_600)
    client.log_in()
    assert binned(client) == ids(listed(client, days=15)) == [lead]
    client.org.clock.advance(3_600)
    client.log_in()
    assert binned(client) == binned(client, "CampaignMember") == ids(listed(client, days=15)) == []
    assert client.call("GET", f"/sobjects/Lead/{lead}").json()[0]["errorCode"] == "NOT_FOUND"
    assert client.edit("undelete", "Lead", lead)["errors"][0]["statusCode"] == "UNDELETE_FAILED"


def test_what_came_back_is_not_purged_later(client: Client) -> None:
    lead = client.lead()
    client.edit("delete", "Lead", lead)
    client.org.clock.advance(DAY)
    assert client.edit("undelete", "Lead", lead)["success"]
    client.log_in()
    assert ids(listed(client)) == []
    client.org.clock.advance(20 * DAY)
    client.log_in()
    assert client.get("Lead", lead)["SystemModstamp"] == "2026-03-03T09:00:00.000+0000"


def test_an_emptied_bin_loses_its_list_and_says_so(client: Client) -> None:
    lead, account = client.lead(), client.create("Account", Name="A")
    client.edit("delete", "Lead", lead)
    client.edit("delete", "Account", account)
    client.org.clock.advance(120)
    assert client.call("GET", client.served.url + "/_sandbox/bin").json()["binned"]["Lead"] == 1
    assert empty(client, objects=["Lead"]) == {"purged": 1}
    client.org.clock.advance(60)
    answer = listed(client)
    assert (ids(answer), binned(client)) == ([], [])
    assert answer["earliestDateAvailable"] == "2026-03-02T09:02:00.000+0000", "later than asked for: deletes were lost"
    assert ids(listed(client, "Account")) == [account]
    assert empty(client)["purged"] == 1
    assert empty(client) == {"purged": 0}
    assert "Nope" in client.call("DELETE", client.served.url + "/_sandbox/bin", {"objects": ["Nope"]}).json()["error"]


def test_a_record_deleted_for_good_stays_on_the_list_and_takes_its_children(client: Client) -> None:
    lead, campaign = client.lead(), client.create("Campaign", Name="Webinar")
    member = client.create("CampaignMember", CampaignId=campaign, LeadId=lead)
    assert client.edit("purge", "Lead", lead)["errors"][0]["statusCode"] == "INVALID_ID_FIELD"
    client.edit("delete", "Lead", lead)
    assert client.edit("purge", "Lead", lead)["success"]
    client.org.clock.advance(60)
    assert binned(client) == binned(client, "CampaignMember") == []
    assert (ids(listed(client)), ids(listed(client, "CampaignMember"))) == ([lead], [member])


def test_a_merge_leaves_one_membership_of_each_campaign(client: Client) -> None:
    winner, loser = client.lead(), client.lead()
    shared, lone = (client.create("Campaign", Name=name) for name in ("Shared", "Lone"))
    for campaign, lead in ((shared, winner), (shared, loser), (lone, loser)):
        client.create("CampaignMember", CampaignId=campaign, LeadId=lead)
    [result] = client.org.edit([{"op": "merge", "object": "Lead", "id": winner, "fields": {"loser": loser}}])
    assert result["success"]
    members = client.rows("SELECT CampaignId, LeadId FROM CampaignMember ORDER BY CampaignId")
    assert members == [{"CampaignId": campaign, "LeadId": winner} for campaign in (shared, lone)]
    client.org.clock.advance(60)
    assert ids(listed(client)) == binned(client) == [loser]
    [row] = client.rows(f"SELECT MasterRecordId FROM Lead WHERE Id = '{loser}'", every=True)  # noqa: S608
    assert row["MasterRecordId"] == winner
    assert client.edit("undelete", "Lead", loser)["success"]
    assert client.get("Lead", loser)["MasterRecordId"] is None


def test_only_what_can_be_merged_is(client: Client) -> None:
    deals = [client.opportunity(), client.opportunity()]
    lead = client.lead()
    for sobject, one, two in (("Opportunity", *deals), ("Lead", lead, lead)):
        [result] = client.org.edit([{"op": "merge", "object": sobject, "id": one, "fields": {"loser": two}}])
        assert result["errors"][0]["statusCode"] == "INVALID_TYPE_FOR_OPERATION"


def test_rows_loaded_as_deleted_are_in_the_bin_and_on_the_list(tmp_path: Path) -> None:
    (tmp_path / "Lead.csv").write_text(
        "LastName,Company,IsDeleted,SystemModstamp\nNew,C,true,2026-03-01T09:00:00Z\nOld,C,true,2026-01-01T09:00:00Z\nLive,C,,\n"
    )
    with running(load=tmp_path) as served, Client(served) as client:
        assert [row["LastName"] for row in client.rows("SELECT LastName FROM Lead WHERE IsDeleted = true", every=True)] == ["New"]
        assert ids(listed(client, days=2)) == binned(client)
