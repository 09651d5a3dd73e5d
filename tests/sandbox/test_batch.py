"""Batches count each of their calls, upserts tell created from changed, and accounts have entity tags."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from syncd.sandbox.local import running
from tests.sandbox.client import Client


@pytest.fixture
def keyed(tmp_path: Path) -> Iterator[Client]:
    (tmp_path / "Lead.csv").write_text("LastName,Company,Ext__c:external,Key__c\nOld,C,a1,k\n")
    with running(load=tmp_path) as served, Client(served) as client:
        yield client


def get(path: str) -> dict[str, Any]:
    return {"method": "GET", "url": "v62.0" + path}


def batch(client: Client, requests: Any, **more: Any) -> Any:
    return client.call("POST", "/composite/batch", {"batchRequests": requests} | more)


def test_each_subrequest_of_a_batch_stands_for_itself_and_counts(client: Client) -> None:
    lead = client.lead()
    before = client.call("GET", "/limits").json()["DailyApiRequests"]["Remaining"]
    answer = batch(
        client,
        [
            get(f"/sobjects/Lead/{lead}?fields=Status"),
            {"method": "PATCH", "url": f"v62.0/sobjects/Lead/{lead}", "richInput": {"Title": "Dr"}},
            get("/sobjects/Lead/00Q9U00000000zz"),
            {"method": "POST", "url": "/services/data/v62.0/sobjects/Lead", "richInput": {"LastName": "L", "Company": "C"}},
            get("/limits"),
        ],
    )
    results = answer.json()["results"]
    assert (answer.status_code, answer.json()["hasErrors"]) == (200, True)
    assert [each["statusCode"] for each in results] == [200, 204, 404, 201, 200]
    assert results[0]["result"]["Status"]
    assert (results[1]["result"], results[2]["result"][0]["errorCode"]) == (None, "NOT_FOUND")
    assert client.get("Lead", lead)["Title"] == "Dr"
    assert client.call("GET", "/limits").json()["DailyApiRequests"]["Remaining"] == before - 7
    journal = client.served.requests()[-3]
    assert (journal["api_calls"], len(journal["subrequests"])) == (5, 5)


def test_a_halted_batch_answers_412_for_what_it_left_out(client: Client) -> None:
    lead = client.lead()
    change = {"method": "PATCH", "url": f"v62.0/sobjects/Lead/{lead}", "richInput": {"Title": "Dr"}}
    results = batch(client, [change, get("/sobjects/Nothing"), change | {"richInput": {"Title": "Mx"}}], haltOnError=True).json()
    assert [each["statusCode"] for each in results["results"]] == [204, 404, 412]
    assert results["results"][2]["result"][0]["errorCode"] == "BATCH_PROCESSING_HALTED"
    assert client.get("Lead", lead)["Title"] == "Dr", "each commits on its own"


def test_a_batched_write_runs_the_assignment_rule_because_it_carries_no_headers(client: Client) -> None:
    lead = client.lead()
    client.org.change_settings({"assignment_rule": {"owner": "admin@sandbox.example", "active": True}})
    batch(client, [{"method": "PATCH", "url": f"v62.0/sobjects/Lead/{lead}", "richInput": {"Title": "Dr"}}])
    assert client.get("Lead", lead)["OwnerId"] == client.org.admin_id


@pytest.mark.parametrize(
    ("requests", "more", "code"),
    [
        (None, {}, "JSON_PARSER_ERROR"),
        ([], {}, "JSON_PARSER_ERROR"),
        ([{"method": "GET"}], {}, "JSON_PARSER_ERROR"),
        ([get("/limits") | {"httpHeaders": {}}], {}, "JSON_PARSER_ERROR"),
        ([get("/limits") | {"method": "LOOK"}], {}, "INVALID_INPUT"),
        ([get("/limits")], {"haltOnError": "yes"}, "JSON_PARSER_ERROR"),
        ([get("/limits")] * 26, {}, "LIMIT_EXCEEDED"),
    ],
)
def test_a_malformed_batch_fails_whole(client: Client, requests: Any, more: dict[str, Any], code: str) -> None:
    answer = batch(client, requests, **more)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, code)


@pytest.mark.parametrize(
    ("url", "status", "code"),
    [
        ("v65.0/limits", 400, "INVALID_INPUT"),
        ("v29.0/limits", 410, "GONE"),
        ("v62.0/composite/sobjects", 400, "INVALID_INPUT"),
        ("limits", 400, "INVALID_INPUT"),
    ],
)
def test_a_subrequest_that_cannot_be_batched_fails_in_its_place(client: Client, url: str, status: int, code: str) -> None:
    [result] = batch(client, [{"method": "GET", "url": url}]).json()["results"]
    assert (result["statusCode"], result["result"][0]["errorCode"]) == (status, code)


def test_a_collection_upsert_tells_created_from_changed(keyed: Client) -> None:
    kind = {"attributes": {"type": "Lead"}, "LastName": "New", "Company": "C"}
    rows = [{"Ext__c": "a1"}, {"Ext__c": "a2"}, {"Ext__c": "A2"}, {}, {"Ext__c": "a3", "Id": "00Q9U00000000zz"}]
    answer = keyed.call("PATCH", "/composite/sobjects/Lead/Ext__c", {"records": [kind | row for row in rows]})
    outcomes = answer.json()
    assert [(each["success"], each.get("created")) for each in outcomes] == [
        (True, False),
        (True, True),
        (False, None),
        (False, None),
        (False, None),
    ]
    codes = [each["errors"][0]["statusCode"] for each in outcomes if each["errors"]]
    assert codes == ["DUPLICATE_VALUE", "MISSING_ARGUMENT", "INVALID_FIELD"]
    assert keyed.rows("SELECT LastName, Ext__c FROM Lead ORDER BY Ext__c") == [
        {"LastName": "New", "Ext__c": "a1"},
        {"LastName": "New", "Ext__c": "a2"},
    ]


def test_an_all_or_none_upsert_leaves_nothing_behind(keyed: Client) -> None:
    kind = {"attributes": {"type": "Lead"}, "LastName": "New", "Company": "C"}
    body = {"allOrNone": True, "records": [kind | {"Ext__c": "b"}, kind | {"Ext__c": "c", "Email": "x"}]}
    outcomes = keyed.call("PATCH", "/composite/sobjects/Lead/Ext__c", body).json()
    codes = [each["errors"][0]["statusCode"] for each in outcomes]
    assert codes == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "INVALID_EMAIL_ADDRESS"]
    assert len(keyed.rows("SELECT Id FROM Lead")) == 1


@pytest.mark.parametrize(("method", "path", "status"), [("PATCH", "Lead/Key__c", 404), ("PATCH", "Nope/Ext__c", 404)])
def test_an_upsert_needs_an_external_id_field(keyed: Client, method: str, path: str, status: int) -> None:
    assert keyed.call(method, "/composite/sobjects/" + path, {"records": []}).status_code == status


def test_an_upsert_by_id_changes_with_it_and_creates_without(keyed: Client) -> None:
    old = keyed.rows("SELECT Id FROM Lead")[0]["Id"]
    kind = {"attributes": {"type": "Lead"}, "LastName": "New", "Company": "C"}
    outcomes = keyed.call("PATCH", "/composite/sobjects/Lead/Id", {"records": [kind | {"Id": old}, kind]}).json()
    assert [each["created"] for each in outcomes] == [False, True]


def test_an_old_versions_upsert_does_not_tell(keyed: Client) -> None:
    answer = keyed.call("PATCH", "/services/data/v45.0/sobjects/Lead/Ext__c/a1", {"Title": "Dr"})
    assert (answer.status_code, answer.content) == (204, b"")


def test_a_collection_is_read_by_get_as_by_post(client: Client) -> None:
    one, two = client.lead(LastName="One"), client.lead(LastName="Two")
    posted = client.call("POST", "/composite/sobjects/Lead", {"ids": [two, one], "fields": ["LastName"]})
    read = client.call("GET", f"/composite/sobjects/Lead?ids={two},{one}&fields=LastName")
    assert [row["LastName"] for row in read.json()] == ["Two", "One"]
    assert read.json() == posted.json()


def test_only_an_account_has_an_entity_tag(client: Client) -> None:
    account, lead = client.create("Account", Name="A"), client.lead()
    path = f"/sobjects/Account/{account}"
    tag = client.call("GET", path).headers["ETag"]
    assert "ETag" not in client.call("GET", f"/sobjects/Lead/{lead}").headers
    assert client.call("GET", path, If_None_Match=tag).status_code == 304
    assert client.call("PATCH", path, {"Name": "B"}, If_None_Match=tag).status_code == 412
    client.org.clock.advance(1)
    assert client.call("PATCH", path, {"Name": "B"}, If_Match=f'"other", {tag}').status_code == 204
    assert client.call("PATCH", path, {"Name": "C"}, If_Match=tag).status_code == 412
    assert client.call("GET", path, If_None_Match=tag).status_code == 200
    assert client.get("Account", account)["Name"] == "B"
    assert client.call("PATCH", f"/sobjects/Lead/{lead}", {"Title": "Dr"}, If_Match='"any"').status_code == 204
