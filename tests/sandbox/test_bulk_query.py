"""Bulk API 2.0 queries: asynchronous, read page by page, fixed when they start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from syncd.sandbox.errors import ControlRefused
from syncd.sandbox.state import load_state, save_state
from tests.sandbox.bulk import make_query, run_query, table, wait
from tests.sandbox.client import Client

LEADS = "SELECT Id, LastName FROM Lead ORDER BY LastName"


def add_leads(client: Client, count: int, **fields: Any) -> list[str]:
    edits = [
        {"op": "create", "object": "Lead", "fields": {"LastName": f"L{n:03d}", "Company": "C"} | fields} for n in range(count)
    ]
    return [result["id"] for result in client.org.edit(edits)]


def finished(client: Client, statement: str = LEADS, **more: Any) -> str:
    job_id = make_query(client, statement, **more)
    assert wait(client, "query", job_id)["state"] == "JobComplete"
    return job_id


def test_a_new_job_says_what_it_is(client: Client) -> None:
    answer = client.call("POST", "/jobs/query", {"operation": "query", "query": LEADS})
    info = answer.json()
    assert info == {
        "id": info["id"],
        "operation": "query",
        "object": "Lead",
        "createdById": client.org.api_user_id,
        "createdDate": "2026-03-02T09:00:00.000+0000",
        "systemModstamp": "2026-03-02T09:00:00.000+0000",
        "state": "UploadComplete",
        "concurrencyMode": "Parallel",
        "contentType": "CSV",
        "apiVersion": 62.0,
        "lineEnding": "LF",
        "columnDelimiter": "COMMA",
    }
    assert info["id"].startswith("750")


@pytest.mark.parametrize(
    ("polls", "states"),
    [
        (1, ["JobComplete"]),
        (2, ["InProgress", "JobComplete", "JobComplete"]),
        (4, ["InProgress", "InProgress", "InProgress", "JobComplete"]),
    ],
)
def test_a_job_ends_when_it_was_asked_for_often_enough(client: Client, polls: int, states: list[str]) -> None:
    client.org.change_settings({"bulk_polls": polls})
    job_id = make_query(client, LEADS)
    assert [client.call("GET", f"/jobs/query/{job_id}").json()["state"] for _ in states] == states


def test_a_finished_job_counts_its_rows(client: Client) -> None:
    add_leads(client, 3)
    info = wait(client, "query", make_query(client, LEADS))
    told = {name: info[name] for name in ("jobType", "numberRecordsProcessed", "retries", "totalProcessingTime")}
    assert told == {"jobType": "V2Query", "numberRecordsProcessed": 3, "retries": 0, "totalProcessingTime": 0}


def test_values_are_quoted_text_and_empty_means_null(client: Client) -> None:
    client.lead(
        LastName='O"Hara, Jr', Company="two\nlines", NumberOfEmployees=7, AnnualRevenue=1000, HasOptedOutOfEmail=True, Title=None
    )
    job_id = finished(
        client,
        "SELECT lastname,Company,NumberOfEmployees,AnnualRevenue,HasOptedOutOfEmail,Title,CreatedDate,owner.name FROM Lead",
    )
    answer = client.call("GET", f"/jobs/query/{job_id}/results")
    header = '"LastName","Company","NumberOfEmployees","AnnualRevenue","HasOptedOutOfEmail","Title","CreatedDate","Owner.Name"\n'
    row = '"O""Hara, Jr","two\nlines","7","1000.0","true","","2026-03-02T09:00:00.000Z","syncd Integration"\n'
    assert answer.text == header + row
    assert answer.headers["Content-Type"] == "text/csv; charset=UTF-8"


def test_history_values_are_written_as_they_were_meant(client: Client) -> None:
    client.org.change_settings({"history_tracking": {"Lead": ["Status", "HasOptedOutOfEmail"]}})
    lead = client.lead()
    client.update("Lead", lead, HasOptedOutOfEmail=True, Status="Working")
    rows = run_query(client, "SELECT Field, OldValue, NewValue FROM LeadHistory WHERE Field != 'created' ORDER BY Field")
    assert [tuple(row.values()) for row in rows] == [
        ("HasOptedOutOfEmail", "false", "true"),
        ("Status", "Open - Not Contacted", "Working"),
    ]


@pytest.mark.parametrize(
    ("name", "char"),
    [("BACKQUOTE", "`"), ("CARET", "^"), ("COMMA", ","), ("PIPE", "|"), ("SEMICOLON", ";"), ("TAB", "\t")],
)
@pytest.mark.parametrize(("ending", "chars"), [("LF", b"\n"), ("CRLF", b"\r\n")])
def test_a_job_chooses_its_delimiter_and_line_ends(client: Client, name: str, char: str, ending: str, chars: bytes) -> None:
    add_leads(client, 1)
    job_id = finished(client, "SELECT LastName, Company FROM Lead", columnDelimiter=name, lineEnding=ending)
    content = client.call("GET", f"/jobs/query/{job_id}/results").content
    assert content == chars.join([f'"LastName"{char}"Company"'.encode(), f'"L000"{char}"C"'.encode(), b""])


def test_pages_follow_each_other_by_locator_and_each_has_a_header(client: Client) -> None:
    add_leads(client, 7)
    job_id = finished(client)
    names: list[str] = []
    sizes, locator = [], ""
    while locator != "null":
        more = f"&locator={locator}" if locator else ""
        answer = client.call("GET", f"/jobs/query/{job_id}/results?maxRecords=3{more}")
        names += [row["LastName"] for row in table(answer.text)]
        sizes.append(answer.headers["Sforce-NumberOfRecords"])
        locator = answer.headers["Sforce-Locator"]
    assert names == [f"L{n:03d}" for n in range(7)]
    assert sizes == ["3", "3", "1"]


def test_a_locator_can_be_read_again(client: Client) -> None:
    add_leads(client, 5)
    job_id = finished(client)
    locator = client.call("GET", f"/jobs/query/{job_id}/results?maxRecords=2").headers["Sforce-Locator"]
    path = f"/jobs/query/{job_id}/results?maxRecords=2&locator={locator}"
    assert client.call("GET", path).text == client.call("GET", path).text


def test_without_a_maximum_the_org_chooses_the_page(client: Client) -> None:
    client.org.change_settings({"bulk_page_rows": 2})
    add_leads(client, 3)
    answer = client.call("GET", f"/jobs/query/{finished(client)}/results")
    assert (answer.headers["Sforce-NumberOfRecords"], answer.headers["Sforce-Locator"]) == ("2", "Mg")


def test_no_rows_are_a_header_alone(client: Client) -> None:
    answer = client.call("GET", f"/jobs/query/{finished(client)}/results")
    assert answer.text == '"Id","LastName"\n'
    assert (answer.headers["Sforce-NumberOfRecords"], answer.headers["Sforce-Locator"]) == ("0", "null")


def test_result_pages_can_be_fetched_side_by_side(client: Client) -> None:
    add_leads(client, 13)
    path = f"/jobs/query/{finished(client)}/resultPages?maxRecords=2"
    first = client.call("GET", path).json()
    second = client.call("GET", first["nextRecordUrl"]).json()
    assert (len(first["resultPages"]), first["done"], len(second["resultPages"]), second["done"]) == (5, False, 2, True)
    names: list[str] = []
    for page in first["resultPages"] + second["resultPages"]:
        names += [row["LastName"] for row in table(client.call("GET", page["resultUrl"]).text)]
    assert names == [f"L{n:03d}" for n in range(13)]


def test_the_rows_are_those_of_the_jobs_start(client: Client) -> None:
    leads = add_leads(client, 3)
    job_id = make_query(client, LEADS)
    client.edit("update", "Lead", leads[0], LastName="before the start")
    client.call("GET", f"/jobs/query/{job_id}")
    client.edit("update", "Lead", leads[1], LastName="after the start")
    client.edit("delete", "Lead", leads[2])
    client.call("GET", f"/jobs/query/{job_id}")
    rows = table(client.call("GET", f"/jobs/query/{job_id}/results").text)
    assert [row["LastName"] for row in rows] == ["before the start", "L001", "L002"]


def test_query_all_sees_the_deleted(client: Client) -> None:
    leads = add_leads(client, 2)
    client.edit("delete", "Lead", leads[0])
    statement = "SELECT Id, IsDeleted FROM Lead ORDER BY Id"
    assert [tuple(row.values()) for row in run_query(client, statement, "queryAll")] == [(leads[0], "true"), (leads[1], "false")]
    assert [row["Id"] for row in run_query(client, statement)] == leads[1:]


def test_conditions_limits_and_semi_joins_count(client: Client) -> None:
    leads = add_leads(client, 4)
    campaign = client.create("Campaign", Name="K")
    client.create("CampaignMember", CampaignId=campaign, LeadId=leads[2])
    statement = "SELECT Id FROM Lead WHERE (LastName = 'L000' OR LastName = 'L001') AND Company = 'C' ORDER BY Id LIMIT 1"
    assert [row["Id"] for row in run_query(client, statement)] == leads[:1]
    statement = "SELECT Id FROM Lead WHERE Id IN (SELECT LeadId FROM CampaignMember)"
    assert [row["Id"] for row in run_query(client, statement)] == [leads[2]]


def test_more_columns_than_one_function_takes_are_written(client: Client) -> None:
    client.lead()
    path = [field.name for field in client.org.schema.get("User").fields.values() if field.type not in ("address", "location")]
    above = ("CreatedBy", "LastModifiedBy", "CreatedBy.CreatedBy", "CreatedBy.LastModifiedBy")
    names = [f"{relationship}.{name}" for relationship in above for name in path]
    assert len(names) > 100
    [row] = run_query(client, f"SELECT {','.join(names)} FROM Lead")  # noqa: S608
    assert list(row) == names
    assert row["CreatedBy.Username"] == row["LastModifiedBy.Username"] == "syncd@sandbox.example"


def test_an_aborted_job_has_no_results(client: Client) -> None:
    job_id = make_query(client, LEADS)
    client.call("GET", f"/jobs/query/{job_id}")
    assert client.call("PATCH", f"/jobs/query/{job_id}", {"state": "Aborted"}).json()["state"] == "Aborted"
    assert client.call("GET", f"/jobs/query/{job_id}/results").status_code == 400


def test_a_deleted_job_is_gone(client: Client) -> None:
    job_id = finished(client)
    assert client.call("DELETE", f"/jobs/query/{job_id}").status_code == 204
    assert client.call("GET", f"/jobs/query/{job_id}").status_code == 404


def test_a_job_goes_after_seven_days(client: Client) -> None:
    job_id = finished(client)
    client.org.clock.advance(7 * 86_400 - 1)
    client.log_in()
    assert client.call("GET", f"/jobs/query/{job_id}").status_code == 200
    client.org.clock.advance(1)
    assert client.call("GET", f"/jobs/query/{job_id}").status_code == 404


def test_jobs_are_listed_without_moving_on(client: Client) -> None:
    ids = [make_query(client, LEADS), make_query(client, LEADS, "queryAll")]
    listed = client.call("GET", "/jobs/query").json()
    assert [(job["id"], job["state"], job["jobType"]) for job in listed["records"]] == [
        (job_id, "UploadComplete", "V2Query") for job_id in ids
    ]
    assert (listed["done"], listed["nextRecordsUrl"]) == (True, None)


def test_a_field_hidden_since_makes_the_job_fail(client: Client) -> None:
    job_id = make_query(client, "SELECT Id, Title FROM Lead")
    client.org.change_settings({"hidden_fields": {"Lead": ["Title"]}})
    info = wait(client, "query", job_id)
    assert info["state"] == "Failed"
    assert info["errorMessage"].startswith("INVALID_FIELD: ")


@pytest.mark.parametrize(
    ("entry", "error"),
    [
        ({"end": "Failed", "message": "the disk is full"}, "the disk is full"),
        ({"end": "Failed"}, "InternalServerError : The job was ended by the server"),
        ({"end": "Aborted", "message": "nobody reads this"}, None),
    ],
)
def test_a_setting_ends_the_next_job_as_told(client: Client, entry: dict[str, str], error: str | None) -> None:
    client.org.change_settings({"bulk_jobs": [entry | {"operation": "query"}]})
    info = wait(client, "query", make_query(client, LEADS))
    assert (info["state"], info.get("errorMessage")) == (entry["end"], error)
    assert wait(client, "query", make_query(client, LEADS))["state"] == "JobComplete"


def test_the_days_query_jobs_have_a_limit(client: Client) -> None:
    client.org.change_settings({"bulk_query_jobs_daily": 1})
    make_query(client, LEADS)
    answer = client.call("POST", "/jobs/query", {"operation": "query", "query": LEADS})
    assert answer.json() == [
        {
            "errorCode": "LIMIT_EXCEEDED",
            "message": "Max bulk v2 query jobs (1) per 24 hrs has been reached (number of jobs submitted: 1)",
        }
    ]
    assert client.call("GET", "/limits").json()["DailyBulkV2QueryJobs"] == {"Max": 1, "Remaining": 0}
    client.org.clock.advance(25 * 3_600)
    client.log_in()
    make_query(client, LEADS)


def test_a_restored_org_has_the_jobs_it_had(client: Client) -> None:
    add_leads(client, 2)
    job_id = finished(client)
    snapshot = client.org.snapshot()
    client.call("DELETE", f"/jobs/query/{job_id}")
    client.org.restore(snapshot)
    assert len(table(client.call("GET", f"/jobs/query/{job_id}/results").text)) == 2


def test_a_saved_org_has_the_jobs_it_had(client: Client, tmp_path: Path) -> None:
    add_leads(client, 2)
    job_id = finished(client)
    save_state(client.org, tmp_path / "org.state")
    again = load_state(tmp_path / "org.state")
    try:
        rows = again.bulk.find(job_id, "V2Query", again.clock.now()).rows
        assert rows is not None
        assert b"".join(rows.page()) == client.call("GET", f"/jobs/query/{job_id}/results").content
    finally:
        again.close()


@pytest.mark.parametrize(
    "entry", [{}, {"end": "Soon"}, {"end": "Failed", "after_rows": -1}, {"end": "Failed", "object": "Nope"}, {"when": 1}]
)
def test_a_setting_for_jobs_must_make_sense(client: Client, entry: dict[str, Any]) -> None:
    with pytest.raises(ControlRefused, match="bulk_jobs"):
        client.org.change_settings({"bulk_jobs": [entry]})


def test_every_bulk_call_is_an_api_call(client: Client) -> None:
    before = client.served.requests()[-1]["n"]
    finished(client)
    calls = client.served.requests(before)
    assert len(calls) == 3
    assert {call["api_calls"] for call in calls} == {1}
