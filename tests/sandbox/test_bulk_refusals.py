"""Every wrong use of bulk jobs is refused as Salesforce refuses it: status, code, shape."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.bulk import close, make_load, make_query, put, start_load, wait
from tests.sandbox.client import Client

QUERY: dict[str, Any] = {"operation": "query", "query": "SELECT Id FROM Lead"}
LOAD: dict[str, Any] = {"operation": "insert", "object": "Lead"}
NOWHERE = "/jobs/query/7509U0000000zzz"


def soql(text: str) -> dict[str, Any]:
    return QUERY | {"query": text}


CASES: list[tuple[str, str, Any, int, str]] = [
    ("GET", "/jobs", None, 404, "NOT_FOUND"),
    ("GET", "/jobs/other", None, 404, "NOT_FOUND"),
    ("GET", NOWHERE, None, 404, "NOT_FOUND"),
    ("GET", "/jobs/ingest/{query}", None, 404, "NOT_FOUND"),
    ("GET", "/jobs/query/{load}", None, 404, "NOT_FOUND"),
    ("GET", "/jobs/query/{query}/nothing", None, 404, "NOT_FOUND"),
    ("PUT", "/jobs/query", QUERY, 405, "METHOD_NOT_ALLOWED"),
    ("POST", "/jobs/query/{query}", QUERY, 405, "METHOD_NOT_ALLOWED"),
    ("POST", "/jobs/query/{done}/results", None, 405, "METHOD_NOT_ALLOWED"),
    ("GET", "/jobs/ingest/{load}/batches", None, 405, "METHOD_NOT_ALLOWED"),
    ("POST", "/jobs/query", None, 400, "JSON_PARSER_ERROR"),
    ("POST", "/jobs/query", [QUERY], 400, "JSON_PARSER_ERROR"),
    ("POST", "/jobs/query", QUERY | {"colour": "red"}, 400, "JSON_PARSER_ERROR"),
    ("POST", "/jobs/query", {"operation": "query"}, 400, "API_ERROR"),
    ("POST", "/jobs/query", {"query": "SELECT Id FROM Lead"}, 400, "API_ERROR"),
    ("POST", "/jobs/query", QUERY | {"query": 7}, 400, "API_ERROR"),
    ("POST", "/jobs/query", QUERY | {"operation": "read"}, 400, "API_ERROR"),
    ("POST", "/jobs/query", QUERY | {"operation": "insert"}, 400, "INVALIDJOB"),
    ("POST", "/jobs/query", QUERY | {"object": "Lead"}, 400, "API_ERROR"),
    ("POST", "/jobs/query", QUERY | {"contentType": "XML"}, 400, "INVALIDJOB"),
    ("POST", "/jobs/query", QUERY | {"columnDelimiter": "SPACE"}, 400, "API_ERROR"),
    ("POST", "/jobs/query", QUERY | {"lineEnding": "CR"}, 400, "API_ERROR"),
    ("POST", "/jobs/query", soql("SELECT Id FROM"), 400, "API_ERROR"),
    ("POST", "/jobs/query", soql("SELECT Nope FROM Lead"), 400, "API_ERROR"),
    ("POST", "/jobs/query", soql("SELECT COUNT() FROM Lead"), 400, "API_ERROR"),
    ("POST", "/jobs/query", soql("SELECT COUNT(Id) n FROM Lead"), 400, "API_ERROR"),
    ("POST", "/jobs/query", soql("SELECT Status FROM Lead GROUP BY Status"), 400, "API_ERROR"),
    ("POST", "/jobs/query", soql("SELECT Id FROM Lead LIMIT 5 OFFSET 5"), 400, "API_ERROR"),
    ("POST", "/jobs/query", soql("SELECT Id, (SELECT Id FROM Contacts) FROM Account"), 400, "API_ERROR"),
    ("POST", "/jobs/query", soql("SELECT Id, Address FROM Lead"), 400, "API_ERROR"),
    ("POST", "/jobs/query", soql("SELECT FIELDS(STANDARD) FROM Lead"), 400, "API_ERROR"),
    ("POST", "/jobs/query", soql("SELECT Id FROM Nothing"), 400, "INVALIDENTITY"),
    ("POST", "/jobs/query", soql("SELECT Id FROM TaskStatus"), 400, "INVALIDENTITY"),
    ("GET", "/jobs/query/{query}/results", None, 400, "INVALIDJOBSTATE"),
    ("GET", "/jobs/query/{query}/resultPages", None, 400, "INVALIDJOBSTATE"),
    ("GET", "/jobs/query/{done}/results?locator=MTAwMDA", None, 400, "API_ERROR"),
    ("GET", "/jobs/query/{done}/results?locator=nonsense", None, 400, "API_ERROR"),
    ("GET", "/jobs/query/{done}/results?maxRecords=0", None, 400, "API_ERROR"),
    ("GET", "/jobs/query/{done}/results?maxRecords=many", None, 400, "API_ERROR"),
    ("GET", "/services/data/v61.0/jobs/query/{done}/results", None, 409, "API_ERROR"),
    ("PATCH", "/jobs/query/{query}", {"state": "UploadComplete"}, 400, "INVALIDJOBSTATE"),
    ("PATCH", "/jobs/query/{query}", {"state": None}, 400, "API_ERROR"),
    ("PATCH", "/jobs/query/{query}", {}, 400, "API_ERROR"),
    ("PATCH", "/jobs/query/{done}", {"state": "Aborted"}, 400, "INVALIDJOBSTATE"),
    ("DELETE", "/jobs/query/{running}", None, 400, "INVALIDJOBSTATE"),
    ("POST", "/jobs/ingest", LOAD | {"operation": "query"}, 400, "INVALIDJOB"),
    ("POST", "/jobs/ingest", LOAD | {"query": "SELECT Id FROM Lead"}, 400, "API_ERROR"),
    ("POST", "/jobs/ingest", {"operation": "insert"}, 400, "INVALIDENTITY"),
    ("POST", "/jobs/ingest", LOAD | {"object": "Nothing"}, 400, "INVALIDENTITY"),
    ("POST", "/jobs/ingest", LOAD | {"object": "LeadHistory"}, 400, "INVALIDENTITY"),
    ("POST", "/jobs/ingest", LOAD | {"operation": "delete", "object": "User"}, 400, "INVALIDENTITY"),
    ("POST", "/jobs/ingest", LOAD | {"operation": "upsert"}, 400, "INVALIDJOB"),
    ("POST", "/jobs/ingest", LOAD | {"operation": "upsert", "externalIdFieldName": "Title"}, 400, "INVALIDJOB"),
    ("POST", "/jobs/ingest", LOAD | {"operation": "upsert", "externalIdFieldName": "Nope__c"}, 400, "INVALIDJOB"),
    ("POST", "/jobs/ingest", LOAD | {"assignmentRuleId": "01Q9U00000000zz"}, 400, "INVALIDJOB"),
    ("POST", "/jobs/ingest", LOAD | {"contentType": "JSON"}, 400, "INVALIDJOB"),
    ("GET", "/jobs/ingest/{load}/successfulResults", None, 400, "INVALIDJOBSTATE"),
    ("GET", "/jobs/ingest/{load}/failedResults", None, 400, "INVALIDJOBSTATE"),
    ("PATCH", "/jobs/ingest/{load}", {"state": "JobComplete"}, 400, "INVALIDJOBSTATE"),
    ("PATCH", "/jobs/ingest/{load}", {"state": "UploadComplete", "object": "Lead"}, 400, "API_ERROR"),
    ("PATCH", "/jobs/ingest/{loaded}", {"state": "UploadComplete"}, 400, "INVALIDJOBSTATE"),
    ("PATCH", "/jobs/ingest/{loaded}", {"state": "Aborted"}, 400, "INVALIDJOBSTATE"),
    ("DELETE", "/jobs/ingest/{load}", None, 400, "INVALIDJOBSTATE"),
]


def jobs(client: Client) -> dict[str, str]:
    made = {name: make_query(client, "SELECT Id FROM Lead") for name in ("query", "running", "done")}
    client.call("GET", f"/jobs/query/{made['running']}")
    wait(client, "query", made["done"])
    loads = {"load": make_load(client, "insert"), "loaded": start_load(client, "insert", "LastName,Company\nA,C\n")}
    wait(client, "ingest", loads["loaded"])
    return made | loads


@pytest.mark.parametrize(("method", "path", "body", "status", "code"), CASES)
def test_wrong_use_is_refused_in_salesforces_words(
    client: Client, method: str, path: str, body: Any, status: int, code: str
) -> None:
    answer = client.call(method, path.format(**jobs(client)), body)
    assert (answer.status_code, [each["errorCode"] for each in answer.json()]) == (status, [code])
    assert answer.json()[0]["message"]


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("SELECT Address FROM Lead", "Selecting compound data not supported in Bulk Query"),
        ("SELECT Id FROM CaseStatus", "Entity 'CaseStatus' is not supported by the Bulk API."),
    ],
)
def test_messages_that_clients_look_for_are_word_for_word(client: Client, statement: str, message: str) -> None:
    answer = client.call("POST", "/jobs/query", soql(statement))
    assert answer.json()[0]["message"] == message


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/x-www-form-urlencoded"])
def test_a_file_must_say_that_it_is_csv(client: Client, kind: str) -> None:
    answer = put(client, make_load(client, "insert"), "LastName,Company\nA,C\n", {"Content-Type": kind})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize("state", ["UploadComplete", "Aborted"])
def test_a_job_that_is_no_longer_open_takes_no_file(client: Client, state: str) -> None:
    job_id = make_load(client, "insert")
    close(client, job_id, state)
    answer = put(client, job_id, "LastName,Company\nA,C\n")
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALIDJOBSTATE")


def test_hard_deletes_need_the_permission(client: Client) -> None:
    client.org.change_settings({"bulk_hard_delete": False})
    answer = client.call("POST", "/jobs/ingest", LOAD | {"operation": "hardDelete"})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "FEATURENOTENABLED")


def test_without_a_session_nothing_is_a_job(client: Client) -> None:
    client.session.headers["Authorization"] = "Bearer nobody"
    answer = client.call("POST", "/jobs/query", QUERY)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (401, "INVALID_SESSION_ID")
