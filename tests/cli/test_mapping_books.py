"""Does a mapping come back whole from a spreadsheet and from Data Loader, and is every cell that cannot be meant told?"""

from __future__ import annotations

import csv
import random
import tomllib
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from syncd.cli.mapping_books import READERS, WRITERS
from syncd.core.mapping_sheets.grids import sheets_of
from syncd.core.mapping_sheets.sdl import Pair, read_sdl, write_sdl
from syncd.core.mapping_sheets.ungrids import read_sheets
from syncd.policies.mapping_toml import as_toml, merged_text, new_text
from tests.cli.conftest import Said, Syncd

STARTER = Path(__file__).parents[2] / "mappings" / "fields" / "marketo.toml"
MAPPING = """# Ours, since 2024.
#
# Two blocks of words
version = "7"   # beside the version
mode = "observe"

[file]
pattern = "*.csv"
delimiter = "\\t"
null = ["", "N/A"]   # what the tool writes

# whom a row is about
[match]
email = "E-Mail"
external = { column = "id", field = "MA_Person_Id__c" }

# the score
[column."lead score"]
field = { Lead = "Lead_Score__c" }
type = "number"
side = "marketing"      # ours
conflict = "overwrite"
null = []

[column."=danger"]
field = { Lead = "City", Contact = "MailingCity" }
type = "text"
side = "marketing"
conflict = "fill"

[column."opt"]
type = "boolean"
true = ["yes", "'=1", "(blank)", "((no values))"]
false = ["", "no"]
flag = "opted_out"
# the end
"""


@pytest.fixture
def fields(home: Path) -> Path:
    folder = home / "mappings" / "fields"
    folder.mkdir(parents=True)
    (folder / "tool.toml").write_text(MAPPING, "utf-8")
    return folder


def comments_in(text: str) -> list[str]:
    return sorted(line.partition("#")[2].strip() for line in text.splitlines() if "#" in line)


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_a_mapping_comes_back_whole_with_its_comments(syncd: Syncd, fields: Path, tmp_path: Path, suffix: str) -> None:
    for text in (MAPPING, STARTER.read_text("utf-8")):
        (fields / "tool.toml").write_text(text, "utf-8")
        sheets, back = tmp_path / f"{len(text)}{suffix}", tmp_path / f"{len(text)}.toml"
        assert syncd("mapping", "export", "tool", "--to", sheets).code == 0
        said = syncd("mapping", "import", sheets, "--source", "again", "--out", back, "--write")
        assert said.code == 0, said.err
        assert tomllib.loads(back.read_text("utf-8")) == tomllib.loads(text)
        assert comments_in(back.read_text("utf-8")) == comments_in(text)
        same = syncd("mapping", "import", sheets, "--source", "tool", "--json").json
        assert (same["diff"], same["changes"]) == ([], {"added": [], "removed": [], "changed": []})


@pytest.mark.sweep
@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_whatever_a_mapping_may_hold_comes_back_from_the_sheets(tmp_path: Path, suffix: str) -> None:
    chance = random.Random(7)
    odd = [
        "=1+1",
        "+x",
        "-",
        "@a",
        "'=",
        "''",
        "(blank)",
        "((blank))",
        "(no values)",
        "",
        " ",
        "\t",
        "a\nb",
        'q"q',
        "ü€𝄞",
        "x,y;z",
        "[File]",
        "0012",
    ]

    def word() -> str:
        return "".join(chance.choice(odd) for _ in range(chance.randint(1, 2))) or "w"

    for round_ in range(12):
        columns: dict[str, Any] = {}
        for _ in range(6):
            one: dict[str, Any] = {
                "type": "text",
                "true": [word() for _ in range(chance.randint(0, 3))],
                "split": word(),
                "required": False,
            }
            one["field"] = chance.choice(["A__c", {"Lead": "B__c"}, {"Lead": "B__c", "Contact": word()}, 7])
            columns[word().strip() or "n"] = one
        values = {
            "version": word(),
            "file": {"null": [word()], "flag": {"a*": "opted_out", word(): "unreachable"}, "odd": [1, {"a": 2}]},
            "match": {"email": word(), "id": word()},
            "column": columns,
            "later": {"deep": {"x": 1.5}},
            "computed": {"F__c": {"formula": word()}},
        }
        path = tmp_path / f"{round_}{suffix}"
        WRITERS[suffix](path, sheets_of(values, (), as_toml))
        grids, problems = READERS[suffix](path)
        sheet = read_sheets("x", grids)
        assert [str(one) for one in (*problems, *sheet.problems)] == []
        for dotted, written, _ in sheet.more:
            table: Any = sheet.values
            *path_to, key = next(_keys(tomllib.loads(f"{dotted} = 0")))
            for part in path_to:
                table = table.setdefault(part, {})
            table[key] = tomllib.loads(f"value = {written}")["value"]
        assert sheet.values == values
        assert tomllib.loads(new_text(values)) == values
        assert list(sheet.values["match"]) == ["email", "id"]


def _keys(table: Any) -> Any:
    path = []
    while isinstance(table, dict):
        ((key, table),) = table.items()
        path.append(key)
    yield path


def test_what_a_cell_of_a_workbook_would_cut_off_is_not_written(syncd: Syncd, fields: Path, tmp_path: Path) -> None:
    (fields / "tool.toml").write_text(MAPPING.replace("whom", "x" * 32_767), "utf-8")
    said = syncd("mapping", "export", "tool", "--to", tmp_path / "tool.xlsx")
    assert said.code == 1
    assert "Comments!E5 has more signs than a cell of a workbook holds" in said.err
    assert not (tmp_path / "tool.xlsx").exists()


def test_no_cell_of_a_csv_file_begins_like_a_formula(syncd: Syncd, fields: Path, tmp_path: Path) -> None:
    assert fields.is_dir()
    assert syncd("mapping", "export", "tool", "--to", tmp_path / "tool.csv").code == 0
    with (tmp_path / "tool.csv").open(encoding="utf-8-sig", newline="") as stream:
        cells = [cell for row in csv.reader(stream) for cell in row]
    assert "'=danger" in cells
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]


def edited(syncd: Syncd, tmp_path: Path, old: str, new: str, count: int = 1) -> Said:
    """Export the mapping as CSV, change it as a person would, and import it."""
    path = tmp_path / "edited.csv"
    path.unlink(missing_ok=True)
    assert syncd("mapping", "export", "tool", "--to", path).code == 0
    text = path.read_bytes().decode("utf-8-sig")
    assert old in text
    path.write_bytes(text.replace(old, new, count).encode("utf-8-sig"))
    return syncd("mapping", "import", path, "--source", "tool", "--write")


def test_an_edit_changes_its_line_alone_and_every_comment_stays(syncd: Syncd, fields: Path, tmp_path: Path) -> None:
    said = edited(syncd, tmp_path, "marketing,overwrite", "marketing,fill")
    assert said.code == 0, said.err
    text = (fields / "tool.toml").read_text("utf-8")
    assert text == MAPPING.replace('conflict = "overwrite"', 'conflict = "fill"')
    assert '-conflict = "overwrite"' in said.out
    assert "1 changed" in said.err


def test_another_order_of_the_keys_that_people_are_found_by_is_a_change(syncd: Syncd, fields: Path, tmp_path: Path) -> None:
    email, external = "email,E-Mail,\r\n", "external,id,MA_Person_Id__c\r\n"
    said = edited(syncd, tmp_path, email + external, external + email)
    assert said.code == 0, said.err
    text = (fields / "tool.toml").read_text("utf-8")
    lines = ['email = "E-Mail"\n', 'external = { column = "id", field = "MA_Person_Id__c" }\n']
    assert text == MAPPING.replace("".join(lines), "".join(reversed(lines)))
    assert "1 changed" in said.err


def test_without_write_nothing_is_written(syncd: Syncd, fields: Path, tmp_path: Path) -> None:
    assert edited(syncd, tmp_path, "lead score", "lead rank", -1).code == 0
    text = (fields / "tool.toml").read_text("utf-8")
    (fields / "tool.toml").write_text(MAPPING, "utf-8")
    said = syncd("mapping", "import", tmp_path / "edited.csv", "--source", "tool")
    assert said.code == 0
    assert '[column."lead rank"]' in text
    assert (fields / "tool.toml").read_text("utf-8") == MAPPING
    assert "1 added, 1 removed" in said.err
    assert f"mapping preview --mapping NEW.toml --diff {fields / 'tool.toml'}" in said.err


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("Whose field", "Who's", "Columns!F2 [SHT-003] \"Who's\" is no title of Columns."),
        ("On conflict", "Type", "Columns!G2 [SHT-003] The title 'Type' stands twice: here and in E2."),
        ("'=danger", "lead score", "Columns!A4 [SHT-005] 'lead score' has two rows: this one and row 3."),
        ("[Match]", "[Mach]", "Mach!A1 [SHT-001] There is no part of a mapping called 'Mach'. Did you mean 'Match'?"),
        ("marketing,overwrite", "marketing,owerwrite", "edited.csv:Columns!G3 [MAP-104] conflict is 'owerwrite'."),
        ("column,opt,true,yes", "column,opd,true,yes", "[SHT-009] No row of Columns is about 'opd'. Did you mean 'opt'?"),
        ("column,opt,true,yes", "colum,opt,true,yes", "[SHT-008] There is no part 'colum'. Did you mean 'column'?"),
        ("column,opt,true,yes", "column,opt,truth,yes", "[SHT-008] 'truth' is no list of spellings. Did you mean 'true'?"),
        ("pattern,*.csv", "patern,*.csv", "[SHT-008] There is no setting 'patern'. Did you mean 'pattern'?"),
        ("email,E-Mail", "e-mail,E-Mail", "[SHT-008] People are not found by 'e-mail'. Did you mean 'email'?"),
        ("email,E-Mail,", "email,E-Mail,Email", "[SHT-006] email takes no field"),
        ("mode,observe", "version,8", "[SHT-005] version is said twice"),
        ("[Columns]", "", "[SHT-011]"),
        ("Column in the file,S", "Kolumn,S", "[SHT-004] There is no column 'Column in the file'"),
    ],
)  # fmt: skip
def test_every_cell_that_cannot_be_meant_is_told_by_its_name(
    syncd: Syncd, fields: Path, tmp_path: Path, old: str, new: str, says: str
) -> None:
    said = edited(syncd, tmp_path, old, new)
    assert said.code == 1
    assert says in said.err
    assert "next: " in said.err
    assert (fields / "tool.toml").read_text("utf-8") == MAPPING


def test_an_export_that_is_taken_for_a_mapping_is_told_apart_and_removes_nothing(
    syncd: Syncd, fields: Path, tmp_path: Path
) -> None:
    (tmp_path / "leads.csv").write_text("Email,First Name\nana@example.com,Ana\n", "utf-8")
    said = syncd("mapping", "import", "leads.csv", "--source", "tool", "--write")
    assert (said.code, said.out) == (1, "")
    assert "For an export of people a mapping is proposed by: syncd mapping suggest" in said.err
    assert "removed" not in said.err
    assert (fields / "tool.toml").read_text("utf-8") == MAPPING


def test_formulas_and_merged_cells_are_told_by_their_cell(syncd: Syncd, fields: Path, tmp_path: Path) -> None:
    assert fields.is_dir()
    path = tmp_path / "typed.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("Columns")
        sheet.write_row(0, 0, ["Column in the file", "Type", "Salesforce field"])
        sheet.write_string(1, 0, "a")
        sheet.write_formula(1, 1, '="te"&"xt"', None, "text")
        sheet.merge_range("A3:B3", "b")
        book.add_worksheet("Colours").write(0, 0, "red")
    said = syncd("mapping", "import", path, "--source", "tool")
    assert said.code == 1
    for says in ("Columns!B2 [SHT-012]", "Columns!A3 [SHT-013] The cells A3:B3 are merged", "Colours!A1 [SHT-001]"):
        assert says in said.err


def test_a_table_saved_with_semicolons_is_read_and_one_in_another_encoding_is_told(
    syncd: Syncd, fields: Path, tmp_path: Path
) -> None:
    assert fields.is_dir()
    path = tmp_path / "tool.csv"
    assert syncd("mapping", "export", "tool", "--to", path).code == 0
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.reader(stream))
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, delimiter=";").writerows(rows)
    assert syncd("mapping", "import", path, "--source", "tool", "--json").json["diff"] == []
    path.write_bytes("[Columns]\nStraße\n".encode("cp1252"))
    said = syncd("mapping", "import", path, "--source", "tool")
    assert said.code == 1
    assert "is not UTF-8: byte 0xdf on line 2" in said.err


def test_data_loader_takes_the_targets_and_is_told_what_it_cannot_say(syncd: Syncd, fields: Path, tmp_path: Path) -> None:
    assert fields.is_dir()
    said = syncd("mapping", "export", "tool", "--to", tmp_path / "tool.sdl")
    assert said.code == 0
    lines = (tmp_path / "tool.sdl").read_text("ascii").splitlines()
    assert lines[0].startswith("# Generated by syncd")
    assert lines[1:] == ["id=MA_Person_Id__c", "lead\\ score=Lead_Score__c", "\\=danger=City"]
    for says in ("finds nobody by an e-mail", "'lead score': conflict, null, side", "'opt' is left out", "[file]: delimiter"):
        assert says in said.err
    contact = syncd("mapping", "export", "tool", "--to", tmp_path / "contact.sdl", "--object", "contact")
    assert "Column 'lead score' is left out: its field belongs to Lead" in contact.err
    again = syncd("mapping", "import", tmp_path / "tool.sdl", "--source", "tool", "--json").json
    assert (again["diff"], again["notes"]) == ([], [])


def test_a_data_loader_file_changes_targets_and_leaves_the_rest(syncd: Syncd, fields: Path, tmp_path: Path) -> None:
    (tmp_path / "theirs.sdl").write_text(
        "#Mapping values\n! made by hand\nlead\\ score=Rank__c\n\\=danger : MailingCity\nnew\\u00fc=Website,\\\n  Other__c\n"
        "acct=Account\\:Ext__c\nempty=\n",
        "utf-8",
    )
    said = syncd("mapping", "import", tmp_path / "theirs.sdl", "--source", "tool", "--write")
    assert said.code == 0, said.err
    values = tomllib.loads((fields / "tool.toml").read_text("utf-8"))
    assert values["column"]["lead score"] == {**tomllib.loads(MAPPING)["column"]["lead score"], "field": {"Lead": "Rank__c"}}
    assert values["column"]["=danger"]["field"] == {"Lead": "MailingCity", "Contact": "MailingCity"}
    assert values["column"]["newü"] == {"field": {"Lead": "Website"}, "type": "text", "side": "marketing", "conflict": "fill"}
    assert "theirs.sdl:5 [SDL-003] 'newü' goes into 2 fields" in said.err
    assert "theirs.sdl:7 [SDL-002] 'Account:Ext__c' belongs to a related record" in said.err
    assert comments_in((fields / "tool.toml").read_text("utf-8")) == comments_in(MAPPING)


def test_a_mapping_that_has_to_be_written_anew_keeps_its_comments(syncd: Syncd, fields: Path, tmp_path: Path) -> None:
    text = '# ours\nversion = "1"\nmode = "observe"\nmatch.email = "mail"   # alone\n\n[column.a]   # a\nfield.Lead = "A__c"\n'
    (fields / "tool.toml").write_text(f'{text}type = "text"\nside = "marketing"\nconflict = "fill"\n', "utf-8")
    (tmp_path / "theirs.sdl").write_text("a=B__c\n", "utf-8")
    said = syncd("mapping", "import", tmp_path / "theirs.sdl", "--source", "tool", "--object", "Contact", "--write")
    assert said.code == 0, said.err
    written = (fields / "tool.toml").read_text("utf-8")
    assert tomllib.loads(written)["column"]["a"]["field"] == {"Lead": "A__c", "Contact": "B__c"}
    assert comments_in(written) == comments_in(text)


def test_what_java_escapes_comes_back() -> None:
    chance = random.Random(3)
    signs = [" ", "=", ":", "#", "!", "\\", "\t", "\n", "\r", "ü", "𝄞", "a", "Z", "'", "ß"]
    for _ in range(300):
        column = "x" + "".join(chance.choice(signs) for _ in range(6)) + "x"
        written = write_sdl([Pair(column, ("A__c", "B__c"), 0)], ["a\\b ü"], "some")
        pairs, comments = read_sdl(written)
        assert [(pair.column, pair.fields) for pair in pairs] == [(column, ("A__c", "B__c"))]
        assert comments == ["a\\b \\u00FC"]
        assert written.isascii()


def test_a_file_that_cannot_be_used_is_told_in_words(syncd: Syncd, fields: Path, tmp_path: Path) -> None:
    assert fields.is_dir()
    (tmp_path / "no.xlsx").write_bytes(b"PK\x03\x04 broken")
    (tmp_path / "no.sdl").write_text("# nothing\n", "utf-8")
    for name, says in (
        ("no.xlsx", "damaged"),
        ("no.sdl", "maps no column"),
        ("no.txt", "ends in none of"),
        ("gone.csv", "cannot be read"),
    ):
        said = syncd("mapping", "import", name, "--source", "tool")
        assert (said.code, said.out) == (2, "")
        assert says in said.err
    assert syncd("mapping", "export", "tool", "--to", "no.sdl").code == 1
    assert syncd("mapping", "export", "toole", "--to", "new.sdl").code == 2


def test_a_merge_that_cannot_be_done_in_place_still_says_what_is_wanted() -> None:
    text = 'version = "1"\ncolumn = { a = { type = "text" } }\n'
    wanted = {"version": "2", "column": {"a": {"type": "text"}, "b": {"type": "number"}}, "file": {"null": [""]}}
    assert tomllib.loads(merged_text(text, wanted)) == wanted
    text = 'match = { id = "a", email = "b" }\n'
    assert list(tomllib.loads(merged_text(text, {"match": {"email": "b", "id": "a"}}))["match"]) == ["email", "id"]
