"""Do formulas of a mapping say what Salesforce would, and is a row that has no value set aside with its reason?"""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from syncd.core.mapped import FieldWrite, writes_for
from syncd.core.mapping import SourceMapping, columns_read, fields_needed, header_faults, reference
from syncd.core.mapping_file.parsing import parse_mapping
from syncd.core.mapping_fit import schema_problems, unfit
from syncd.core.rows import ParsedRow, from_payload, read_row, to_payload
from syncd.core.values import OrgRecord, Problem, Scalar
from syncd.exports.contact_points import ContactPoints
from syncd.policies.documents import read_table
from syncd.policies.mapping_formulas import compile_formula
from syncd.ports import FieldSchema

HEAD = 'version = "1"\n[match]\nemail = "email"\n'
SIDES = 'side = "marketing"\nconflict = "overwrite"\n'
HEADER = ("email", "Country Name", "score", "First", "last", "stage")
LEAD = "00QSX00000000012AA"


def field(name: str, kind: str = "string", **more: object) -> FieldSchema:
    return FieldSchema(name, kind, 255, True, True, False, **more)  # type: ignore[arg-type]


FIELDS = {
    one.name: one
    for one in (
        field("Out__c"),
        field("Score__c", "double", precision=5, scale=1),
        field("Share__c", "percent"),
        field("Count__c", "int"),
        field("On__c", "date"),
        field("Rating", "picklist", picklist=("Hot", "Cold"), inactive=("Warm",)),
        field("Topics__c", "multipicklist", picklist=("A", "B", "C")),
        field("IsKey__c", "boolean", is_nillable=False),
        field("Email", "email"),
    )
}


def mapping_of(tmp_path: Path, body: str) -> SourceMapping:
    path = tmp_path / "m.toml"
    path.write_text(HEAD + body, encoding="utf-8")
    table, problems = read_table(path)
    assert table is not None, problems
    mapping, problems = parse_mapping("tool", table, compile_formula)
    assert mapping is not None, list(map(str, problems))
    return mapping


def row_of(mapping: SourceMapping, cells: dict[str, str]) -> ParsedRow:
    found = read_row(mapping, HEADER, [cells.get(name, "") for name in HEADER], 7, file="f.csv")
    assert isinstance(found, ParsedRow)
    return from_payload(7, to_payload(found))


def written(
    tmp_path: Path, body: str, cells: dict[str, str], record: dict[str, Scalar] | None = None
) -> tuple[list[FieldWrite], list[Problem]]:
    mapping = mapping_of(tmp_path, body)
    fields = {**dict.fromkeys(FIELDS), "IsKey__c": False, "Email": "a@b.example", **(record or {})}
    person = OrgRecord("Lead", LEAD, datetime(2026, 1, 1, tzinfo=UTC), fields)
    row = row_of(mapping, {"email": "a@b.example", **cells})
    return writes_for(mapping, row, person, FIELDS)


def computed(formula: str, name: str = "Out__c", more: str = "") -> str:
    return f"[computed.{name}]\nformula = '''{formula}'''\n{SIDES}{more}"


@pytest.mark.parametrize(
    ("formula", "field", "cells", "after"),
    [
        ("TRIM(UPPER(LEFT(Country_Name, 2)))", "Out__c", {"Country Name": "germany"}, "GE"),
        ('first & " " & LAST', "Out__c", {"First": "Ann", "last": "Lee"}, "Ann Lee"),
        ('IF(ISBLANK(last), "nobody", last)', "Out__c", {"last": "null"}, "nobody"),
        ("VALUE(score) / 4", "Score__c", {"score": "10"}, 2.5),
        ("VALUE(score) * 2", "Count__c", {"score": "10"}, 20),
        ("0.125", "Share__c", {}, 12.5),
        ("DATEVALUE(last) + 30", "On__c", {"last": "2026-01-31"}, "2026-03-02"),
        ('CASE(stage, "mql", "Hot", "Cold")', "Rating", {"stage": "mql"}, "Hot"),
        ('stage = "key"', "IsKey__c", {"stage": "key"}, True),
        ("$Record.Email", "Out__c", {}, "a@b.example"),
    ],
)
def test_a_computed_field_is_what_its_formula_gives(
    tmp_path: Path, formula: str, field: str, cells: dict[str, str], after: Scalar
) -> None:
    writes, problems = written(tmp_path, computed(formula, field), cells)
    assert problems == []
    assert [(write.field, write.after) for write in writes] == [(field, after)]
    assert writes[0].reason == f"computed field {field!r} of f.csv:7"


SCORE = f'[column.score]\ntype = "number"\nfield = {{ Lead = "Score__c" }}\n{SIDES}'


@pytest.mark.parametrize(
    ("before", "cell", "after"), [(None, "30", [30.0]), (40.0, "30", []), (20.0, "30", [30.0]), (20.0, "", [])]
)
def test_a_column_is_written_only_where_its_condition_holds(
    tmp_path: Path, before: Scalar, cell: str, after: list[Scalar]
) -> None:
    when = "when = 'ISBLANK($Record.Score__c) || score > $Record.Score__c'\n"
    writes, problems = written(tmp_path, SCORE + when, {"score": cell}, {"Score__c": before})
    assert ([write.after for write in writes], problems) == (after, [])


def test_a_column_of_a_type_is_that_type_in_formulas(tmp_path: Path) -> None:
    writes, _ = written(tmp_path, SCORE + "transform = 'score * 2'\n", {"score": "30.5"})
    assert [write.after for write in writes] == [61]


def test_a_formula_without_a_value_sets_the_row_aside_with_the_reason(tmp_path: Path) -> None:
    writes, [problem] = written(tmp_path, computed("VALUE(score) / VALUE(last)", "Score__c"), {"score": "1", "last": "0"})
    assert writes == []
    assert (problem.line, problem.code) == (7, "ROW-022")
    assert problem.text.startswith("Computed field 'Score__c': the formula has no value: ")


def test_a_value_that_the_field_cannot_take_sets_the_row_aside(tmp_path: Path) -> None:
    _, [digits] = written(tmp_path, SCORE, {"score": "12345"})
    _, [fraction] = written(tmp_path, computed("VALUE(score)", "Count__c"), {"score": "1.5"})
    _, [inactive] = written(tmp_path, computed('"Warm"', "Rating"), {})
    assert "more digits before the point than the field takes (4)" in digits.text
    assert "1.5 is no whole number" in fraction.text
    assert "'Warm' is an inactive value of the picklist (Hot, Cold)." in inactive.text


@pytest.mark.parametrize(
    ("kind", "precision", "scale", "value", "is_fit"),
    [
        ("double", 2, 2, 0.99, True),
        ("double", 2, 2, 1, False),
        ("double", 5, 1, -9999.9, True),
        ("currency", 5, 1, -10000.0, False),
        ("double", 0, 0, 1e17, True),
        ("int", 0, 0, 2**31, False),
        ("int", 0, 0, 7.0, True),
    ],
)
def test_a_number_has_the_digits_that_its_field_takes(kind: str, precision: int, scale: int, value: float, is_fit: bool) -> None:
    assert (unfit(value, field("N__c", kind, precision=precision, scale=scale)) is None) is is_fit


def test_values_of_a_multi_select_picklist_have_no_order(tmp_path: Path) -> None:
    body = f'[column.stage]\ntype = "multipicklist"\nsplit = "|"\nfield = {{ Lead = "Topics__c" }}\n{SIDES}'
    same, _ = written(tmp_path, body, {"stage": "B|A"}, {"Topics__c": "A;B"})
    other, _ = written(tmp_path, body, {"stage": "B|C|B"}, {"Topics__c": "A;B"})
    _, [strange] = written(tmp_path, body, {"stage": "B|X"}, {"Topics__c": "A;B"})
    assert (same, [write.after for write in other], strange.code) == ([], ["B;C"], "ROW-021")


def test_columns_that_only_formulas_name_are_found_in_the_header_or_refused(tmp_path: Path) -> None:
    mapping = mapping_of(tmp_path, computed("first & Country_Name"))
    assert (mapping.required, mapping.references) == (("email",), ("first", "country_name"))
    assert columns_read(mapping, HEADER) == ("email", "Country Name", "First")
    assert header_faults(mapping, HEADER) == ([], [])
    assert header_faults(mapping, ("email", "first")) == (["country_name"], [])
    several = header_faults(mapping, ("email", "first", "Country Name", "Country-Name"))
    assert several == ([], [("country_name", ("Country Name", "Country-Name"))])


@pytest.mark.parametrize(
    ("name", "spelt"), [("First Name", "first_name"), ("E-Mail (work)", "e_mail__work_"), ("2nd", "_2nd"), ("null", "_null")]
)
def test_a_formula_names_a_column_with_a_line_for_each_sign(name: str, spelt: str) -> None:
    assert reference(name) == spelt


def test_what_a_formula_asks_of_the_record_is_mirrored(tmp_path: Path) -> None:
    mapping = mapping_of(tmp_path, computed("TEXT($Record.Rating)", more='objects = ["Lead"]\n'))
    needed = fields_needed([mapping])
    assert {"Rating", "Out__c"} <= set(needed["Lead"])
    assert "Rating" not in needed["Contact"]


def test_a_formula_that_asks_a_hidden_field_sets_the_row_aside(tmp_path: Path) -> None:
    mapping = mapping_of(tmp_path, computed("$Record.Secret__c"))
    person = OrgRecord("Lead", LEAD, datetime(2026, 1, 1, tzinfo=UTC), {"Out__c": None})
    writes, [problem] = writes_for(mapping, row_of(mapping, {"email": "a@b.example"}), person, FIELDS)
    assert (writes, problem.code) == ([], "ROW-022")
    assert "Lead.Secret__c, which is not visible" in problem.text


def fit(tmp_path: Path, body: str, **changed: FieldSchema) -> list[str]:
    fields = FIELDS | changed
    mapping = mapping_of(tmp_path, body)
    found = schema_problems(mapping, {"Lead": fields, "Contact": fields})
    return [f"{one.line}:{one.column}-{one.length} [{one.code}] {one.text} {one.remedy}" for one in found]


def col(kind: str, name: str, more: str = "") -> str:
    return f'[column.score]\ntype = "{kind}"\nfield = {{ Lead = "{name}" }}\n{SIDES}{more}'


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (col("number", "Score__C"), "6:18-10 [MAP-130] Column 'score': Lead.Score__C is not visible"),
        (col("number", "Out__c"), "5:8-8 [MAP-135] Column 'score': Lead.Out__c is of type string, the column of type number."),
        (col("text", "Rollup__c"), "6:18-11 [MAP-134] Column 'score': Lead.Rollup__c is a formula or roll-up"),
        (col("text", "AccountId"), "6:18-11 [MAP-136] Column 'score': Lead.AccountId is a lookup to Account"),
        (col("text", "Once__c"), "6:18-9 [MAP-134] Column 'score': Lead.Once__c may be set when a record is created"),
        (col("text", "Must__c", 'blank = "clear"\n'), "9:10-5 [MAP-133] Column 'score': Lead.Must__c is never empty"),
        (
            col("number", "Out__c", "transform = 'score * 2'\n"),
            "6:18-8 [MAP-135] Column 'score': Lead.Out__c is of type string, the formula gives a number. "
            "Turn the value into a text",
        ),
        (
            col("number", "Score__c", "when = '$Record.Rating = \"Hot\"'\n"),
            "9:9-14 [FML-014] Column 'score': when, character 1, on Lead: A picklist can't be compared with =.",
        ),
        (
            col("number", "Score__c", "when = 'ISBLANK($Record.Ratign)'\n"),
            "9:8-25 [MAP-130] Column 'score': when asks Lead.Ratign, which is not visible to syncd's user or does not exist. "
            "Did you mean 'Rating'?",
        ),
    ],
)
def test_a_mapping_that_does_not_fit_the_org_is_told_at_its_word(tmp_path: Path, body: str, said: str) -> None:
    more = {
        "Rollup__c": field("Rollup__c", is_calculated=True),
        "AccountId": field("AccountId", "reference", references=("Account",)),
        "Once__c": FieldSchema("Once__c", "string", 255, False, True, False),
        "Must__c": field("Must__c", is_nillable=False),
    }
    [found] = fit(tmp_path, body, **more)
    assert found.startswith(said)


def test_a_mapping_that_fits_is_not_complained_of(tmp_path: Path) -> None:
    assert fit(tmp_path, SCORE + "when = '$Record.Score__c < score'\n" + computed("TEXT($Record.Rating)")) == []


PHONE = f'[column.score]\ntype = "phone"\nregion = "DE"\nfield = {{ Lead = "Out__c" }}\n{SIDES}'


@pytest.mark.parametrize(
    ("before", "cell", "after"),
    [
        ("030 901820", "+49 30 901820", []),
        ("030 901820", "(030) 90 18 21", ["+4930901821"]),
        (None, "030/901820", ["+4930901820"]),
        ("030 901820", "", []),
    ],
)
def test_a_phone_number_is_normalised_only_where_it_is_another(
    tmp_path: Path, before: Scalar, cell: str, after: list[Scalar]
) -> None:
    mapping = mapping_of(tmp_path, PHONE)
    person = OrgRecord("Lead", LEAD, datetime(2026, 1, 1, tzinfo=UTC), {"Out__c": before})
    row = row_of(mapping, {"email": "a@b.example", "score": cell})
    writes, problems = writes_for(mapping, row, person, FIELDS, ContactPoints())
    assert ([write.after for write in writes], problems) == (after, [])


@pytest.mark.parametrize(
    ("country", "after"), [("AT", "+4330901820"), ("Österreich", "+4330901820"), ("", "+4930901820"), ("Atlantis", "ROW-022")]
)
def test_the_country_of_a_number_may_stand_in_another_column(tmp_path: Path, country: str, after: str) -> None:
    mapping = mapping_of(tmp_path, PHONE + 'region_from = "Country Name"\n[column."Country Name"]\ntype = "text"\n')
    person = OrgRecord("Lead", LEAD, datetime(2026, 1, 1, tzinfo=UTC), {"Out__c": None})
    row = row_of(mapping, {"email": "a@b.example", "score": "030 901820", "Country Name": country})
    writes, problems = writes_for(mapping, row, person, FIELDS, ContactPoints())
    assert [*(write.after for write in writes), *(one.code for one in problems)] == [after]


def test_a_number_that_is_none_sets_the_row_aside(tmp_path: Path) -> None:
    mapping = mapping_of(tmp_path, PHONE)
    person = OrgRecord("Lead", LEAD, datetime(2026, 1, 1, tzinfo=UTC), {"Out__c": None})
    row = row_of(mapping, {"email": "a@b.example", "score": "call me 5"})
    writes, [problem] = writes_for(mapping, row, person, FIELDS, ContactPoints())
    assert (writes, problem.code) == ([], "ROW-022")


ODD = (
    "",
    " ",
    "0",
    "-1",
    "1e400",
    "NaN",
    "12,5",
    "1.234,5",
    "\x00",
    "\u202e",
    "2026-02-30",
    "31.12.2026 24:00",
    "x" * 3000,
    "😀",
    "'",
)
DEEDS = (
    "TRIM(UPPER(LEFT(score, VALUE(last))))", "TEXT(VALUE(score) / VALUE(last))", "LPAD(first, VALUE(score), last)",
    "TEXT(DATEVALUE(score) + VALUE(last))", "TEXT(DATE(VALUE(score), VALUE(last), 31))", "TEXT(SQRT(VALUE(score)))",
    "TEXT(VALUE(score) ^ VALUE(last))", "MID(score, VALUE(first), VALUE(last))", "TEXT(ADDMONTHS(DATEVALUE(score), VALUE(last)))",
    'IF(REGEX(score, last), "y", "n")', "SUBSTITUTE(score, first, last)", "TEXT(DATETIMEVALUE(score))", "TEXT(EXP(VALUE(score)))",
)  # fmt: skip


def test_no_cell_makes_a_formula_fail_in_any_other_way_than_by_a_reason(tmp_path: Path) -> None:
    source = random.Random(5)
    for deed in DEEDS:
        mapping = mapping_of(tmp_path, computed(deed))
        fields = {"Out__c": None, "Email": "a@b.example"}
        person = OrgRecord("Lead", LEAD, datetime(2026, 1, 1, tzinfo=UTC), fields)
        for _ in range(60):
            cells = ["a@b.example", *source.choices(ODD, k=len(HEADER) - 1)]
            found = read_row(mapping, HEADER, cells, 7, file="f.csv")
            assert isinstance(found, ParsedRow)
            writes, problems = writes_for(mapping, found, person, FIELDS)
            assert not (writes and problems)
            assert all(isinstance(write.after, str) and len(write.after) <= 255 for write in writes)
