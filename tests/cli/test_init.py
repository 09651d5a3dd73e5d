"""How does somebody begin?"""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pytest

from syncd.cli.wire import load_policies
from syncd.core.mapping import SourceMapping
from syncd.core.mapping_file.parsing import parse_mapping
from syncd.core.values import Flag
from syncd.policies.documents import read_table
from tests.cli.conftest import Syncd
from tests.exports.test_sheets import workbook


def test_init_writes_a_config_and_mappings_that_are_valid_as_they_stand(syncd: Syncd, tmp_path: Path) -> None:
    said = syncd("init", "acme")
    assert said.code == 0
    assert (tmp_path / "acme" / "config.toml").is_file()
    policies = load_policies(tmp_path / "acme" / "mappings")
    assert policies.nurture is not None
    assert policies.sources
    assert all((tmp_path / "acme" / "exports" / source.name).is_dir() for source in policies.sources)
    assert "syncd --config acme check" in said.out


def test_init_overwrites_nothing_and_then_writes_nothing(syncd: Syncd, tmp_path: Path) -> None:
    (tmp_path / "mappings").mkdir()
    mine = tmp_path / "mappings" / "fences.toml"
    mine.write_text("mine", "utf-8")
    said = syncd("init")
    assert said.code == 1
    assert "mappings/fences.toml" in said.err
    assert mine.read_text("utf-8") == "mine"
    assert not (tmp_path / "config.toml").exists()


EXPORT = "id,email,firstName,lastName,leadScore,unsubscribed,emailInvalid,updatedAt,=cmd\n1,a@acme.example,A,B,1,false,false,,x\n"


def test_from_export_writes_a_mapping_for_that_tool_and_its_columns(syncd: Syncd, tmp_path: Path) -> None:
    (tmp_path / "leads.csv").write_text(EXPORT, "utf-8")
    said = syncd("init", "new", "--from-export", "leads.csv")
    assert said.code == 0, said.err
    assert "leads.csv: Marketo Engage (bulk extract of leads)" in said.err
    mapping = (tmp_path / "new" / "mappings" / "fields" / "marketo.toml").read_text("utf-8")
    assert '[column."leadScore"]' in mapping
    assert "leadSource" not in mapping
    assert (tmp_path / "new" / "exports" / "marketo").is_dir()
    assert "wrote new/config.toml" in said.out


def test_from_export_looks_into_an_archive(syncd: Syncd, tmp_path: Path) -> None:
    (tmp_path / "leads.csv.gz").write_bytes(gzip.compress(EXPORT.encode()))
    assert syncd("init", "new", "--from-export", "leads.csv.gz").code == 0
    assert 'pattern = "*.csv.gz"' in (tmp_path / "new" / "mappings" / "fields" / "marketo.toml").read_text("utf-8")


def test_from_export_looks_into_a_set_of_files(syncd: Syncd, tmp_path: Path) -> None:
    header = "Email Address,First Name,MEMBER_RATING,LAST_CHANGED,LEID,EUID,NOTES\n"
    with zipfile.ZipFile(tmp_path / "audience.zip", "w") as archive:
        for name in ("unsubscribed_1.csv", "subscribed_1.csv", "cleaned_1.csv"):
            archive.writestr(name, header)
    said = syncd("init", "new", "--from-export", "audience.zip")
    assert said.code == 0, said.err
    mapping = _valid(tmp_path / "new" / "mappings" / "fields" / "mailchimp.toml")
    assert (mapping.pattern, mapping.dialect.flags) == ("*.zip", {"unsubscribed*": Flag.OPTED_OUT, "cleaned*": Flag.UNREACHABLE})


def test_from_export_looks_into_a_workbook(syncd: Syncd, tmp_path: Path) -> None:
    rows = [line.split(",") for line in EXPORT.splitlines()]
    (tmp_path / "leads.xlsx").write_bytes(workbook({"Leads": rows, "Notes": [["x"]]}))
    said = syncd("init", "new", "--from-export", "leads.xlsx")
    assert said.code == 0, said.err
    mapping = _valid(tmp_path / "new" / "mappings" / "fields" / "marketo.toml")
    assert (mapping.pattern, mapping.dialect.sheet) == ("*.xlsx", "Leads")
    (tmp_path / "empty.xlsx").write_bytes(workbook([]))
    assert "has nothing on its first sheet" in syncd("init", "other", "--from-export", "empty.xlsx").err


def test_from_export_declares_what_is_special_about_a_tools_files(syncd: Syncd, tmp_path: Path) -> None:
    (tmp_path / "contacts.csv").write_text('"id","firstname","lastname","email","points"\n', "utf-8")
    assert syncd("init", "new", "--from-export", "contacts.csv").code == 0
    mapping = _valid(tmp_path / "new" / "mappings" / "fields" / "mautic.toml")
    assert (mapping.dialect.escape, mapping.dialect.has_guard) == ("\\", True)


def _valid(path: Path) -> SourceMapping:
    table, _ = read_table(path)
    assert table is not None
    mapping, problems = parse_mapping(path.stem, table)
    assert mapping is not None, [str(problem) for problem in problems]
    return mapping


def test_where_syncd_is_set_up_already_only_the_mapping_is_added(syncd: Syncd, tmp_path: Path) -> None:
    assert syncd("init", "new").code == 0
    (tmp_path / "contacts.csv").write_text('"id","firstname","lastname","email","points"\n', "utf-8")
    said = syncd("init", "new", "--from-export", "contacts.csv")
    assert said.code == 0, said.err
    assert said.out.splitlines()[0] == "wrote new/mappings/fields/mautic.toml"
    again = syncd("init", "new", "--from-export", "contacts.csv")
    assert again.code == 1
    assert "nothing was written" in again.err


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"PK\x03\x04", "archive is damaged"), (b"a,b\n", "looks like an e-mail address"), (None, "No such file")],
)
def test_from_export_refuses_what_is_no_export(syncd: Syncd, tmp_path: Path, content: bytes | None, why: str) -> None:
    if content is not None:
        (tmp_path / "x.csv").write_bytes(content)
    said = syncd("init", "new", "--from-export", "x.csv")
    assert said.code == 2
    assert why in said.err
    assert not (tmp_path / "new").exists()


def test_the_examples_of_a_mapping_that_an_export_replaces_are_left_out(syncd: Syncd, tmp_path: Path) -> None:
    (tmp_path / "leads.csv").write_text("id,email,leadScore,updatedAt\n1,ana@example.com,5,2026-11-01T10:00:00Z\n", "utf-8")
    assert syncd("init", "acme", "--from-export", "leads.csv").code == 0
    assert not (tmp_path / "acme" / "mappings" / "examples").exists()
    assert "no example" in syncd("--config", "acme", "mapping", "test").err


def test_after_from_export_the_steps_lead_to_a_preview_of_that_file(syncd: Syncd, tmp_path: Path) -> None:
    (tmp_path / "all leads.csv").write_text(EXPORT, "utf-8")
    said = syncd("init", "new", "--from-export", "all leads.csv")
    assert "  6. See what the export would do to people: syncd --config new mapping preview --sample 20" in said.out
    assert said.out.endswith(" --source marketo --file 'all leads.csv'\n")


def test_where_names_do_not_do_the_way_to_a_proposal_from_cells_is_named(syncd: Syncd, tmp_path: Path) -> None:
    (tmp_path / "my leads.csv").write_text("Email Address,Company,Ok To Mail\nana@example.com,Acme,Yes\n", "utf-8")
    said = syncd("init", "new", "--from-export", "my leads.csv")
    assert said.code == 2
    assert "proposed by: syncd mapping suggest 'my leads.csv'\n" in said.err


def test_the_addresses_of_a_tool_that_is_not_known_are_found_by_what_their_column_is_called(syncd: Syncd, tmp_path: Path) -> None:
    (tmp_path / "leute.csv").write_text("Nr;E-Mail-Adresse;Abgemeldet\n1;ana@example.com;ja\n", "utf-8")
    assert syncd("init", "new", "--from-export", "leute.csv").code == 0
    mapping = _valid(tmp_path / "new" / "mappings" / "fields" / "export.toml")
    assert mapping.match == {"email": "E-Mail-Adresse"}
    assert [(one.name, one.flag) for one in mapping.columns] == [("Abgemeldet", Flag.OPTED_OUT)]


def test_from_export_looks_at_the_rows_so_that_an_empty_opt_out_excludes_nobody(syncd: Syncd, tmp_path: Path) -> None:
    (tmp_path / "leads.csv").write_text("id,email,leadScore,unsubscribed,updatedAt\n1,ana@example.com,5,,\n", "utf-8")
    assert syncd("init", "new", "--from-export", "leads.csv").code == 0
    path = tmp_path / "new" / "mappings" / "fields" / "marketo.toml"
    [column] = [one for one in _valid(path).columns if one.flag is Flag.OPTED_OUT]
    assert column.null == {""}
    assert "# No value in the one row looked at: such a cell opts nobody out. Any other cell still counts." in path.read_text(
        "utf-8"
    )
