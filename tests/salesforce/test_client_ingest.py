"""Which requests make a Bulk load of updates and a collection, and how are their answers read?"""

from __future__ import annotations

import json
from typing import Any

import pytest

from syncd.errors import AnswerLost, OrgRefused, OrgUnreachable
from syncd.ports import IngestJob, Overwrite
from tests.salesforce.client_wire import NOW, Wire, row

LEAD, OTHER = str(row(1)["Id"]), str(row(2)["Id"])
JOB = "7505e000001AbcdAAA"
BASE = "/services/data/v62.0/jobs/ingest"


def told(state: str = "Open", **more: Any) -> dict[str, Any]:
    return {
        "id": JOB,
        "operation": "update",
        "object": "Lead",
        "createdById": "0055e000001AbcdAAA",
        "createdDate": "2026-03-02T09:00:00.000+0000",
        "state": state,
        **more,
    }


# --- collections ---------------------------------------------------------------------------------------------------------


def test_a_collection_carries_the_header_and_each_row_has_its_own_result(wire: Wire) -> None:
    wire.login()
    refused = {"statusCode": "UNABLE_TO_LOCK_ROW", "message": "unable to obtain exclusive access", "fields": []}
    missing = {"statusCode": "INVALID_CROSS_REFERENCE_KEY", "message": "invalid cross reference id", "fields": []}
    lookup = {
        "statusCode": "INVALID_CROSS_REFERENCE_KEY",
        "message": "Owner ID: id value of incorrect type",
        "fields": ["OwnerId"],
    }
    answers = [
        {"id": LEAD, "success": True, "errors": []},
        *({"success": False, "errors": [e]} for e in (refused, missing, lookup)),
    ]
    wire.answers((200, answers))
    with wire.org() as org:
        results = org.overwrite(
            "Lead", [Overwrite(LEAD, {"Score__c": 7, "Grade__c": None})] + [Overwrite(OTHER, {"Score__c": 8})] * 3
        )
        assert org.usage().ours == 1
    assert [result.status for result in results] == ["done", "locked", "gone", "refused"]
    assert [result.id for result in results] == [LEAD, OTHER, OTHER, OTHER]
    assert len({result.request_id for result in results}) == 4
    sent = wire.sent[-1]
    assert (sent.method, sent.path_url) == ("PATCH", "/services/data/v62.0/composite/sobjects")
    assert sent.headers["Sforce-Auto-Assign"] == "FALSE"
    assert wire.body()["allOrNone"] is False
    assert wire.body()["records"][0] == {"attributes": {"type": "Lead"}, "id": LEAD, "Score__c": 7, "Grade__c": None}


@pytest.mark.parametrize("answer", [[], [{"id": LEAD, "success": True}] * 3, {"records": []}, [None, None]])
def test_a_collection_without_an_answer_for_each_row_is_unknown(wire: Wire, answer: object) -> None:
    wire.login()
    wire.answers((200, answer))
    with wire.org() as org, pytest.raises(AnswerLost):
        org.overwrite("Lead", [Overwrite(LEAD, {}), Overwrite(OTHER, {})])


def test_more_rows_than_fit_are_our_own_mistake(wire: Wire) -> None:
    with wire.org() as org, pytest.raises(AssertionError):
        org.overwrite("Lead", [Overwrite(LEAD, {})] * 201)


# --- loads ---------------------------------------------------------------------------------------------------------------


def test_a_load_is_opened_filled_and_closed(wire: Wire) -> None:
    wire.login()
    wire.answers((200, told()), (201, ""), (200, told("UploadComplete")))
    rows = [
        Overwrite(LEAD, {"Title": 'a "b", c\nd', "Score__c": 1.5, "HasOptedOutOfEmail": True}),
        Overwrite(OTHER, {"Score__c": None}),
    ]
    with wire.org() as org:
        job = org.open_ingest("Lead")
        org.fill_ingest(job.id, rows)
        org.close_ingest(job.id)
        assert org.usage().ours == 3
    assert job == IngestJob(JOB, "Lead", "Open", "0055e000001AbcdAAA", NOW)
    opened, filled, closed = wire.sent
    assert (opened.method, opened.path_url) == ("POST", BASE)
    assert json.loads(opened.body or "") == {"object": "Lead", "operation": "update", "contentType": "CSV", "lineEnding": "LF"}
    assert (filled.method, filled.path_url) == ("PUT", f"{BASE}/{JOB}/batches")
    assert filled.headers["Content-Type"] == "text/csv; charset=UTF-8"
    assert filled.body == (f'Id,HasOptedOutOfEmail,Score__c,Title\n{LEAD},true,1.5,"a ""b"", c\nd"\n{OTHER},,#N/A,\n').encode()
    assert (closed.method, closed.path_url, json.loads(closed.body or "")) == (
        "PATCH", f"{BASE}/{JOB}", {"state": "UploadComplete"},
    )  # fmt: skip


@pytest.mark.parametrize("value", ["", "#N/A", "nul\0", "x" * 32_001])
def test_a_value_that_a_load_would_change_is_never_put_into_one(wire: Wire, value: str) -> None:
    wire.login()
    with wire.org() as org, pytest.raises(AssertionError):
        org.fill_ingest(JOB, [Overwrite(LEAD, {"Title": value})])


def test_the_state_of_a_load_is_read(wire: Wire) -> None:
    wire.login()
    failed = told(
        "Failed", numberRecordsProcessed=7, numberRecordsFailed=2, errorMessage="InvalidBatch : Field name not found : X"
    )
    wire.answers((200, failed), (404, [{"errorCode": "NOT_FOUND", "message": "-"}]))
    with wire.org() as org:
        job = org.ingest_job(JOB)
        assert org.ingest_job(JOB) is None
    assert job is not None
    assert (job.is_ended, job.rows_done, job.rows_failed, job.error) == (True, 7, 2, "InvalidBatch : Field name not found : X")


def test_every_row_of_a_load_has_a_result_by_its_record(wire: Wire) -> None:
    wire.login()
    text = 'Your record, ""so"": is locked'
    failed = [
        f'"","UNABLE_TO_LOCK_ROW:unable to obtain exclusive access:--","{OTHER}","7"',
        f'"","FIELD_CUSTOM_VALIDATION_EXCEPTION:{text}:Score__c --","00Q5e0000000003AAA","7"',
        '"","INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:--","00Q5e0000000004AAA","7"',
    ]
    wire.answers(
        (200, f'"sf__Id","sf__Created","Id","Score__c"\n"{LEAD}","false","{LEAD}","7"\n'),
        (200, '"sf__Id","sf__Error","Id","Score__c"\n' + "\n".join(failed) + "\n"),
        (200, '"Id","Score__c"\n"00Q5e0000000005AAA","7"\n'),
    )
    with wire.org() as org:
        results = org.ingest_results(JOB)
    assert [result.status for result in results] == ["done", "locked", "refused", "gone", "unprocessed"]
    assert [result.id for result in results][:2] == [LEAD, OTHER]
    assert (results[2].code, results[2].text) == ("FIELD_CUSTOM_VALIDATION_EXCEPTION", 'Your record, "so": is locked')
    assert {result.request_id for result in results} == {JOB}
    assert [sent.path_url.rpartition("/")[2] for sent in wire.sent] == [
        "successfulResults",
        "failedResults",
        "unprocessedrecords",
    ]
    assert {sent.headers["Accept"] for sent in wire.sent} == {"text/csv"}


def test_a_result_file_that_is_cut_inside_a_cell_is_no_result(wire: Wire) -> None:
    wire.login()
    wire.answers((200, '"sf__Id","sf__Created","Id"\n"00Q","fal'))
    with wire.org() as org, pytest.raises(OrgUnreachable):
        org.ingest_results(JOB)


def test_open_loads_are_listed_over_all_pages(wire: Wire) -> None:
    wire.login()
    first = {"done": False, "records": [told(), told("Aborted")], "nextRecordsUrl": f"{BASE}?queryLocator=MTAwMA"}
    wire.answers((200, first), (200, {"done": True, "records": [told("InProgress"), told()], "nextRecordsUrl": None}))
    with wire.org() as org:
        assert [job.state for job in org.open_ingests()] == ["Open", "Open"]


def test_a_refused_load_is_no_lost_answer_and_a_broken_one_is(wire: Wire) -> None:
    wire.login()
    quota = [{"errorCode": "EXCEEDEDQUOTA", "message": "ExceededQuota : ApiBatchItems Limit exceeded."}]
    wire.answers((400, quota), (500, "<html>"), (200, {"id": JOB}))
    with wire.org() as org:
        with pytest.raises(OrgRefused, match="ApiBatchItems"):
            org.open_ingest("Lead")
        with pytest.raises(AnswerLost):
            org.open_ingest("Lead")
        with pytest.raises(AnswerLost, match="can't read"):
            org.open_ingest("Lead")


def test_a_job_id_that_is_none_never_becomes_a_path(wire: Wire) -> None:
    wire.login()
    with wire.org() as org, pytest.raises(AssertionError, match="record id"):
        org.close_ingest("../../etc")
