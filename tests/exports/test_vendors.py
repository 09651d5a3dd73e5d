"""An export tells which tool wrote it, and the mapping that is begun for it is valid."""

from __future__ import annotations

import csv
import tomllib
from pathlib import Path

import pytest

from syncd.core.mapping import SourceMapping
from syncd.core.mapping_file.parsing import parse_mapping
from syncd.core.rows import ParsedRow, read_row
from syncd.core.values import Flag
from syncd.exports import sampling
from syncd.exports.starters import starter
from syncd.exports.vendors import NoExport, read_header, recognise, source_name
from syncd.policies.documents import read_table

HEADERS = {
    "marketo": "id,email,firstName,lastName,leadStatus,leadScore,unsubscribed,emailInvalid,updatedAt",
    "account_engagement": "id,email,score,opted_out,is_do_not_email,crm_lead_fid,last_activity_at",
    "hubspot": "Record ID,First Name,Email,Lifecycle Stage,Lead Status,Contact owner,Create Date,Unsubscribed from all email",
    "mailchimp": '"Email Address","First Name",Interests,MEMBER_RATING,LAST_CHANGED,LEID,EUID,NOTES,TAGS',
    "mautic": '"id","firstname","lastname","email","points","company","stage"',
    "klaviyo": "Email,Klaviyo ID,First Name,Email Marketing Consent,Profile Created On,Email Suppressions",
    "eloqua": "EmailAddress,C_FirstName,C_LastName,IsSubscribed,IsBounced,DateModified",
    "activecampaign": "Email,First Name,Last Name,Phone,Tags,Status,Date Created",
}


def mapping_of(tmp_path: Path, head: bytes, name: str = "people.csv") -> SourceMapping:
    export = read_header(head)
    vendor = recognise(export)
    path = tmp_path / f"{source_name(vendor, name)}.toml"
    path.write_text(starter(vendor, export, name), "utf-8")
    table, problems = read_table(path)
    assert table is not None, problems
    mapping, problems = parse_mapping(path.stem, table)
    assert mapping is not None, [str(problem) for problem in problems]
    return mapping


@pytest.mark.parametrize("name", HEADERS)
def test_each_tool_is_recognised_and_gets_a_valid_mapping_that_writes_nothing(tmp_path: Path, name: str) -> None:
    head = (HEADERS[name] + "\n").encode()
    assert recognise(read_header(head)).name == name
    mapping = mapping_of(tmp_path, head, "unsubscribed_segment.csv")
    assert mapping.mode == "observe"
    assert "email" in mapping.match
    has_flag = any(column.flag is Flag.OPTED_OUT or column.opted_out_when for column in mapping.columns)
    assert has_flag or mapping.file_flag is Flag.OPTED_OUT or name == "mautic"


def test_a_tool_whose_export_says_no_opt_out_is_warned_about() -> None:
    export = read_header(HEADERS["mautic"].encode() + b"\n")
    assert "# WARNING: no column here says who has opted out." in starter(recognise(export), export, "contacts.csv")


@pytest.mark.parametrize(
    ("file", "source", "flag"),
    [
        ("unsubscribed_segment_export_8893f.csv", "mailchimp-unsubscribed", Flag.OPTED_OUT),
        ("cleaned_members_export_8893f.csv", "mailchimp-cleaned", Flag.UNREACHABLE),
        ("subscribed_segment_export_8893f.csv", "mailchimp-subscribed", None),
    ],
)
def test_a_status_that_stands_in_the_file_s_name_holds_for_everybody_in_it(
    tmp_path: Path, file: str, source: str, flag: Flag | None
) -> None:
    mapping = mapping_of(tmp_path, HEADERS["mailchimp"].encode() + b"\n", file)
    assert (mapping.name, mapping.file_flag, mapping.pattern) == (source, flag, f"{file.split('_')[0]}*.csv")
    cells = ["ana@example.com", "Ana", "", "4", "2026-02-27 08:00:00", "1", "2", "", ""]
    header = ["Email Address", "First Name", "Interests", "MEMBER_RATING", "LAST_CHANGED", "LEID", "EUID", "NOTES", "TAGS"]
    row = read_row(mapping, header, cells, 2, file=file)
    assert isinstance(row, ParsedRow)
    assert set(row.flags) == ({flag} if flag else set())


@pytest.mark.parametrize(
    ("head", "encoding", "delimiter"),
    [
        (b"\xef\xbb\xbfid;email;unsubscribed\n", "utf-8", ";"),
        ("id\temail\tunsubscribed\n".encode("utf-16"), "utf-16", "\t"),
        ("id,email,unsubscribed,straße\n".encode("cp1252"), "cp1252", ","),
        ("id,email,unsubscribed\n1,ä".encode()[:-1], "utf-8", ","),
    ],
)
def test_encoding_and_delimiter_are_taken_from_the_file(head: bytes, encoding: str, delimiter: str) -> None:
    export = read_header(head)
    assert (export.columns[:3], export.encoding, export.delimiter) == (("id", "email", "unsubscribed"), encoding, delimiter)


def test_an_unknown_tool_s_opt_out_is_guessed_and_marked(tmp_path: Path) -> None:
    head = b"E-mail,Name,Opted Out\n"
    assert recognise(read_header(head)).is_seen is False
    mapping = mapping_of(tmp_path, head)
    assert [column.flag for column in mapping.columns] == [Flag.OPTED_OUT]
    assert "guessed from its name" in starter(recognise(read_header(head)), read_header(head), "x.csv")


@pytest.mark.parametrize(
    "head",
    [
        b"Email,First Name,Last Name,Opted Out\n",
        b"Prospect Id,First Name,Last Name,Email,Company,Score,Opted Out,Do Not Email,Updated Date\n",
        b"Email Address,First Name,Last Name,Company,Eloqua Contact ID,Do Not Email\n",
    ],
)
def test_what_any_tool_calls_so_makes_no_tool_known_and_no_opt_out_is_lost(tmp_path: Path, head: bytes) -> None:
    assert recognise(read_header(head)).name == "export"
    mapping = mapping_of(tmp_path, head)
    assert {column.name for column in mapping.columns} == {"Opted Out", "Do Not Email"} & set(read_header(head).columns)
    assert {column.flag for column in mapping.columns} == {Flag.OPTED_OUT}


def test_an_opt_out_whose_name_stands_twice_is_mapped_once(tmp_path: Path) -> None:
    mapping = mapping_of(tmp_path, b"Email,Unsubscribed,Unsubscribed\n")
    assert [column.name for column in mapping.columns] == ["Unsubscribed"]


def test_an_opt_out_that_a_known_tool_is_not_known_for_is_asked_about_or_taken() -> None:
    asked = read_header(HEADERS["hubspot"].encode() + b",Opted out of email: News,Unsubscribe reason\n")
    text = starter(recognise(asked), asked, "x.csv")
    assert "# QUESTION: does this column say who has opted out?" in text
    assert '# [column."Opted out of email: News"]' in text
    assert '"Unsubscribe reason"' not in text
    taken = read_header(HEADERS["mautic"].encode() + b",unsubscribed\n")
    text = starter(recognise(taken), taken, "x.csv")
    assert '\n[column."unsubscribed"]' in text
    assert "WARNING" not in text


def begun(tmp_path: Path, header: str, *rows: str) -> tuple[str, SourceMapping]:
    """Begin the mapping of a file and its rows; return its text, and what it means."""
    export = read_header(f"{header}\n".encode())
    path = tmp_path / "begun.toml"
    path.write_text(starter(recognise(export), export, "people.csv", [row.split(",") for row in rows]), "utf-8")
    table, _ = read_table(path)
    assert table is not None
    mapping, problems = parse_mapping(path.stem, table)
    assert mapping is not None, [str(problem) for problem in problems]
    return path.read_text("utf-8"), mapping


@pytest.mark.parametrize(
    ("header", "empty"),
    [
        (HEADERS["account_engagement"], ("1,ana@example.com,3,,,,", "2,bo@example.com,3,,,,")),
        (HEADERS["marketo"], ("1,ana@example.com,A,B,,,null,,", "2,bo@example.com,A,B,,,,,")),
        (HEADERS["hubspot"], ("1,A,ana@example.com,,,,,", "2,B,bo@example.com,,,,,")),
        ("E-mail,Opted Out", ("ana@example.com,", "bo@example.com,  ")),
    ],
)
def test_an_opt_out_without_a_value_in_any_row_excludes_nobody_and_a_later_value_still_does(
    tmp_path: Path, header: str, empty: tuple[str, ...]
) -> None:
    _, mapping = begun(tmp_path, header, *empty)
    names = read_header(header.encode()).columns
    flagged = [column.name for column in mapping.columns if column.flag is Flag.OPTED_OUT]
    assert flagged
    for row in empty:
        parsed = read_row(mapping, names, row.split(","), 2)
        assert isinstance(parsed, ParsedRow)
        assert (dict(parsed.flags), parsed.problems) == ({}, ())
    for cell, flag in (("true", Flag.OPTED_OUT), ("perhaps", Flag.OPT_OUT_UNREADABLE)):
        cells = [cell if name == flagged[0] else was for name, was in zip(names, empty[0].split(","), strict=True)]
        parsed = read_row(mapping, names, cells, 3)
        assert isinstance(parsed, ParsedRow)
        assert set(parsed.flags) == {flag}


def test_what_an_opt_out_says_in_unknown_words_is_named_where_some_rows_say_something(tmp_path: Path) -> None:
    text, mapping = begun(tmp_path, "E-mail,Opted Out", "ana@example.com,", "bo@example.com,ja", "cy@example.com,1")
    assert 'Neither true nor false in 2 of 3 rows looked at: "", "ja". That counts as opted out until you say' in text
    parsed = read_row(mapping, ["E-mail", "Opted Out"], ["ana@example.com", ""], 2)
    assert isinstance(parsed, ParsedRow)
    assert set(parsed.flags) == {Flag.OPT_OUT_UNREADABLE}


@pytest.mark.parametrize(
    ("head", "why"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty, or begins with an empty line"),
    ],
)
def test_what_is_no_csv_is_said(head: bytes, why: str) -> None:
    with pytest.raises(NoExport, match=why):
        read_header(head)


@pytest.mark.parametrize(
    ("head", "why"), [(b"a,b,c\n", "no column that looks like an e-mail"), (b"email,b\n", "would know what to do")]
)
def test_a_file_without_people_or_use_is_refused(head: bytes, why: str) -> None:
    export = read_header(head)
    with pytest.raises(NoExport, match=why):
        starter(recognise(export), export, "x.csv")


def test_a_hostile_header_stays_a_comment(tmp_path: Path) -> None:
    head = 'email,unsubscribed,id,updatedAt,"x"" = 1\u2028[evil]",=cmd()\n'.encode()
    assert mapping_of(tmp_path, head).columns[0].name == "unsubscribed"


@pytest.mark.parametrize(
    "name", ["Opted\nOut", "Un\u202esubscribed", "opt-out\t", 'unsub", \\"scribed', 'opt-out\n"]\nmode = "write"\n#']
)
def test_whatever_a_column_is_called_the_mapping_is_toml_that_names_it_in_sight(name: str) -> None:
    quoted = name.replace('"', '""')
    export = read_header(f'Email,"{quoted}"\na@b.example,0\n'.encode())
    text = starter(recognise(export), export, "people.csv")
    mapping = tomllib.loads(text)
    assert (list(mapping["column"]), mapping["mode"]) == ([name.strip()], "observe")
    assert all(line.isprintable() for line in text.splitlines())


@pytest.mark.parametrize("limit", [131_072, 10**6])
def test_a_header_longer_than_any_cell_may_be_is_no_export(limit: int) -> None:
    before = csv.field_size_limit(limit)  # one of the whole process, which a bulk query raises
    try:
        with pytest.raises(NoExport, match="begins with what is no CSV"):
            read_header(b"Email," + b"x" * 140_000)
    finally:
        csv.field_size_limit(before)


def test_a_file_of_one_endless_line_is_looked_at_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "LINE_CHARS_MAX", 1000)
    path = tmp_path / "a.csv"
    path.write_text("Email," + "x" * 5000, "utf-8")
    columns = sampling.sample(path).export.columns
    assert sum(map(len, columns)) < 1000
