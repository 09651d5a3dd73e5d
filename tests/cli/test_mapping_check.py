"""Is every problem of a mapping told with its place, and what an export would come to under it?"""

from __future__ import annotations

from pathlib import Path

import pytest

from syncd.cli import mapping_files
from syncd.engine.schema import SCHEMA, schema_to_json
from syncd.ports import FieldSchema, ObjectSchema
from syncd.store.sql import SqlStore
from tests.cli.conftest import Syncd

MAPPING = """version = "1"
[file]
newest = "at"
[match]
email = "email"
[column."score"]
field = { Lead = "Lead_Score__c" }
type = "number"
side = "marketing"
conflict = "overwrite"
[column."out"]
type = "boolean"
flag = "opted_out"
[column."town"]
field = { Lead = "City" }
type = "text"
side = "marketing"
conflict = "fill"
"""
ROWS = """email,at,score,out,town,colour
a@example.com,2026-01-01T10:00:00Z,5,false,Bonn,red
b@example.com,2026-01-01T10:00:00Z,five,true,N/A,red
c@example.com,2026-01-01T10:00:00Z,6,perhaps,N/A,red
d@example.com,2026-01-01T10:00:00Z,seven,false,Bonn
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tool.toml"
    path.write_text(MAPPING, "utf-8")
    return path


def test_every_problem_of_a_mapping_has_its_place_with_a_caret_and_a_way_out(syncd: Syncd, file: Path) -> None:
    file.write_text(MAPPING.replace('"number"', '"nummer"').replace('"fill"', '"full"'), "utf-8")
    said = syncd("mapping", "check", file)
    assert said.code == 1
    assert f"{file}:8:9 [MAP-104]" in said.out
    assert '    type = "nummer"\n            ^^^^^^\n' in said.out
    assert f"{file}:18:13 [MAP-104]" in said.out
    assert said.out.count("next: ") == 2
    document = syncd("mapping", "check", file, "--json").json
    assert (document["schema"], document["problems"], document["against_org"]) == (1, 2, False)


def test_a_mapping_without_problems_passes_without_any_config(syncd: Syncd, file: Path) -> None:
    said = syncd("mapping", "check", file)
    assert (said.code, said.out) == (0, "")
    assert "fields were not looked at" in said.err


def test_the_fields_that_the_database_keeps_are_held_against_the_mapping(syncd: Syncd, file: Path, store: SqlStore) -> None:
    score = FieldSchema("Lead_Score__c", "double", 0, False, False, False)
    org = {"Lead": ObjectSchema("Lead", {score.name: score}, True, True), "Contact": ObjectSchema("Contact", {}, True, True)}
    with store.begin() as tx:
        tx.put_setting(SCHEMA, {"asked": list(org), "objects": schema_to_json(org)})
    said = syncd("mapping", "check", file)
    assert said.code == 1
    assert "Lead_Score__c may not be written" in said.out
    assert "Lead.City is not visible" in said.out


def test_a_source_is_found_by_its_name_and_a_typo_gets_the_nearest(syncd: Syncd, home: Path) -> None:
    folder = home / "mappings" / "fields"
    folder.mkdir(parents=True)
    (folder / "marketo.toml").write_text(MAPPING, "utf-8")
    assert syncd("mapping", "check", "marketo").code == 0
    assert syncd("mapping", "check").code == 0
    said = syncd("mapping", "check", "markteo")
    assert said.code == 2
    assert "Did you mean 'marketo'?" in said.err


def test_two_mappings_that_write_one_field_are_told(syncd: Syncd, home: Path) -> None:
    folder = home / "mappings" / "fields"
    folder.mkdir(parents=True)
    for name in ("marketo", "hubspot"):
        (folder / f"{name}.toml").write_text(MAPPING, "utf-8")
    said = syncd("mapping", "check")
    assert said.code == 1
    assert "[MAP-132]" in said.out


def test_what_a_mapping_in_force_writes_already_is_told_of_the_one_that_is_named(syncd: Syncd, home: Path, file: Path) -> None:
    folder = home / "mappings" / "fields"
    folder.mkdir(parents=True)
    for name in ("hubspot", "marketo", "zoho"):
        (folder / f"{name}.toml").write_text(MAPPING, "utf-8")
    said = syncd("mapping", "check", "marketo", "--json")
    assert said.code == 1
    assert [one["source"] for one in said.json["files"]] == ["marketo"]
    texts = [problem["text"] for problem in said.json["files"][0]["problems"]]
    assert texts[0].startswith("Lead.Lead_Score__c is written by mappings/fields/hubspot.toml:")
    assert syncd("mapping", "check", file).code == 0, "it is not in force"


def test_an_export_in_place_of_a_mapping_and_a_link_are_told_for_what_they_are(syncd: Syncd, file: Path, tmp_path: Path) -> None:
    export = tmp_path / "leads.csv"
    export.write_text(ROWS, "utf-8")
    said = syncd("mapping", "check", export)
    assert said.code == 2
    assert f"--with {export}" in said.err
    link = tmp_path / "link.csv"
    link.symlink_to(export)
    said = syncd("mapping", "check", file, "--with", link)
    assert said.code == 2
    assert "link.csv is a link" in said.err


def test_a_field_that_a_fence_guards_is_told(syncd: Syncd, home: Path) -> None:
    assert syncd("init", home / "other").code == 0
    folder = home / "mappings" / "fields"
    folder.mkdir(parents=True)
    fences = (home / "other" / "mappings" / "fences.toml").read_text("utf-8")
    (home / "mappings" / "fences.toml").write_text(fences, "utf-8")
    (folder / "tool.toml").write_text(MAPPING.replace('"City"', '"Rating"'), "utf-8")
    assert syncd("mapping", "check").code == 0
    guarded = '\n[fence.rating]\nfields = ["Lead.Rating"]\n[fence.rating.status]\n"Hot" = { team = "sdr" }\n'
    (home / "mappings" / "fences.toml").write_text(fences + guarded, "utf-8")
    said = syncd("mapping", "check", "--json")
    assert [problem["code"] for problem in said.json["files"][0]["problems"]] == ["MAP-108"]


def test_an_export_is_counted_by_what_is_wrong_with_it(syncd: Syncd, file: Path, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(ROWS, "utf-8")
    said = syncd("mapping", "check", file, "--with", "rows.csv", "--json")
    assert said.code == 1
    held = said.json["with"]
    assert (held["rows"], held["without_fault"], held["opted_out"], held["opt_out_unreadable"]) == (4, 1, 1, 1)
    assert held["unused"] == ["colour"]
    faults = {(fault["column"], fault["code"]): fault["lines"] for fault in held["faults"]}
    assert faults == {("score", "ROW-004"): [3], ("out", "ROW-004"): [4], ("", "ROW-001"): [5]}
    assert any("'N/A' is read as a value in 'town' (2)" in hint for hint in held["hints"])
    shown = syncd("mapping", "check", file, "--with", "rows.csv")
    assert "[ROW-004] column 'score': 1 of 4, on lines 3" in shown.out
    assert "3 rows of rows.csv would wait in the inbox" in shown.err


def test_a_column_that_sounds_like_an_opt_out_and_is_not_used_is_pointed_at(syncd: Syncd, file: Path, tmp_path: Path) -> None:
    header, *rows = ROWS.splitlines()[:2]
    text = "\n".join([f"{header},Do not email,Unsubscribe reason,SMS opt-out", *(f"{row},1,,1" for row in rows)])
    (tmp_path / "rows.csv").write_text(f"{text}\n", "utf-8")
    said = syncd("mapping", "check", file, "--with", "rows.csv", "--json")
    [hint] = said.json["with"]["hints"]
    assert hint == "'Do not email' sounds like an opt-out, and nothing is done with it: if it is one, whoever it names gets mail"
    assert said.code == 0, "the mapping may be right"


def test_that_a_large_export_takes_a_while_is_said_first(
    syncd: Syncd, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rows.csv").write_text(ROWS, "utf-8")
    assert "reading" not in syncd("mapping", "check", file, "--with", "rows.csv").err
    monkeypatch.setattr(mapping_files, "LONG_BYTES", len(ROWS))
    said = syncd("mapping", "check", file, "--with", "rows.csv", "--json")
    assert said.err.startswith("reading rows.csv to its last row, 0 MB: that takes a while")
    assert said.json["with"]["rows"] == 4


def test_an_export_that_fits_passes(syncd: Syncd, file: Path, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("\n".join(ROWS.splitlines()[:2]) + "\n", "utf-8")
    assert syncd("mapping", "check", file, "--with", "rows.csv").code == 0


def test_a_missing_column_another_delimiter_and_another_encoding_are_told(syncd: Syncd, file: Path, tmp_path: Path) -> None:
    (tmp_path / "lacks.csv").write_text(ROWS.replace("town", "city"), "utf-8")
    (tmp_path / "semi.csv").write_text(ROWS.replace(",", ";"), "utf-8")
    (tmp_path / "latin.csv").write_bytes(ROWS.replace("Bonn", "Köln und Düren").encode("cp1252"))
    for name, says in (("lacks.csv", "'town'"), ("semi.csv", 'delimiter = ";"'), ("latin.csv", 'encoding = "cp1252"')):
        said = syncd("mapping", "check", file, "--with", name)
        assert said.code == 1
        assert says in said.out
        assert "would not be taken" in said.err


def test_a_file_that_is_not_there_is_told(syncd: Syncd, file: Path) -> None:
    assert syncd("mapping", "check", file, "--with", "nothing.csv").code == 2
    said = syncd("mapping", "check", "nothing.toml")
    assert said.code == 1
    assert "[FILE-001]" in said.out
