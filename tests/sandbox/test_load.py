"""A folder of CSV files becomes an org, or is refused with the place."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncd.sandbox.clock import parse_datetime
from syncd.sandbox.errors import LoadRefused
from syncd.sandbox.local import running
from syncd.sandbox.org import Org
from syncd.sandbox.start import build_org
from tests.sandbox.client import Client

FOLDER = {
    "User.csv": "Username,LastName,Email,Manager.Username,Profile.Name\nann@x.example,Ann,ann@x.example,bo@x.example,Sales User\n"
    "bo@x.example,Bo,bo@x.example,,Marketing User\n",
    "Group.csv": "Name,DeveloperName,Type\nMQL Queue,MQL_Queue,Queue\n",
    "QueueSobject.csv": "Queue.DeveloperName,SobjectType\nMQL_Queue,Lead\n",
    "Account.csv": "Name,Ext_Id__c:external\nAcme,a-1\n",
    "Contact.csv": "LastName,Account.Ext_Id__c\nCole,a-1\n",
    "Lead.csv": "Id,LastName,Company,Status,Owner.Username,Score__c:number,Signed__c:date,Hot__c:boolean,"
    "CreatedDate,CreatedBy.Username\n"
    "00Q5e00000A1b2c,Abel,C,New,ann@x.example,71.5,2026-01-05,true,2026-01-02T03:04:05Z,bo@x.example\n"
    ",Brandt,C,MQL,,,,,,\n,Cole,C,New,bo@x.example,,,,,\n",
    "Opportunity.csv": "Name,StageName,CloseDate,Amount,Account.Name,LastStageChangeDate,CreatedDate\n"
    "D1,Closed Won,2026-05-01,100,Acme,2026-02-02T00:00:00Z,2026-01-01T00:00:00Z\nD2,Discovery,2026-05-01,10,,,\n",
    "LeadHistory.csv": "LeadId,Field,OldValue,NewValue,CreatedDate,CreatedBy.Username\n"
    "00Q5e00000A1b2c,Status,Raw,New,2026-01-03T00:00:00Z,ann@x.example\n",
    "Campaign.csv": "Name\nWebinar\n",
    "CampaignMember.csv": "Campaign.Name,LeadId,Status,HasResponded\nWebinar,00Q5e00000A1b2c,Attended,true\n",
}


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def build(folder: Path) -> Org:
    return build_org(load=folder, now=parse_datetime("2026-03-02T09:00:00Z"), frozen=True)


def test_a_folder_becomes_an_org(tmp_path: Path) -> None:
    with running(load=write(tmp_path, FOLDER)) as served, Client(served) as client:
        rows = client.rows(
            "SELECT Id, Status, Owner.Username, Score__c, Signed__c, Hot__c, CreatedBy.Username, SystemModstamp "
            "FROM Lead ORDER BY LastName"
        )
        assert (rows[0]["Id"], rows[0]["Score__c"], rows[0]["Signed__c"], rows[0]["Hot__c"]) == (
            "00Q5e00000A1b2cEAB",
            71.5,
            "2026-01-05",
            True,
        )
        assert (rows[0]["Owner"]["Username"], rows[0]["CreatedBy"]["Username"]) == ("ann@x.example", "bo@x.example")
        assert [row["SystemModstamp"] for row in rows] == ["2026-01-02T03:04:05.000+0000"] + ["2026-03-02T09:00:00.000+0000"] * 2
        assert rows[1]["Owner"]["Username"] == "admin@sandbox.example"
        assert client.rows("SELECT Manager.Name FROM User WHERE LastName = 'Ann'")[0]["Manager"]["Name"] == "Bo"
        assert client.rows("SELECT Account.Name FROM Contact")[0]["Account"]["Name"] == "Acme"
        [history] = client.rows("SELECT Field, OldValue, CreatedDate FROM LeadHistory")
        assert history == {"Field": "Status", "OldValue": "Raw", "CreatedDate": "2026-01-03T00:00:00.000+0000"}
        assert client.call("GET", "/sobjects/Account/Ext_Id__c/a-1").json()["Name"] == "Acme"


def test_values_in_the_data_become_the_picklists(tmp_path: Path) -> None:
    org = build(write(tmp_path, FOLDER))
    assert [row["ApiName"] for row in org.database.where("LeadStatus", order="SortOrder")][:2] == ["New", "MQL"]
    assert len(org.database.where("LeadStatus", IsConverted=1)) == 1
    labels = [row["Label"] for row in org.database.where("CampaignMemberStatus", order="SortOrder")]
    assert labels == ["Sent", "Responded", "Attended"]
    deals = {row["Name"]: row for row in org.database.where("Opportunity")}
    assert [deals["D1"][name] for name in ("IsClosed", "IsWon", "Probability", "SystemModstamp")] == [
        1,
        1,
        100.0,
        "2026-02-02T00:00:00.000+0000",
    ]
    assert deals["D2"]["IsClosed"] == 0
    org.close()


def test_given_masters_keep_their_order_and_come_first(tmp_path: Path) -> None:
    masters = "ApiName,MasterLabel,SortOrder,IsDefault,IsConverted\nMQL,MQL,1,true,false\nWon,Won,2,false,true\n"
    org = build(write(tmp_path, FOLDER | {"LeadStatus.csv": masters}))
    rows = org.database.where("LeadStatus", order="SortOrder")
    assert [(row["ApiName"], row["IsDefault"], row["IsConverted"]) for row in rows] == [
        ("MQL", 1, 0),
        ("Won", 0, 1),
        ("New", 0, 0),
    ]
    org.close()


def test_the_system_users_of_a_folder_are_kept(tmp_path: Path) -> None:
    users = "Username,LastName,Email\nsyncd@sandbox.example,Robot,syncd@sandbox.example\n"
    org = build(write(tmp_path, {"User.csv": users}))
    [row] = org.database.where("User", Username="syncd@sandbox.example")
    assert (row["LastName"], row["Id"]) == ("Robot", org.api_user_id)
    assert len(org.database.where("User")) == 2
    org.close()


def test_one_file_names_owners_of_both_kinds(tmp_path: Path) -> None:
    leads = "LastName,Owner.Username,Owner.DeveloperName\nA,ann@x.example,\nB,,MQL_Queue\n"
    org = build(write(tmp_path, FOLDER | {"Lead.csv": leads, "LeadHistory.csv": "LeadId\n", "CampaignMember.csv": "LeadId\n"}))
    assert [row["OwnerId"][:3] for row in org.database.where("Lead")] == ["005", "00G"]
    org.close()


def test_minted_ids_step_around_loaded_ones(tmp_path: Path) -> None:
    first = build(tmp_path)
    taken = first.edit([{"op": "create", "object": "Account", "fields": {"Name": "A"}}])[0]["id"]
    first.close()
    org = build(write(tmp_path, {"Account.csv": f"Id,Name\n{taken},Acme\n"}))
    made = org.edit([{"op": "create", "object": "Account", "fields": {"Name": "B"}}])[0]
    assert made["success"]
    assert made["id"] != taken
    org.close()


WRONG = [
    ("Nope.csv", "Name\nx\n", "no object of that name"),
    ("Lead.csv", "LastName,Nope\nx,y\n", "Lead.csv:1: Lead has no field 'Nope'"),
    ("Lead.csv", "LastName,Score__c:colour\nx,y\n", "Lead.csv:1"),
    ("Lead.csv", "LastName,LastName\nx,y\n", "two columns are called lastname"),
    ("Lead.csv", "LastName,Company\nx\n", "Lead.csv:2: 1 cells under 2 headers"),
    ("Lead.csv", "Id,LastName\n0035e00000A1b2c,x\n", "Lead.csv:2: Id '0035e00000A1b2cAAB' is not a Lead id"),
    ("Lead.csv", "Id,LastName\n00Q5e00000A1b2c,x\n00Q5e00000A1b2c,y\n", "Lead.csv:3: Id '00Q5e00000A1b2cEAB' stands on two rows"),
    ("Lead.csv", "LastName,Owner.Username\nx,nobody\n", "Lead.csv:2: Owner.Username 'nobody': no User has that Username"),
    ("Lead.csv", "LastName,CreatedDate\nx,yesterday\n", "Lead.csv:2: CreatedDate 'yesterday' is not a datetime"),
    ("Lead.csv", "LastName,IsConverted\nx,maybe\n", "Lead.csv:2: IsConverted 'maybe' is not a boolean"),
    ("Lead.csv", "LastName\n" + "x" * 81 + "\n", "Lead.csv:2: LastName has 81 characters"),
    ("Lead.csv", 'LastName\n"x"y\n', "Lead.csv:2: not valid CSV"),
    ("Lead.csv", "", "the file is empty"),
    ("CampaignMember.csv", "Name\nx\n", "worked out by the org"),
    ("User.csv", "Username,Manager.Username\na,b\n", "no row of this file has that Username"),
]


@pytest.mark.parametrize(("name", "text", "words"), WRONG)
def test_a_wrong_file_is_refused_with_its_place(tmp_path: Path, name: str, text: str, words: str) -> None:
    with pytest.raises(LoadRefused) as refused:
        build(write(tmp_path, {name: text}))
    assert words.lower() in str(refused.value).lower()


def test_twenty_thousand_leads_load_and_page_in_seconds(tmp_path: Path) -> None:
    lines = "".join(f"L{n},C,New,p{n}@x.example,2026-01-{n % 28 + 1:02d}T00:00:00Z\n" for n in range(20_000))
    write(tmp_path, {"Lead.csv": "LastName,Company,Status,Email,CreatedDate\n" + lines})
    with running(load=tmp_path) as served, Client(served) as client:
        page = client.query(
            "SELECT Id, SystemModstamp FROM Lead WHERE SystemModstamp >= 2026-01-28T00:00:00Z ORDER BY SystemModstamp, Id"
        )
        assert (len(page["records"]), page["totalSize"], page["done"]) == (714, 714, True)
        plan = served.org.database.rows(
            'EXPLAIN QUERY PLAN SELECT "Id" FROM "Lead" t0 WHERE t0."IsDeleted" = 0 AND t0."SystemModstamp" >= ? '
            'ORDER BY t0."SystemModstamp", t0."Id"',
            ("2026-01-28",),
        )
        assert "Lead_SystemModstamp_Id" in plan[0]["detail"]
