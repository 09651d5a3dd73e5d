"""Is a forged request log or ledger found, whichever way it was forged? And does the watch see what tests do?"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from tests.checker.book import Book, book_of, read_book
from tests.checker.join import Evidence, plain, problems_of
from tests.checker.watch import USER, WATCH, audit
from tests.checker.wire import read_wire
from tests.engine.scene import Scene, export_line
from tests.engine.small_org import lead, owner

A, B, C = (f"00Q5e00000A1b2{letter}EAB" for letter in "abc")
BASE = "/services/data/v62.0/"
Row = list[Any]


def request(n: int, path: str, sent: Any, method: str = "POST", **more: Any) -> dict[str, Any]:
    """Make a log entry; `path` is below the version."""
    text = sent if isinstance(sent, str) else json.dumps(sent)
    usual = {"at": "2026-03-02T09:00:30Z", "status": 200, "user": USER, "subrequests": [], "results": []}
    return {"n": n, "method": method, "path": BASE + path, "sent": text, **usual, **more}


def composite(n: int, *parts: tuple[str, dict[str, Any]], statuses: tuple[int, ...] = ()) -> dict[str, Any]:
    """Make a composite call of conditional updates of leads."""
    body = [{"method": "PATCH", "url": f"{BASE}sobjects/Lead/{id}", "body": fields} for id, fields in parts]
    answers = [{"status": status} for status in statuses or (204,) * len(parts)]
    return request(n, "composite", {"compositeRequest": body}, subrequests=answers)


def collection(n: int, *records: dict[str, Any], method: str = "PATCH", done: bool = True) -> dict[str, Any]:
    """Make a collection of leads or members."""
    results = [{"id": record.get("id", f"00v5e00000New{number:02d}"), "success": done} for number, record in enumerate(records)]
    return request(n, "composite/sobjects", {"records": list(records)}, method, results=results)


def intent(seq: int, id: str, name: str, after: Any, values: dict[str, Any] | None = None, object: str = "Lead") -> Row:
    """Make an intent's ledger row as the database gives it."""
    evidence = json.dumps({"cause": "x", **{f"values.{key}": value for key, value in (values or {}).items()}})
    return [
        seq,
        "2026-03-02T09:00:00.000000Z",
        "intent",
        object,
        id,
        name,
        evidence,
        None,
        f"k{seq}",
        None,
        "ab",
        json.dumps(after),
    ]


def outcome(seq: int, cause: int, kind: str = "confirmed") -> Row:
    """Make an outcome's row."""
    return [seq, "2026-03-02T09:00:00.000000Z", "outcome", "Lead", A, "Status", None, cause, f"k{cause}", kind, None, None]


MEMBER = {"CampaignId": "7015e00000Camp1AAA", "ContactId": "0035e00000Co001AAB"}
LOAD = "Id,Score__c,Seen__c,Note__c\n" + f"{A},7,true,#N/A\n{B},8,,\n"
LOG = [
    composite(1, (A, {"Status": "MQL"}), (B, {"Status": "MQL"})),
    collection(2, {"attributes": {"type": "Lead"}, "id": C, "Score__c": 5.0}),
    collection(3, {"attributes": {"type": "CampaignMember"}, **MEMBER}, method="POST"),
    request(4, "jobs/ingest", {"operation": "update", "object": "Lead"}, results=[{"id": "750A", "success": True}]),
    request(5, "jobs/ingest/750A/batches", LOAD, "PUT", status=201),
    request(6, "jobs/ingest/750A", {"state": "UploadComplete"}, "PATCH"),
    request(7, "composite/sobjects/Lead", {"ids": [A], "fields": ["Status"]}),
    request(8, "jobs/query", {"operation": "query", "query": "SELECT Id FROM Lead"}),
]
ROWS = [
    intent(1, A, "Status", "MQL"), intent(2, B, "Status", "MQL"), intent(3, C, "Score__c", 5),
    intent(4, MEMBER["ContactId"], "CampaignId", MEMBER["CampaignId"], MEMBER, "CampaignMember"),
    intent(5, A, "Score__c", 7), intent(6, A, "Seen__c", True), intent(7, A, "Note__c", None), intent(8, B, "Score__c", 8.0),
    *(outcome(8 + seq, seq) for seq in range(1, 9)),
]  # fmt: skip
SEEN = dict.fromkeys(range(1, 9), 8)


def checked(log: list[dict[str, Any]] = LOG, rows: list[Row] = ROWS, **more: Any) -> list[str]:
    """Hold a log against a ledger in which nothing is open, when nothing else is given."""
    outbox: set[int] = more.pop("outbox", set())
    evidence = Evidence(read_wire(log, USER), book_of([tuple(row) for row in rows], outbox), more.pop("seen", SEEN), **more)
    return problems_of(evidence)


def test_every_way_to_write_is_joined_both_ways() -> None:
    wire = read_wire(LOG, USER)
    assert [(one.op, one.object, len(one.fields)) for one in wire.sent] == [
        ("update", "Lead", 1), ("update", "Lead", 1), ("update", "Lead", 1), ("create", "CampaignMember", 2),
        ("update", "Lead", 3), ("update", "Lead", 1),
    ]  # fmt: skip
    assert checked() == []
    assert checked(seen={}) == []


def without(items: list[Any], place: int) -> list[Any]:
    """Leave one out."""
    return items[:place] + items[place + 1 :]


@pytest.mark.parametrize("seq", range(1, 9))
def test_a_value_without_its_intent_is_found(seq: int) -> None:
    rows = [row for row in ROWS if seq not in (row[0], row[7])]
    assert any("no intent asks for that" in problem for problem in checked(rows=rows))


@pytest.mark.parametrize("place", [0, 1, 2, 4])
def test_a_confirmed_intent_without_its_request_is_found(place: int) -> None:
    assert any("ended as confirmed, and was never sent" in problem for problem in checked(without(LOG, place)))


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_a_request_that_came_before_its_intent_was_committed_is_found(n: int) -> None:
    assert any(f"request {n} " in one and "was committed" in one for one in checked(seen={**SEEN, n: 0}))


def test_without_the_watch_the_times_tell_what_came_first() -> None:
    early = [{**LOG[0], "at": "2026-03-02T08:59:59Z"}, *LOG[1:]]
    assert any("request 1 " in one and "was committed" in one for one in checked(early, seen={}))


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_a_request_for_an_intent_that_has_ended_is_found(n: int) -> None:
    assert any(f"request {n} " in one and "had ended as confirmed" in one for one in checked(seen={**SEEN, n: 16}))


@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_intent_that_was_carried_out_twice_is_found(place: int) -> None:
    log = [*LOG, {**LOG[place], "n": 9}]
    assert any("was carried out 2 times" in problem for problem in checked(log, seen={**SEEN, 9: 8}))


@pytest.mark.parametrize("kind", ["not_sent", "not_applied", "rejected"])
def test_a_write_that_the_org_took_and_the_ledger_denies_is_found(kind: str) -> None:
    rows = [*ROWS[:8], outcome(9, 1, kind), *ROWS[9:]]
    assert any(f"ended as {kind}, and the org took request 1" in problem for problem in checked(rows=rows))


def test_a_refused_write_that_is_said_to_be_confirmed_is_found() -> None:
    log = [composite(1, (A, {"Status": "MQL"}), (B, {"Status": "MQL"}), statuses=(412, 204)), *LOG[1:]]
    assert any("the org took none of request 1" in problem for problem in checked(log))


FORGED: dict[str, Callable[[list[Row]], list[Row]]] = {
    "has two outcomes": lambda rows: [*rows, outcome(17, 1)],
    "has no outcome and is not open": lambda rows: without(rows, 8),
    "belongs to no intent": lambda rows: [*rows, outcome(17, 99)],
    "none of confirmed": lambda rows: [*rows[:8], outcome(9, 1, ""), *rows[9:]],
    "has lost its value": lambda rows: [[*rows[0][:-1], None], *rows[1:]],
    "two intents have the key": lambda rows: [[*rows[0][:8], "k2", *rows[0][9:]], *rows[1:]],
}


@pytest.mark.parametrize("says", FORGED)
def test_a_ledger_that_does_not_fit_itself_is_found(says: str) -> None:
    assert any(says in problem for problem in checked(rows=FORGED[says](ROWS)))


def test_an_outbox_that_holds_what_has_ended_is_found() -> None:
    assert any("the outbox holds 3" in problem for problem in checked(outbox={3}))


def test_an_open_intent_needs_no_request_and_an_ended_one_before_the_log_none_either() -> None:
    rows = [*ROWS, intent(17, C, "Status", "MQL")]
    assert checked(rows=rows, outbox={17}) == []
    assert checked([], rows=ROWS, since_seq=16) == []


@pytest.mark.parametrize(
    ("method", "path", "sent"),
    [
        ("DELETE", f"sobjects/Lead/{A}", ""),
        ("PATCH", "composite/sobjects/Lead/Ext__c", {"records": []}),
        ("POST", "composite/tree/Lead", {"records": []}),
        ("POST", "composite/batch", {"batchRequests": []}),
        ("PUT", "jobs/ingest/750Z/batches", LOAD),
        ("POST", "composite", "no json"),
    ],
)
def test_a_way_to_write_that_nobody_promised_is_found(method: str, path: str, sent: Any) -> None:
    assert len(checked([*LOG, request(9, path, sent, method)], seen={**SEEN, 9: 8})) == 1


DEED = {"n": 1, "username": USER, "via": "api", "object": "Lead", "id": A, "field": "Status", "before": "x", "after": "MQL"}


def test_what_the_org_says_was_written_and_no_request_explains_is_found() -> None:
    assert checked(deeds=[DEED, {**DEED, "username": "marketo"}]) == []
    assert any("no request of syncd's says so" in one for one in checked(deeds=[{**DEED, "field": "OwnerId"}]))
    made = {**DEED, "object": "CampaignMember", "id": "00v1", "field": "Id", "before": None}
    assert checked(deeds=[made]) == []
    assert any("created 2 records" in one for one in checked(deeds=[made, {**made, "id": "00v2"}]))


def test_an_owner_that_a_rule_chose_and_nobody_put_back_is_found() -> None:
    chosen = {**DEED, "via": "assignment rule", "field": "OwnerId", "n": 4}
    assert any("set off the org's assignment rule" in one for one in checked(deeds=[chosen]))
    assert checked(deeds=[chosen, {**chosen, "via": "edit", "username": "sam", "n": 5}]) == []


@pytest.mark.parametrize(
    ("json_form", "csv_form"),
    [(True, "true"), (7, "7"), (7.0, "7"), (None, ""), ("x", "x"), ("2026-03-02T09:00:00.000+0000", "2026-03-02T09:00:00Z")],
)
def test_one_value_in_both_forms_is_equal(json_form: Any, csv_form: str) -> None:
    assert plain(json_form) == plain(csv_form)
    assert plain(json_form) != plain("other")


def test_the_watch_sees_a_real_cycle_and_a_ledger_changed_behind_its_back(scene: Scene) -> None:
    """A cycle of reverts, fields and enrolments fits; each forged row of its database does not."""
    scene.fences({"tool": "revert"})
    scene.nurture("enroll")
    scene.mapping("write")
    scene.edit("marketo", lead("Working"), Status="Inquiry", OwnerId=owner("mia"))
    scene.drop("monday.csv", export_line("MQL-1", leadScore="77"))
    scene.cycle()
    [pair] = WATCH.pairs.values()
    assert len(pair.seen) >= 3
    requests, book = scene.served.requests(pair.since_n), read_book(pair.path)
    assert len(book.ends) >= 10
    assert audit(requests, pair.path, scene.served.org, pair.seen) == []
    with closing(sqlite3.connect(pair.path)) as database:
        kept = "\n".join(database.iterdump())
    for forgery, says in (
        ("DELETE FROM ledger WHERE seq = (SELECT MIN(seq) FROM ledger WHERE kind = 'intent')", "no intent asks for that"),
        ("UPDATE ledger SET outcome = 'not_sent' WHERE kind = 'outcome'", "ended as not_sent, and the org took"),
        ("UPDATE ledger_values SET value = '\"x\"' WHERE part = 'after'", "no intent asks for that"),
    ):
        forged = pair.path.with_name("forged.db")
        forged.unlink(missing_ok=True)
        with closing(sqlite3.connect(forged)) as database:
            database.executescript(kept)
            database.execute(forgery)
            database.commit()
        assert any(says in one for one in audit(requests, forged, None, pair.seen)), forgery
    assert any("was never sent" in one for one in audit([], pair.path))


def test_a_row_may_have_its_intent_in_any_database_of_its_org_and_needs_one(scene: Scene) -> None:
    """Two databases for one org, one after the other: a write is explained by the one that holds its intent, or by none."""
    scene.fences({"tool": "revert"})
    WATCH.together(scene.served.url, scene.home / "another.db")
    scene.edit("marketo", lead("Working"), Status="Inquiry")
    scene.cycle()
    mine, another = WATCH.pairs.values()
    assert len(mine.seen) >= 1
    assert any("no intent asks for that" in problem for problem in another.problems())
    another.is_over = False
    assert WATCH.check(scene.served.org) == []
    WATCH.pairs = {("", another.path): another}
    another.is_over = False
    assert any("no intent asks for that" in problem for problem in WATCH.check(scene.served.org))


def test_a_book_of_nothing_is_empty(scene: Scene) -> None:
    assert read_book(scene.home / "missing.db") == Book()
