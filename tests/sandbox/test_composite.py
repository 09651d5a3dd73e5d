"""Composite and collections carry many calls, with the limits and the traps of the real ones."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.client import ADA, BASE, Client

LATER, EARLIER = "Mon, 02 Mar 2026 10:00:00 GMT", "Mon, 02 Mar 2026 08:00:00 GMT"


def sub(method: str, path: str, reference: str, body: Any = None, **headers: str) -> dict[str, Any]:
    request: dict[str, Any] = {"method": method, "url": BASE + path, "referenceId": reference}
    if body is not None:
        request["body"] = body
    if headers:
        request["httpHeaders"] = {name.replace("_", "-"): value for name, value in headers.items()}
    return request


def composite(client: Client, *requests: dict[str, Any], all_or_none: bool = False) -> list[dict[str, Any]]:
    answer = client.call("POST", "/composite", {"allOrNone": all_or_none, "compositeRequest": list(requests)})
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json()["compositeResponse"]
    return results


def test_conditional_patches_travel_together_and_fail_apart(client: Client) -> None:
    first, second = client.lead(), client.lead()
    done, stale, read = composite(
        client,
        sub("PATCH", f"/sobjects/Lead/{first}", "w1", {"Title": "x"}, If_Unmodified_Since=LATER, Sforce_Auto_Assign="FALSE"),
        sub("PATCH", f"/sobjects/Lead/{second}", "w2", {"Title": "x"}, If_Unmodified_Since=EARLIER),
        sub("GET", "/query?q=SELECT+Id+FROM+Lead+WHERE+Title='x'", "r1"),
    )
    assert done == {"body": None, "httpHeaders": {}, "httpStatusCode": 204, "referenceId": "w1"}
    assert stale == {"body": None, "httpHeaders": {}, "httpStatusCode": 412, "referenceId": "w2"}
    assert [row["Id"] for row in read["body"]["records"]] == [first]


def test_a_composite_subrequest_obeys_its_own_assignment_header_only(client: Client) -> None:
    client.org.change_settings({"assignment_rule": {"owner": "admin@sandbox.example", "active": True}})
    body = {
        "compositeRequest": [
            sub("POST", "/sobjects/Lead", "a", ADA),
            sub("POST", "/sobjects/Lead", "b", ADA, Sforce_Auto_Assign="FALSE"),
        ]
    }
    client.call("POST", "/composite", body, Sforce_Auto_Assign="FALSE")
    owners = [row["Owner"]["Username"] for row in client.rows("SELECT Owner.Username FROM Lead ORDER BY Id")]
    assert owners == ["admin@sandbox.example", "syncd@sandbox.example"]


def test_all_or_none_rolls_back_and_names_the_guilty(client: Client) -> None:
    lead = client.lead()
    good, bad, never = composite(
        client,
        sub("PATCH", f"/sobjects/Lead/{lead}", "good", {"Title": "x"}),
        sub("PATCH", f"/sobjects/Lead/{lead}", "bad", {"Nope": "x"}),
        sub("GET", f"/sobjects/Lead/{lead}", "never"),
        all_or_none=True,
    )
    assert bad["body"][0]["errorCode"] == "INVALID_FIELD"
    for innocent in (good, never):
        assert (innocent["httpStatusCode"], innocent["body"][0]["errorCode"]) == (400, "PROCESSING_HALTED")
    assert client.get("Lead", lead)["Title"] is None


def test_references_carry_values_and_stop_their_dependants(client: Client) -> None:
    made, read, halted = composite(
        client,
        sub("POST", "/sobjects/Lead", "new", ADA),
        sub("GET", "/sobjects/Lead/@{new.id}?fields=Name", "read"),
        sub("PATCH", "/sobjects/Lead/@{new.nothing}", "late", {"Title": "@{read.Name}"}),
    )
    assert made["httpHeaders"]["Location"] == f"{BASE}/sobjects/Lead/{made['body']['id']}"
    assert read["body"]["Name"] == "Ada Lovelace"
    assert (halted["httpStatusCode"], halted["body"][0]["errorCode"]) == (400, "PROCESSING_HALTED")


def test_describe_deleted_and_updated_ride_along(client: Client) -> None:
    window = "start=2026-03-02T08:00:00%2B00:00&end=2026-03-02T09:01:00%2B00:00"
    lead, gone = client.lead(), client.lead()
    client.call("DELETE", f"/sobjects/Lead/{gone}")
    client.org.clock.advance(60)
    unchanged, deleted, updated = composite(
        client,
        sub("GET", "/sobjects/Lead/describe", "d", If_Modified_Since=LATER),
        sub("GET", f"/sobjects/Lead/deleted/?{window}", "x"),
        sub("GET", f"/sobjects/Lead/updated/?{window}", "u"),
    )
    assert (unchanged["httpStatusCode"], unchanged["body"]) == (304, None)
    assert unchanged["httpHeaders"].keys() == {"ETag", "Last-Modified"}
    assert [row["id"] for row in deleted["body"]["deletedRecords"]] == [gone]
    assert updated["body"] == {"ids": [lead], "latestDateCovered": "2026-03-02T09:01:00.000+0000"}


QUERY = "/query?q=SELECT+Id+FROM+Lead+LIMIT+1"
MALFORMED: list[tuple[Any, str]] = [
    ({}, "JSON_PARSER_ERROR"),
    ({"compositeRequest": []}, "JSON_PARSER_ERROR"),
    ({"compositeRequest": [sub("GET", "/sobjects", f"r{n}") for n in range(26)]}, "LIMIT_EXCEEDED"),
    ({"compositeRequest": [sub("GET", QUERY, f"r{n}") for n in range(6)]}, "LIMIT_EXCEEDED"),
    ({"compositeRequest": [sub("GET", QUERY, "r"), sub("GET", QUERY, "r")]}, "INVALID_INPUT"),
    ({"compositeRequest": [sub("GET", QUERY, "r-1")]}, "INVALID_INPUT"),
    ({"compositeRequest": [sub("GET", QUERY, "_r")]}, "INVALID_INPUT"),
    ({"compositeRequest": [sub("GET", QUERY, "r", Authorization="Bearer x")]}, "INVALID_INPUT"),
    ({"compositeRequest": [sub("GET", QUERY, "r", Accept="text/csv")]}, "INVALID_INPUT"),
    ({"compositeRequest": [sub("PATCH", "/sobjects/Lead/x", "r", {}, Content_Type="application/json")]}, "INVALID_INPUT"),
    ({"compositeRequest": [{"method": "GET", "url": BASE + QUERY}]}, "JSON_PARSER_ERROR"),
    ({"allOrNone": "yes", "compositeRequest": [sub("GET", QUERY, "r")]}, "JSON_PARSER_ERROR"),
]


@pytest.mark.parametrize(("body", "code"), MALFORMED)
def test_a_malformed_envelope_fails_as_a_whole(client: Client, body: Any, code: str) -> None:
    answer = client.call("POST", "/composite", body)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, code)


@pytest.mark.parametrize("path", ["/composite", "/limits", "/query/01gSX000000000zAAA-2000"])
def test_a_resource_that_may_not_ride_along_fails_by_itself(client: Client, path: str) -> None:
    [result] = composite(client, sub("GET", path, "r"))
    assert result["httpStatusCode"] == 400


def test_a_composite_counts_as_one_call(client: Client) -> None:
    def used() -> int:
        return int(client.call("GET", "/limits").headers["Sforce-Limit-Info"].partition("=")[2].partition("/")[0])

    before = used()
    composite(client, *(sub("GET", "/sobjects/Lead/describe", f"r{n}") for n in range(25)))
    assert used() == before + 2


# --- collections ---------------------------------------------------------------------------------------------------


def rows(*records: dict[str, Any], kind: str = "Lead") -> list[dict[str, Any]]:
    return [{"attributes": {"type": kind}, **record} for record in records]


def test_collections_report_row_by_row_with_status_code(client: Client) -> None:
    lead, gone = client.lead(), client.lead()
    client.call("DELETE", f"/sobjects/Lead/{gone}")
    records = rows({"id": lead, "Title": "x"}, {"Id": gone, "Title": "x"}, {"Title": "x"})
    first, second, third = client.call("PATCH", "/composite/sobjects", {"records": records}).json()
    assert first == {"id": lead, "success": True, "errors": []}
    assert (second["success"], second["errors"][0]["statusCode"]) == (False, "ENTITY_IS_DELETED")
    assert third["errors"][0]["statusCode"] == "MISSING_ARGUMENT"
    assert client.get("Lead", lead)["Title"] == "x"


def test_collections_ignore_conditions(client: Client) -> None:
    lead = client.lead()
    answer = client.call(
        "PATCH", "/composite/sobjects", {"records": rows({"id": lead, "Title": "x"})}, If_Unmodified_Since=EARLIER
    )
    assert answer.json()[0]["success"] is True


def test_all_or_none_collections_keep_nothing(client: Client) -> None:
    body = {"allOrNone": True, "records": rows(ADA, {"LastName": "L"}, ADA)}
    outcome = client.call("POST", "/composite/sobjects", body).json()
    codes = [row["errors"][0]["statusCode"] for row in outcome]
    assert codes == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "REQUIRED_FIELD_MISSING", "ALL_OR_NONE_OPERATION_ROLLED_BACK"]
    assert client.query("SELECT COUNT() FROM Lead")["totalSize"] == 0


def test_more_than_ten_changes_of_type_are_refused(client: Client) -> None:
    pair = rows(ADA) + rows({"Name": "A"}, kind="Account")
    answer = client.call("POST", "/composite/sobjects", {"records": pair * 5})
    assert all(row["success"] for row in answer.json())
    answer = client.call("POST", "/composite/sobjects", {"records": pair * 6})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "LIMIT_EXCEEDED")


def test_a_read_keeps_the_order_and_leaves_null_for_the_missing(client: Client) -> None:
    leads = [client.lead(LastName=name) for name in "ABC"]
    client.call("DELETE", f"/sobjects/Lead/{leads[1]}")
    body = {"ids": [leads[2], leads[1], leads[0][:15]], "fields": ["Id", "LastName"]}
    found = client.call("POST", "/composite/sobjects/Lead", body).json()
    assert [row and row["LastName"] for row in found] == ["C", None, "A"]
    too_many = client.call("POST", "/composite/sobjects/Lead", {"ids": [leads[0]] * 2001, "fields": ["Id"]})
    assert too_many.json()[0]["errorCode"] == "EXCEEDED_ID_LIMIT"


def test_a_collection_delete_takes_ids_of_any_object(client: Client) -> None:
    lead, deal = client.lead(), client.opportunity()
    outcome = client.call("DELETE", f"/composite/sobjects?ids={lead},{deal},{lead}").json()
    assert [row["success"] for row in outcome] == [True, True, False]
    assert client.query("SELECT COUNT() FROM Opportunity")["totalSize"] == 0
