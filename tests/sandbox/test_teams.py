"""Does the org tell who belongs to whom as Salesforce does, by role, group, permission set, territory and record type?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from syncd.sandbox.clock import parse_datetime
from syncd.sandbox.local import RunningOrg, running
from syncd.sandbox.org import Org
from syncd.sandbox.record_types import MASTER
from syncd.sandbox.start import build_org
from tests.sandbox.client import Client

FOLDER = {
    "Profile.csv": "Name,UserType\nSales User,Standard\nPartner Community User,PowerPartner\n",
    "UserRole.csv": "Name,DeveloperName,ParentRole.DeveloperName\nSales,Sales,\nSDR,SDR,Sales\nSDR East,SDR_East,SDR\n",
    "User.csv": "Username,LastName,Email,Profile.Name,UserRole.DeveloperName\n"
    "sam@x.example,Sam,sam@x.example,Sales User,SDR_East\npat@x.example,Pat,pat@x.example,Partner Community User,\n",
    "PermissionSet.csv": "Name,Label\nLead_Routing,Lead Routing\n",
    "PermissionSetAssignment.csv": "PermissionSet.Name,Assignee.Username\nLead_Routing,sam@x.example\n",
    "Group.csv": "Name,DeveloperName,Type\nSDR,SDR,Queue\nField,Field,Regular\nEverybody,Everybody,Regular\n",
    "GroupMember.csv": "Group.DeveloperName,UserOrGroup.Username,UserOrGroup.Name\nField,sam@x.example,\nEverybody,,Field\n",
    "QueueSobject.csv": "Queue.DeveloperName,SobjectType\nSDR,Lead\n",
    "Territory2Model.csv": "Name,DeveloperName,State\n2026,FY2026,Active\n",
    "Territory2.csv": "Name,DeveloperName,Territory2Model.DeveloperName\nEast,East,FY2026\n",
    "UserTerritory2Association.csv": "User.Username,Territory2.DeveloperName\nsam@x.example,East\n",
    "RecordType.csv": "Name,DeveloperName,SobjectType,IsActive\nProspect,Prospect,Lead,true\n"
    "Partner Lead,Partner_Lead,Lead,true\n",
    "Lead.csv": "LastName,Company,Status,Owner.DeveloperName,RecordType.DeveloperName\nAbel,C,New,SDR,Partner_Lead\n"
    "Cole,C,Working,SDR,Prospect\n",
    "Contact.csv": "LastName,Contact_Status__c:picklist\nCole,Prospect\nMoor,Customer\n",
    "Subscription__c.csv": "Name,Status__c:picklist,Buyer__c:lookup(Contact),Owner.Username\nS-1,Trial,,sam@x.example\n",
}


@pytest.fixture
def org(tmp_path: Path) -> Org:
    for name, text in FOLDER.items():
        (tmp_path / name).write_text(text)
    return build_org(load=tmp_path, now=parse_datetime("2026-03-02T09:00:00Z"), frozen=True)


@pytest.fixture
def teams(org: Org) -> Any:
    with running(org=org) as served, Client(served) as client:
        yield client
    org.close()


def rows_of(client: Client, what: str, pointer: str, record_id: str) -> list[dict[str, Any]]:
    fields, _, name = what.rpartition(" ")
    return client.rows(f"SELECT {fields} FROM {name} WHERE {pointer} = '{record_id}'")  # noqa: S608


def test_every_role_has_its_two_groups_and_a_queue_of_the_same_name_is_another(teams: Client) -> None:
    rows = teams.rows("SELECT Type, Name, RelatedId FROM Group WHERE DeveloperName = 'SDR' ORDER BY Type")
    role = teams.rows("SELECT Id, ParentRoleId FROM UserRole WHERE DeveloperName = 'SDR'")[0]
    assert [row["Type"] for row in rows] == ["Queue", "Role", "RoleAndSubordinates"]
    assert [row["RelatedId"] for row in rows] == [None, role["Id"], role["Id"]]
    assert [row["Name"] for row in rows] == ["SDR", None, None]
    above = teams.rows("SELECT Id FROM UserRole WHERE DeveloperName = 'Sales'")[0]
    assert role["ParentRoleId"] == above["Id"]
    assert {row["Owner"]["Name"] for row in teams.rows("SELECT Owner.Name FROM Lead")} == {"SDR"}


def test_a_role_that_comes_or_goes_takes_its_groups_along(teams: Client) -> None:
    role = teams.create("UserRole", Name="SDR West", DeveloperName="SDR_West")
    groups = rows_of(teams, "Id Group", "RelatedId", role)
    assert len(groups) == 2
    field = teams.rows("SELECT Id FROM Group WHERE DeveloperName = 'Field'")[0]["Id"]
    teams.create("GroupMember", GroupId=field, UserOrGroupId=groups[1]["Id"])
    teams.edit("delete", "UserRole", role)
    assert rows_of(teams, "Id Group", "RelatedId", role) == []
    assert len(rows_of(teams, "Id GroupMember", "GroupId", field)) == 1


def test_public_groups_nest_and_permission_sets_and_territories_name_their_users(teams: Client) -> None:
    members = teams.rows("SELECT Group.DeveloperName, UserOrGroupId FROM GroupMember ORDER BY Group.DeveloperName")
    assert [row["Group"]["DeveloperName"] for row in members] == ["Everybody", "Field"]
    assert [row["UserOrGroupId"][:3] for row in members] == ["00G", "005"]
    [assigned] = teams.rows("SELECT Assignee.Username, PermissionSet.Name, IsActive FROM PermissionSetAssignment")
    assert (assigned["Assignee"]["Username"], assigned["PermissionSet"]["Name"], assigned["IsActive"]) == (
        "sam@x.example",
        "Lead_Routing",
        True,
    )
    [there] = teams.rows("SELECT User.Username, Territory2.Territory2Model.State FROM UserTerritory2Association")
    assert there["Territory2"]["Territory2Model"]["State"] == "Active"


def test_a_user_is_of_the_type_that_the_profile_gives(teams: Client) -> None:
    rows = teams.rows("SELECT Username, UserType FROM User WHERE Username LIKE '%@x.example' ORDER BY Username")
    assert [row["UserType"] for row in rows] == ["PowerPartner", "Standard"]
    partner = teams.rows("SELECT Id FROM Profile WHERE UserType = 'PowerPartner'")[0]["Id"]
    made = teams.create("User", Username="new@x.example", LastName="New", Email="new@x.example", Alias="new", ProfileId=partner)
    assert teams.get("User", made)["UserType"] == "PowerPartner"


def test_an_org_without_sales_territories_does_not_know_their_objects(client: Client) -> None:
    answer = client.call("GET", "/query?q=SELECT+Id+FROM+UserTerritory2Association")
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_TYPE")
    assert client.call("GET", "/sobjects/Territory2/describe").status_code == 404


def test_an_object_that_the_api_user_has_no_access_to_is_not_there_for_it(served: RunningOrg, client: Client) -> None:
    served.org.change_settings({"hidden_objects": ["Lead"]})
    answer = client.call("GET", "/query?q=SELECT+Id+FROM+Lead")
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_TYPE")
    assert client.call("GET", "/sobjects/Lead/describe").status_code == 404
    assert client.call("POST", "/sobjects/Lead", {"LastName": "X", "Company": "C"}).status_code == 404
    assert "Lead" not in [each["name"] for each in client.call("GET", "/sobjects").json()["sobjects"]]
    assert client.edit("create", "Lead", LastName="X", Company="C")["success"]
    served.org.change_settings({"hidden_objects": []})
    assert len(client.rows("SELECT Id FROM Lead")) == 1


def test_the_fiscal_year_stands_with_the_organization(client: Client) -> None:
    [row] = client.rows("SELECT FiscalYearStartMonth, UsesStartDateAsFiscalYearName FROM Organization")
    assert row == {"FiscalYearStartMonth": 1, "UsesStartDateAsFiscalYearName": False}


# --- record types ------------------------------------------------------------------------------------------------------


def test_describe_lists_the_record_types_and_the_master(teams: Client) -> None:
    infos = teams.call("GET", "/sobjects/Lead/describe").json()["recordTypeInfos"]
    assert [(each["developerName"], each["master"], each["defaultRecordTypeMapping"]) for each in infos] == [
        ("Prospect", False, True),
        ("Partner_Lead", False, False),
        ("Master", True, False),
    ]
    [only] = teams.call("GET", "/sobjects/Campaign/describe").json()["recordTypeInfos"]
    assert (only["developerName"], only["recordTypeId"]) == ("Master", MASTER)


def test_each_record_type_has_its_own_picklist_values(teams: Client) -> None:
    teams.org.change_settings({"record_type_values": {"Lead": {"Partner_Lead": {"Status": ["New"]}}}})
    ids = {row["DeveloperName"]: row["Id"] for row in teams.rows("SELECT Id, DeveloperName FROM RecordType")}

    def statuses(type_id: str) -> list[str]:
        answer = teams.call("GET", f"/ui-api/object-info/Lead/picklist-values/{type_id}/Status").json()
        return [each["value"] for each in answer["values"]]

    whole = ["New", "Working", "Closed - Converted"]
    assert statuses(ids["Partner_Lead"]) == ["New"]
    assert statuses(ids["Prospect"]) == whole
    assert statuses(MASTER) == whole
    every = teams.call("GET", f"/ui-api/object-info/Lead/picklist-values/{ids['Partner_Lead']}").json()["picklistFieldValues"]
    [value] = every["Status"]["values"]
    assert value["attributes"] == {"picklistAtrributesValueType": "LeadStatus", "converted": False}
    assert every["Status"]["defaultValue"]["value"] == "New"
    assert "Rating" in every


@pytest.mark.parametrize(
    "path",
    [
        "Lead/picklist-values/{}/Company",
        "Nope/picklist-values/{}/Status",
        "Lead/picklist-values/012000000000001AAA/Status",
        "Lead",
    ],
)
def test_what_has_no_picklist_values_is_not_there(teams: Client, path: str) -> None:
    assert teams.call("GET", "/ui-api/object-info/" + path.format(MASTER)).status_code == 404


# --- other objects' lifecycles -----------------------------------------------------------------------------------------


def test_a_contact_status_leaves_history_once_it_is_tracked(teams: Client) -> None:
    contact = teams.rows("SELECT Id FROM Contact WHERE LastName = 'Cole'")[0]["Id"]
    teams.update("Contact", contact, Contact_Status__c="Customer")
    assert teams.rows("SELECT Id FROM ContactHistory") == []
    teams.org.change_settings({"history_tracking": {"Contact": ["Contact_Status__c"]}})
    teams.update("Contact", contact, Contact_Status__c="Prospect")
    [row] = teams.rows("SELECT ContactId, Field, DataType, OldValue, NewValue, CreatedBy.Username FROM ContactHistory")
    assert (row["ContactId"], row["Field"], row["DataType"]) == (contact, "Contact_Status__c", "DynamicEnum")
    assert (row["OldValue"], row["NewValue"], row["CreatedBy"]["Username"]) == ("Customer", "Prospect", "syncd@sandbox.example")


def test_a_custom_object_has_a_history_that_names_its_record_in_parent_id(teams: Client) -> None:
    teams.org.change_settings({"history_tracking": {"Subscription__c": ["Status__c", "Owner"]}})
    buyer = teams.rows("SELECT Id FROM Contact WHERE LastName = 'Moor'")[0]["Id"]
    made = teams.create("Subscription__c", Name="S-2", Status__c="Trial", Buyer__c=buyer)
    assert made.startswith("a00")
    teams.update("Subscription__c", made, Status__c="Live")
    rows = rows_of(teams, "ParentId, Field, OldValue, NewValue Subscription__History", "ParentId", made)
    assert [(row["Field"], row["NewValue"]) for row in rows] == [("created", None), ("Status__c", "Live")]
    assert rows_of(teams, "Buyer__r.LastName Subscription__c", "Id", made)[0]["Buyer__r"]["LastName"] == "Moor"
    described = teams.call("GET", "/sobjects/Subscription__c/describe").json()
    assert (described["custom"], described["keyPrefix"]) == (True, "a00")
    teams.edit("delete", "Subscription__c", made)
    assert teams.rows("SELECT Id FROM Subscription__History") == []
    teams.edit("undelete", "Subscription__c", made)
    assert len(teams.rows("SELECT Id FROM Subscription__History")) == 2


def test_custom_objects_outlive_a_snapshot(org: Org) -> None:
    kept = org.snapshot()
    org.edit([{"op": "create", "object": "Subscription__c", "fields": {"Name": "S-9"}}])
    org.restore(kept)
    assert [row["Name"] for row in org.dump(["Subscription__c"])["Subscription__c"]] == ["S-1"]
    assert org.schema.by_prefix["a00"] == "Subscription__c"
    org.close()


# --- the setup's own log, and the feed ---------------------------------------------------------------------------------


def test_working_as_somebody_else_shows_in_the_setup_audit_trail_and_not_in_history(client: Client) -> None:
    lead = client.lead()
    edit = {"op": "update", "object": "Lead", "id": lead, "fields": {"Status": "Working - Contacted"}}
    client.org.edit([edit], user="syncd@sandbox.example", login_as="admin@sandbox.example")
    rows = client.rows("SELECT Action, Display, DelegateUser, CreatedBy.Username FROM SetupAuditTrail ORDER BY Id")
    assert [row["Action"] for row in rows] == ["suOrgAdminLogin", "suOrgAdminLogout"]
    assert {(row["DelegateUser"], row["CreatedBy"]["Username"]) for row in rows} == {
        ("admin@sandbox.example", "syncd@sandbox.example")
    }
    [told] = client.rows("SELECT CreatedBy.Username FROM LeadHistory WHERE Field = 'Status'")
    assert told["CreatedBy"]["Username"] == "syncd@sandbox.example"


def test_record_triggered_automation_is_listed_by_object(client: Client) -> None:
    rule = {"object": "Lead", "when": {"Rating": "Hot"}, "set": {"Title": "Call"}, "name": "Route hot leads"}
    client.org.change_settings({"workflow_rules": [rule]})
    [flow] = client.rows("SELECT ApiName, Label, TriggerObjectOrEventLabel, IsActive, LastModifiedDate FROM FlowDefinitionView")
    assert (flow["ApiName"], flow["TriggerObjectOrEventLabel"], flow["IsActive"]) == ("Route_hot_leads", "Lead", True)
    client.org.change_settings({"workflow_rules": []})
    assert client.rows("SELECT Id FROM FlowDefinitionView") == []


def test_a_post_stands_in_the_feed_of_its_record_and_goes_with_it(client: Client) -> None:
    lead = client.lead()
    before = client.get("Lead", lead)["SystemModstamp"]
    client.org.clock.advance(60)
    post = client.create("FeedItem", ParentId=lead, Body="Status was put back: no gate leads there.")
    row = client.get("FeedItem", post)
    assert (row["Type"], row["InsertedById"], row["ParentId"]) == ("TextPost", client.org.api_user_id, lead)
    assert client.get("Lead", lead)["SystemModstamp"] == before
    assert client.call("POST", "/sobjects/FeedItem", {"ParentId": lead}).json()[0]["errorCode"] == "REQUIRED_FIELD_MISSING"
    client.edit("delete", "Lead", lead)
    assert client.rows("SELECT Id FROM FeedItem") == []
