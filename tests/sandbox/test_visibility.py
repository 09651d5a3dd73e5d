"""Rows may become visible after a later stamp was read already, and many share one second."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from syncd.sandbox.errors import ControlRefused
from syncd.sandbox.local import running
from syncd.sandbox.soql.run import Asker, query
from syncd.sandbox.state import load_state, save_state
from tests.sandbox.client import ADA, Client

PERSON: dict[str, Any] = {**ADA}
STAMP = "2026-03-02T09:00:00.000+0000"


def late(client: Client, op: str, record_id: str = "", *, seconds: Any = 420, **fields: Any) -> dict[str, Any]:
    edit = {"op": op, "object": "Lead", "id": record_id, "fields": fields, "visible_after_s": seconds}
    return client.org.edit([edit])[0]


def updated(client: Client) -> Any:
    path = "/sobjects/Lead/updated/?start=2026-03-02T08:30:00Z&end=2026-03-02T10:00:00Z"
    return client.call("GET", path).json()


def everywhere(client: Client) -> tuple[set[str], int, set[str]]:
    counts = client.call("GET", "/limits/recordCount?sObjects=Lead").json()["sObjects"]
    seen = {row["Id"] for row in client.rows("SELECT Id FROM Lead")}
    return seen, counts[0]["count"] if counts else 0, set(updated(client)["ids"])


def test_a_late_row_appears_with_its_earlier_stamp_after_a_later_one_was_read(client: Client) -> None:
    hidden = late(client, "create", **PERSON)["id"]
    client.org.clock.advance(120)
    seen = client.lead()
    assert everywhere(client) == ({seen}, 1, {seen})
    assert client.call("GET", f"/sobjects/Lead/{hidden}").status_code == 404
    assert client.org.dump(["Lead"])["Lead"][0]["Id"] == seen
    client.org.clock.advance(300)
    assert everywhere(client) == ({seen, hidden}, 2, {seen, hidden})
    read = client.get("Lead", hidden)
    assert (read["SystemModstamp"], read["CreatedDate"]) == (STAMP, STAMP)
    assert client.get("Lead", seen)["SystemModstamp"] > STAMP


def test_the_covered_date_stays_at_the_running_transactions_start(client: Client) -> None:
    client.org.clock.advance(95)
    late(client, "create", **PERSON)
    client.org.clock.advance(200)
    assert updated(client)["latestDateCovered"] == "2026-03-02T09:01:00.000+0000"
    client.org.clock.advance(220)
    assert updated(client)["latestDateCovered"] == "2026-03-02T09:08:00.000+0000"


def test_a_late_change_shows_the_old_values_and_holds_the_row_until_it_commits(client: Client) -> None:
    lead = client.lead()
    client.org.clock.advance(60)
    assert late(client, "update", lead, Status="MQL")["success"]
    client.org.clock.advance(60)
    before = client.get("Lead", lead)
    assert (before["Status"], before["SystemModstamp"]) == ("Open - Not Contacted", STAMP)
    refused = client.call("PATCH", f"/sobjects/Lead/{lead}", {"Title": "Dr"})
    assert refused.json()[0]["errorCode"] == "UNABLE_TO_LOCK_ROW"
    client.org.clock.advance(360)
    after = client.get("Lead", lead)
    assert (after["Status"], after["SystemModstamp"]) == ("MQL", "2026-03-02T09:01:00.000+0000")
    [row] = client.rows(f"SELECT CreatedDate FROM LeadHistory WHERE LeadId = '{lead}' AND Field = 'Status'")  # noqa: S608
    assert row["CreatedDate"] == after["SystemModstamp"]


def test_ids_given_to_a_late_row_are_nobody_elses(client: Client) -> None:
    first = late(client, "create", **PERSON)["id"]
    second = client.lead()
    third = late(client, "create", seconds=60, **PERSON)["id"]
    client.org.clock.advance(420)
    assert len({first, second, third}) == 3
    assert {row["Id"] for row in client.rows("SELECT Id FROM Lead")} == {first, second, third}


def test_a_late_edit_that_is_refused_is_refused_at_once(client: Client) -> None:
    assert late(client, "create", LastName="L")["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    assert updated(client)["latestDateCovered"] == STAMP


def test_a_late_edit_that_has_become_impossible_is_never_seen(client: Client) -> None:
    user = client.org.api_user_id
    made = late(client, "create", **PERSON, OwnerId=user)["id"]
    client.org.database.update("User", user, {"IsActive": 0})
    client.org.clock.advance(420)
    assert made not in {row["Id"] for row in client.org.dump(["Lead"])["Lead"]}


def test_a_setting_delays_every_so_many_edits_of_an_object(client: Client) -> None:
    client.org.change_settings({"late_commit": {"object": "Lead", "minutes": 7, "every": 3}})
    made = [client.edit("create", "Lead", **ADA)["id"] for _ in range(6)]
    client.edit("create", "Account", Name="A")
    assert [row["Id"] for row in client.rows("SELECT Id FROM Lead ORDER BY Id")] == [made[0], made[1], made[3], made[4]]
    client.org.clock.advance(420)
    assert [row["Id"] for row in client.rows("SELECT Id FROM Lead ORDER BY Id")] == made


def test_a_snapshot_carries_what_is_not_committed_yet(client: Client) -> None:
    made = late(client, "create", **PERSON)["id"]
    snapshot = client.org.snapshot()
    client.org.clock.advance(420)
    assert client.org.dump(["Lead"])["Lead"]
    client.org.restore(snapshot)
    assert client.org.dump(["Lead"])["Lead"] == []
    client.org.clock.advance(420)
    assert [row["Id"] for row in client.org.dump(["Lead"])["Lead"]] == [made]


def test_a_state_file_carries_what_is_not_committed_yet_and_what_is_held(client: Client, tmp_path: Path) -> None:
    client.org.change_settings({"formula_fields": {"Lead": {"Full__c": 'LastName & "!"'}}})
    held = client.lead()
    made = late(client, "create", **PERSON)["id"]
    client.org.locks.hold([held])
    save_state(client.org, tmp_path / "org.state")
    again = load_state(tmp_path / "org.state")
    try:
        again.clock.advance(420)
        assert [row["Id"] for row in again.dump(["Lead"])["Lead"]] == [held, made]
        assert [each["id"] for each in again.locks.listed(again.clock.now())] == [held]
        asker = Asker(again.admin_id, "/services/data/v62.0")
        assert query(again, "SELECT Full__c FROM Lead LIMIT 1", asker)["records"][0]["Full__c"] == "Lovelace!"
    finally:
        again.close()


@pytest.mark.parametrize("seconds", [0, -1, "7", True])
def test_a_delay_is_a_number_of_seconds(client: Client, seconds: Any) -> None:
    with pytest.raises(ControlRefused, match="visible_after_s"):
        late(client, "create", seconds=seconds, **PERSON)
    body = {"edits": [{"op": "create", "object": "Lead", "visible_after_s": seconds}]}
    assert requests.post(client.served.url + "/_sandbox/edit", json=body, timeout=5).status_code == 400


@pytest.fixture(scope="module")
def burst(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("burst")
    rows = [f"L{number},C,{'2026-03-01T08:00:0' + str(number // 300)}Z" for number in range(900)]
    (folder / "Lead.csv").write_text("\n".join(["LastName,Company,SystemModstamp", *rows]) + "\n")
    with running(load=folder) as served, Client(served) as client:
        yield client


def test_locator_pages_lose_nothing_inside_one_second(burst: Client) -> None:
    page = burst.query("SELECT Id FROM Lead ORDER BY SystemModstamp", Sforce_Query_Options="batchSize=200")
    ids = [row["Id"] for row in page["records"]]
    while not page["done"]:
        page = burst.call("GET", page["nextRecordsUrl"]).json()
        ids += [row["Id"] for row in page["records"]]
    assert (len(ids), len(set(ids))) == (900, 900)


def test_keyset_pages_lose_nothing_and_a_bare_watermark_does(burst: Client) -> None:
    ids: list[str] = []
    where = ""
    while True:
        rows = burst.rows(f"SELECT Id, SystemModstamp FROM Lead {where} ORDER BY SystemModstamp, Id LIMIT 200")  # noqa: S608
        if not rows:
            break
        ids += [row["Id"] for row in rows]
        at, last = rows[-1]["SystemModstamp"].replace(".000+0000", "Z"), rows[-1]["Id"]
        where = f"WHERE SystemModstamp > {at} OR (SystemModstamp = {at} AND Id > '{last}')"
    assert (len(ids), len(set(ids))) == (900, 900)
    bare = burst.rows("SELECT Id FROM Lead WHERE SystemModstamp > 2026-03-01T08:00:00Z ORDER BY SystemModstamp, Id")
    assert len(bare) == 600, "what shares the watermark's second is not asked for again"


def test_a_burst_of_edits_shares_one_stamp(client: Client) -> None:
    leads = [client.lead() for _ in range(3)]
    client.org.clock.advance(90)
    at = "2026-03-02T09:01:00Z"
    edits = [{"op": "update", "object": "Lead", "id": each, "fields": {"Title": "Dr"}, "at": at} for each in leads]
    assert all(result["success"] for result in client.org.edit(edits))
    stamps = {client.get("Lead", each)["SystemModstamp"] for each in leads}
    assert stamps == {"2026-03-02T09:01:00.000+0000"}


def test_a_record_that_is_not_shared_looks_as_if_it_were_gone_and_nothing_tells_why(client: Client) -> None:
    shown, taken = client.lead(), client.lead()
    client.org.change_settings({"unshared": [taken]})
    assert [row["Id"] for row in client.rows("SELECT Id FROM Lead", every=True)] == [shown]
    assert client.query("SELECT COUNT() FROM Lead")["totalSize"] == 1
    assert updated(client)["ids"] == [shown]
    assert client.call("GET", f"/sobjects/Lead/{taken}").status_code == 404
    assert client.call("PATCH", f"/sobjects/Lead/{taken}", {"Title": "x"}).status_code == 404
    both = client.call("POST", "/composite/sobjects/Lead", {"ids": [taken, shown], "fields": ["Id"]}).json()
    assert [row and row["Id"] for row in both] == [None, shown]
    client.org.change_settings({"unshared": []})
    assert len(client.rows("SELECT Id FROM Lead")) == 2


def test_a_changed_picklist_stands_in_the_next_description(client: Client) -> None:
    described = client.call("GET", "/sobjects/Lead/describe")
    client.org.clock.advance(60)
    client.org.change_settings({"picklists": {"Lead": {"LeadSource": ["Web", "Fair"]}}})
    since = {"If-Modified-Since": described.headers["Last-Modified"]}
    fields = client.call("GET", "/sobjects/Lead/describe", **since).json()["fields"]
    [source] = [field for field in fields if field["name"] == "LeadSource"]
    assert [value["value"] for value in source["picklistValues"]] == ["Web", "Fair"]
