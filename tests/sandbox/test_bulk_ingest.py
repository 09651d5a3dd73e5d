"""Bulk API 2.0 loads: one file per job, saved row by row on the path of every other save."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.bulk import close, load, make_load, put, results, start_load, table, wait
from tests.sandbox.client import Client

ROWS = "LastName,Company\n" + "".join(f"L{n},C\n" for n in range(5))


def external(client: Client) -> None:
    client.org.add_custom_field(client.org.schema.get("Lead"), "Ext__c string 40 unique external CUN")


def lead(client: Client, record_id: str) -> dict[str, Any]:
    return next(row for row in client.org.dump(["Lead"])["Lead"] if row["Id"] == record_id)


def test_a_new_job_says_where_its_file_goes(client: Client) -> None:
    answer = client.call("POST", "/jobs/ingest", {"operation": "insert", "object": "lead"})
    info = answer.json()
    assert answer.status_code == 200
    assert (info["state"], info["object"], info["apiVersion"]) == ("Open", "Lead", 62.0)
    assert info["contentUrl"] == f"services/data/v62.0/jobs/ingest/{info['id']}/batches"


def test_the_journal_does_not_keep_files(client: Client) -> None:
    before = client.served.requests()[-1]["n"]
    start_load(client, "insert", ROWS)
    [call] = [each for each in client.served.requests(before) if each["method"] == "PUT"]
    assert (call["status"], call["body"], call["api_calls"]) == (201, None, 1)


def test_good_rows_are_saved_and_bad_ones_told(client: Client) -> None:
    text = 'LastName,Company,Email\nGood,"C, ""D""",\nBad,,nobody\nWorse,C,nobody\n'
    good, bad = load(client, "insert", text)
    [row] = good
    assert (row["sf__Created"], row["LastName"], row["Company"]) == ("true", "Good", 'C, "D"')
    assert lead(client, row["sf__Id"])["Company"] == 'C, "D"'
    assert [each["sf__Error"] for each in bad] == [
        "INVALID_EMAIL_ADDRESS:Email: invalid email address: nobody:Email --",
        "INVALID_EMAIL_ADDRESS:Email: invalid email address: nobody:Email --",
    ]
    assert {each["sf__Id"] for each in bad} == {""}


def test_a_job_with_bad_rows_is_complete_all_the_same(client: Client) -> None:
    info = wait(client, "ingest", start_load(client, "insert", "LastName,Company\nA,C\nB,\n"))
    told = (info["state"], info["numberRecordsProcessed"], info["numberRecordsFailed"], "errorMessage" in info)
    assert told == ("JobComplete", 2, 1, False)


def test_empty_leaves_a_field_and_the_null_mark_clears_it(client: Client) -> None:
    record_id = client.lead(Title="CEO", Phone="1")
    good, _ = load(client, "update", f"Id,Title,Phone\n{record_id},,#N/A\n")
    assert [(row["sf__Id"], row["sf__Created"]) for row in good] == [(record_id, "false")]
    assert (lead(client, record_id)["Title"], lead(client, record_id)["Phone"]) == ("CEO", None)


@pytest.mark.parametrize("word", ["yes", "Y", "TRUE", "on", "1"])
def test_the_guides_words_for_true_are_understood(client: Client, word: str) -> None:
    [row], _ = load(client, "insert", f"LastName,Company,HasOptedOutOfEmail\nA,C,{word}\n")
    assert lead(client, row["sf__Id"])["HasOptedOutOfEmail"] is True


@pytest.mark.parametrize(
    ("column", "cell", "code"),
    [
        ("HasOptedOutOfEmail", "maybe", "INVALID_TYPE_ON_FIELD_IN_RECORD"),
        ("NumberOfEmployees", "many", "INVALID_TYPE_ON_FIELD_IN_RECORD"),
        ("NumberOfEmployees", "1.5", "INVALID_TYPE_ON_FIELD_IN_RECORD"),
        ("AnnualRevenue", "nan", "INVALID_TYPE_ON_FIELD_IN_RECORD"),
        ("EmailBouncedDate", "yesterday", "INVALID_TYPE_ON_FIELD_IN_RECORD"),
        ("OwnerId", "nobody", "MALFORMED_ID"),
        ("OwnerId", "0059U00000000zz", "INVALID_CROSS_REFERENCE_KEY"),
        ("Owner.Username", "nobody@nowhere.example", "INVALID_FIELD"),
        ("Title", "x" * 129, "STRING_TOO_LONG"),
        ("CreatedDate", "2026-01-01T00:00:00Z", "INVALID_FIELD_FOR_INSERT_UPDATE"),
    ],
)
def test_a_cell_that_does_not_fit_fails_its_row_alone(client: Client, column: str, cell: str, code: str) -> None:
    good, bad = load(client, "insert", f"LastName,Company,{column}\nA,C,{cell}\nB,C,\n")
    assert [row["LastName"] for row in good] == ["B"]
    assert [row["sf__Error"].partition(":")[0] for row in bad] == [code]


def test_an_owner_is_named_by_username(client: Client) -> None:
    made = client.org.edit(
        [{"op": "create", "object": "User", "fields": {"Username": "ada@sandbox.example", "LastName": "L", "IsActive": True}}]
    )
    owner = made[0].get("id") or client.org.admin_id
    name = client.org.database.rows('SELECT Username FROM "User" WHERE Id = ?', (owner,))[0]["Username"]
    text = f"LastName,Company,Owner.Username\nA,C,{name}\n"
    [row], bad = load(client, "insert", text)
    assert (lead(client, row["sf__Id"])["OwnerId"], bad) == (owner, [])
    [row], _ = load(client, "insert", text.replace("Owner.", "User:Owner."))
    assert lead(client, row["sf__Id"])["OwnerId"] == owner


def test_an_upsert_makes_what_is_new_and_changes_what_is_there(client: Client) -> None:
    external(client)
    old = client.lead(Ext__c="one", Title="before")
    text = "Ext__c,LastName,Company,Title\none,A,C,after\ntwo,B,C,new\n"
    good, bad = load(client, "upsert", text, externalIdFieldName="ext__c")
    assert [(row["Ext__c"], row["sf__Created"]) for row in good] == [("one", "false"), ("two", "true")]
    assert (good[0]["sf__Id"], lead(client, old)["Title"], bad) == (old, "after", [])


def test_an_external_id_twice_in_a_chunk_fails_both_rows(client: Client) -> None:
    external(client)
    text = "Ext__c,LastName,Company\none,A,C\nONE,B,C\ntwo,D,C\n,E,C\n"
    good, bad = load(client, "upsert", text, externalIdFieldName="Ext__c")
    assert [row["Ext__c"] for row in good] == ["two"]
    assert [row["sf__Error"] for row in bad] == [
        "DUPLICATE_VALUE:Duplicate external id specified: one:Ext__c --",
        "DUPLICATE_VALUE:Duplicate external id specified: ONE:Ext__c --",
        "MISSING_ARGUMENT:Ext__c not specified:Ext__c --",
    ]


def test_a_key_that_several_records_have_is_refused(client: Client) -> None:
    client.lead(Email="a@b.example")
    client.lead(Email="a@b.example")
    _, [row] = load(client, "upsert", "Email,LastName,Company\na@b.example,L,C\n", externalIdFieldName="Email")
    assert row["sf__Error"].startswith("DUPLICATE_EXTERNAL_ID:more than one record found")


def test_deleted_rows_are_in_the_bin_and_hard_deleted_ones_nowhere(client: Client) -> None:
    soft, hard = client.lead(), client.lead()
    load(client, "delete", f"Id\n{soft}\n")
    load(client, "hardDelete", f"Id\n{hard}\n")
    assert [(row["Id"], row["IsDeleted"]) for row in client.org.dump(["Lead"])["Lead"]] == [(soft, True)]


@pytest.mark.parametrize(
    ("operation", "cell", "code"),
    [
        ("update", "", "MISSING_ARGUMENT"),
        ("update", "00Q9U00000000zz", "INVALID_CROSS_REFERENCE_KEY"),
        ("update", "0039U00000000zz", "MALFORMED_ID"),
        ("update", "{gone}", "ENTITY_IS_DELETED"),
        ("delete", "{gone}", "ENTITY_IS_DELETED"),
        ("delete", "nonsense", "MALFORMED_ID"),
    ],
)
def test_a_row_must_name_a_record_that_is_there(client: Client, operation: str, cell: str, code: str) -> None:
    gone = client.lead()
    client.edit("delete", "Lead", gone)
    # A column more where it may be: a line with nothing on it is no row.
    text = "Id\n" + f'"{cell.format(gone=gone)}"\n'
    good, [row] = load(client, operation, text)
    assert (good, row["sf__Error"].partition(":")[0]) == ([], code)


def test_no_assignment_rule_runs_unless_the_job_names_one(client: Client) -> None:
    client.org.change_settings({"assignment_rule": {"owner": client.org.admin_id, "active": True}})
    rule = client.org.database.where("AssignmentRule")[0]["Id"]
    [without], _ = load(client, "insert", "LastName,Company\nA,C\n")
    [with_rule], _ = load(client, "insert", "LastName,Company\nA,C\n", assignmentRuleId=rule)
    assert lead(client, without["sf__Id"])["OwnerId"] == client.org.api_user_id
    assert lead(client, with_rule["sf__Id"])["OwnerId"] == client.org.admin_id


def test_loads_leave_history_and_stamps(client: Client) -> None:
    record_id = client.lead()
    client.org.clock.advance(60)
    load(client, "update", f"Id,Status\n{record_id},Working\n")
    assert lead(client, record_id)["SystemModstamp"] == "2026-03-02T09:01:00.000+0000"
    assert client.rows("SELECT Field FROM LeadHistory WHERE Field = 'Status'") == [{"Field": "Status"}]


def test_a_load_goes_slice_by_slice_and_stops_where_it_is_aborted(client: Client) -> None:
    client.org.change_settings({"bulk_slice_rows": 2})
    job_id = start_load(client, "insert", ROWS)
    info = client.call("GET", f"/jobs/ingest/{job_id}").json()
    assert (info["state"], info["numberRecordsProcessed"]) == ("InProgress", 2)
    assert client.call("GET", f"/jobs/ingest/{job_id}/successfulResults").status_code == 400
    close(client, job_id, "Aborted")
    assert [row["LastName"] for row in results(client, job_id, "successfulResults")] == ["L0", "L1"]
    assert [row["LastName"] for row in results(client, job_id, "UNPROCESSEDRECORDS")] == ["L2", "L3", "L4"]
    assert len(client.org.dump(["Lead"])["Lead"]) == 2


@pytest.mark.parametrize("end", ["Failed", "Aborted", "JobComplete"])
def test_a_setting_ends_a_load_part_of_the_way(client: Client, end: str) -> None:
    client.org.change_settings({"bulk_jobs": [{"operation": "insert", "end": end, "after_rows": 3}]})
    job_id = start_load(client, "insert", ROWS)
    info = wait(client, "ingest", job_id)
    assert (info["state"], info["numberRecordsProcessed"], "errorMessage" in info) == (end, 3, end == "Failed")
    assert len(results(client, job_id, "successfulResults")) == 3
    assert [row["LastName"] for row in results(client, job_id, "unprocessedrecords")] == ["L3", "L4"]
    assert client.org.settings.bulk_jobs == []


@pytest.mark.parametrize(
    ("text", "more", "message"),
    [
        ("", {}, "InvalidBatch : The file is empty"),
        ("LastName,Nope\nA,B\n", {}, "InvalidBatch : Field name not found : Nope"),
        ("LastName,Owner.Nope\nA,B\n", {}, "InvalidBatch : Field name not found : Owner.Nope"),
        ("LastName,Account:Owner.Username\nA,B\n", {}, "InvalidBatch : Field name not found : Account:Owner.Username"),
        ("LastName,lastname\nA,B\n", {}, "InvalidBatch : Duplicate field name in header: LastName"),
        (
            "LastName,Company\r\nA,B\r\n",
            {},
            "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is LF",
        ),
        (
            "LastName,Company\nA,B\n",
            {"lineEnding": "CRLF"},
            "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is CRLF",
        ),
        ("LastName,Company\nA,B\n", {"columnDelimiter": "PIPE"}, "InvalidBatch : Field name not found : LastName,Company"),
    ],
)
def test_a_file_that_makes_no_sense_fails_the_job(client: Client, text: str, more: dict[str, str], message: str) -> None:
    job_id = start_load(client, "insert", text, **more)
    info = wait(client, "ingest", job_id)
    assert (info["state"], info["errorMessage"], info["numberRecordsProcessed"]) == ("Failed", message, 0)
    assert client.org.dump(["Lead"])["Lead"] == []


def test_a_value_over_32000_characters_fails_the_job(client: Client) -> None:
    job_id = start_load(client, "insert", f"LastName,Company,Description\nA,C,{'x' * 32_001}\n")
    info = wait(client, "ingest", job_id)
    assert info["state"] == "Failed"
    assert len(results(client, job_id, "unprocessedrecords")) == 1


def test_text_that_is_not_utf8_fails_the_job(client: Client) -> None:
    info = wait(client, "ingest", start_load(client, "insert", b"LastName,Company\n\xff,C\n"))
    assert (info["state"], info["errorMessage"]) == ("Failed", "ClientInputError : The file is not in UTF-8")


def test_only_ids_may_be_deleted(client: Client) -> None:
    record_id = client.lead()
    info = wait(client, "ingest", start_load(client, "delete", f"Id,LastName\n{record_id},L\n"))
    assert info["errorMessage"] == "InvalidBatch : The 'delete' batch must contain only ids"


def test_a_row_with_too_many_values_fails_alone(client: Client) -> None:
    good, bad = load(client, "insert", "LastName,Company\nA,C\nB,C,D\n")
    assert [row["LastName"] for row in good] == ["A"]
    assert bad[0]["sf__Error"].startswith("API_ERROR:The row has 3 values")


def test_a_second_file_is_taken_and_keeps_the_job_from_closing(client: Client) -> None:
    job_id = make_load(client, "insert")
    assert [put(client, job_id, ROWS).status_code for _ in range(2)] == [201, 201]
    answer = close(client, job_id)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALIDJOB")
    assert f"Found multiple contents for job: <{job_id[:15]}>" in answer.json()[0]["message"]
    assert close(client, job_id, "Aborted").json()["state"] == "Aborted"


def test_a_file_has_a_size_limit(client: Client) -> None:
    client.org.change_settings({"bulk_file_bytes_max": 10})
    answer = put(client, make_load(client, "insert"), ROWS)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (413, "LIMIT_EXCEEDED")


def test_the_days_rows_have_a_limit(client: Client) -> None:
    client.org.change_settings({"bulk_ingest_rows_daily": 3})
    job_id = start_load(client, "insert", ROWS)
    info = wait(client, "ingest", job_id)
    assert (info["state"], info["errorMessage"]) == ("Failed", "ExceededQuota : ApiBatchItems Limit exceeded.")
    assert (len(results(client, job_id, "successfulResults")), len(results(client, job_id, "unprocessedrecords"))) == (3, 2)


def test_crlf_and_tabs_go_out_as_they_came_in(client: Client) -> None:
    job_id = start_load(client, "insert", "LastName\tCompany\r\nA\tC\r\n", lineEnding="CRLF", columnDelimiter="TAB")
    assert wait(client, "ingest", job_id)["state"] == "JobComplete"
    text = client.call("GET", f"/jobs/ingest/{job_id}/successfulResults").content.decode()
    assert text.startswith('"sf__Id"\t"sf__Created"\t"LastName"\t"Company"\r\n')
    assert table(text, "\t")[0]["LastName"] == "A"


def test_a_file_larger_than_one_reading_is_read_whole(client: Client) -> None:
    client.org.change_settings({"bulk_slice_rows": 7})
    filler = "ä" * 15_000
    text = "LastName,Company,Description\n" + "".join(f'L{n},C,"{filler}\n{n}"\n' for n in range(40))
    good, bad = load(client, "insert", text)
    assert ([row["LastName"] for row in good], bad) == ([f"L{n}" for n in range(40)], [])
    assert good[39]["Description"] == f"{filler}\n39"


def test_a_byte_order_mark_is_no_part_of_the_header(client: Client) -> None:
    good, _ = load(client, "insert", "\ufeffLastName,Company\nA,C\n")
    assert len(good) == 1


def test_a_snapshot_in_the_middle_of_a_load_can_be_gone_back_to_twice(client: Client) -> None:
    client.org.change_settings({"bulk_slice_rows": 2})
    job_id = start_load(client, "insert", ROWS)
    client.call("GET", f"/jobs/ingest/{job_id}")
    snapshot = client.org.snapshot()
    texts = []
    for _ in range(2):
        client.org.restore(snapshot)
        wait(client, "ingest", job_id)
        texts.append(client.call("GET", f"/jobs/ingest/{job_id}/successfulResults").text)
    assert len(table(texts[0])) == 5
    assert texts[0] == texts[1]


def test_loads_are_listed_and_deleted(client: Client) -> None:
    job_id = start_load(client, "insert", ROWS)
    wait(client, "ingest", job_id)
    assert [job["id"] for job in client.call("GET", "/jobs/ingest").json()["records"]] == [job_id]
    assert client.call("DELETE", f"/jobs/ingest/{job_id}").status_code == 204
    assert client.call("GET", "/jobs/ingest").json()["records"] == []
