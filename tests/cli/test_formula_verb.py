"""What does `syncd formula` say?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from syncd.formula.checking import NAMES
from tests.cli.conftest import Syncd

ROOT = Path(__file__).resolve().parents[2]


def test_every_part_is_shown_with_its_value(syncd: Syncd) -> None:
    said = syncd("formula", 'IF(ROUND(2.5, 0) = 3, "up", "down")')
    assert said.code == 0
    assert [line.split() for line in said.out.splitlines()] == [
        ["part", "value"],
        ["ROUND(2.5,", "0)", "3"],
        ["ROUND(2.5,", "0)", "=", "3", "TRUE"],
        ["IF(ROUND(2.5,", "0)", "=", "3,", '"up",', '"down")', "up"],
    ]


def test_json_holds_value_and_parts(syncd: Syncd) -> None:
    assert syncd("formula", "1 < 2", "--json").json == {
        "schema": 1,
        "value": True,
        "fault": None,
        "parts": [{"text": "1 < 2", "value": True, "fault": None}],
    }


def test_a_wrong_formula_is_shown_with_a_caret(syncd: Syncd) -> None:
    said = syncd("formula", "ROUND(2.5) + Foo")
    assert said.code == 2
    assert "formula:1:1 [FML-012] ROUND takes 2 parts, not 1." in said.err
    assert "ROUND(2.5) + Foo\n             ^" in said.err


def test_a_formula_without_a_value_says_why(syncd: Syncd) -> None:
    said = syncd("formula", "1 / 0")
    assert said.code == 1
    assert "division by zero" in said.err


@pytest.mark.parametrize("words", [[], ["1", "--results", "x"]])
def test_either_a_formula_or_a_file_is_given(syncd: Syncd, words: list[str]) -> None:
    assert syncd("formula", *words).code == 2


def test_published_results_are_counted(syncd: Syncd, tmp_path: Path) -> None:
    cases = [{"inputs": "[2]", "blank_as_zero": "3", "blank_as_null": "4"}]
    fields = [{"name": "n__c", "type": "Double"}]
    body = {"name": "a", "formula": "n__c + 1", "returns": "Double", "fields": fields, "cases": cases}
    path = tmp_path / "results.jsonl"
    path.write_text(json.dumps(body) + "\n" + json.dumps(body | {"formula": "VLOOKUP(n__c)"}) + "\n", encoding="utf-8")
    said = syncd("formula", "--results", str(path))
    assert said.code == 1
    assert "expected 4, found 3" in said.out
    assert [line.split()[:2] for line in said.out.splitlines()[1:]] == [["passed", "1"], ["failed", "1"], ["unsupported", "2"]]
    found = syncd("formula", "--results", str(path), "--json").json
    assert (found["passed"], found["failed"], found["unsupported"]) == (1, 1, 2)


def test_a_file_of_something_else_is_refused(syncd: Syncd, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b\n", encoding="utf-8")
    said = syncd("formula", "--results", str(path))
    assert said.code == 2
    assert f"{path}: line 1 is no formula with published results" in said.err


def test_the_manual_lists_every_function() -> None:
    manual = (ROOT / "docs" / "formulas.md").read_text(encoding="utf-8")
    assert [name for name in NAMES if f"`{name}`" not in manual] == []
