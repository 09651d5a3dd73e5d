"""Takes one large export in, as a process of its own: python -m tests.engine.large_intake FOLDER

FOLDER has the store and the drop folder that `prepared` makes. Row `n` of the export is about person `n` of the mirror where 5
divides `n`, and about nobody otherwise.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

from syncd.core.cells import long_id
from syncd.core.mapping import SourceMapping, keys_needed
from syncd.core.mapping_file.parsing import parse_mapping
from syncd.core.values import Scalar
from syncd.engine.intake import take_in
from syncd.engine.intake_context import IntakeContext
from syncd.exports.folder import DropFolder
from syncd.policies.documents import read_table
from syncd.ports import Chunk
from syncd.store.sql import SqlStore, open_store
from tests.engine.test_intake import HEADER, NOW, ORG, SCHEMA, STARTER, Standing
from tests.exports.large_file import peak_mb

MATCHED_EACH = 5
THOUSAND = 1_000
CHUNK = 20_000
COLUMNS = 25
TOLD = ",".join(["some words of an answer in a form as people write them there " * 2] * (COLUMNS - 10))


def prepared(folder: Path, rows: int, *, has_torn_lines: bool) -> int:
    """Mirror every fifth person, write an export of so many rows, of 2 kB each, and return how many lines it has."""
    path = folder / "exports" / "marketo" / "all.csv"
    path.parent.mkdir(parents=True)
    _mirror(folder, rows)
    lines = 1
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(f"{HEADER},{','.join(f'answer{number}' for number in range(COLUMNS - 10))}\n")
        for number in range(rows):
            row = row_of(number, has_torn_lines=has_torn_lines)
            lines += row.count("\n")
            file.write(row)
    os.utime(path, (NOW.timestamp() - 60,) * 2)
    return lines


def row_of(number: int, *, has_torn_lines: bool) -> str:
    """Of a thousand rows one has a new value, one an opt-out, one a faulty cell, ten stand on two lines, and one may be torn."""
    place = number % THOUSAND
    if has_torn_lines and place == 7:
        return f"{number},torn\n"
    name = f'"of two\nlines {number}"' if place % 100 == 3 else "Ana"
    score = {0: "99", 10: "twelve"}.get(place, "10")
    out = "true" if place == 5 else "false"
    return f"{number},p{number}@example.com,{name},Null,Acme,{score},{out},false,Web,2026-11-01T10:00:00Z,{TOLD}\n"


def _mirror(folder: Path, rows: int) -> None:
    store = _store(folder)
    store.index(keys_needed([_mapping()]))
    for first in range(0, rows, CHUNK * MATCHED_EACH):
        packed = store.pack(_people(range(first, min(first + CHUNK * MATCHED_EACH, rows), MATCHED_EACH)))
        with store.begin() as tx:
            tx.load(packed)
    keyed: str | None = ""
    while keyed is not None:
        with store.begin() as tx:
            keyed = tx.key_loaded("Lead", keyed)
    store.dispose()


def _people(numbers: range) -> Chunk:
    same: dict[str, Scalar] = {
        "Company": "Acme", "ConvertedContactId": None, "HasOptedOutOfEmail": False, "IsConverted": False,
        "LeadSource": "Web", "Lead_Score__c": 10.0,
    }  # fmt: skip
    own: dict[str, list[Scalar]] = {
        "Email": [f"p{number}@example.com" for number in numbers],
        "MA_Person_Id__c": [str(number) for number in numbers],
    }
    names = tuple(sorted((*same, *own)))
    columns = [own[name] if name in own else [same[name]] * len(numbers) for name in names]
    ids = [long_id(f"00QSX{number:010d}") for number in numbers]
    return Chunk("Lead", names, ids, ["2026-11-01T09:00:00.000Z"] * len(numbers), columns, None, True, True)


def _store(folder: Path) -> SqlStore:
    return open_store(f"sqlite:///{folder / 'syncd.db'}", ORG)


def _mapping() -> SourceMapping:
    table, _ = read_table(STARTER)
    assert table is not None
    mapping, _ = parse_mapping("marketo", table)
    assert mapping is not None
    return replace(mapping, mode="write")


def main(folder: Path) -> dict[str, object]:
    """Take the waiting file in, and say what became of it, how long that took, and how much memory."""
    store = _store(folder)
    began = time.monotonic()
    counts = take_in(DropFolder(folder / "exports", Standing()), [_mapping()], IntakeContext(ORG, "c1", NOW, SCHEMA, store))
    took_s = round(time.monotonic() - began)
    told = [[item.kind, item.text] for _, item, _ in store.inbox()]
    [file] = store.taken_files(2)
    writes = sum(1 for _ in store.open_intents())
    store.dispose()
    return {
        "counts": dict(counts), "file": dict(file.counts), "inbox": told, "writes": writes,
        "peak_mb": round(peak_mb()), "seconds": took_s, "cpu_s": round(time.process_time()),
    }  # fmt: skip


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]))))
