"""Is a store of five million rows backed up and brought back within two minutes each?"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from syncd.core.values import Entry, OrgRecord
from syncd.store.backup import back_up, restore
from syncd.store.sql import open_store

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600)]

ORG = "00D5e00000SYNCDAAA"
T = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
WITHIN_S = 120.0
BATCH = 10_000


@pytest.mark.parametrize(("records", "entries"), [(4_000_000, 1_000_000)])
def test_five_million_rows_are_backed_up_and_restored_in_two_minutes_each(
    tmp_path: Path, records: int, entries: int, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path / 'syncd.db'}"
    store = open_store(url, ORG)
    for start in range(0, records, BATCH):
        with store.begin() as tx:
            tx.mirror(_rows(start))
    for start in range(0, entries, BATCH):
        with store.begin() as tx:
            tx.append([Entry(kind="change", at=T, cycle="c", record_id=f"00Q{n}", after=n) for n in range(start, start + BATCH)])
        store.checkpoint()
    store.dispose()
    made = back_up(url, tmp_path / "copy")
    again = restore(url, tmp_path / "copy", by="dana@host", replace=True)
    with capsys.disabled():
        told = f"{records + entries:,} rows, {made.size_bytes / 1e6:,.0f} MB"
        sys.stdout.write(f"\n{told}: backed up in {made.took_s:.0f} s, restored in {again.took_s:.0f} s\n")
    assert [(one.ledger_rows, one.records, one.problems) for one in again.orgs] == [(entries, records, ())]
    assert max(made.took_s, again.took_s) <= WITHIN_S


def _rows(start: int) -> Sequence[OrgRecord]:
    fields = {"Status": "Working", "Company": "Acme", "LeadSource": "Web"}
    return [
        OrgRecord("Lead", f"00Q{n:015}", T + timedelta(seconds=n), {**fields, "Email": f"{n}@example.com"})
        for n in range(start, start + BATCH)
    ]
