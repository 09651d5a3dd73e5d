"""How a Bulk query's rows are read: single wire shapes that a healthy org never sends, and what every cell means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from urllib3.exceptions import ProtocolError

from syncd.errors import OrgRefused, OrgUnreachable
from syncd.ports import (
    Chunk,
    Counted,
    Described,
    DescribedSince,
    FieldSchema,
    ObjectSchema,
    Page,
    Pull,
    QueryJob,
    UpdatedSince,
    Updates,
)
from tests.salesforce.client_wire import NOW, USER_ID, Wire, composite, row, rows_page

TYPES = {"Name": "string", "HasOptedOutOfEmail": "boolean", "Score__c": "double", "Visits__c": "int", "CreatedDate": "datetime"}
PULL = Pull("Lead", tuple(TYPES))
SCHEMA = ObjectSchema("Lead", {name: FieldSchema(name, kind, 0, True, True, False) for name, kind in TYPES.items()}, True, True)
JOB = QueryJob("7505e00000Jo001AAA", "Lead", "done", 3)
HEADING = '"Id","SystemModstamp","Name","HasOptedOutOfEmail","Score__c","Visits__c","CreatedDate"\n'
STAMP = "2026-03-02T08:00:00.000Z"
NO_FIELDS: tuple[str, ...] = ("",) * 5


def line(id: str, *cells: str) -> str:
    return ",".join(f'"{cell}"' for cell in (id, STAMP, *cells)) + "\n"


def page(text: str, rows: int, locator: str = "null") -> tuple[int, str, Mapping[str, str]]:
    return 200, text, {"Sforce-NumberOfRecords": str(rows), "Sforce-Locator": locator, "Content-Type": "text/csv"}


def read(wire: Wire, locator: str | None = None) -> list[Chunk]:
    with wire.org() as org:
        return list(org.query_rows(JOB, PULL, SCHEMA, locator))


def test_cells_mean_what_rest_would_have_said(wire: Wire) -> None:
    wire.login()
    full = ("Ann Bo\r\nLee,é", "true", "10.5", "3", "2026-01-01T10:00:00.000Z")
    wire.answers(page(HEADING + line("00Q1", *full) + line("00Q2", *NO_FIELDS) + line("00Q3", "", "false", "0", "0", ""), 3))
    [chunk] = read(wire)
    assert (chunk.ids, chunk.stamps, chunk.names) == (("00Q1", "00Q2", "00Q3"), (STAMP,) * 3, tuple(sorted(TYPES)))
    found = dict(zip(chunk.names, map(list, chunk.columns), strict=True))
    assert found == {
        "Name": ["Ann Bo\r\nLee,é", None, None],
        "HasOptedOutOfEmail": [True, None, False],
        "Score__c": [10.5, None, 0.0],
        "Visits__c": [3, None, 0],
        "CreatedDate": ["2026-01-01T10:00:00.000+0000", None, None],
    }
    assert (chunk.locator, chunk.is_page_end, chunk.is_last) == (None, True, True)


def test_pages_follow_by_their_locators_and_say_where_to_go_on(wire: Wire) -> None:
    wire.login()
    wire.answers(page(HEADING + line("00Q1", *NO_FIELDS), 1, "MQ"), page(HEADING + line("00Q2", *NO_FIELDS), 1))
    assert [(list(chunk.ids), chunk.locator, chunk.is_last) for chunk in read(wire, "MA")] == [
        (["00Q1"], "MQ", False),
        (["00Q2"], None, True),
    ]
    assert [str(sent.url).partition("locator=")[2] for sent in wire.sent] == ["MA", "MQ"]


def test_a_page_that_breaks_off_is_asked_for_again_and_no_row_comes_twice(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncd.salesforce.bulk_query.CHUNK_ROWS", 1)
    wire.login()
    one, two, three = (line(f"00Q{n}", *NO_FIELDS) for n in (1, 2, 3))
    wire.answers(page(HEADING + one, 3), page(HEADING + one + two + three, 3))
    assert [id for chunk in read(wire) for id in chunk.ids] == ["00Q1", "00Q2", "00Q3"]
    assert len(wire.slept_s) == 1


@pytest.mark.parametrize(
    ("text", "headers", "words"),
    [
        (HEADING + line("00Q1", *NO_FIELDS), {"Sforce-NumberOfRecords": "2"}, "2 rows were announced and 1 came"),
        (HEADING + line("00Q1", *NO_FIELDS) * 3, {"Sforce-NumberOfRecords": "2"}, "2 rows were announced and 3 came"),
        (HEADING + line("00Q1", "too", "few"), {"Sforce-NumberOfRecords": "1"}, "broke off"),
        (HEADING + line("00Q1", *NO_FIELDS) + line("00Q2", "x"), {"Sforce-NumberOfRecords": "2"}, "broke off"),
        (HEADING + '"00Q1","unfinished', {"Sforce-NumberOfRecords": "1"}, "broke off"),
        ('"Id","Name"\n', {"Sforce-NumberOfRecords": "0"}, "other columns"),
        (HEADING, {"Sforce-Locator": ""}, "without saying how many"),
        (HEADING, {"Sforce-NumberOfRecords": "many"}, "without saying how many"),
    ],
)
def test_what_is_no_whole_result_is_never_taken_for_one(wire: Wire, text: str, headers: dict[str, str], words: str) -> None:
    wire.login()
    wire.answers((200, text, {"Sforce-NumberOfRecords": "0", "Sforce-Locator": "null", **headers}))
    with pytest.raises(OrgUnreachable, match=words):
        read(wire)


def test_a_connection_that_breaks_in_the_same_place_each_time_ends_the_reading(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire.login()
    wire.answers(page(HEADING + line("00Q1", *NO_FIELDS), 1))

    def cut(_: object) -> Iterator[Iterator[str]]:
        yield iter([HEADING])
        raise ProtocolError("connection broken")

    monkeypatch.setattr("syncd.salesforce.bulk_query._lines", cut)
    with pytest.raises(OrgUnreachable, match="broke off 4 times in the same place"):
        read(wire)


@pytest.mark.parametrize(
    ("state", "found"), [("UploadComplete", "running"), ("InProgress", "running"), ("JobComplete", "done"), ("Failed", "failed")]
)
def test_the_states_of_a_job(wire: Wire, state: str, found: str) -> None:
    wire.login()
    wire.answers((200, {"id": JOB.id, "object": "Lead", "state": state, "numberRecordsProcessed": 7, "errorMessage": "why"}))
    with wire.org() as org:
        assert org.query_job(JOB.id) == QueryJob(JOB.id, "Lead", found, 7, "why")


def test_a_job_that_the_org_forgot_is_none_and_other_refusals_stay_refusals(wire: Wire) -> None:
    wire.login()
    wire.answers((404, [{"errorCode": "NOT_FOUND", "message": "gone"}]), (400, [{"errorCode": "API_ERROR", "message": "no"}]))
    with wire.org() as org:
        assert org.query_job(JOB.id) is None
        with pytest.raises(OrgRefused):
            org.query_job(JOB.id)


def test_only_our_own_running_jobs_over_the_object_are_listed(wire: Wire) -> None:
    wire.login()

    def told(id: str, **changed: object) -> dict[str, object]:
        at = "2026-03-02T09:00:00.000+0000"
        return {"id": id, "object": "Lead", "state": "InProgress", "createdById": USER_ID, "createdDate": at, **changed}

    others = [
        told("2", object="Contact"),
        told("3", state="JobComplete"),
        told("4", createdById="005xx000001Other"),
        told("5", createdDate="2026-03-02T08:59:00.000+0000"),
    ]
    first = {"done": False, "records": [told("1"), *others], "nextRecordsUrl": "/services/data/v62.0/jobs/query?queryLocator=x"}
    wire.answers((200, first), (200, {"done": True, "records": [told("6", state="UploadComplete")]}))
    with wire.org() as org:
        assert [job.id for job in org.running_queries("Lead", NOW)] == ["1", "6"]


def test_counts_descriptions_and_changed_ids_travel_with_the_rows(wire: Wire) -> None:
    wire.login()
    described = {"name": "Lead", "fields": [{"name": "Age__c", "type": "double", "calculated": True}], "updateable": True}
    updated = {"ids": ["00Q1", "00Q1", "00Q2"], "latestDateCovered": "2026-03-02T08:58:00.000+0000"}
    wire.answers(
        composite(
            (200, {"totalSize": 7, "done": True, "records": []}),
            (200, rows_page(row(1))),
            (200, described),
            (304, None),
            (404, [{"errorCode": "NOT_FOUND", "message": "no"}]),
            (200, updated),
        )
    )
    with wire.org() as org:
        found = list(
            org.pull(
                [Pull("Lead", ("Name",))],
                counted=["Contact"],
                updated=[UpdatedSince("Lead", NOW)],
                described=[DescribedSince("Lead"), DescribedSince("Task", NOW), DescribedSince("Case", NOW)],
            )
        )
        assert org.usage().ours == 1
    schema, unchanged, hidden, count, page_of_rows, updates = found
    assert isinstance(schema, Described)
    assert schema.schema is not None
    assert schema.schema.fields["Age__c"].is_calculated
    assert (unchanged, hidden) == (Described("Task", False, None), Described("Case", True, None))
    assert count == Counted("Contact", 7)
    assert isinstance(page_of_rows, Page)
    assert isinstance(updates, Updates)
    assert (updates.ids, updates.is_complete) == (("00Q1", "00Q2"), True)
    headers = [part.get("httpHeaders", {}).get("If-Modified-Since") for part in wire.body()["compositeRequest"]]
    assert headers == [None, None, None, "Mon, 02 Mar 2026 08:59:59 GMT", "Mon, 02 Mar 2026 08:59:59 GMT", None]


def test_a_pull_of_more_rows_than_wanted_ends_after_its_first_page(wire: Wire) -> None:
    wire.login()
    wire.answers(composite((200, rows_page(row(1), more="/services/data/v62.0/query/01g-1", total=30))))
    with wire.org() as org:
        [found] = org.pull([Pull("Lead", ("Name",), rows_max=29)])
        assert isinstance(found, Page)
        assert (found.is_last, found.total, org.usage().ours) == (False, 30, 1)
