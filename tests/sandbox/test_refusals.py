"""Every wrong request is refused as Salesforce refuses it: status, code, shape."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.client import ADA, BASE, Client

LEAD = {"LastName": "L", "Company": "C"}
DEAL = {"Name": "D", "StageName": "Prospecting", "CloseDate": "2026-04-30"}
NOBODY = "0059U00000000zz"
GONE = "00Q9U00000000zz"

WRITES: list[tuple[str, str, Any, int, str, list[str] | None]] = [
    ("POST", "/sobjects/Lead", {"LastName": "L"}, 400, "REQUIRED_FIELD_MISSING", ["Company"]),
    ("POST", "/sobjects/Lead", {}, 400, "REQUIRED_FIELD_MISSING", ["Company", "LastName"]),
    ("POST", "/sobjects/Lead", LEAD | {"LastName": ""}, 400, "REQUIRED_FIELD_MISSING", ["LastName"]),
    ("POST", "/sobjects/Lead", LEAD | {"LastName": "x" * 81}, 400, "STRING_TOO_LONG", ["LastName"]),
    ("POST", "/sobjects/Lead", LEAD | {"Email": "nobody"}, 400, "INVALID_EMAIL_ADDRESS", ["Email"]),
    ("POST", "/sobjects/Lead", LEAD | {"Nope": 1}, 400, "INVALID_FIELD", None),
    ("POST", "/sobjects/Lead", LEAD | {"Score__c": 1}, 400, "INVALID_FIELD", None),
    (
        "POST",
        "/sobjects/Lead",
        LEAD | {"CreatedDate": "2026-01-01T00:00:00Z"},
        400,
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        ["CreatedDate"],
    ),
    ("POST", "/sobjects/Lead", LEAD | {"Name": "x"}, 400, "INVALID_FIELD_FOR_INSERT_UPDATE", ["Name"]),
    ("POST", "/sobjects/Lead", LEAD | {"Id": GONE}, 400, "INVALID_FIELD_FOR_INSERT_UPDATE", ["Id"]),
    ("POST", "/sobjects/Lead", LEAD | {"OwnerId": "nobody"}, 400, "MALFORMED_ID", ["OwnerId"]),
    ("POST", "/sobjects/Lead", LEAD | {"OwnerId": "{lead}"}, 400, "MALFORMED_ID", ["OwnerId"]),
    ("POST", "/sobjects/Lead", LEAD | {"OwnerId": NOBODY}, 400, "INVALID_CROSS_REFERENCE_KEY", []),
    ("POST", "/sobjects/Lead", LEAD | {"OwnerId": "{regular_group}"}, 400, "INVALID_CROSS_REFERENCE_KEY", ["OwnerId"]),
    ("POST", "/sobjects/Lead", LEAD | {"OwnerId": "{case_queue}"}, 400, "INVALID_CROSS_REFERENCE_KEY", ["OwnerId"]),
    ("POST", "/sobjects/Lead", LEAD | {"OwnerId": "{leaver}"}, 400, "INACTIVE_OWNER_OR_USER", ["OwnerId"]),
    ("POST", "/sobjects/Lead", LEAD | {"HasOptedOutOfEmail": "yes"}, 400, "JSON_PARSER_ERROR", None),
    ("POST", "/sobjects/Lead", LEAD | {"NumberOfEmployees": "many"}, 400, "JSON_PARSER_ERROR", None),
    ("POST", "/sobjects/Lead", LEAD | {"NumberOfEmployees": 1.5}, 400, "JSON_PARSER_ERROR", None),
    ("POST", "/sobjects/Lead", LEAD | {"NumberOfEmployees": 2**40}, 400, "JSON_PARSER_ERROR", None),
    ("POST", "/sobjects/Lead", LEAD | {"Title": 7}, 400, "JSON_PARSER_ERROR", None),
    ("POST", "/sobjects/Lead", LEAD | {"Title": ["x"]}, 400, "JSON_PARSER_ERROR", None),
    (
        "POST",
        "/sobjects/Lead",
        LEAD | {"GeocodeAccuracy": "Near"},
        400,
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        ["GeocodeAccuracy"],
    ),
    ("POST", "/sobjects/Lead", [LEAD], 400, "JSON_PARSER_ERROR", None),
    ("POST", "/sobjects/Lead", None, 400, "JSON_PARSER_ERROR", None),
    ("POST", "/sobjects/Nothing", LEAD, 404, "NOT_FOUND", None),
    ("POST", "/sobjects/LeadHistory", {"LeadId": "{lead}"}, 400, "INVALID_TYPE_FOR_OPERATION", None),
    ("POST", "/sobjects/Opportunity", {"Name": "D"}, 400, "REQUIRED_FIELD_MISSING", ["StageName", "CloseDate"]),
    ("POST", "/sobjects/Opportunity", DEAL | {"CloseDate": "April"}, 400, "JSON_PARSER_ERROR", None),
    ("POST", "/sobjects/Opportunity", DEAL | {"Amount": 10**17}, 400, "NUMBER_OUTSIDE_VALID_RANGE", ["Amount"]),
    ("POST", "/sobjects/Opportunity", DEAL | {"IsClosed": True}, 400, "INVALID_FIELD_FOR_INSERT_UPDATE", ["IsClosed"]),
    ("POST", "/sobjects/Opportunity", DEAL | {"OwnerId": "{lead_queue}"}, 400, "MALFORMED_ID", ["OwnerId"]),
    ("POST", "/sobjects/CampaignMember", {"CampaignId": "{campaign}"}, 400, "REQUIRED_FIELD_MISSING", ["LeadId"]),
    ("POST", "/sobjects/CampaignMember", {"CampaignId": "{campaign}", "LeadId": "{member}"}, 400, "DUPLICATE_VALUE", []),
    ("POST", "/sobjects/CampaignMember", {"LeadId": "{lead}"}, 400, "REQUIRED_FIELD_MISSING", ["CampaignId"]),
    (
        "POST",
        "/sobjects/CampaignMember",
        {"CampaignId": "{campaign}", "LeadId": "{converted}"},
        400,
        "CANNOT_UPDATE_CONVERTED_LEAD",
        [],
    ),
    ("POST", "/sobjects/CampaignMember", {"CampaignId": "{lead}", "LeadId": "{lead}"}, 400, "MALFORMED_ID", ["CampaignId"]),
    ("PATCH", "/sobjects/Lead/{lead}", {"Id": "{lead}"}, 400, "INVALID_FIELD", None),
    ("PATCH", "/sobjects/Lead/{lead}", {"LastName": None}, 400, "REQUIRED_FIELD_MISSING", ["LastName"]),
    ("PATCH", "/sobjects/Lead/{lead}", {"Status": None}, 400, "REQUIRED_FIELD_MISSING", ["Status"]),
    ("PATCH", "/sobjects/Lead/{lead}", {"OwnerId": None}, 400, "FIELD_INTEGRITY_EXCEPTION", ["OwnerId"]),
    ("PATCH", "/sobjects/Lead/{lead}", {"IsConverted": True}, 400, "INVALID_FIELD_FOR_INSERT_UPDATE", ["IsConverted"]),
    (
        "PATCH",
        "/sobjects/Lead/{lead}",
        {"LastActivityDate": "2026-01-01"},
        400,
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        ["LastActivityDate"],
    ),
    ("PATCH", "/sobjects/Lead/{lead}", {"EmailBouncedDate": "yesterday"}, 400, "JSON_PARSER_ERROR", None),
    ("PATCH", "/sobjects/Lead/{lead}", {"Website": "w" * 256}, 400, "STRING_TOO_LONG", ["Website"]),
    ("PATCH", "/sobjects/Lead/{converted}", {"Title": "x"}, 400, "CANNOT_UPDATE_CONVERTED_LEAD", []),
    ("PATCH", "/sobjects/Lead/{deleted}", {"Title": "x"}, 404, "ENTITY_IS_DELETED", []),
    ("PATCH", f"/sobjects/Lead/{GONE}", {"Title": "x"}, 404, "NOT_FOUND", None),
    ("PATCH", "/sobjects/Lead/00Q", {"Title": "x"}, 400, "MALFORMED_ID", ["Id"]),
    ("PATCH", "/sobjects/Lead/{lead_lower}", {"Title": "x"}, 400, "MALFORMED_ID", ["Id"]),
    ("PATCH", "/sobjects/Contact/{lead}", {"Title": "x"}, 404, "NOT_FOUND", None),
    ("PATCH", "/sobjects/CampaignMember/{membership}", {"LeadId": "{lead}"}, 400, "INVALID_FIELD_FOR_INSERT_UPDATE", ["LeadId"]),
    ("GET", "/sobjects/Lead/{deleted}", None, 404, "ENTITY_IS_DELETED", []),
    ("GET", "/sobjects/Lead/{lead}?fields=Id,Nope", None, 400, "INVALID_FIELD", None),
    ("GET", "/sobjects/Lead/Nope__c/5", None, 404, "NOT_FOUND", None),
    ("GET", "/sobjects/Nothing/describe", None, 404, "NOT_FOUND", None),
    ("GET", "/nothing", None, 404, "NOT_FOUND", None),
    ("GET", "/services/data/v12.0/limits", None, 404, "NOT_FOUND", None),
    ("DELETE", "/sobjects/Lead/{deleted}", None, 404, "ENTITY_IS_DELETED", []),
    ("DELETE", "/sobjects/User/{leaver}", None, 400, "INVALID_TYPE_FOR_OPERATION", None),
    ("PUT", "/sobjects/Lead/{lead}", {"Title": "x"}, 405, "METHOD_NOT_ALLOWED", None),
    ("DELETE", "/query?q=SELECT+Id+FROM+Lead", None, 405, "METHOD_NOT_ALLOWED", None),
    ("GET", "/query", None, 400, "MALFORMED_QUERY", None),
    ("GET", "/query/01gSX000000000zAAA-2000", None, 400, "INVALID_QUERY_LOCATOR", None),
    (
        "GET",
        "/sobjects/Lead/deleted/?start=2026-03-02T08:00:00%2B00:00&end=2026-03-02T08:00:59%2B00:00",
        None,
        400,
        "INVALID_REPLICATION_DATE",
        None,
    ),
    (
        "GET",
        "/sobjects/Lead/deleted/?start=2026-02-01T08:00:00Z&end=2026-03-02T08:00:00Z",
        None,
        400,
        "INVALID_REPLICATION_DATE",
        None,
    ),
    ("GET", "/sobjects/Lead/deleted/?end=2026-03-02T08:00:00Z", None, 400, "MISSING_ARGUMENT", None),
    ("POST", "/composite/sobjects", {"records": [{}] * 201}, 400, "EXCEEDED_ID_LIMIT", None),
    ("POST", "/composite/sobjects", {}, 400, "JSON_PARSER_ERROR", None),
    ("PATCH", "/composite/sobjects/Lead/Email", {"records": []}, 404, "NOT_FOUND", None),
    ("PATCH", "/composite/sobjects/Lead/Id", {"records": [{}] * 201}, 400, "EXCEEDED_ID_LIMIT", None),
    ("POST", "/composite/sobjects/Lead/Id", {"records": []}, 405, "METHOD_NOT_ALLOWED", None),
    ("GET", "/composite/sobjects/Lead?ids={lead}&fields=Nope", None, 400, "INVALID_FIELD", None),
    ("GET", "/composite/sobjects/Lead?ids={lead}x&fields=Id", None, 400, "MALFORMED_ID", ["Id"]),
    ("GET", "/composite/batch", None, 405, "METHOD_NOT_ALLOWED", None),
    ("POST", "/composite/batch", {}, 400, "JSON_PARSER_ERROR", None),
    ("POST", "/composite/batch", {"batchRequests": [{"method": "GET", "url": 1}]}, 400, "JSON_PARSER_ERROR", None),
    ("POST", "/composite/tree/Lead", {"records": [LEAD]}, 400, "INVALID_INPUT", None),
    ("POST", "/composite/tree/Nope", {"records": [LEAD]}, 404, "NOT_FOUND", None),
    ("GET", "/composite/tree/Lead", None, 405, "METHOD_NOT_ALLOWED", None),
    ("POST", "/composite/graph", {"graphs": [{}]}, 400, "JSON_PARSER_ERROR", None),
    ("POST", "/composite/trees/Lead", {"records": [LEAD]}, 404, "NOT_FOUND", None),
    ("GET", "/services/data/v30.0/sobjects/Lead/describe", None, 410, "GONE", None),
    ("GET", "/services/data/v66.0/limits", None, 404, "NOT_FOUND", None),
    ("GET", "/services/data/v62/limits", None, 404, "NOT_FOUND", None),
]


def people(client: Client) -> dict[str, str]:
    """Make the records that the table's placeholders name."""
    org = client.org
    made = {
        "lead": client.lead(),
        "member": client.lead(),
        "converted": client.lead(),
        "deleted": client.lead(),
        "campaign": client.create("Campaign", Name="Webinar"),
    }
    made["lead_lower"] = made["lead"].lower()
    made["membership"] = client.create("CampaignMember", CampaignId=made["campaign"], LeadId=made["member"])
    assert client.edit("convert", "Lead", made["converted"])["success"]
    assert client.edit("delete", "Lead", made["deleted"])["success"]
    profile = org.database.where("Profile", Name="Sales User")[0]["Id"]
    made["leaver"] = client.create(
        "User", Username="x@x.example", LastName="X", Email="x@x.example", Alias="x", ProfileId=profile, IsActive=False
    )
    for name, kind, owns in (
        ("regular_group", "Regular", None),
        ("case_queue", "Queue", "Case"),
        ("lead_queue", "Queue", "Lead"),
    ):
        made[name] = client.create("Group", Name=name, DeveloperName=name, Type=kind)
        if owns:
            client.create("QueueSobject", QueueId=made[name], SobjectType=owns)
    return made


def filled(value: Any, made: dict[str, str]) -> Any:
    if isinstance(value, str):
        for name, record_id in made.items():
            value = value.replace("{" + name + "}", record_id)
    if isinstance(value, dict):
        return {name: filled(each, made) for name, each in value.items()}
    return value


@pytest.mark.parametrize(("method", "path", "body", "status", "code", "fields"), WRITES)
def test_a_wrong_request_gets_the_documented_refusal(
    client: Client, method: str, path: str, body: Any, status: int, code: str, fields: list[str] | None
) -> None:
    made = people(client) if "{" in path + str(body) else {}
    before = client.org.dump(["Lead", "Opportunity", "CampaignMember"])
    answer = client.call(method, filled(path, made), filled(body, made))
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (status, code), answer.text
    assert answer.json()[0].get("fields") == fields
    assert answer.json()[0]["message"]
    assert client.org.dump(["Lead", "Opportunity", "CampaignMember"]) == before


def test_a_second_membership_is_refused_in_salesforces_words(client: Client) -> None:
    made = people(client)
    answer = client.call("POST", "/sobjects/CampaignMember", {"CampaignId": made["campaign"], "LeadId": made["member"]})
    assert answer.json() == [{"message": "Already a campaign member.", "errorCode": "DUPLICATE_VALUE", "fields": []}]


def test_an_unparsable_body_is_a_parser_error(client: Client) -> None:
    answer = client.session.post(
        client.served.url + BASE + "/sobjects/Lead", data="{oops", headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")


def test_a_body_that_is_no_json_is_an_unsupported_media_type(client: Client) -> None:
    answer = client.session.post(
        client.served.url + BASE + "/sobjects/Lead", data="a=b", headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


def test_unrestricted_picklists_take_any_value(client: Client) -> None:
    lead = client.lead(Status="Nobody ever heard of it")
    deal = client.opportunity(StageName="Somewhere")
    assert client.get("Lead", lead)["Status"] == "Nobody ever heard of it"
    assert client.get("Opportunity", deal)["IsClosed"] is False


def test_a_uri_over_16384_bytes_is_refused_with_414(client: Client) -> None:
    answer = client.call("GET", "/query?q=" + "x" * 16_384)
    assert answer.status_code == 414


def test_a_hidden_field_does_not_exist_for_the_api_user(client: Client) -> None:
    lead = client.lead()
    client.org.change_settings({"hidden_fields": {"Lead": ["HasOptedOutOfEmail"]}})
    assert "HasOptedOutOfEmail" not in client.get("Lead", lead)
    described = client.call("GET", "/sobjects/Lead/describe").json()
    assert "HasOptedOutOfEmail" not in {field["name"] for field in described["fields"]}
    read = client.call("GET", "/query?q=SELECT+HasOptedOutOfEmail+FROM+Lead")
    assert read.json()[0]["errorCode"] == "INVALID_FIELD"
    assert "No such column 'HasOptedOutOfEmail' on entity 'Lead'" in read.json()[0]["message"]
    written = client.call("PATCH", f"/sobjects/Lead/{lead}", {"HasOptedOutOfEmail": True})
    assert written.json()[0]["errorCode"] == "INVALID_FIELD"
    assert client.edit("update", "Lead", lead, HasOptedOutOfEmail=True)["success"]


def test_a_read_only_field_is_seen_but_not_written(client: Client) -> None:
    client.org.change_settings({"read_only_fields": {"Lead": ["Status"]}})
    answer = client.call("POST", "/sobjects/Lead", ADA | {"Status": "Open - Not Contacted"})
    assert answer.json()[0]["errorCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"
    fields = {field["name"]: field for field in client.call("GET", "/sobjects/Lead/describe").json()["fields"]}
    assert fields["Status"]["updateable"] is False


def test_an_admins_required_field_is_required(client: Client) -> None:
    client.org.change_settings({"required_fields": {"Lead": ["Phone"]}})
    answer = client.call("POST", "/sobjects/Lead", ADA)
    assert (answer.json()[0]["errorCode"], answer.json()[0]["fields"]) == ("REQUIRED_FIELD_MISSING", ["Phone"])
