from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, unquote_plus, urlsplit

import pytest

from syncd.errors import FieldHidden, OrgRefused, OrgUnreachable, SyncdError
from syncd.ports import Answer, DeletedSince, Deletions, Keyset, Page, Pull
from tests.salesforce.client_wire import NOW, URL, Body, Wire, composite, row, rows_page

LEADS = Pull("Lead", ("Status",), since_at=NOW - timedelta(hours=1))
MORE = "/services/data/v62.0/query/01gxx-2000"
DELETED = {
    "deletedRecords": [{"id": "00Q1", "deletedDate": "2026-03-02T08:59:00.000+0000"}],
    "earliestDateAvailable": "2026-02-16T00:00:00.000+0000",
    "latestDateCovered": "2026-03-02T08:58:00.000+0000",
}
NO_LOCATOR = (400, [{"errorCode": "INVALID_QUERY_LOCATOR", "message": "invalid query locator"}])


def ids(answers: Sequence[Answer]) -> list[str]:
    return [record.id for answer in answers if isinstance(answer, Page) for record in answer.records]


def urls(body: Body) -> list[str]:
    return [unquote_plus(part["url"]).removeprefix("/services/data/v62.0") for part in body["compositeRequest"]]


def test_five_objects_and_their_deletes_travel_in_one_call_in_the_order_given(wire: Wire) -> None:
    wire.login()
    objects = ("User", "Lead", "LeadHistory", "Opportunity", "Contact")
    pulls = [Pull(each, ("Id",), stamp_field="CreatedDate" if each == "LeadHistory" else "SystemModstamp") for each in objects]
    wire.answers(composite(*[(200, rows_page())] * 5, *[(200, DELETED)] * 2))
    with wire.org() as org:
        found = list(org.pull(pulls, [DeletedSince("Lead", NOW - timedelta(hours=1)), DeletedSince("Contact", NOW)]))
        assert org.usage().ours == 1
    assert [each.object for each in found] == [*objects, "Lead", "Contact"]
    assert [wire.body()[key] for key in ("allOrNone", "collateSubrequests")] == [False, False]
    assert [url.split("?")[0] for url in urls(wire.body())[-2:]] == ["/sobjects/Lead/deleted/", "/sobjects/Contact/deleted/"]


def test_more_objects_take_more_calls(wire: Wire) -> None:
    wire.login()
    wire.answers(composite(*[(200, rows_page())] * 5), composite((200, rows_page())))
    with wire.org() as org:
        assert len(list(org.pull([LEADS] * 6))) == 6
    assert [len(wire.body(number)["compositeRequest"]) for number in (0, 1)] == [5, 1]


def test_a_page_is_given_out_before_the_next_is_asked_for(wire: Wire) -> None:
    wire.login()
    wire.answers(composite((200, rows_page(row(1), more=MORE, total=2))), (200, rows_page(row(2), total=2)))
    with wire.org() as org:
        pages = org.pull([LEADS])
        assert wire.sent == []
        assert ids([next(pages)]) == [row(1)["Id"]]
        assert len(wire.sent) == 1
        last = next(pages)
        assert (ids([last]), next(pages, None)) == ([row(2)["Id"]], None)
        assert isinstance(last, Page)
        assert last.is_last
    assert wire.sent[-1].url == URL + MORE


def test_a_lost_cursor_goes_on_after_the_last_row_given_out(wire: Wire) -> None:
    wire.login()
    wire.answers(
        composite((200, rows_page(row(1), row(2), more=MORE, total=3))),
        NO_LOCATOR,
        (200, rows_page(row(3, Status="New"))),
    )
    with wire.org() as org:
        assert ids(list(org.pull([LEADS]))) == [row(number)["Id"] for number in (1, 2, 3)]
    query = parse_qs(urlsplit(str(wire.sent[-1].url)).query)["q"][0]
    assert f"(SystemModstamp = 2026-03-02T08:00:00Z AND Id > '{row(2)['Id']}')" in query


def test_a_cursor_that_is_always_lost_ends_the_pull(wire: Wire) -> None:
    wire.login()
    first = rows_page(row(1), more=MORE, total=3)
    wire.answers(composite((200, first)), *[NO_LOCATOR, (200, first)] * 3, NO_LOCATOR)
    with wire.org() as org, pytest.raises(OrgUnreachable, match="dropped the cursor of Lead 4 times"):
        list(org.pull([LEADS]))


@pytest.mark.parametrize(
    "page",
    [
        rows_page(row(1), total=2),
        {"totalSize": 2, "done": False, "records": [row(1)]},
        {"totalSize": 2, "done": False, "records": [row(1)], "nextRecordsUrl": "https://evil.example/x"},
        {"totalSize": 1, "done": True, "records": [{"Id": "00Q1"}]},
        {"totalSize": 1, "done": True, "records": [None]},
    ],
)
def test_fewer_rows_than_announced_are_an_error_and_never_the_end(wire: Wire, page: Body) -> None:
    wire.login()
    wire.answers(composite((200, page)))
    with wire.org() as org, pytest.raises(OrgUnreachable, match="Lead"):
        list(org.pull([LEADS]))


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (400, "INVALID_FIELD", FieldHidden),
        (400, "INVALID_TYPE", OrgRefused),
        (400, "QUERY_TIMEOUT", OrgUnreachable),
        (400, "OPERATION_TOO_LARGE", OrgUnreachable),
        (503, "SERVER_UNAVAILABLE", OrgUnreachable),
    ],
)
def test_a_refused_query_among_others_names_its_object(wire: Wire, status: int, code: str, error: type[SyncdError]) -> None:
    wire.login()
    refused = (status, [{"errorCode": code, "message": "because"}])
    wire.answers(composite((200, rows_page(row(1))), refused))
    with wire.org() as org:
        pages = org.pull([LEADS, Pull("Opportunity", ("StageName",))])
        assert ids([next(pages)]) == [row(1)["Id"]]
        with pytest.raises(error, match="Opportunity"):
            next(pages)


def test_an_answer_that_lacks_a_question_is_an_error(wire: Wire) -> None:
    wire.login()
    wire.answers(composite((200, rows_page(row(1)))))
    with wire.org() as org, pytest.raises(OrgUnreachable, match="fewer"):
        list(org.pull([LEADS, LEADS]))


def test_selecting_isdeleted_asks_for_deleted_rows_too(wire: Wire) -> None:
    wire.login()
    wire.answers(composite((200, rows_page(row(1, IsDeleted=True)))))
    with wire.org() as org:
        page = next(org.pull([Pull("Lead", ("IsDeleted", "MasterRecordId"))]))
    assert isinstance(page, Page)
    assert page.records[0].is_deleted
    assert urls(wire.body())[0].startswith("/queryAll?")


@pytest.mark.parametrize(
    ("since_at", "start", "is_complete"),
    [
        (NOW - timedelta(hours=1, seconds=-30), "2026-03-02T08:00:00+00:00", True),
        (NOW, "2026-03-02T09:00:00+00:00", True),
        (datetime(2026, 2, 15, 9, tzinfo=UTC), "2026-02-15T09:01:00+00:00", False),
        (datetime(2026, 1, 1, tzinfo=UTC), "2026-02-15T09:01:00+00:00", False),
    ],
)
def test_deletes_are_asked_for_in_whole_minutes_of_the_orgs_clock(
    wire: Wire, since_at: datetime, start: str, is_complete: bool
) -> None:
    wire.login()
    wire.answers(composite((200, DELETED)))
    with wire.org() as org:
        found = list(org.pull([], [DeletedSince("Lead", since_at)]))
    assert parse_qs(urlsplit(wire.body()["compositeRequest"][0]["url"]).query) == {
        "start": [start],
        "end": ["2026-03-02T09:01:00+00:00"],
    }
    assert found == [Deletions("Lead", ("00Q1",), datetime(2026, 3, 2, 8, 58, tzinfo=UTC), is_complete)]


def test_deletes_that_the_org_forgot_are_not_called_complete(wire: Wire) -> None:
    wire.login()
    wire.answers(composite((200, {**DELETED, "earliestDateAvailable": "2026-03-02T08:30:00.000+0000"})))
    with wire.org() as org:
        (found,) = org.pull([], [DeletedSince("Lead", NOW - timedelta(hours=1))])
    assert isinstance(found, Deletions)
    assert not found.is_complete


def test_a_window_that_has_not_begun_is_not_asked(wire: Wire) -> None:
    wire.login()
    with wire.org() as org:
        assert list(org.pull([], [DeletedSince("Lead", NOW + timedelta(minutes=1))])) == []


@pytest.mark.parametrize("status", [400, 404])
def test_deletes_refused_inside_a_composite_are_asked_for_alone(wire: Wire, status: int) -> None:
    wire.login()
    wire.answers(composite((status, [{"errorCode": "NOT_FOUND", "message": "not supported"}])), (200, DELETED))
    with wire.org() as org:
        (found,) = org.pull([], [DeletedSince("Lead", NOW - timedelta(hours=1))])
    assert found.object == "Lead"
    assert wire.sent[-1].method == "GET"
    assert "/sobjects/Lead/deleted/?start=2026-03-02T08%3A00%3A00%2B00%3A00&end=" in str(wire.sent[-1].url)


def test_a_pull_that_resumes_reports_rows_after_the_keyset_only(wire: Wire) -> None:
    wire.login()
    wire.answers(composite((200, rows_page(row(2)))))
    keyset = Keyset(NOW - timedelta(minutes=5), row(1)["Id"])
    with wire.org() as org:
        list(org.pull([Pull("Lead", ("Status",), after=keyset)]))
    assert f"Id > '{row(1)['Id']}'" in urls(wire.body())[0]
