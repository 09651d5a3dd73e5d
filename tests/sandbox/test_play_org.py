"""Does the emulated org take the demo company and the whole play without refusing an edit?"""

from __future__ import annotations

import http.client
import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from syncd.sandbox.company import write_company
from syncd.sandbox.company_tables import read_table
from syncd.sandbox.local import running
from syncd.sandbox.play import Player, days

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
LEADS = 2_400
COUNTED = ("Lead", "Contact", "Account", "Opportunity", "OpportunityContactRole", "CampaignMember", "Task")


def dump(url: str, *objects: str) -> dict[str, list[dict[str, Any]]]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    try:
        connection.request("GET", f"/_sandbox/dump?objects={','.join(objects)}")
        answer = connection.getresponse()
        assert answer.status == 200
        found: dict[str, list[dict[str, Any]]] = json.loads(answer.read())
        return found
    finally:
        connection.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("company")
    write_company(path, seed=7, now=START, leads=LEADS, deals=400)
    return path


def test_the_org_holds_the_company_as_it_was_written(folder: Path) -> None:
    with running(load=folder, seed=0, now="2026-03-02T09:00:00Z", frozen=True) as org:
        held = dump(org.url, *COUNTED)
    for name in COUNTED:
        assert [row["Id"] for row in held[name]] == sorted(row["Id"] for row in read_table(folder, name))
    leads = {row["Id"]: row for row in held["Lead"]}
    for row in read_table(folder, "Lead"):
        assert [leads[row["Id"]][name] for name in ("Status", "OwnerId")] == [row["Status"], row["OwnerId"]]
        assert leads[row["Id"]]["SystemModstamp"][:19] == row["SystemModstamp"][:19]
    won = [row for row in held["Opportunity"] if row["IsWon"]]
    assert {row["StageName"] for row in won} == {"Closed Won"}
    responded = {row["Status"] for row in held["CampaignMember"] if row["HasResponded"]}
    assert responded == {"Responded", "Registered", "Attended"}


def test_the_whole_play_passes_and_the_org_ends_where_the_truth_says(folder: Path, tmp_path: Path) -> None:
    moments = days(folder, seed=7, start=START)
    drops = tmp_path / "exports"
    with running(load=folder, seed=0, now="2026-03-02T09:00:00Z", frozen=True) as org:
        player = Player(org.url, company=folder, exports=drops, seed=7)
        failed = []
        for moment in moments:
            assert player.advance_to(moment.at) == moment.at
            failed += player.play(moment)
        held = dump(org.url, "Lead", "LeadHistory", "Task")
    assert failed == []
    assert sorted(path.name for path in drops.iterdir()) == [f"leads-day{day}.csv" for day in range(1, 6)]
    leads = {row["Id"]: row for row in held["Lead"]}
    expected = {(f.record_id, f.field): f.after for moment in moments for f in moment.truth if f.record_id in leads}
    for (record_id, field), after in expected.items():
        if field in ("Status", "OwnerId", "LeadSource"):
            assert leads[record_id][field] == after
    assert sum(row["IsConverted"] for row in leads.values()) == 5 + sum(
        row["IsConverted"] == "true" for row in read_table(folder, "Lead")
    )
    assert len(leads) == LEADS + 5 * 15


def test_each_status_and_owner_truth_has_its_history_row(folder: Path) -> None:
    moments = days(folder, seed=7, start=START, count=1)
    with running(load=folder, seed=0, now="2026-03-02T09:00:00Z", frozen=True) as org:
        player = Player(org.url)
        for moment in moments[1:]:
            player.advance_to(moment.at)
            assert player.play(moment) == []
        held = dump(org.url, "LeadHistory", "User")
    names = {row["Id"]: row["Username"] for row in held["User"]}
    rows = Counter(
        (row["LeadId"], row["Field"], row["OldValue"], row["NewValue"], names[row["CreatedById"]])
        for row in held["LeadHistory"]
        if row["CreatedDate"] >= "2026-03-02T09:00:00"
    )
    fields = {"Status": "Status", "OwnerId": "Owner"}
    for moment in moments:
        for fact in moment.truth:
            if fact.field in fields and not any(
                edit["op"] == "delete" and edit["id"] == fact.record_id
                for later in moments
                for body in later.edits
                for edit in body["edits"]
            ):
                row = (fact.record_id, fields[fact.field], fact.before, fact.after, fact.username)
                assert rows[row] == 1, fact
