"""Bulk API 1.0, as far as taps use it: CSV queries in batches, chunked by primary key when asked."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

import pytest
import requests

from tests.sandbox.bulk import table
from tests.sandbox.client import Client

NS = "{http://www.force.com/2009/06/asyncapi/dataload}"
JOB = {"operation": "queryAll", "object": "Lead", "contentType": "CSV"}
LEADS = "SELECT Id,LastName FROM Lead WHERE SystemModstamp >= 2026-01-01T00:00:00Z"


class Classic:
    """Speaks Bulk API 1.0 as a tap does."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.token = str(client.session.headers["Authorization"]).removeprefix("Bearer ")

    def call(
        self, method: str, path: str, body: Any = None, kind: str = "application/json", session: str = "", **headers: str
    ) -> requests.Response:
        data = body if body is None or isinstance(body, str) else json.dumps(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"X-SFDC-Session": session or self.token, "Content-Type": kind} | named
        return requests.request(
            method, f"{self.client.served.url}/services/async/61.0/{path}", data=data, headers=sent, timeout=10
        )

    def job(self, **more: str) -> str:
        answer = self.call("POST", "job", JOB, **more)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def batch(self, job_id: str, statement: str = LEADS) -> str:
        answer = self.call("POST", f"job/{job_id}/batch", statement, "text/csv")
        assert answer.status_code == 201, answer.text
        return facts(answer)["id"]

    def ask(self, job_id: str, batch_id: str) -> dict[str, str]:
        return facts(self.call("GET", f"job/{job_id}/batch/{batch_id}"))

    def batches(self, job_id: str) -> list[dict[str, str]]:
        root = ElementTree.fromstring(self.call("GET", f"job/{job_id}/batch").text)
        return [{each.tag.removeprefix(NS): each.text or "" for each in info} for info in root.iter(NS + "batchInfo")]

    def result(self, job_id: str, batch_id: str) -> str:
        path = f"job/{job_id}/batch/{batch_id}/result"
        listed = ElementTree.fromstring(self.call("GET", path).text)
        assert listed.tag == NS + "result-list"
        return "".join(self.call("GET", f"{path}/{each.text}").text for each in listed)


def facts(answer: requests.Response) -> dict[str, str]:
    """Read the elements of an XML answer."""
    assert answer.headers["Content-Type"] == "application/xml"
    return {each.tag.removeprefix(NS): each.text or "" for each in ElementTree.fromstring(answer.text)}


@pytest.fixture
def classic(client: Client) -> Classic:
    client.org.edit([{"op": "create", "object": "Lead", "fields": {"LastName": f"L{n}", "Company": "C"}} for n in range(7)])
    return Classic(client)


def test_a_query_goes_through_one_batch(classic: Classic) -> None:
    job_id = classic.job(Sforce_Disable_Batch_Retry="true")
    batch_id = classic.batch(job_id, LEADS + " ORDER BY SystemModstamp ASC")
    assert classic.call("POST", f"job/{job_id}", {"state": "Closed"}).json()["state"] == "Closed"
    assert [classic.ask(job_id, batch_id)["state"] for _ in range(2)] == ["InProgress", "Completed"]
    assert [row["LastName"] for row in table(classic.result(job_id, batch_id))] == [f"L{n}" for n in range(7)]
    assert classic.client.call("GET", "/limits").json()["DailyBulkApiBatches"]["Remaining"] == 14_999
    told = classic.call("GET", f"job/{job_id}").json()
    assert (told["numberBatchesCompleted"], told["numberBatchesTotal"], told["numberRecordsProcessed"]) == (1, 1, 7)


def test_without_rows_the_result_says_so_in_words(classic: Classic) -> None:
    job_id = classic.job()
    batch_id = classic.batch(job_id, "SELECT Id FROM Lead WHERE LastName = 'nobody'")
    for _ in range(2):
        classic.ask(job_id, batch_id)
    assert classic.result(job_id, batch_id) == "Records not found for this query"


def test_jobs_speak_xml_as_well(classic: Classic) -> None:
    body = (
        f'<jobInfo xmlns="{NS[1:-1]}"><operation>query</operation><object>Lead</object><contentType>CSV</contentType></jobInfo>'
    )
    made = facts(classic.call("POST", "job", body, "application/xml"))
    assert (made["state"], made["object"], made["apiVersion"]) == ("Open", "Lead", "61.0")
    close = f'<jobInfo xmlns="{NS[1:-1]}"><state>Closed</state></jobInfo>'
    assert facts(classic.call("POST", f"job/{made['id']}", close, "application/xml"))["state"] == "Closed"


def test_pk_chunking_puts_batches_in_the_place_of_the_first(classic: Classic) -> None:
    job_id = classic.job(Sforce_Enable_PKChunking="true; chunkSize=3")
    first = classic.batch(job_id, "SELECT Id,LastName FROM Lead WHERE IsDeleted = false OR Title = null")
    for _ in range(3):
        listed = classic.batches(job_id)
    assert [(each["id"] == first, each["state"]) for each in listed] == [
        (True, "NotProcessed"),
        (False, "Completed"),
        (False, "Completed"),
        (False, "Completed"),
    ]
    names = [row["LastName"] for each in listed[1:] for row in table(classic.result(job_id, each["id"]))]
    assert names == [f"L{n}" for n in range(7)]


def test_history_is_chunked_by_its_parent(classic: Classic) -> None:
    answer = classic.call(
        "POST", "job", JOB | {"object": "LeadHistory"}, Sforce_Enable_PKChunking="true; chunkSize=4; parent=Lead"
    )
    job_id = answer.json()["id"]
    classic.batch(job_id, "SELECT Id,LeadId FROM LeadHistory")
    for _ in range(3):
        listed = classic.batches(job_id)
    sizes = [len({row["LeadId"] for row in table(classic.result(job_id, each["id"]))}) for each in listed[1:]]
    assert sizes == [4, 3]


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (
            "SELECT Id FROM Contact",
            "InvalidBatch : Failed to process query: INVALID_TYPE_FOR_OPERATION: The root entity of the requested query "
            "(Contact) does not match the entity of the requested Bulk API Job (Lead).",
        ),
        (
            "SELECT Address FROM Lead",
            "InvalidBatch : Failed to process query: FUNCTIONALITY_NOT_ENABLED: Selecting compound data not supported in Bulk "
            "Query",
        ),
    ],
)
def test_what_is_wrong_with_a_query_is_told_by_its_batch(classic: Classic, statement: str, message: str) -> None:
    job_id = classic.job()
    told = classic.ask(job_id, classic.batch(job_id, statement))
    assert (told["state"], told["stateMessage"]) == ("Failed", message)


def test_chunks_take_no_order(classic: Classic) -> None:
    job_id = classic.job(Sforce_Enable_PKChunking="true")
    assert classic.ask(job_id, classic.batch(job_id, LEADS + " ORDER BY Id"))["state"] == "Failed"


def test_a_setting_makes_a_batch_fail_so_that_a_tap_turns_to_chunks(classic: Classic) -> None:
    classic.client.org.change_settings({"bulk_jobs": [{"operation": "queryAll", "end": "Failed", "message": "QUERY_TIMEOUT"}]})
    job_id = classic.job()
    told = classic.ask(job_id, classic.batch(job_id))
    assert (told["state"], told["stateMessage"]) == ("Failed", "QUERY_TIMEOUT")


def test_an_aborted_job_leaves_its_batches_unprocessed(classic: Classic) -> None:
    job_id = classic.job()
    batch_id = classic.batch(job_id)
    assert classic.call("POST", f"job/{job_id}", {"state": "Aborted"}).json()["state"] == "Aborted"
    assert classic.ask(job_id, batch_id)["state"] == "NotProcessed"


def test_calls_are_counted_and_journaled(classic: Classic) -> None:
    before = classic.client.served.requests()[-1]["n"]
    classic.job()
    [call] = classic.client.served.requests(before)
    assert (call["path"], call["status"], call["api_calls"], call["user"]) == (
        "/services/async/61.0/job",
        201,
        1,
        "syncd@sandbox.example",
    )


def test_the_days_calls_and_batches_have_limits(classic: Classic) -> None:
    classic.client.org.change_settings({"bulk_batches_daily": 0})
    answer = classic.call("POST", f"job/{classic.job()}/batch", LEADS, "text/csv")
    assert facts(answer)["exceptionCode"] == "ExceededQuota"
    classic.client.org.change_settings({"daily_api_requests": 1})
    answer = classic.call("POST", "job", JOB)
    assert (answer.status_code, answer.json()["exceptionCode"]) == (403, "ExceededQuota")


CASES: list[tuple[str, str, Any, dict[str, str], str]] = [
    ("POST", "job", JOB, {"session": "nobody"}, "InvalidSessionId"),
    ("POST", "job", "{oops", {}, "ClientInputError"),
    ("POST", "job", JOB | {"operation": "read"}, {}, "InvalidJob"),
    ("POST", "job", JOB | {"operation": "insert"}, {}, "FeatureNotEnabled"),
    ("POST", "job", JOB | {"contentType": "XML"}, {}, "FeatureNotEnabled"),
    ("POST", "job", JOB | {"object": "Nothing"}, {}, "InvalidEntity"),
    ("POST", "job", JOB | {"object": "TaskStatus"}, {}, "InvalidEntity"),
    ("POST", "job", JOB, {"Sforce_Enable_PKChunking": "true; chunkSize=250001"}, "InvalidJob"),
    ("POST", "job", JOB, {"Sforce_Enable_PKChunking": "true; parent=Account"}, "InvalidJob"),
    ("POST", "job", JOB | {"object": "LeadHistory"}, {"Sforce_Enable_PKChunking": "true"}, "InvalidJob"),
    ("GET", "job/7509U0000000zzz", None, {}, "InvalidJob"),
    ("GET", "nothing", None, {}, "InvalidUrl"),
    ("GET", "job/{job}/nothing", None, {}, "InvalidUrl"),
    ("GET", "job/{job}/batch/7519U0000000zzz", None, {}, "InvalidBatch"),
    ("GET", "job/{job}/batch/{batch}/result", None, {}, "InvalidBatch"),
    ("POST", "job/{job}", {"state": "Open"}, {}, "InvalidJobState"),
    ("POST", "job/{closed}", {"state": "Closed"}, {}, "InvalidJobState"),
    ("POST", "job/{closed}/batch", LEADS, {"kind": "text/csv"}, "InvalidJobState"),
    ("POST", "job/{job}/batch", LEADS, {"kind": "application/json"}, "InvalidBatch"),
    ("POST", "job/{job}/batch", " ", {"kind": "text/csv", "Accept": "application/json"}, "InvalidBatch"),
]


@pytest.mark.parametrize(("method", "path", "body", "more", "code"), CASES)
def test_wrong_use_is_refused_with_an_exception_code(
    classic: Classic, method: str, path: str, body: Any, more: dict[str, Any], code: str
) -> None:
    job_id, closed = classic.job(), classic.job()
    classic.call("POST", f"job/{closed}", {"state": "Closed"})
    names = {"job": job_id, "closed": closed, "batch": classic.batch(job_id)}
    answer = classic.call(method, path.format(**names), body, **more)
    assert answer.status_code == 400
    if answer.headers["Content-Type"] == "application/json":
        assert answer.json()["exceptionCode"] == code
    else:
        assert facts(answer)["exceptionCode"] == code


def test_an_unknown_version_is_refused(classic: Classic) -> None:
    answer = requests.get(
        f"{classic.client.served.url}/services/async/12.0/job/x", headers={"X-SFDC-Session": classic.token}, timeout=10
    )
    assert (answer.status_code, facts(answer)["exceptionCode"]) == (400, "InvalidVersion")
