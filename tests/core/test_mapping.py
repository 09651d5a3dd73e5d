"""Is a mapping file read as marketing ops meant it, and is every wrong one refused with its line and the way out?"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.core.mapping import Column, SourceMapping, clashes, fields_needed, keys_needed
from syncd.core.mapping_file.parsing import parse_mapping
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
