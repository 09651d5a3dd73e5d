"""Trees arrive whole or not at all; graphs too, one by one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.client import BASE, Client


def record(kind: str, reference: str, **fields: Any) -> dict[str, Any]:
    return {"attributes": {"type": kind, "referenceId": reference}, **fields}


def contact(reference: str, **fields: Any) -> dict[str, Any]:
    return record("Contact", reference, LastName="L", **fields)


def plant(client: Client, records: Any, kind: str = "Account") -> Any:
    return client.call("POST", f"/composite/tree/{kind}", {"records": records})


def test_parents_arrive_with_their_children(client: Client) -> None:
    answer = plant(client, [record("Account", "a", Name="A", Contacts={"records": [contact("c1"), contact("c2")]})])
    assert (answer.status_code, answer.json()["hasErrors"]) == (201, False)
    ids = {each["referenceId"]: each["id"] for each in answer.json()["results"]}
    assert list(ids) == ["a", "c1", "c2"]
    assert client.get("Contact", ids["c2"])["AccountId"] == ids["a"]


def test_one_refused_record_keeps_the_whole_tree_out_and_only_it_is_listed(client: Client) -> None:
    children = {"records": [contact("c1"), contact("c2", Email="x")]}
    answer = plant(client, [record("Account", "a", Name="A", Contacts=children), record("Account", "b", Name="B")])
    assert (answer.status_code, answer.json()["hasErrors"]) == (400, True)
    [refused] = answer.json()["results"]
    assert (refused["referenceId"], refused["errors"][0]["statusCode"]) == ("c2", "INVALID_EMAIL_ADDRESS")
    assert refused["errors"][0]["fields"] == ["Email"]
    assert client.rows("SELECT Id FROM Account") == client.rows("SELECT Id FROM Contact") == []


@pytest.mark.parametrize(
    ("records", "code"),
    [
        (None, "JSON_PARSER_ERROR"),
        ([], "JSON_PARSER_ERROR"),
        ([{"Name": "A"}], "INVALID_INPUT"),
        ([record("Contact", "a", LastName="L")], "INVALID_INPUT"),
        ([record("Account", "a", Name="A"), record("Account", "a", Name="B")], "INVALID_INPUT"),
        ([record("Account", "a", Name="A", Nopes={"records": [contact("c")]})], "INVALID_FIELD"),
        ([record("Account", str(number), Name="A") for number in range(201)], "LIMIT_EXCEEDED"),
    ],
)
def test_a_malformed_tree_fails_whole(client: Client, records: Any, code: str) -> None:
    answer = plant(client, records)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, code)
    assert client.rows("SELECT Id FROM Account") == []


def test_two_hundred_records_are_a_tree(client: Client) -> None:
    answer = plant(client, [record("Account", str(number), Name="A") for number in range(200)])
    assert (answer.status_code, len(answer.json()["results"])) == (201, 200)


def test_a_tree_of_an_unknown_object_is_not_there(client: Client) -> None:
    assert plant(client, [record("Nope", "a")], "Nope").status_code == 404


def step(name: str, kind: str, **fields: Any) -> dict[str, Any]:
    return {"method": "POST", "url": f"{BASE}/sobjects/{kind}", "referenceId": name, "body": fields}


def test_a_graph_stands_or_falls_by_itself(client: Client) -> None:
    good = [step("a", "Account", Name="A"), step("c", "Contact", LastName="L", AccountId="@{a.id}")]
    bad = [step("a", "Account", Name="B"), step("c", "Contact", LastName="L", Email="x")]
    graphs = [{"graphId": "1", "compositeRequest": good}, {"graphId": "2", "compositeRequest": bad}]
    answer = client.call("POST", "/composite/graph", {"graphs": graphs})
    first, second = answer.json()["graphs"]
    assert (answer.status_code, first["isSuccessful"], second["isSuccessful"]) == (200, True, False)
    statuses = [each["httpStatusCode"] for each in second["graphResponse"]["compositeResponse"]]
    codes = [each["body"][0]["errorCode"] for each in second["graphResponse"]["compositeResponse"]]
    assert (statuses, codes) == ([400, 400], ["PROCESSING_HALTED", "INVALID_EMAIL_ADDRESS"])
    assert [row["Name"] for row in client.rows("SELECT Name FROM Account")] == ["A"]


@pytest.mark.parametrize(
    ("graphs", "code"),
    [
        (None, "JSON_PARSER_ERROR"),
        ([{"compositeRequest": [step("a", "Account", Name="A")]}], "JSON_PARSER_ERROR"),
        ([{"graphId": "1", "compositeRequest": [step("a", "Account", Name="A")]}] * 2, "INVALID_INPUT"),
        ([{"graphId": str(number), "compositeRequest": [step("a", "Account")]} for number in range(76)], "LIMIT_EXCEEDED"),
    ],
)
def test_a_malformed_graph_call_fails_whole(client: Client, graphs: Any, code: str) -> None:
    answer = client.call("POST", "/composite/graph", {"graphs": graphs})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, code)


@pytest.mark.parametrize(
    "path", ["v33.0/composite/batch", "v37.0/composite", "v41.0/composite/sobjects", "v49.0/composite/graph"]
)
def test_a_composite_resource_is_as_old_as_its_version(client: Client, path: str) -> None:
    answer = client.call("POST", "/services/data/" + path, {})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (404, "NOT_FOUND")
