"""Is a mapping file read as marketing ops meant it, and is every wrong one refused with its line and the way out?"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.core.mapping import Column, SourceMapping, clashes, fields_needed, keys_needed
from syncd.core.mapping_parsing import parse_mapping
from syncd.core.tables import Table
from syncd.core.values import Flag, Problem
from syncd.policies.documents import read_table

HEAD = 'version = "1"\n[match]\nemail = "email"\n'
SCORE = '[column."score"]\nfield = "Score__c"\ntype = "number"\nside = "marketing"\nconflict = "overwrite"\n'
FLAG = '[column."out"]\ntype = "boolean"\nflag = "opted_out"\n'


def col(**changed: str | None) -> str:
    keys = {"field": '"Score__c"', "type": '"number"', "side": '"marketing"', "conflict": '"overwrite"', **changed}
    return '[column."score"]\n' + "".join(f"{key} = {value}\n" for key, value in keys.items() if value is not None)


def parse(tmp_path: Path, text: str, name: str = "marketo") -> tuple[SourceMapping | None, list[Problem]]:
    path = tmp_path / "m.toml"
    path.write_text(text, encoding="utf-8")
    table, problems = read_table(path)
    assert table is not None, problems
    return parse_mapping(name, table)


def parsed(tmp_path: Path, text: str) -> SourceMapping:
    mapping, problems = parse(tmp_path, text)
    assert mapping is not None, problems
    return mapping


def column(mapping: SourceMapping, name: str) -> Column:
    return next(one for one in mapping.columns if one.name == name)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            HEAD.replace('version = "1"\n', "") + SCORE,
            ['1:1 [MAP-103] version is missing. Begin the file with a line such as: version = "2026-11"'],
            id="no version",
        ),
        pytest.param(
            HEAD.replace('"1"', "1") + SCORE,
            ['1:1 [MAP-102] version is 1, not a text. Write version = "…".'],
            id="a version that is a number",
        ),
        pytest.param(
            HEAD + SCORE + '[colum."x"]\ntype="text"\n',
            [
                "9:2 [MAP-101] 'colum' is not known here. Did you mean 'column'? Known are: version, mode, file, match, column.",
            ],
            id="an unknown part",
        ),
        pytest.param(
            'mode = "writ"\n' + HEAD + SCORE,
            ["1:1 [MAP-104] mode is 'writ'. Did you mean 'write'? Choose one of: observe, write."],
            id="an unknown mode",
        ),
        pytest.param(
            HEAD + '[file]\nencodng = "utf-8"\n' + SCORE,
            [
                "5:1 [MAP-101] 'encodng' is not known here. Did you mean 'encoding'? Known are: pattern, encoding, "
                "delimiter, zone, null, newest, flag, sheet, members, decimal, thousands, escape, formula_guard.",
            ],
            id="an unknown key of the file",
        ),
        pytest.param(
            HEAD + '[file]\nencoding = "utf8x"\n' + SCORE,
            ["5:1 [MAP-106] 'utf8x' is no text encoding. Did you mean 'utf-8'? Most exports are \"utf-8\"."],
            id="an unknown encoding",
        ),
        pytest.param(
            HEAD + '[file]\nencoding = "base64"\n' + SCORE,
            ["5:1 [MAP-106] 'base64' is no text encoding. Most exports are \"utf-8\"."],
            id="a codec that is no encoding",
        ),
        pytest.param(
            HEAD + '[file]\nzone = "Europe/Berln"\n' + SCORE,
            [
                "5:1 [MAP-105] 'Europe/Berln' is no time zone. Did you mean 'Europe/Berlin'? Write it as "
                '"Europe/Berlin" or "UTC".',
            ],
            id="an unknown zone",
        ),
        pytest.param(
            HEAD + '[file]\ndelimiter = "||"\n' + SCORE,
            ['5:1 [MAP-107] \'||\' cannot separate columns. Use one of "," ";" "|" or "\\t".'],
            id="a delimiter of two signs",
        ),
        pytest.param(
            HEAD + '[file]\npattern = "../*.csv"\n' + SCORE,
            ["5:1 [MAP-119] '../*.csv' leaves the folder. Give a file name such as \"*.csv\"."],
            id="a pattern that leaves the folder",
        ),
        pytest.param(
            HEAD + '[file]\nnull = "null"\n' + SCORE,
            ['5:1 [MAP-102] null is \'null\', not a list of texts. Write null = ["…", "…"].'],
            id="null that is no list",
        ),
        pytest.param(
            'version = "1"\n' + SCORE,
            [
                "1:1 [MAP-103] [match] is missing: no row could be tied to a person. Write [match] and a line such "
                'as: email = "email"',
            ],
            id="no match",
        ),
        pytest.param(
            'version = "1"\n[match]\n' + SCORE,
            [
                "2:2 [MAP-103] [match] is missing: no row could be tied to a person. Write [match] and a line such "
                'as: email = "email"',
            ],
            id="an empty match",
        ),
        pytest.param(
            HEAD.replace("email =", "mail =") + SCORE,
            ["3:1 [MAP-101] 'mail' is not known here. Did you mean 'email'? Known are: id, external, email."],
            id="an unknown key of match",
        ),
        pytest.param(
            'version = "1"\n[match]\nexternal = { column = "id" }\n' + SCORE,
            ['3:1 [MAP-103] external has no field. Write external = { column = "id", field = "MA_Person_Id__c" }'],
            id="an external key without field",
        ),
        pytest.param(
            'version = "1"\n[match]\nexternal = "id"\n' + SCORE,
            ["3:1 [MAP-102] external is 'id', not a table. Write it as a table: [match.external]."],
            id="an external key that is a text",
        ),
        pytest.param(
            HEAD,
            [
                "1:1 [MAP-103] No column is mapped: nothing would ever be read. Write a table such as "
                '[column."leadScore"] for each column to use.',
            ],
            id="no column",
        ),
        pytest.param(
            HEAD + '[column]\nscore = "Score__c"\n',
            ["5:1 [MAP-102] score is 'Score__c', not a table. Write it as a table: [column.score]."],
            id="a column that is no table",
        ),
        pytest.param(
            HEAD + col(type=None),
            [
                "4:9 [MAP-103] Column 'score' has no type. Add one of: text, number, integer, boolean, date, datetime, email.",
            ],
            id="a column without type",
        ),
        pytest.param(
            HEAD + col(type='"numbr"'),
            [
                "6:1 [MAP-104] type is 'numbr'. Did you mean 'number'? Choose one of: text, number, integer, "
                "boolean, date, datetime, email.",
            ],
            id="an unknown type",
        ),
        pytest.param(
            HEAD + col(blanc='"leave"'),
            [
                "9:1 [MAP-101] 'blanc' is not known here. Did you mean 'blank'? Known are: field, type, side, "
                "conflict, blank, transform, null, true, false, flag, opted_out_when, unreachable_when, exclusive.",
            ],
            id="an unknown key of a column",
        ),
        pytest.param(
            HEAD + FLAG.replace("opted_out", "optedout"),
            ["6:1 [MAP-104] flag is 'optedout'. Did you mean 'opted_out'? Choose one of: opted_out, unreachable."],
            id="an unknown flag",
        ),
        pytest.param(
            HEAD + FLAG.replace("boolean", "text"),
            ['6:1 [MAP-117] A flag is read from a boolean; this is text. Write type = "boolean".'],
            id="a flag in a text column",
        ),
        pytest.param(
            HEAD + col(opted_out_when='["1"]'),
            [
                '9:1 [MAP-117] opted_out_when compares texts; this is number. Write type = "text", or use flag with '
                "true and false.",
            ],
            id="spellings of opt-out in a number column",
        ),
        pytest.param(
            HEAD + FLAG + 'true = ["1", "yes"]\nfalse = ["0", "yes"]\n',
            ["8:1 [MAP-116] 'yes' has two meanings in column 'out'. Keep each spelling in one list."],
            id="a spelling with two meanings",
        ),
        pytest.param(
            HEAD + col(type='"text"', true='["x"]'),
            ["9:1 [MAP-117] true has no meaning in a text column. Remove it, or make the column boolean."],
            id="true in a text column",
        ),
        pytest.param(
            HEAD + '[column."score"]\ntype = "number"\n',
            [
                "4:9 [MAP-118] Column 'score' is used for nothing. Give it a field, a flag or opted_out_when, or "
                "remove the table.",
            ],
            id="a column used for nothing",
        ),
        pytest.param(
            HEAD + col(field='"Status"'),
            [
                "5:1 [MAP-108] Status is fenced: no export ever writes it. Remove the column; who may set it stands "
                "in fences.toml.",
            ],
            id="Status as target",
        ),
        pytest.param(
            HEAD + col(field='{ Lead = "OwnerId" }'),
            [
                "5:11 [MAP-108] OwnerId is fenced: no export ever writes it. Remove the column; who may set it "
                "stands in fences.toml.",
            ],
            id="OwnerId as target of leads",
        ),
        pytest.param(
            HEAD + col(field='"StageName"'),
            ["5:1 [MAP-110] StageName belongs to opportunities: no export writes to them. Remove the column."],
            id="StageName as target",
        ),
        pytest.param(
            HEAD + col(field='{ Opportunity = "Amount" }'),
            [
                "5:11 [MAP-110] Only leads and contacts are written from an export, not 'Opportunity'. Known are: Lead, Contact.",
            ],
            id="a field of opportunities",
        ),
        pytest.param(
            HEAD + col(field='"lastmodifieddate"'),
            [
                "5:1 [MAP-109] lastmodifieddate is set by Salesforce alone. Remove the column or choose another field.",
            ],
            id="an audit field as target",
        ),
        pytest.param(
            HEAD + col(field='"Lead.Score__c"'),
            ["5:1 [MAP-119] 'Lead.Score__c' is no field name. Write field = { Lead = \"Score__c\" }."],
            id="an object in the field's name",
        ),
        pytest.param(
            HEAD + col(field='"Lead Score"'),
            ["5:1 [MAP-119] 'Lead Score' is no field name. Use the API name, such as Lead_Score__c."],
            id="a label instead of a field",
        ),
        pytest.param(
            HEAD + col(field='"HasOptedOutOfEmail"', type='"boolean"'),
            [
                '5:1 [MAP-111] HasOptedOutOfEmail is written only from an opt-out column. Write type = "boolean" and '
                'flag = "opted_out": syncd sets it to true and never back.',
            ],
            id="opt-out written from a plain column",
        ),
        pytest.param(
            HEAD + FLAG + 'field = "Out__c"\n',
            [
                '7:1 [MAP-111] An opt-out is written to no other field. Write field = "HasOptedOutOfEmail", or leave field away.',
            ],
            id="opt-out written to another field",
        ),
        pytest.param(
            HEAD + FLAG.replace("opted_out", "unreachable") + 'field = "Out__c"\n',
            ["7:1 [MAP-111] Unreachable is never written to the org. Remove field from this column."],
            id="unreachable written",
        ),
        pytest.param(
            HEAD + col(side=None),
            ['4:9 [MAP-113] Column \'score\' writes a field and has no side. Add side = "marketing" or "sales".'],
            id="no side",
        ),
        pytest.param(
            HEAD + col(conflict=None),
            [
                '4:9 [MAP-113] Column \'score\' writes a field and has no conflict. Add conflict = "overwrite" or "fill".',
            ],
            id="no conflict rule",
        ),
        pytest.param(
            HEAD + col(conflict='"overwite"'),
            ["8:1 [MAP-104] conflict is 'overwite'. Did you mean 'overwrite'? Choose one of: overwrite, fill."],
            id="an unknown conflict rule",
        ),
        pytest.param(
            HEAD + col(conflict='"fill"', blank='"clear"'),
            [
                '9:1 [MAP-121] blank = "clear" cannot work here: conflict = "fill" never takes a value away. Write '
                'blank = "leave".',
            ],
            id="clearing what is only filled",
        ),
        pytest.param(
            HEAD + col(exclusive='"yes"'),
            ["9:1 [MAP-102] exclusive is 'yes', not true or false. Write exclusive = true."],
            id="an exclusive field in words",
        ),
        pytest.param(
            HEAD + col(conflict='"fill"', exclusive="true"),
            [
                '9:1 [MAP-122] Column \'score\' is exclusive, but not side = "marketing" with conflict = "overwrite". '
                "A field that only syncd writes always takes the file's value: correct side and conflict, or remove exclusive.",
            ],
            id="an exclusive field that is only filled",
        ),
        pytest.param(
            HEAD + FLAG + "exclusive = true\n",
            [
                '7:1 [MAP-122] Column \'out\' is exclusive, but not side = "marketing" with conflict = "overwrite". '
                "A field that only syncd writes always takes the file's value: correct side and conflict, or remove exclusive.",
            ],
            id="an exclusive flag",
        ),
        pytest.param(
            HEAD + col(field=None, side=None, conflict=None, type='"text"', exclusive="true") + 'unreachable_when = ["0"]\n',
            ["6:1 [MAP-122] Column 'score' is exclusive and writes no field. Give it a field, or remove exclusive."],
            id="an exclusive column without a field",
        ),
        pytest.param(
            HEAD + col(type='"boolean"', blank='"clear"'),
            ['9:1 [MAP-121] blank = "clear" cannot work here: a checkbox is never empty. Write blank = "leave".'],
            id="clearing a checkbox",
        ),
        pytest.param(
            HEAD + SCORE + SCORE.replace('"score"', '"points"').replace("Score__c", "score__C"),
            [
                "10:1 [MAP-112] score__C is written by two columns: 'points' and, on line 5, 'score'. Keep one of the two.",
            ],
            id="two columns for one field",
        ),
        pytest.param(
            HEAD + '[create]\nobject = "Lead"\n' + SCORE,
            [
                "4:2 [MAP-114] This version creates nobody in Salesforce from an export. Remove the line; rows that "
                "fit nobody are listed by: syncd status",
            ],
            id="creating people",
        ),
        pytest.param(
            HEAD + col(create="true"),
            [
                "9:1 [MAP-114] This version creates nobody in Salesforce from an export. Remove the line; rows that "
                "fit nobody are listed by: syncd status",
            ],
            id="creating from a column",
        ),
        pytest.param(
            HEAD + col(field='"Score__c "'),
            [
                "5:1 [MAP-115] 'Score__c ' holds characters that nobody sees: U+0020 SPACE. Type it again without them.",
                "5:1 [MAP-119] 'Score__c ' is no field name. Use the API name, such as Lead_Score__c.",
            ],
            id="a trailing blank",
        ),
        pytest.param(
            HEAD + SCORE.replace('"score"', '"sco\u200bre"'),
            [
                "4:9 [MAP-115] 'sco\\u200bre' holds characters that nobody sees: U+200B ZERO WIDTH SPACE. Type it "
                "again without them.",
            ],
            id="an invisible character in a column's name",
        ),
        pytest.param(
            HEAD + FLAG + 'true = ["yes\u00a0"]\n',
            [
                "7:9 [MAP-115] 'yes\\xa0' holds characters that nobody sees: U+00A0 NO-BREAK SPACE. Type it again without them.",
            ],
            id="a no-break space in a spelling",
        ),
    ],
)
def test_a_wrong_file_is_refused_at_its_line_with_the_way_out(tmp_path: Path, text: str, said: list[str]) -> None:
    mapping, problems = parse(tmp_path, text)
    assert mapping is None
    assert [str(problem).removeprefix(f"{tmp_path / 'm.toml'}:") for problem in problems] == said


def test_a_source_has_a_name_in_small_letters(tmp_path: Path) -> None:
    _, [problem] = parse(tmp_path, HEAD + SCORE, name="Marketo")
    assert (problem.code, problem.remedy) == ("MAP-120", "Name the file in small letters, such as marketo.toml.")


def test_all_problems_of_a_file_come_in_one_run_in_line_order(tmp_path: Path) -> None:
    text = 'mode = "writ"\n[file]\nzone = "Mars"\n[match]\nmail = "x"\n' + col(field='"Status"', side=None)
    _, problems = parse(tmp_path, text)
    assert {problem.code for problem in problems} == {"MAP-101", "MAP-103", "MAP-104", "MAP-105", "MAP-108", "MAP-113"}
    assert [problem.line for problem in problems] == sorted(problem.line for problem in problems)


def test_nothing_is_written_unless_the_file_says_so(tmp_path: Path) -> None:
    mapping = parsed(tmp_path, HEAD + SCORE)
    assert (mapping.mode, mapping.encoding, mapping.zone, mapping.delimiter) == ("observe", "utf-8", "UTC", ",")
    assert column(mapping, "score").blank == "leave"
    assert mapping.opt_out_rule is None


def test_keys_are_tried_in_the_order_of_the_file(tmp_path: Path) -> None:
    mapping = parsed(tmp_path, 'version = "1"\n[match]\nemail = "mail"\nid = "SFDC Id"\n' + SCORE)
    assert list(mapping.match.items()) == [("email", "mail"), ("id", "SFDC Id")]
    assert mapping.required == ("mail", "SFDC Id", "score")


def test_a_field_may_differ_by_object(tmp_path: Path) -> None:
    mapping = parsed(tmp_path, HEAD + col(field='{ Lead = "A__c", Contact = "B__c" }'))
    assert column(mapping, "score").fields == {"Lead": "A__c", "Contact": "B__c"}
    assert "A__c" in fields_needed([mapping])["Lead"]
    assert "A__c" not in fields_needed([mapping])["Contact"]


def test_a_blank_opt_out_means_what_its_own_column_says_and_nothing_else(tmp_path: Path) -> None:
    silent = parsed(tmp_path, HEAD + FLAG)
    told = parsed(tmp_path, HEAD + FLAG + 'null = [""]\n')
    assert "" not in column(silent, "out").null
    assert "" in column(told, "out").null


def test_an_opt_out_column_may_name_the_field_of_the_org(tmp_path: Path) -> None:
    mapping = parsed(tmp_path, HEAD + FLAG + 'field = "HasOptedOutOfEmail"\n')
    assert mapping.opt_out_rule is not None
    assert (mapping.opt_out_rule.name, mapping.opt_out_rule.line) == ("opt-out", 4)
    assert column(mapping, "out").flag is Flag.OPTED_OUT


def test_two_sources_may_not_write_one_field(tmp_path: Path) -> None:
    mapping = parsed(tmp_path, HEAD + SCORE)
    problems = clashes([mapping, parsed(tmp_path, HEAD + SCORE)])
    assert [problem.code for problem in problems] == ["MAP-132", "MAP-132"]
    assert clashes([mapping]) == []


def test_the_starter_mapping_reads_the_export_it_was_made_for() -> None:
    path = Path(__file__).parents[2] / "mappings" / "fields" / "marketo.toml"
    table, _ = read_table(path)
    assert table is not None
    mapping, problems = parse_mapping("marketo", table)
    assert problems == []
    assert mapping is not None
    assert mapping.mode == "observe"
    assert set(mapping.required) <= {
        "id",
        "email",
        "firstName",
        "lastName",
        "company",
        "leadScore",
        "unsubscribed",
        "emailInvalid",
        "leadSource",
        "updatedAt",
    }
    assert keys_needed([mapping])["Lead"] == ("Email", "MA_Person_Id__c")


WHOLE = {
    "version": "1",
    "mode": "write",
    "file": {"pattern": "*.csv", "encoding": "utf-8", "delimiter": ",", "zone": "UTC", "null": [""], "newest": "at"},
    "match": {"id": "i", "external": {"column": "e", "field": "E__c"}, "email": "m"},
    "column": {
        "a": {"field": {"Lead": "A__c"}, "type": "number", "side": "marketing", "conflict": "overwrite", "blank": "leave"},
        "b": {"type": "boolean", "true": ["1"], "false": ["0"], "flag": "opted_out", "field": "HasOptedOutOfEmail"},
        "c": {"type": "text", "opted_out_when": ["x"], "unreachable_when": ["y"], "transform": "trim"},
    },
}
ODD = st.sampled_from([None, 1, True, 1.5, "", "x", "\x00", [], ["x"], [1], {}, {"x": 1}, {"field": "Status"}, date(2026, 1, 1)])


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 200), ODD), min_size=1, max_size=3))
def test_no_shape_of_a_file_ends_in_a_traceback(changes: list[tuple[int, object]]) -> None:
    values: dict[str, Any] = copy.deepcopy(WHOLE)
    for place, odd in changes:
        spots = list(_spots(values))
        table, key = spots[place % len(spots)]
        if odd is None:
            del table[key]
        else:
            table[key] = copy.deepcopy(odd)
        if not values:
            return
    mapping, problems = parse_mapping("some", Table("m.toml", values, {}, "ab"))
    assert (mapping is None) == bool(problems)


def _spots(table: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    for key, value in table.items():
        yield table, key
        if isinstance(value, dict):
            yield from _spots(value)
