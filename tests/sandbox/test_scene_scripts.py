"""Does each scene of a real org leave in the emulated one exactly what it leaves in a real one?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from syncd.sandbox.company import write_company
from syncd.sandbox.company_people import MARKETO
from syncd.sandbox.control import moment_of
from syncd.sandbox.local import START, RunningOrg, running
from syncd.sandbox.org import Org, Snapshot
from syncd.sandbox.scripts import SCENES, OrgLacks, Played, play_script
from tests.sandbox.client import Client

SEED = 3


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningOrg, Snapshot]]:
    folder = tmp_path_factory.mktemp("company")
    write_company(folder, seed=7, now=moment_of(START), leads=400, deals=40)
    with running(load=folder, seed=7) as served:
        yield served, served.org.snapshot()


@pytest.fixture
def org(company: tuple[RunningOrg, Snapshot]) -> Org:
    served, first = company
    served.org.restore(first)
    return served.org


@pytest.fixture
def played(company: tuple[RunningOrg, Snapshot], org: Org, request: pytest.FixtureRequest) -> Played:
    told = play_script(request.param, company[0].url, seed=SEED)
    assert told.refused == ()
    times = [deed["at"] for deed in told.deeds]
    assert times == sorted(times)
    return told


def of(played: Played, field: str) -> list[dict[str, Any]]:
    return [deed for deed in played.deeds if deed["field"] == field]


def at(deed: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(deed["at"])


def scene(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("played", [name], indirect=True)


@pytest.mark.sweep
@pytest.mark.parametrize("name", SCENES)
def test_equal_seeds_give_equal_deeds(company: tuple[RunningOrg, Snapshot], name: str) -> None:
    served, first = company
    told = []
    for _ in range(2):
        served.org.restore(first)
        told.append(play_script(name, served.url, seed=SEED).deeds)
    assert told[0] == told[1] != ()


@pytest.mark.parametrize("name", SCENES)
def test_an_org_without_what_a_scene_needs_is_told_so_and_left_alone(name: str) -> None:
    org = Org.with_defaults(now=moment_of(START), frozen=True)
    with running(org=org) as empty, pytest.raises(OrgLacks, match=r"^the org has no.*(--load|--company)"):
        play_script(name, empty.url)
    assert org.clock.now() == moment_of(START)
    org.close()


@scene("connector-wins")
def test_the_connector_pushes_twelve_times_and_the_rep_has_the_last_word(played: Played) -> None:
    moves = of(played, "Status")
    assert [deed["username"] == MARKETO for deed in moves] == [True, False]
    assert len([step for step in played.steps if MARKETO in step.title]) == 12
    assert moves[0]["before"] == moves[1]["after"] != moves[0]["after"]


@scene("shared-login")
def test_four_tools_work_through_one_login_and_only_the_deeds_tell_them_apart(org: Org, played: Played) -> None:
    assert {deed["username"] for deed in played.deeds} == {MARKETO}
    assert {deed["hand"] for deed in played.deeds} == {
        "the marketing tool",
        "the router",
        "the enrichment tool",
        "the webinar tool",
    }
    told = {row["CreatedById"] for row in org.dump(["LeadHistory"])["LeadHistory"] if row["CreatedDate"] >= "2026-03-02T09"}
    assert told == {played.deeds[0]["user"]}


@scene("nightly-flow")
def test_the_flow_signs_as_an_active_admin_and_history_says_nothing_of_a_flow(org: Org, played: Played) -> None:
    moves = of(played, "Status")
    assert len(moves) >= 50
    assert {(deed["via"], deed["hand"]) for deed in moves} == {("automation", "Nightly clean-up")}
    users = {row["Id"]: row for row in org.dump(["User"])["User"]}
    [user] = {deed["user"] for deed in moves}
    assert (users[user]["UserType"], users[user]["IsActive"]) == ("Standard", True)
    assert {at(deed).hour for deed in moves} == {2}
    rows = [row for row in org.dump(["LeadHistory"])["LeadHistory"] if row["CreatedDate"] >= "2026-03-03"]
    assert Counter(row["CreatedById"] for row in rows) == {user: len(moves)}


@scene("realignment")
def test_a_realignment_moves_owners_alone_and_lasts_less_than_forty_minutes(played: Played) -> None:
    assert {deed["field"] for deed in played.deeds} == {"OwnerId"}
    assert len(played.deeds) >= 50
    assert (at(played.deeds[-1]) - at(played.deeds[0])).total_seconds() < 40 * 60


@scene("nurture-mails")
def test_nurture_mails_move_the_last_activity_of_deals_that_nobody_works_on(org: Org, played: Played) -> None:
    tasks = [row for row in org.dump(["Task"])["Task"] if row["Subject"].startswith("Email: Nurture")]
    assert Counter(row["WhatId"] for row in tasks) == dict.fromkeys({row["WhatId"] for row in tasks}, 15)
    assert {row["IsClosed"] for row in tasks} == {True}
    deals = {row["Id"]: row for row in org.dump(["Opportunity"])["Opportunity"]}
    assert {deals[id]["LastActivityDate"] for id in {row["WhatId"] for row in tasks}} == {tasks[-1]["ActivityDate"]}


@scene("activity-capture")
def test_captured_mails_leave_no_task_and_no_stamp(org: Org, played: Played) -> None:
    mails = of(played, "Mail")
    assert len(mails) == 10
    assert {deed["via"] for deed in mails} == {"activity capture"}
    assert len(played.deeds) == 10
    mailed = {deed["id"] for deed in mails}
    rows = [row for rows in org.dump(["Lead", "Opportunity"]).values() for row in rows if row["Id"] in mailed]
    assert all(row["SystemModstamp"] < "2026-03-02T09" for row in rows)
    assert [row for row in org.dump(["Task"])["Task"] if row["CreatedDate"] >= "2026-03-02T09"] == []


def test_without_activity_capture_a_mail_is_a_completed_task(client: Client) -> None:
    lead = client.lead()
    task = client.edit("mail", "Lead", lead, Subject="Hello")["id"]
    row = client.get("Task", task)
    assert [row[name] for name in ("WhoId", "IsClosed", "TaskSubtype")] == [lead, True, "Email"]


@scene("friday-flip")
def test_the_list_view_edit_of_friday_is_one_second_of_one_rep_and_monday_brings_one_call(org: Org, played: Played) -> None:
    moves = [deed for deed in of(played, "Status") if deed["object"] == "Lead"]
    assert {(deed["username"], deed["at"]) for deed in moves} == {(moves[0]["username"], moves[0]["at"])}
    assert (at(moves[0]).weekday(), f"{at(moves[0]):%H:%M}") == (4, "16:55")
    [call] = [row for row in org.dump(["Task"])["Task"] if row["Subject"] == "Call"]
    assert datetime.fromisoformat(call["ActivityDate"]).weekday() == 0
    assert call["WhoId"] in {deed["id"] for deed in moves}


@scene("opt-out-leak")
def test_the_opt_out_stays_behind_at_conversion_and_at_the_merge(org: Org, played: Played) -> None:
    [converted] = [deed["id"] for deed in of(played, "IsConverted")]
    [merged] = of(played, "MasterRecordId")
    leads = {row["Id"]: row for row in org.dump(["Lead"])["Lead"]}
    contacts = {row["Id"]: row for row in org.dump(["Contact"])["Contact"]}
    assert leads[converted]["HasOptedOutOfEmail"]
    assert not contacts[leads[converted]["ConvertedContactId"]]["HasOptedOutOfEmail"]
    assert leads[merged["id"]]["HasOptedOutOfEmail"]
    assert not leads[merged["after"]]["HasOptedOutOfEmail"]


@scene("score-merge")
def test_a_merge_of_three_leads_ends_at_ninety_and_at_the_first_status(org: Org, played: Played) -> None:
    merged = of(played, "MasterRecordId")
    assert len(merged) == 2
    [winner] = {deed["after"] for deed in merged}
    [row] = [row for row in org.dump(["Lead"])["Lead"] if row["Id"] == winner]
    assert (row["Lead_Score__c"], row["Status"], of(played, "Status")) == (90, "Inquiry", [])


@scene("mobile-late")
def test_an_edit_made_offline_bears_the_time_of_its_arrival_and_the_deeds_alone_know_better(org: Org, played: Played) -> None:
    [deed] = of(played, "Status")
    assert (deed["at"][11:16], deed["made_at"][11:16]) == ("15:00", "09:00")
    [row] = [row for row in org.dump(["Lead"])["Lead"] if row["Id"] == deed["id"]]
    assert row["LastModifiedDate"] == row["SystemModstamp"] == deed["at"]
    assert org.dump(["LeadHistory"])["LeadHistory"][-1]["CreatedDate"] == deed["at"]


def test_without_its_permission_set_the_api_user_reaches_no_record(company: tuple[RunningOrg, Snapshot], org: Org) -> None:
    seen = []

    def look(_: object) -> None:
        with Client(company[0]) as client:
            seen.append(client.call("GET", "/query?q=SELECT+COUNT()+FROM+Lead").status_code)

    play_script("permission-set", company[0].url, seed=SEED, between=look)
    assert seen == [200, 200, 400, 400, 200]
    assert len(org.dump(["PermissionSetAssignment"])["PermissionSetAssignment"]) == 1


@pytest.mark.parametrize(
    "wanted", [{"name": "x"}, {"name": "", "assigned": True}, {"name": "x", "assigned": 1}, {"name": "x", "a": 1}]
)
def test_a_permission_set_without_name_or_answer_is_refused(org: Org, wanted: dict[str, Any]) -> None:
    with pytest.raises(Exception, match=r"access_by_permission_set takes .* or null"):
        org.change_settings({"access_by_permission_set": wanted})


@scene("owner-flow")
def test_the_flow_moves_the_owner_along_with_each_status_and_signs_as_whoever_saved(org: Org, played: Played) -> None:
    statuses, owners = of(played, "Status"), of(played, "OwnerId")
    assert len(statuses) == 12
    assert {deed["via"] for deed in owners} == {"automation"}
    assert {deed["username"] for deed in owners} == {MARKETO}
    assert {(deed["id"], deed["at"]) for deed in owners} <= {(deed["id"], deed["at"]) for deed in statuses}
    [flow] = org.dump(["FlowDefinitionView"])["FlowDefinitionView"]
    assert flow["Label"] == "Lead owner follows status"


@pytest.mark.parametrize("changed", [[], "Status", ["Nope"]])
def test_a_rule_on_changed_fields_names_fields(org: Org, changed: Any) -> None:
    rule = {"object": "Lead", "changed": changed, "set": {"Rating": "Hot"}}
    with pytest.raises(Exception, match=r"workflow_rules: (changed takes a list|Lead has no field)"):
        org.change_settings({"workflow_rules": [rule]})
