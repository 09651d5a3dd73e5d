"""Each wrong mapping file is refused with its place and the way out, whatever is wrong with it; the schemas say no more.

wrong_mappings/ has a file for each mistake, and beside it what must be said of it.
"""

from __future__ import annotations

import random
import tomllib
from dataclasses import replace
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from syncd.cli.output import pointed
from syncd.core.mapping import SourceMapping
from syncd.core.mapping_file.parsing import parse_mapping
from syncd.core.policy_schema import schemas
from syncd.core.values import Problem
from syncd.policies.documents import read_table
from syncd.policies.mapping_formulas import compile_formula

FOLDER = Path(__file__).parent
WRONG = sorted((FOLDER / "wrong_mappings").glob("*.toml"))
WRONG_FENCES = sorted((FOLDER / "wrong_fences").glob("*.toml"))
LARGE = FOLDER / "large_mapping.toml"
STARTERS = FOLDER.parents[1] / "mappings"
ALPHABET = "abcdef \"'[]{}=,.->#\\\n\t0159_é\u200b\u0430(&$%"
SPOILT = 200
SCHEMAS = {name: Draft202012Validator(schema) for name, schema in schemas().items()}


def read(path: Path, name: str = "m.toml") -> tuple[SourceMapping | None, list[Problem]]:
    table, problems = read_table(path)
    if table is None:
        return None, [replace(problem, file=name) for problem in problems]
    return parse_mapping("marketo", replace(table, file=name), compile_formula)


def told(problems: list[Problem]) -> list[str]:
    return [line for problem in problems for line in (str(problem), *pointed(problem))]


@pytest.mark.parametrize("path", WRONG, ids=[path.stem for path in WRONG])
def test_a_wrong_file_is_refused_with_its_place_and_the_way_out(path: Path) -> None:
    mapping, problems = read(path)
    assert mapping is None
    assert told(problems) == path.with_suffix(".txt").read_text(encoding="utf-8").splitlines()
    assert all(problem.remedy for problem in problems)


def test_no_two_wrong_files_are_the_same() -> None:
    assert len({path.read_text(encoding="utf-8") for path in WRONG}) == len(WRONG) > 100


def test_every_caret_stands_under_something_of_its_line() -> None:
    for path in WRONG:
        for problem in read(path)[1]:
            if problem.source:
                end = problem.column - 1 + problem.length
                assert end <= max(len(problem.source), problem.column), (path.stem, str(problem))


def _spoilt(text: str, source: random.Random) -> str:
    chars = list(text)
    for _ in range(source.randint(1, 4)):
        at = source.randrange(len(chars))
        if source.random() < 0.4:
            del chars[at : at + source.randint(1, 12)]
        else:
            chars.insert(at, "".join(source.choices(ALPHABET, k=source.randint(1, 3))))
    return "".join(chars)


def _spoil(tmp_path: Path, count: int, seed: int) -> None:
    source, path, right = random.Random(seed), tmp_path / "marketo.toml", LARGE.read_text(encoding="utf-8")
    refused = 0
    for _ in range(count):
        path.write_text(_spoilt(right, source), encoding="utf-8")
        mapping, problems = read(path)
        assert (mapping is None) == bool(problems)
        refused += mapping is None
        told(problems)
    assert refused > count // 3


def test_no_spoilt_file_ends_in_a_traceback(tmp_path: Path) -> None:
    _spoil(tmp_path, SPOILT // 10, 7)


@pytest.mark.sweep
def test_no_one_of_many_spoilt_files_ends_in_a_traceback(tmp_path: Path) -> None:
    _spoil(tmp_path, SPOILT * 5, 11)


def _plain(value: Any) -> Any:
    """Return what a validator of JSON sees of TOML."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value.isoformat() if isinstance(value, date | datetime | time) else value


def faults(kind: str, path: Path) -> list[str]:
    values = _plain(tomllib.loads(path.read_text(encoding="utf-8")))
    return [f"{error.json_path}: {error.message}" for error in SCHEMAS[kind].iter_errors(values)]


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("fields", LARGE),
        ("fields", STARTERS / "fields" / "marketo.toml"),
        ("fences", STARTERS / "fences.toml"),
        ("fences", FOLDER / "large_company.toml"),
        ("nurture", STARTERS / "nurture.toml"),
    ],
)
def test_a_schema_accepts_every_right_file(kind: str, path: Path) -> None:
    assert faults(kind, path) == []


@pytest.mark.parametrize(("kind", "files", "code"), [("fields", WRONG, "MAP-101"), ("fences", WRONG_FENCES, "MAP-001")])
def test_a_schema_refuses_each_key_that_the_parser_does_not_know(kind: str, files: list[Path], code: str) -> None:
    wrong = [path for path in files if f"[{code}]" in path.with_suffix(".txt").read_text(encoding="utf-8")]
    of_names = {"crossing_of_an_unknown_fence", "crossing_of_fields_misspelt"}  # names of fences: the user gives them
    assert len(wrong) >= 5
    assert [path.stem for path in wrong if path.stem not in of_names and not faults(kind, path)] == []


def test_a_right_file_says_what_it_is_read_as() -> None:
    mapping, problems = read(LARGE)
    assert mapping is not None, told(problems)
    columns = {column.name: column for column in mapping.columns}
    assert (columns["Created"].formats, columns["Topics"].split) == (("%d.%m.%Y %H:%M", "%m/%d/%Y %I:%M %p"), "||")
    assert (columns["Phone"].region, columns["Mobile"].region) == ("DE", "AT")
    assert columns["Nickname"].is_required is False
    assert "Nickname" not in mapping.required
    assert mapping.references == ("first_name", "last_name")
    assert [column.fields for column in mapping.computed] == [{"Lead": "Full_Name__c"}]
    when = columns["Score"].when
    assert when is not None
    assert (when.fields, when.gives) == (("Score__c",), "boolean")
