"""Are public files that nobody here wrote read to the last row? (They are not part of this repository.)"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from syncd.core.mapping import SourceMapping
from syncd.core.mapping_file.parsing import parse_mapping
from syncd.core.rows import ParsedRow
from syncd.core.values import Flag
from syncd.exports.reading import items_of
from syncd.policies.documents import read_table
from syncd.ports import ExportFile, Header, Item

DATA = Path(os.environ.get("SYNCD_SHARED_DATA", "/nowhere"))
pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(not DATA.is_dir(), reason="SYNCD_SHARED_DATA does not name a folder of public sample data"),
]

XEDUCATION = """
version = "1"
[file]
null = ["", "Select"]
[match]
external = { column = "Prospect ID", field = "Prospect_Id__c" }
[column."Do Not Email"]
type = "boolean"
true = ["Yes"]
false = ["No"]
flag = "opted_out"
[column."Last Activity"]
type = "text"
opted_out_when = ["Unsubscribed"]
unreachable_when = ["Email Bounced"]
[column."Country"]
field = { Lead = "Country" }
type = "text"
side = "marketing"
conflict = "fill"
null = ["", "Select", "unknown"]
[column."TotalVisits"]
field = { Lead = "Visits__c" }
type = "integer"
side = "marketing"
conflict = "overwrite"
"""
MARKETO = """
version = "1"
[match]
external = { column = "id", field = "MA_Person_Id__c" }
[file]
newest = "updatedAt"
[column."unsubscribed"]
type = "boolean"
flag = "opted_out"
"""


def read(tmp_path: Path, text: str, path: Path) -> tuple[SourceMapping, list[Item]]:
    written = tmp_path / "m.toml"
    written.write_text(text)
    table, _ = read_table(written)
    assert table is not None
    mapping, problems = parse_mapping("some", table)
    assert mapping is not None, problems
    file = ExportFile("some", str(path), path.name, hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size)
    with path.open("rb") as stream:
        return mapping, list(items_of(stream, file, mapping))


def test_the_stricter_of_two_opt_out_columns_wins_in_web_leads(tmp_path: Path) -> None:
    _, items = read(tmp_path, XEDUCATION, DATA / "xeducation" / "leads_dev.csv")
    assert isinstance(items[0], Header)
    rows = [item for item in items[1:] if isinstance(item, ParsedRow) and not item.problems]
    assert len(rows) == len(items) - 2 == 6470
    said = [row for row in rows if row.values["Do Not Email"] is True]
    opted_out = [row for row in rows if Flag.OPTED_OUT in row.flags]
    assert (len(said), len(opted_out)) == (500, 503)
    assert sum(Flag.UNREACHABLE in row.flags for row in rows) == 215
    assert not {row.values["Country"] for row in rows} & {"", "Select", "unknown"}


def test_a_bulk_extract_with_129_columns_is_read(tmp_path: Path) -> None:
    _, items = read(tmp_path, MARKETO, DATA / "marketo" / "lead_extract.csv")
    rows = [item for item in items[1:] if isinstance(item, ParsedRow)]
    assert len(rows) == len(items) - 2 == 10
    assert all(row.newest_at is not None and not row.problems for row in rows)
