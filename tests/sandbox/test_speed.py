"""The org's own share of its promised speed, in CPU time, on an org small enough for every run; `bench.sandbox` has it all."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
import pytest

from bench.org import NOW, write_leads
from bench.sandbox import BASE, FIELDS
from syncd.sandbox.api import Arrival, answer_request, open_request
from syncd.sandbox.digest import digest
from syncd.sandbox.org import Org
from syncd.sandbox.server import encode
from syncd.sandbox.soql.run import Asker, query
from syncd.sandbox.start import build_org
from syncd.sandbox.state import load_state, save_state

LEADS = 20_000


class Asked:
    """A loaded org that is asked without a network, and what the load cost. Units: seconds of CPU time."""

    def __init__(self, folder: Path) -> None:
        write_leads(folder, LEADS)
        began = time.process_time()
        self.org = build_org(load=folder, now=NOW, frozen=True)
        self.load_s = time.process_time() - began
        token = self.org.sessions.open(self.org.org_id, self.org.api_user_id, NOW, 7_200)
        self._headers = {"authorization": f"Bearer {token}", "content-type": "application/json", "sforce-auto-assign": "FALSE"}

    def ask(self, method: str, target: str, body: Any = None) -> Any:
        arrival = Arrival(method, target, self._headers, orjson.dumps(body) if body is not None else b"", "http://org")
        answer = answer_request(self.org, arrival, open_request(self.org, arrival))
        assert answer.status == 200, answer.body
        assert encode(answer)
        return answer.body


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    asked = Asked(tmp_path_factory.mktemp("leads"))
    yield asked
    asked.org.close()


def test_a_million_leads_would_load_in_90_seconds(asked: Asked) -> None:
    assert asked.load_s / LEADS <= 90 / 1_000_000


def test_pages_are_built_at_20_000_rows_a_second(asked: Asked) -> None:
    began = time.process_time()
    statement = f"SELECT {FIELDS} FROM Lead ORDER BY SystemModstamp, Id"  # noqa: S608
    page = asked.ask("GET", f"{BASE}/query?q={quote(statement)}")
    rows = len(page["records"])
    while not page["done"]:
        page = asked.ask("GET", page["nextRecordsUrl"])
        rows += len(page["records"])
    assert rows == LEADS
    assert rows / (time.process_time() - began) >= 20_000


def test_collections_are_saved_at_3_000_rows_a_second(asked: Asked) -> None:
    ids = [row[0] for row in asked.org.database.connection.execute('SELECT "Id" FROM "Lead" LIMIT 2000')]
    began = time.process_time()
    for start in range(0, len(ids), 200):
        records = [{"attributes": {"type": "Lead"}, "id": each, "Title": "Chief"} for each in ids[start : start + 200]]
        outcomes = asked.ask("PATCH", f"{BASE}/composite/sobjects", {"records": records})
        assert all(each["success"] for each in outcomes)
    assert len(ids) / (time.process_time() - began) >= 3_000


@pytest.mark.parametrize(
    "where",
    [
        "SystemModstamp >= 2026-02-28T09:00:00Z ORDER BY SystemModstamp, Id",
        "SystemModstamp > 2026-02-28T09:00:00Z AND SystemModstamp <= 2026-03-01T09:00:00Z ORDER BY SystemModstamp, Id LIMIT 200",
        "Email = 'p7@acme7.example'",
        "MA_Person_Id__c IN ('M1', 'M2')",
    ],
)
def test_what_a_sync_asks_is_found_by_an_index(asked: Asked, where: str) -> None:
    connection = asked.org.database.connection
    said: list[str] = []
    connection.set_trace_callback(said.append)
    try:
        query(asked.org, f"SELECT Id FROM Lead WHERE {where}", Asker(asked.org.api_user_id, BASE))  # noqa: S608
    finally:
        connection.set_trace_callback(None)
    [statement] = [each for each in said if "Lead" in each]
    plan = [str(row[3]) for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")]
    assert any(step.startswith("SEARCH") and "INDEX" in step for step in plan), plan
    assert not any(step.startswith("SCAN") or "TEMP B-TREE" in step for step in plan), plan


def test_a_million_leads_would_come_back_in_5_seconds(asked: Asked, tmp_path: Path) -> None:
    save_state(asked.org, tmp_path / "org.state")
    began = time.process_time()
    org: Org = load_state(tmp_path / "org.state")
    spent_s = time.process_time() - began
    try:
        assert digest(org) == digest(asked.org)
    finally:
        org.close()
    assert spent_s <= 1  # what does not grow with the leads is most of it here
