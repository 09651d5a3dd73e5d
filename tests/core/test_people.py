"""Whom is a row about, which row counts, what does it write, and who gets no mail?"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from syncd.core.cell_times import read_moment
from syncd.core.cells import long_id, read_cell
from syncd.core.mapped import writes_for
from syncd.core.mapping import Column, SourceMapping
from syncd.core.mapping_fit import schema_problems, unfit
from syncd.core.matching import match, newest_of
from syncd.core.rows import ParsedRow, from_payload, read_row, to_payload
from syncd.core.unreadable import Unreadable
from syncd.core.values import Flag, OrgRecord, Problem, Rule, Scalar

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
RULE = Rule("some", "m.toml", 1)
LEAD, OTHER, CONTACT = "00QSX00000000012AA", "00QSX00000000022AA", "003SX00000000012AA"
HEADER = ("sfid", "ma", "email", "score", "name", "out", "bad", "last", "at")


@dataclass(frozen=True)
class Schema:
    name: str
    type: str = "string"
    length: int = 0
    is_updateable: bool = True
    picklist: tuple[str, ...] = ()
    is_createable: bool = True
    is_calculated: bool = False
    is_nillable: bool = True
    is_external_id: bool = False
    inactive: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    precision: int = 0
    scale: int = 0
    label: str = ""


FIELDS = {
    one.name: one
    for one in (
        Schema("Score__c", "double"),
        Schema("Nick__c", "string", 5),
        Schema("HasOptedOutOfEmail", "boolean"),
        Schema("Locked__c", "double", is_updateable=False),
        Schema("Kind__c", "picklist", 255, True, ("Red", "Blue")),
    )
}


def col(name: str, kind: str, field: str | None = None, **more: object) -> Column:
    fields = {"Lead": field, "Contact": field} if field else {}
    return replace(Column(name, kind, RULE), **{"fields": fields, **more})  # type: ignore[arg-type]


MAPPING = SourceMapping(
    name="marketo",
    file="m.toml",
    sha256="ab",
    version="1",
    columns=(
        col("score", "number", "Score__c"),
        col("name", "text", "Nick__c"),
        col("out", "boolean", "HasOptedOutOfEmail", flag=Flag.OPTED_OUT, null=frozenset()),
        col("bad", "boolean", flag=Flag.UNREACHABLE),
        col("last", "text", opted_out_when=frozenset(["Unsubscribed"]), unreachable_when=frozenset(["Email Bounced"])),
    ),
    match={"id": "sfid", "external": "ma", "email": "email"},
    external_field="MA__c",
    newest="at",
    mode="write",
    opt_out_rule=RULE,
)


def cells(**given: str) -> list[str]:
    base = dict.fromkeys(HEADER, "") | {"email": "ana@example.com", "out": "false", "at": "2026-11-01T10:00:00Z"}
    return list({**base, **given}.values())


def row(line: int = 2, /, **given: str) -> ParsedRow:
    read = read_row(MAPPING, HEADER, cells(**given), line, file="a.csv", now_at=NOW)
    assert isinstance(read, ParsedRow), read
    return read


def lead(id: str = LEAD, **fields: Scalar) -> OrgRecord:
    base: dict[str, Scalar] = {"Score__c": 30.0, "Nick__c": "Ana", "HasOptedOutOfEmail": False, "IsConverted": False}
    return OrgRecord("Lead", id, NOW, {**base, **fields})


def contact(id: str = CONTACT, **fields: Scalar) -> OrgRecord:
    return OrgRecord("Contact", id, NOW, {"HasOptedOutOfEmail": False, **fields})


@pytest.mark.parametrize(
    ("kind", "cell", "value"),
    [
        ("text", "  Ana ", "  Ana "),
        ("text", "   ", None),
        ("text", "Null", "Null"),
        ("text", "null", None),
        ("text", "=1+1", "=1+1"),
        ("number", "30.0", 30.0),
        ("number", " -5 ", -5.0),
        ("integer", "30.0", 30),
        ("integer", "0012", 12),
        ("boolean", "true", True),
        ("date", "2026-02-28", "2026-02-28"),
        ("datetime", "2026-03-01T10:15:30Z", "2026-03-01T10:15:30.000+0000"),
        ("datetime", "2026-03-01 10:15", "2026-03-01T10:15:00.000+0000"),
        ("datetime", "2026-03-01T10:15:30.987+02:00", "2026-03-01T08:15:30.000+0000"),
        ("email", " Ana@Example.com ", "Ana@Example.com"),
    ],
)
def test_a_cell_is_read_by_its_type(kind: str, cell: str, value: Scalar) -> None:
    assert read_cell(col("x", kind), cell, ZoneInfo("UTC")) == value


@pytest.mark.parametrize(
    ("kind", "cell"),
    [
        ("number", "$1,117.10K"),
        ("number", "1.234,56"),
        ("number", "nan"),
        ("number", "inf"),
        ("number", "1e999"),
        ("number", "٣"),
        ("number", "1234567890123456789"),
        ("integer", "30.5"),
        ("integer", "1.23E+05"),
        ("integer", "1e3"),
        ("boolean", "TRUE"),
        ("boolean", "Y"),
        ("boolean", " true"),
        ("date", "2026-02-30"),
        ("date", "1900-01-01"),
        ("date", "15 Apr, 2021"),
        ("datetime", "1970-01-01T00:00:00Z"),
        ("datetime", "2026-W01-1"),
        ("datetime", "3/15/2024 2:30 PM"),
        ("datetime", "9999-12-31T23:59:59-14:00"),
        ("email", "a@b.c;d@e.f"),
        ("email", "nobody"),
    ],
)
def test_a_cell_that_does_not_fit_its_type_is_unreadable(kind: str, cell: str) -> None:
    with pytest.raises(Unreadable):
        read_cell(col("x", kind), cell, ZoneInfo("UTC"))


def test_the_hour_that_occurs_twice_or_never_is_unreadable() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert read_moment("2026-07-01 10:00", berlin) == datetime(2026, 7, 1, 8, tzinfo=UTC)
    with pytest.raises(Unreadable, match="occurs twice"):
        read_moment("2026-10-25 02:30", berlin)
    with pytest.raises(Unreadable, match="never occurs"):
        read_moment("2026-03-29 02:30", berlin)


def test_ids_of_15_and_18_characters_are_one_record() -> None:
    assert long_id("00Q5g00000AbCdE") == long_id("00Q5g00000AbCdEEAV") == "00Q5g00000AbCdEEAV"


@pytest.mark.parametrize("text", ["1.23E+17", "00Q5g00000abcdeEAV", "001SX00000000012AA", "00Q5", "00Q5g00000AbCd€"])
def test_a_damaged_id_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        long_id(text)


def test_the_strongest_key_names_the_row_and_addresses_lose_case_and_blanks() -> None:
    assert row(sfid=LEAD, ma="7").key == f"id:{LEAD}"
    assert row(ma="7").key == "ext:7"
    assert row(email=" ANA@Example.COM ").key == "email:ana@example.com"
    assert row(email="jose\N{COMBINING ACUTE ACCENT}@example.com").key == "email:josé@example.com"


def test_a_row_comes_back_from_json_as_it_was() -> None:
    for one in (row(), row(sfid=LEAD, out="true", bad="true", last="Email Bounced"), row(out="?", score="x")):
        assert from_payload(one.line, json.loads(json.dumps(to_payload(one)))) == one


@pytest.mark.parametrize(
    ("given", "flags"),
    [
        ({}, {}),
        ({"out": "true"}, {Flag.OPTED_OUT: "out"}),
        ({"last": "Unsubscribed"}, {Flag.OPTED_OUT: "last"}),
        ({"last": "Email Bounced"}, {Flag.UNREACHABLE: "last"}),
        ({"bad": "true"}, {Flag.UNREACHABLE: "bad"}),
        ({"out": ""}, {Flag.OPT_OUT_UNREADABLE: "out"}),
        ({"out": "TRUE"}, {Flag.OPT_OUT_UNREADABLE: "out"}),
        ({"out": "\x00"}, {Flag.OPT_OUT_UNREADABLE: "out"}),
        ({"out": "Y", "last": "Unsubscribed"}, {Flag.OPTED_OUT: "last", Flag.OPT_OUT_UNREADABLE: "out"}),
        ({"out": "true", "score": "broken"}, {Flag.OPTED_OUT: "out"}),
        ({"out": "true", "sfid": "1.23E+17"}, {Flag.OPTED_OUT: "out"}),
    ],
)
def test_an_opt_out_counts_whatever_else_is_wrong_with_the_row(given: dict[str, str], flags: dict[Flag, str]) -> None:
    read = row(**given)
    assert read.flags == flags
    assert bool(read.problems) == (Flag.OPT_OUT_UNREADABLE in flags or "score" in given or "sfid" in given)


@pytest.mark.parametrize(
    ("given", "code", "words"),
    [
        ({"email": "", "sfid": "1.23E+17"}, "ROW-006", "spreadsheet"),
        ({"email": ""}, "ROW-006", "No key to tie the row to a person"),
        ({"email": "null"}, "ROW-006", "No key"),
    ],
)
def test_a_row_about_nobody_is_one_problem(given: dict[str, str], code: str, words: str) -> None:
    read = read_row(MAPPING, HEADER, cells(**given), 7, file="a.csv")
    assert isinstance(read, Problem)
    assert (read.code, read.line) == (code, 7)
    assert words in read.text


def test_an_opt_out_without_a_key_is_kept_for_the_one_address_in_the_row() -> None:
    columns = (*(one for one in MAPPING.columns if one.name != "email"), col("email", "email"), col("second", "email"))
    by_id = replace(MAPPING, match={"id": "sfid"}, columns=columns)
    given = {**dict(zip(HEADER, cells(sfid="1.23E+17", email="Ana@Example.com", out="true"), strict=True)), "second": ""}

    def read(**more: str) -> ParsedRow | Problem:
        said = {**given, **more}
        return read_row(by_id, tuple(said), tuple(said.values()), 7, file="a.csv")

    kept = read()
    assert isinstance(kept, ParsedRow)
    assert (kept.key, kept.address, kept.flags) == ("email:ana@example.com", "ana@example.com", {Flag.OPTED_OUT: "out"})
    assert [problem.code for problem in kept.problems] == ["ROW-006"]
    assert "Its opt-out is kept for ana@example.com." in kept.problems[0].text
    for more in ({"out": "false"}, {"email": ""}, {"second": "bo@example.com"}):
        assert isinstance(read(**more), Problem)


def test_a_ragged_row_is_never_read_as_cleared() -> None:
    short = read_row(MAPPING, HEADER, cells()[:4], 7)
    assert isinstance(short, Problem)
    assert short.text == "The row has 4 cells, the header 9."


def test_a_stamp_in_the_future_is_a_problem() -> None:
    assert [problem.code for problem in row(at="2026-12-01T00:00:00Z").problems] == ["ROW-005"]


CONVERTED = lead(IsConverted=True, ConvertedContactId=CONTACT)


@pytest.mark.parametrize(
    ("by_id", "by_external", "by_email", "found", "by", "candidates"),
    [
        ([], [], [], None, "", []),
        ([lead()], [lead(OTHER)], [], LEAD, "id", []),
        ([], [lead(OTHER)], [lead()], OTHER, "external", []),
        ([], [lead(), lead(OTHER)], [lead()], LEAD, "email", []),
        ([], [], [lead(), lead(OTHER)], None, "", [LEAD, OTHER]),
        ([], [], [lead(), contact()], None, "", [CONTACT, LEAD]),
        ([], [], [CONVERTED, contact()], CONTACT, "email", []),
        ([CONVERTED], [], [], CONTACT, "id", []),
        ([replace(lead(), is_deleted=True)], [], [lead(OTHER)], OTHER, "email", []),
    ],
)
def test_the_first_key_that_finds_exactly_one_person_wins(
    by_id: list[OrgRecord],
    by_external: list[OrgRecord],
    by_email: list[OrgRecord],
    found: str | None,
    by: str,
    candidates: list[str],
) -> None:
    result = match(MAPPING, by_id, by_external, by_email, {CONTACT: contact()})
    assert (result.person.id if result.person else None, result.by) == (found, by)
    assert [person.id for person in result.candidates] == candidates
    assert result.is_ambiguous == bool(candidates)


def test_a_converted_lead_whose_contact_is_not_mirrored_stays_itself_and_is_not_written() -> None:
    result = match(MAPPING, [CONVERTED], [], [], {})
    assert result.person == CONVERTED
    assert writes_for(MAPPING, row(score="99", out="true"), CONVERTED, FIELDS) == ([], [])


def test_the_newest_row_counts() -> None:
    old, new = row(2, score="1"), row(3, score="2", at="2026-11-01T10:00:01Z")
    assert newest_of([old, new]) == newest_of([new, old]) == (new, [])


def test_rows_that_say_the_same_are_one() -> None:
    chosen, problems = newest_of([row(2), row(9)])
    assert chosen is not None
    assert (chosen.line, problems) == (2, [])


def test_a_tie_with_different_contents_goes_to_a_human_for_all_of_them() -> None:
    chosen, problems = newest_of([row(2, score="1"), row(3, score="2"), row(4, at="2026-10-01T00:00:00Z")])
    assert chosen is None
    assert [problem.line for problem in problems] == [2, 3]


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ({"score": "30", "name": "Ana"}, {}),
        ({"score": "30.0", "name": " Ana "}, {}),
        ({"score": "31"}, {"Score__c": 31.0}),
        ({"name": "ana"}, {"Nick__c": "ana"}),
        ({"score": "null", "name": ""}, {}),
        ({"out": "true"}, {"HasOptedOutOfEmail": True}),
        ({"out": "false"}, {}),
    ],
)
def test_only_changed_values_are_written(given: dict[str, str], written: dict[str, Scalar]) -> None:
    writes, problems = writes_for(MAPPING, row(**given), lead(), FIELDS)
    assert problems == []
    assert {write.field: write.after for write in writes} == written


@pytest.mark.parametrize("value", ["false", "", "TRUE", "0"])
def test_an_opt_out_of_the_org_is_never_taken_back(value: str) -> None:
    writes, _ = writes_for(MAPPING, row(out=value), lead(HasOptedOutOfEmail=True), FIELDS)
    assert [write for write in writes if write.field == "HasOptedOutOfEmail"] == []


def change(**more: object) -> SourceMapping:
    return replace(MAPPING, columns=(replace(MAPPING.columns[0], **more), *MAPPING.columns[1:]))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("more", "score", "before", "after"),
    [
        ({"conflict": "fill"}, "31", 30.0, None),
        ({"conflict": "fill"}, "31", None, [31.0]),
        ({"blank": "clear"}, "", 30.0, [None]),
        ({"blank": "clear"}, "", None, None),
        ({"side": "sales"}, "31", 30.0, None),
    ],
)
def test_conflict_blank_and_side_decide(more: dict[str, str], score: str, before: Scalar, after: list[Scalar] | None) -> None:
    writes, problems = writes_for(change(**more), row(score=score), lead(Score__c=before), FIELDS)
    assert problems == []
    assert ([write.after for write in writes] or None) == after


@pytest.mark.parametrize(
    ("value", "field", "fits"),
    [
        ("12345", "Nick__c", True),
        ("123456", "Nick__c", False),
        ("ab\N{GRINNING FACE}c", "Nick__c", True),
        ("abc\N{GRINNING FACE}\N{GRINNING FACE}", "Nick__c", False),
        ("Red", "Kind__c", True),
        ("red", "Kind__c", False),
        (1.0, "Locked__c", False),
    ],
)
def test_a_value_that_salesforce_would_refuse_is_not_sent(value: Scalar, field: str, fits: bool) -> None:
    assert (unfit(value, FIELDS[field]) is None) == fits


def test_a_row_with_one_unfit_value_writes_nothing_but_its_opt_out() -> None:
    writes, problems = writes_for(MAPPING, row(score="31", name="far too long", out="true"), lead(), FIELDS)
    assert [write.part for write in writes] == ["flag"]
    assert [problem.code for problem in problems] == ["ROW-021"]


def test_a_mapping_is_held_against_the_org() -> None:
    fields = {**FIELDS, "Score__c": Schema("Score__c", "string")}
    del fields["Nick__c"]
    codes = [problem.text for problem in schema_problems(MAPPING, {"Lead": fields, "Contact": FIELDS})]
    assert codes == [
        "Column 'score': Lead.Score__c is of type string, the column of type number.",
        "Column 'name': Lead.Nick__c is not visible to syncd's user or does not exist.",
        "MA__c is visible neither on Lead nor on Contact.",
    ]
