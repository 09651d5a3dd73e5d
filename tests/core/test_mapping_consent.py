"""What may a mapping say of the reach of an opt-out and of evidence of consent, and what does a row then tell?"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from syncd.core.mapping import SourceMapping
from syncd.core.mapping_file.parsing import parse_mapping
from syncd.core.rows import ParsedRow, from_payload, read_row, to_payload
from syncd.core.values import Flag, Problem
from syncd.policies.documents import read_table

NOW = datetime(2026, 11, 2, tzinfo=UTC)
HEAD = 'version = "1"\n[match]\nemail = "email"\n'
BRAND = '[column."noAcme"]\ntype = "boolean"\nflag = "opted_out"\nscope = "Brand: Acme"\n'
LISTS = '[column."left"]\ntype = "text"\nflag = "opted_out"\nnull = [""]\n' + (
    'scopes = { "News" = "topic:news", "All" = "global", "Acme" = "brand:acme" }\n'
)
YES = '[consent]\nsource = "from"\nat = "at"\nwording = "words"\n'


def parsed(tmp_path: Path, text: str) -> tuple[SourceMapping | None, list[Problem]]:
    path = tmp_path / "m.toml"
    path.write_text(HEAD + text, encoding="utf-8")
    table, problems = read_table(path)
    assert table is not None, problems
    return parse_mapping("m", table)


def row(tmp_path: Path, text: str, **cells: str) -> ParsedRow:
    mapping, problems = parsed(tmp_path, text)
    assert mapping is not None, problems
    found = read_row(mapping, ["email", *cells], ["a@x.example", *cells.values()], 2, file="a.csv", now_at=NOW)
    assert isinstance(found, ParsedRow)
    assert from_payload(2, to_payload(found)) == found
    return found


def test_an_opt_out_of_a_brand_is_no_global_one(tmp_path: Path) -> None:
    found = row(tmp_path, BRAND, noAcme="true")
    assert (found.flags, found.scoped) == ({}, {"brand:acme": "noAcme"})
    assert row(tmp_path, BRAND, noAcme="false").scoped == {}


def test_what_cannot_be_read_in_a_column_of_a_brand_counts_for_everything(tmp_path: Path) -> None:
    assert row(tmp_path, BRAND, noAcme="perhaps").flags == {Flag.OPT_OUT_UNREADABLE: "noAcme"}


@pytest.mark.parametrize(
    ("cell", "scopes"),
    [
        ("", set()),
        ("News", {"topic:news"}),
        ("News; Acme", {"topic:news", "brand:acme"}),
        ("News;Other", {"topic:news", "global"}),
    ],
)
def test_each_value_of_a_list_opts_out_of_its_own_and_an_unknown_one_of_everything(
    tmp_path: Path, cell: str, scopes: set[str]
) -> None:
    found = row(tmp_path, LISTS, left=cell)
    assert set(found.scoped) == scopes
    assert found.flags == {}


def test_consent_needs_all_its_parts_and_a_time_that_has_come(tmp_path: Path) -> None:
    text = '[column."x"]\ntype = "text"\nopted_out_when = ["no"]\n' + YES
    full = {"from": "form", "at": "2026-10-01T10:00:00Z", "words": "Yes"}
    given = row(tmp_path, text, x="", **full).consent
    assert given is not None
    assert (given.source, given.at, given.wording, given.scope) == (
        "form",
        datetime(2026, 10, 1, 10, tzinfo=UTC),
        "Yes",
        "global",
    )
    for name in full:
        assert row(tmp_path, text, x="", **{**full, name: ""}).consent is None
    for at in ("2026-11-03T10:00:00Z", "yesterday"):
        late = row(tmp_path, text, x="", **{**full, "at": at})
        assert (late.consent, [problem.code for problem in late.problems]) == (None, ["ROW-007"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (BRAND.replace("Brand: Acme", "acme"), "'acme' does not say what the opt-out covers."),
        (BRAND + 'field = "HasOptedOutOfEmail"\n', "Only an opt-out of everything is written to Salesforce"),
        (BRAND.replace('flag = "opted_out"', 'flag = "unreachable"'), "scope says what an opt-out covers"),
        (LISTS + 'scope = "global"\n', "scope and scopes exclude each other."),
        (LISTS.replace('"text"', '"boolean"'), "scopes names what the values of a text mean; this is boolean."),
        (BRAND + YES.replace('at = "at"\n', ""), "[consent] has no at"),
        (BRAND + YES + 'scope = "x"\n', "'x' does not say what the opt-out covers."),
    ],
)
def test_what_makes_no_sense_is_refused_at_its_line(tmp_path: Path, text: str, words: str) -> None:
    mapping, problems = parsed(tmp_path, text)
    assert mapping is None
    assert [problem for problem in problems if words in problem.text], problems
    assert all(problem.line > 1 and problem.remedy for problem in problems)


@pytest.mark.parametrize("key", ["source", "at", "wording"])
def test_the_way_out_names_the_line_of_consent_that_is_missing(tmp_path: Path, key: str) -> None:
    rest = "\n".join(f'{name} = "{name}"' for name in ("source", "at", "wording") if name != key)
    _, [problem] = parsed(tmp_path, BRAND + f"\n[consent]\n{rest}\n")
    assert f'such as: {key} = "' in problem.remedy
