"""A save leaves behind what a save in Salesforce leaves behind."""
# ruff: noqa: S608  (the statements are SOQL, and the org is a toy)

from __future__ import annotations

import pytest

from tests.sandbox.client import NO_RULES, Client

T0, T1 = "2026-03-02T09:00:00.000+0000", "2026-03-02T09:01:00.000+0000"
HISTORY = "SELECT Field, DataType, OldValue, NewValue, CreatedBy.Username, CreatedDate FROM LeadHistory ORDER BY CreatedDate, Id"


def queue(client: Client, name: str = "MQL_Queue") -> str:
    made = client.create("Group", Name=name.replace("_", " "), DeveloperName=name, Type="Queue")
    client.create("QueueSobject", QueueId=made, SobjectType="Lead")
    return made


def test_a_tracked_change_leaves_one_row_and_an_owner_change_two(client: Client) -> None:
    lead, mql = client.lead(), queue(client)
    client.org.clock.advance(60)
    client.edit("update", "Lead", lead, Status="Working - Contacted", OwnerId=mql, Title="x")
    rows = [
        (row["Field"], row["OldValue"], row["NewValue"], row["CreatedBy"]["Username"], row["CreatedDate"])
        for row in client.rows(HISTORY)
    ]
    admin, me = "admin@sandbox.example", "syncd@sandbox.example"
    assert rows == [
        ("created", None, None, me, T0),
        ("Status", "Open - Not Contacted", "Working - Contacted", admin, T1),
        ("Owner", client.org.api_user_id, mql, admin, T1),
        ("Owner", "syncd Integration", "MQL Queue", admin, T1),
    ]


def test_a_save_that_changes_nothing_moves_the_stamps_and_leaves_no_history(client: Client) -> None:
    lead = client.lead()
    client.org.clock.advance(60)
    client.update("Lead", lead, Status="Open - Not Contacted")
    row = client.get("Lead", lead)
    assert (row["SystemModstamp"], row["LastModifiedDate"], row["CreatedDate"]) == (T1, T1, T0)
    assert len(client.rows(HISTORY)) == 1


def test_untracked_fields_leave_no_history_until_they_are_tracked(client: Client) -> None:
    lead = client.lead()
    client.update("Lead", lead, Title="CEO")
    client.org.change_settings({"history_tracking": {"Lead": ["Title", "HasOptedOutOfEmail"]}})
    client.update("Lead", lead, Title="CFO", HasOptedOutOfEmail=True, Status="Working - Contacted")
    rows = {row["Field"]: (row["OldValue"], row["NewValue"]) for row in client.rows(HISTORY)[1:]}
    assert rows == {"Title": ("CEO", "CFO"), "HasOptedOutOfEmail": (False, True)}


def test_null_clears_and_absent_keeps(client: Client) -> None:
    lead = client.lead(Title="CEO", Phone="1")
    client.update("Lead", lead, Title=None)
    row = client.get("Lead", lead)
    assert (row["Title"], row["Phone"], row["Name"]) == (None, "1", "Ada Lovelace")


def test_a_back_dated_edit_carries_its_own_time(client: Client) -> None:
    lead = client.lead()
    client.org.clock.advance(3600)
    [result] = client.org.edit(
        [
            {
                "op": "update",
                "object": "Lead",
                "id": lead,
                "at": "2026-03-02T09:01:00Z",
                "fields": {"Status": "Working - Contacted"},
            }
        ]
    )
    assert result["success"]
    assert client.get("Lead", lead)["SystemModstamp"] == T1
    assert client.rows(HISTORY)[-1]["CreatedDate"] == T1


# --- conditional requests ------------------------------------------------------------------------------------------

CONDITIONS = [
    ("Mon, 02 Mar 2026 09:00:59 GMT", 412),
    ("Mon, 02 Mar 2026 09:01:00 GMT", 204),
    ("Mon, 02 Mar 2026 09:02:00 GMT", 204),
    ("yesterday", 400),
    ("2026-03-02T09:01:00Z", 400),
]


@pytest.mark.parametrize(("since", "status"), CONDITIONS)
def test_a_conditional_patch_compares_the_stamp_by_the_second(client: Client, since: str, status: int) -> None:
    lead = client.lead()
    client.org.clock.advance(60)
    client.edit("update", "Lead", lead, Title="edited")
    answer = client.call("PATCH", f"/sobjects/Lead/{lead}", {"Title": "mine"}, If_Unmodified_Since=since, **NO_RULES)
    assert answer.status_code == status
    assert client.get("Lead", lead)["Title"] == ("mine" if status == 204 else "edited")


def test_an_edit_in_the_same_second_passes_the_condition(client: Client) -> None:
    lead = client.lead()
    client.edit("update", "Lead", lead, Title="edited")
    answer = client.call(
        "PATCH", f"/sobjects/Lead/{lead}", {"Title": "mine"}, If_Unmodified_Since="Mon, 02 Mar 2026 09:00:00 GMT"
    )
    assert answer.status_code == 204


def test_an_automation_moves_only_the_system_stamp(client: Client) -> None:
    lead = client.lead()
    client.org.clock.advance(60)
    client.edit("touch", "Lead", lead)
    row = client.get("Lead", lead)
    assert (row["LastModifiedDate"], row["SystemModstamp"]) == (T0, T1)
    for stamp, status in (("SystemModstamp", 412), ("LastModifiedDate", 204)):
        client.org.change_settings({"conditional_stamp": stamp})
        answer = client.call(
            "PATCH", f"/sobjects/Lead/{lead}", {"Title": "x"}, If_Unmodified_Since="Mon, 02 Mar 2026 09:00:30 GMT"
        )
        assert answer.status_code == status


def test_an_unchanged_record_or_describe_is_304(client: Client) -> None:
    lead = client.lead()
    for path in (f"/sobjects/Lead/{lead}", "/sobjects/Lead/describe", "/sobjects"):
        assert client.call("GET", path, If_Modified_Since="Mon, 02 Mar 2026 09:00:00 GMT").status_code == 304
        answer = client.call("GET", path, If_Modified_Since="Mon, 02 Mar 2026 08:59:59 GMT")
        assert answer.status_code == 200
    assert answer.headers["Last-Modified"] == "Mon, 02 Mar 2026 09:00:00 GMT"


# --- assignment rules ----------------------------------------------------------------------------------------------


def test_the_assignment_rule_bites_whoever_forgets_the_header(client: Client) -> None:
    lead, mql = client.lead(), queue(client)
    client.org.change_settings({"assignment_rule": {"owner": "MQL_Queue", "active": True}})
    client.call("PATCH", f"/sobjects/Lead/{lead}", {"Title": "x"}, Sforce_Auto_Assign="FALSE")
    assert client.get("Lead", lead)["OwnerId"] == client.org.api_user_id
    client.call("PATCH", f"/sobjects/Lead/{lead}", {"Title": "y"})
    assert client.get("Lead", lead)["OwnerId"] == mql
    assert [row["Field"] for row in client.rows(HISTORY)] == ["created", "Owner", "Owner"]


def test_the_rule_spares_a_persons_save_and_bites_every_other_create(client: Client) -> None:
    mql = queue(client)
    client.org.change_settings({"assignment_rule": {"owner": "MQL Queue", "active": True}})
    fields = {"LastName": "L", "Company": "C"}
    by_hand = client.edit("create", "Lead", **fields)["id"]
    by_api = client.call("POST", "/sobjects/Lead", fields, Sforce_Auto_Assign="TRUE").json()["id"]
    record = {"attributes": {"type": "Lead"}, **fields}
    by_collection = client.call("POST", "/composite/sobjects", {"records": [record]}).json()[0]["id"]
    assert client.get("Lead", by_hand)["OwnerId"] == client.org.admin_id
    assert client.get("Lead", by_api)["OwnerId"] == client.get("Lead", by_collection)["OwnerId"] == mql
    client.org.change_settings({"assignment_rule": {"owner": "MQL Queue", "active": False}})
    calm = client.call("POST", "/sobjects/Lead", fields).json()["id"]
    assert client.get("Lead", calm)["OwnerId"] == client.org.api_user_id


def test_an_org_whose_collections_are_deaf_to_the_header_moves_owners_all_the_same(client: Client) -> None:
    lead, mql = client.lead(), queue(client)
    client.org.change_settings({"assignment_rule": {"owner": "MQL Queue", "active": True}})
    body = {"records": [{"attributes": {"type": "Lead"}, "id": lead, "Title": "x"}]}
    client.call("PATCH", "/composite/sobjects", body, Sforce_Auto_Assign="FALSE")
    assert client.get("Lead", lead)["OwnerId"] == client.org.api_user_id
    client.org.change_settings({"collections_ignore_auto_assign": True})
    client.call("PATCH", f"/sobjects/Lead/{lead}", {"Title": "y"}, Sforce_Auto_Assign="FALSE")
    assert client.get("Lead", lead)["OwnerId"] == client.org.api_user_id
    client.call("PATCH", "/composite/sobjects", body, Sforce_Auto_Assign="FALSE")
    assert client.get("Lead", lead)["OwnerId"] == mql


# --- opportunities -------------------------------------------------------------------------------------------------

STAGES = [
    ("Closed Won", (True, True, 100.0, "Closed", "Closed", 1000.0)),
    ("Closed Lost", (True, False, 0.0, "Omitted", "Omitted", 0.0)),
    ("Negotiation/Review", (False, False, 90.0, "Pipeline", "Pipeline", 900.0)),
    ("Unheard of", (False, False, 10.0, "Pipeline", "Pipeline", 100.0)),
]


@pytest.mark.parametrize(("stage", "facts"), STAGES)
def test_a_stage_decides_what_follows_from_it(client: Client, stage: str, facts: tuple[object, ...]) -> None:
    deal = client.opportunity()
    assert client.get("Opportunity", deal)["LastStageChangeDate"] is None
    client.org.clock.advance(60)
    client.update("Opportunity", deal, StageName=stage)
    row = client.get("Opportunity", deal)
    names = ("IsClosed", "IsWon", "Probability", "ForecastCategory", "ForecastCategoryName", "ExpectedRevenue")
    assert tuple(row[name] for name in names) == facts
    assert row["LastStageChangeDate"] == T1


def test_opportunity_history_is_a_snapshot_of_every_money_change(client: Client) -> None:
    deal = client.opportunity()
    client.update("Opportunity", deal, NextStep="call")
    client.update("Opportunity", deal, Amount=2000)
    client.update("Opportunity", deal, CloseDate="2026-06-30", StageName="Qualification")
    rows = client.rows("SELECT StageName, Amount, CloseDate, PrevAmount, PrevCloseDate FROM OpportunityHistory ORDER BY Id")
    assert [tuple(row.values()) for row in rows] == [
        ("Prospecting", 1000.0, "2026-04-30", None, None),
        ("Prospecting", 2000.0, "2026-04-30", 1000.0, "2026-04-30"),
        ("Qualification", 2000.0, "2026-06-30", 2000.0, "2026-04-30"),
    ]
    assert client.get("Opportunity", deal)["PushCount"] == 1
    fields = [row["Field"] for row in client.rows("SELECT Field FROM OpportunityFieldHistory ORDER BY Id")]
    assert fields == ["created", "StageName"]


def test_one_contact_role_is_primary(client: Client) -> None:
    deal, contacts = client.opportunity(), [client.create("Contact", LastName=name) for name in "AB"]
    roles = [client.create("OpportunityContactRole", OpportunityId=deal, ContactId=each, IsPrimary=True) for each in contacts]
    assert [client.get("OpportunityContactRole", each)["IsPrimary"] for each in roles] == [False, True]


# --- campaigns, activities, conversion, deletion -------------------------------------------------------------------


def test_a_members_status_drives_the_response(client: Client) -> None:
    campaign, lead = client.create("Campaign", Name="W"), client.lead()
    member = client.create("CampaignMember", CampaignId=campaign, LeadId=lead)
    row = client.get("CampaignMember", member)
    assert (row["Status"], row["HasResponded"], row["FirstRespondedDate"], row["Email"]) == (
        "Sent",
        False,
        None,
        "ada@engines.example",
    )
    client.update("CampaignMember", member, Status="responded")
    row = client.get("CampaignMember", member)
    assert (row["Status"], row["HasResponded"], row["FirstRespondedDate"]) == ("Responded", True, "2026-03-02")
    assert client.get("Campaign", campaign)["NumberOfResponses"] == 1


@pytest.mark.parametrize(("rule", "status"), [("default", "Sent"), ("accept", "Nurturing"), ("refuse", None)])
def test_an_unknown_member_status_meets_the_orgs_rule(client: Client, rule: str, status: str | None) -> None:
    client.org.change_settings({"unknown_member_status": rule})
    body = {"CampaignId": client.create("Campaign", Name="W"), "LeadId": client.lead(), "Status": "Nurturing"}
    answer = client.call("POST", "/sobjects/CampaignMember", body)
    if status is None:
        assert answer.json()[0]["errorCode"] == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    else:
        assert client.get("CampaignMember", answer.json()["id"])["Status"] == status


def test_activities_roll_up_their_latest_day_without_moving_the_stamp(client: Client) -> None:
    lead, deal = client.lead(), client.opportunity()
    client.org.clock.advance(60)
    client.create("Task", WhoId=lead, WhatId=deal, ActivityDate="2026-03-09", Subject="Call")
    assert client.get("Lead", lead)["LastActivityDate"] is None
    assert client.get("Opportunity", deal)["HasOpenActivity"] is True
    done = client.create("Task", WhoId=lead, WhatId=deal, ActivityDate="2026-03-01", Status="Completed")
    client.create("Event", WhoId=lead, ActivityDate="2026-02-20")
    row = client.get("Lead", lead)
    assert (row["LastActivityDate"], row["SystemModstamp"]) == ("2026-03-01", T0)
    client.call("DELETE", f"/sobjects/Task/{done}")
    assert client.get("Lead", lead)["LastActivityDate"] == "2026-02-20"
    assert client.get("Opportunity", deal)["LastActivityDate"] is None
    assert client.get("Opportunity", deal)["HasOverdueTask"] is False
    client.org.clock.advance(8 * 86_400)
    client.log_in()
    assert client.get("Opportunity", deal)["HasOverdueTask"] is True


def test_conversion_makes_three_records_and_seals_the_lead(client: Client) -> None:
    campaign, lead = client.create("Campaign", Name="W"), client.lead(HasOptedOutOfEmail=True)
    member = client.create("CampaignMember", CampaignId=campaign, LeadId=lead)
    result = client.edit("convert", "Lead", lead)
    row = client.get("Lead", lead)
    assert (row["IsConverted"], row["Status"], row["ConvertedDate"]) == (True, "Closed - Converted", "2026-03-02")
    assert row["ConvertedContactId"] == result["contactId"]
    assert client.get("Contact", result["contactId"])["HasOptedOutOfEmail"] is True
    assert client.get("Opportunity", result["opportunityId"])["CampaignId"] == campaign
    assert client.get("CampaignMember", member)["ContactId"] == result["contactId"]
    assert client.get("CampaignMember", member)["LeadId"] == lead
    assert [each["Field"] for each in client.rows(HISTORY)] == ["created", "leadConverted", "Status"]
    again = client.edit("convert", "Lead", lead)
    assert again["errors"][0]["statusCode"] == "CANNOT_UPDATE_CONVERTED_LEAD"


def test_conversion_into_an_existing_contact_forgets_the_opt_out(client: Client) -> None:
    account = client.create("Account", Name="A")
    contact = client.create("Contact", LastName="C", AccountId=account)
    lead = client.lead(HasOptedOutOfEmail=True)
    result = client.edit("convert", "Lead", lead, accountId=account, contactId=contact, doNotCreateOpportunity=True)
    assert (result["success"], result["opportunityId"]) == (True, None)
    assert client.get("Contact", contact)["HasOptedOutOfEmail"] is False


def test_setting_a_converted_status_converts_nothing(client: Client) -> None:
    lead = client.lead(Status="Closed - Converted")
    assert client.get("Lead", lead)["IsConverted"] is False


def test_a_deleted_lead_takes_its_memberships_along_and_brings_them_back(client: Client) -> None:
    campaign, lead = client.create("Campaign", Name="W"), client.lead()
    member = client.create("CampaignMember", CampaignId=campaign, LeadId=lead)
    client.call("DELETE", f"/sobjects/Lead/{lead}")
    assert client.rows("SELECT Id, IsDeleted FROM CampaignMember", every=True) == [{"Id": member, "IsDeleted": True}]
    client.org.clock.advance(60)
    assert client.edit("undelete", "Lead", lead)["success"]
    assert client.get("Lead", lead)["SystemModstamp"] == T1
    assert client.get("CampaignMember", member)["IsDeleted"] is False


def test_a_contact_role_deleted_alone_leaves_no_tombstone(client: Client) -> None:
    deals = [client.opportunity(), client.opportunity()]
    contact = client.create("Contact", LastName="C")
    roles = [client.create("OpportunityContactRole", OpportunityId=deal, ContactId=contact) for deal in deals]
    client.call("DELETE", f"/sobjects/OpportunityContactRole/{roles[0]}")
    client.call("DELETE", f"/sobjects/Opportunity/{deals[1]}")
    assert client.rows("SELECT Id, IsDeleted FROM OpportunityContactRole", every=True) == [{"Id": roles[1], "IsDeleted": True}]
    client.org.clock.advance(60)
    path = "/sobjects/OpportunityContactRole/deleted/?start=2026-03-02T09:00:00Z&end=2026-03-02T09:01:00Z"
    assert {each["id"] for each in client.call("GET", path).json()["deletedRecords"]} == set(roles)


def test_a_merged_lead_names_its_winner(client: Client) -> None:
    winner, loser = client.lead(), client.lead()
    campaign = client.create("Campaign", Name="W")
    member = client.create("CampaignMember", CampaignId=campaign, LeadId=loser)
    assert client.edit("merge", "Lead", winner, loser=loser)["success"]
    [row] = client.rows(f"SELECT IsDeleted, MasterRecordId FROM Lead WHERE Id = '{loser}'", every=True)
    assert row == {"IsDeleted": True, "MasterRecordId": winner}
    assert client.get("CampaignMember", member)["LeadId"] == winner
