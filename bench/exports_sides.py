"""The two sides of taking in an export: a bare script that does the same reads, and syncd; and the rows that both get.

usage: python -m bench.exports_sides FOLDER     (then one JSON line a task)
"""

from __future__ import annotations

import os
import random
import sqlite3
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.child import ROOT, serve, spending
from syncd.core.cells import long_id
from syncd.core.mapping import SourceMapping, keys_needed
from syncd.core.mapping_file.parsing import parse_mapping
from syncd.core.values import Scalar
from syncd.engine.intake import take_in
from syncd.engine.intake_context import IntakeContext
from syncd.engine.schema import SCHEMA, schema_to_json
from syncd.exports.folder import DropFolder
from syncd.policies.documents import read_table
from syncd.ports import Chunk, FieldSchema, ObjectSchema
from syncd.store.layouts import lookup_number
from syncd.store.sql import SqlStore, open_store

ORG = "00DSX0000000001EAA"
NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
USED = ("id", "email", "leadScore", "company", "leadSource", "unsubscribed", "emailInvalid", "updatedAt")
HEADER = (*USED, *(f"custom{number}" for number in range(17)))
SOURCES = ("Web", "Event", "Referral", "Partner")
CHUNK = 20_000
CHANGED_EACH = 100
TYPES = {
    "Email": "email", "MA_Person_Id__c": "string", "HasOptedOutOfEmail": "boolean", "Lead_Score__c": "double",
    "Company": "string", "LeadSource": "picklist", "IsConverted": "boolean", "ConvertedContactId": "reference",
    "Status": "picklist", "OwnerId": "reference", "CreatedDate": "datetime", "Name": "string",
}  # fmt: skip


class _Standing:
    """A host's clock that stands."""

    def now(self) -> datetime:
        return NOW

    def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing sleeps here")


class Sides:
    """The tasks over one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._database = folder / "syncd.db"

    def prepare(self, rows: int) -> dict[str, Any]:
        """Mirror so many leads, and write the export in which every hundredth of them has another score."""
        store = self._store()
        store.index(keys_needed([_mapping()]))
        for first in range(0, rows, CHUNK):
            packed = store.pack(_chunk(range(first, min(first + CHUNK, rows))))
            with store.begin() as tx:
                tx.load(packed)
        with store.begin() as tx:
            tx.key_loaded("Lead")
            schema = {name: _schema(name) for name in ("Lead", "Contact")}
            tx.put_setting(SCHEMA, {"asked": list(schema), "objects": schema_to_json(schema)})
        store.dispose()
        drop = self._folder / "exports" / "marketo"
        drop.mkdir(parents=True)
        _write(self._folder / "first.csv", [",".join(HEADER), *_lines(rows)])
        _write(self._folder / "second.csv", [",".join(HEADER), *_lines(rows, last_score=999)])
        return {}

    def bare(self, name: str) -> dict[str, Any]:
        """Read the file by DuckDB, fetch id, e-mail and row hash of everybody from the store, and join them."""
        import duckdb

        with spending() as spent:
            connection = duckdb.connect(":memory:", config={"threads": "2", "temp_directory": str(self._folder / "spilled")})
            path = self._folder / name
            connection.execute(f"CREATE TABLE e AS FROM read_csv('{path}', header = true, all_varchar = true)")
            people = self._folder / "people.txt"
            with people.open("w", encoding="utf-8") as out:
                for some in self._people():
                    out.write(some)
            connection.execute(
                "CREATE TABLE p AS FROM read_csv($1, header = false, auto_detect = false, delim = '\x1f', quote = '',"
                " columns = {'id': 'VARCHAR', 'email': 'VARCHAR', 'hash': 'VARCHAR'})",
                [str(people)],
            )
            joined = connection.execute(
                "SELECT count(*), count(*) FILTER (md5(concat_ws(chr(31), COLUMNS(e.*))) IS NOT DISTINCT FROM p.hash)"
                " FROM e JOIN p ON lower(trim(e.email)) = p.email"
            ).fetchall()
            people.unlink()
        return {"rows": joined[0][0], **spent.as_dict()}

    def _people(self) -> Iterator[str]:
        rows = sqlite3.connect(self._database).execute(
            "SELECT k.id || char(31) || k.value || char(31) || coalesce(h.row_hash, '') FROM record_keys k"
            " LEFT JOIN export_known h ON h.org = ? AND h.person_id = k.id AND h.source = 'marketo' WHERE k.lookup = ?",
            (ORG, lookup_number(ORG, "Lead", "Email")),
        )
        while some := rows.fetchmany(CHUNK):
            yield "\n".join([row[0] for row in some]) + "\n"

    def take(self, name: str) -> dict[str, Any]:
        """Have syncd take a file in."""
        target = self._folder / "exports" / "marketo" / name
        os.link(self._folder / name, target)
        store = self._store()
        drop = DropFolder(self._folder / "exports", _Standing())
        context = IntakeContext(ORG, name, NOW, {"Lead": _schema("Lead"), "Contact": _schema("Contact")}, store)
        with spending() as spent:
            counts = take_in(drop, [_mapping()], context)
            store.checkpoint()
        store.dispose()
        return {"counts": dict(counts), **spent.as_dict()}

    def _store(self) -> SqlStore:
        return open_store(f"sqlite:///{self._database}", ORG)


def _mapping() -> SourceMapping:
    table, _ = read_table(ROOT / "mappings" / "fields" / "marketo.toml")
    mapping, problems = parse_mapping("marketo", table) if table else (None, [])
    if mapping is None:
        raise AssertionError("\n".join(map(str, problems)))
    return mapping


def _schema(name: str) -> ObjectSchema:
    fields = {key: FieldSchema(key, kind, 255, True, True, False, ()) for key, kind in TYPES.items()}
    return ObjectSchema(name, fields, True, True)


def _chunk(numbers: range) -> Chunk:
    names = tuple(sorted(TYPES))
    values: dict[str, list[Scalar]] = {
        "Email": [f"person{number}@company{number % 5000}.example" for number in numbers],
        "MA_Person_Id__c": [str(number) for number in numbers],
        "Lead_Score__c": [float(number % 101) for number in numbers],
        "Company": [f"Company {number % 5000}" for number in numbers],
        "LeadSource": [SOURCES[number % 4] for number in numbers],
        "Name": [f"Lea Person {number}" for number in numbers],
    }
    same: dict[str, Scalar] = {
        "HasOptedOutOfEmail": False, "IsConverted": False, "ConvertedContactId": None, "Status": "Working",
        "OwnerId": "005SX0000000001AAA", "CreatedDate": "2026-01-01T00:00:00.000+0000",
    }  # fmt: skip
    size = len(numbers)
    columns = [values[name] if name in values else [same[name]] * size for name in names]
    ids = [long_id(f"00QSX{number:010d}") for number in numbers]
    return Chunk("Lead", names, ids, ["2026-11-01T09:00:00.000Z"] * size, columns, None, True, True)


def _lines(rows: int, last_score: int = 0) -> Iterator[str]:
    rng = random.Random(7)
    spare = [f"value {rng.randrange(10**6)}" for _ in range(997)]
    for number in range(rows):
        score = number % 101 + (1 if number % CHANGED_EACH == 0 else 0)
        score = last_score if last_score and number == rows - 1 else score
        custom = ",".join(spare[(number + place) % 997] for place in range(17))
        yield (
            f"{number},person{number}@company{number % 5000}.example,{score},Company {number % 5000},{SOURCES[number % 4]},"
            f"false,false,2026-11-01T10:00:00Z,{custom}"
        )


def _write(path: Path, lines: list[str]) -> None:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    stamp = time.time() - 3600
    os.utime(path, (min(stamp, NOW.timestamp() - 60),) * 2)


def main() -> None:
    """Serve the tasks."""
    sides = Sides(Path(sys.argv[1]))
    serve({name: getattr(sides, name) for name in ("prepare", "bare", "take")})


if __name__ == "__main__":
    main()
