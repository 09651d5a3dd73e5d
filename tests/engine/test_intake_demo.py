"""Does the demo company's export come out of the intake as the play says it went in?"""

from __future__ import annotations

import os
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from syncd.core.mapping import keys_needed
from syncd.core.mapping_file.parsing import parse_mapping
from syncd.core.values import Flag, OrgRecord, Scalar
from syncd.engine.intake import take_in
from syncd.engine.intake_context import IntakeContext
from syncd.exports.folder import DropFolder
from syncd.policies.documents import read_table as read_toml
from syncd.ports import FieldSchema, ObjectSchema, Store
from syncd.sandbox.company import write_company
from syncd.sandbox.company_tables import read_table
from syncd.sandbox.exports_demo import doubled_addresses, export_rows, people_of, write_export
from syncd.store.sql import open_store

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
STARTER = Path(__file__).parents[2] / "mappings" / "fields" / "marketo.toml"
KINDS = {
    "Email": "email",
    "MA_Person_Id__c": "string",
    "HasOptedOutOfEmail": "boolean",
    "Lead_Score__c": "double",
    "Company": "string",
    "LeadSource": "string",
    "IsConverted": "boolean",
    "ConvertedContactId": "reference",
}
SCHEMA = {
    name: ObjectSchema(name, {key: FieldSchema(key, kind, 255, True, True, False) for key, kind in KINDS.items()}, True, True)
    for name in ("Lead", "Contact")
}


class Standing:
    def now(self) -> datetime:
        return NOW + timedelta(days=2)

    def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing sleeps here")


def mirrored(folder: Path, name: str) -> list[OrgRecord]:
    found = []
    for row in read_table(folder, name):
        fields: dict[str, Scalar] = {key: row.get(key) or None for key in KINDS}
        for key in ("HasOptedOutOfEmail", "IsConverted"):
            fields[key] = row.get(key) == "true"
        fields["Lead_Score__c"] = float(str(fields["Lead_Score__c"])) if fields["Lead_Score__c"] else None
        found.append(OrgRecord(name, row["Id"], NOW, fields))
    return found


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("company")
    write_company(folder, seed=7, now=NOW)
    return folder


def test_the_first_export_of_the_demo_ends_as_it_was_made(company: Path, tmp_path: Path) -> None:
    table, _ = read_toml(STARTER)
    assert table is not None
    mapping, _ = parse_mapping("marketo", table)
    assert mapping is not None
    store: Store = open_store(f"sqlite:///{tmp_path / 'syncd.db'}", "00DSX0000000001EAA")
    store.index(keys_needed([mapping]))
    with store.begin() as tx:
        tx.mirror(mirrored(company, "Lead"))
        tx.mirror(mirrored(company, "Contact"))
    path = tmp_path / "drop" / "marketo" / "day1.csv"
    path.parent.mkdir(parents=True)
    write_export(path, folder_or_people=company, day=1, seed=7, rows=600)
    os.utime(path, (NOW.timestamp(),) * 2)
    counts = take_in(DropFolder(tmp_path / "drop", Standing()), [mapping], IntakeContext("o", "c", NOW, SCHEMA, store))
    made = Counter(row.kind for row in export_rows(people_of(company), doubled_addresses(company), day=1, seed=7, rows=600))
    broken = made["ragged-short"] + made["ragged-long"] + made["tie"] + made["unreadable-boolean"] + made["ambiguous"]
    assert counts["rows"] == sum(made.values())
    assert counts["quarantined"] == broken
    assert counts["unmatched"] == made["nobody"]
    assert counts["superseded"] == made["twice"] // 2
    flags = store.flag_counts()
    assert flags[Flag.OPT_OUT_UNREADABLE] == made["unreadable-boolean"]
    assert flags[Flag.UNREACHABLE] >= made["bounce"]
    assert flags[Flag.OPTED_OUT] >= made["unsubscribe"]
    assert counts["would_write"] > 100
    assert store.count_open() == 0
    store.dispose()
