"""What does the request log keep for whoever checks a client's writes against it?"""

from __future__ import annotations

import json

import pytest

from syncd.sandbox.journal import BODIES_MAX, Journal
from tests.sandbox.bulk import start_load
from tests.sandbox.client import BASE, Client

ROWS = "LastName,Company\nA,C\nB,C\n"


def test_what_was_sent_is_kept_even_where_it_was_refused(client: Client) -> None:
    lead, before = client.lead(), client.served.requests()[-1]["n"]
    client.session.headers["Authorization"] = "Bearer nobody"
    assert client.call("PATCH", f"/sobjects/Lead/{lead}", {"Title": "CEO"}).status_code == 401
    [refused] = client.served.requests(before)
    assert (refused["body"], json.loads(refused["sent"])) == (None, {"Title": "CEO"})


def test_a_bulk_file_is_kept_as_it_was_sent_with_its_jobs_id(client: Client) -> None:
    before = client.served.requests()[-1]["n"]
    job_id = start_load(client, "insert", ROWS)
    asked = client.served.requests(before)
    assert asked[0]["results"] == [{"id": job_id, "success": True}]
    [upload] = [each for each in asked if each["method"] == "PUT"]
    assert (upload["path"], upload["sent"]) == (f"{BASE}/jobs/ingest/{job_id}/batches", ROWS)


def test_each_record_of_a_collection_has_its_result(client: Client) -> None:
    records = [
        {"attributes": {"type": "Lead"}, "LastName": name, "Company": company} for name, company in (("A", "C"), ("B", ""))
    ]
    created = client.call("POST", "/composite/sobjects", {"records": records}).json()
    [done, refused] = client.served.requests()[-1]["results"]
    assert done == {"id": created[0]["id"], "success": True}
    assert refused == {"id": None, "success": False}


def test_credentials_are_never_kept(client: Client) -> None:
    client.log_in()
    login = client.served.requests()[-1]
    assert login["path"].endswith("/token")
    assert (login["sent"], login["body"]) == ("", None)


def test_a_watcher_sees_each_request_before_it_is_carried_out_and_stays_when_hooks_change(client: Client) -> None:
    seen: list[tuple[str, int]] = []
    client.served.watch(lambda n, method, path: seen.append((method, len(client.org.dump(["Lead"])["Lead"]))))
    client.lead()
    client.served.hook()
    client.lead()
    assert seen == [("POST", 0), ("POST", 1)]


@pytest.mark.parametrize(("size", "kept"), [(10, BODIES_MAX), (1024 * 1024, 64)])
def test_the_oldest_sent_bytes_go_first(size: int, kept: int) -> None:
    journal = Journal()
    for _ in range(BODIES_MAX + 5):
        journal.keep_sent(journal.open("", "POST", "/x", {}), b"x" * size)
    lengths = [len(each["sent"]) for each in journal.since(0)]
    assert lengths == [0] * (BODIES_MAX + 5 - kept) + [size] * kept
