"""A file of published results is worked through, and what differs is shown."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from syncd.formula.results import run
from syncd.formula.values import Moment

MOMENT = Moment(datetime(2009, 6, 1, tzinfo=UTC))


def _line(**changes: object) -> str:
    body: dict[str, object] = {
        "name": "a",
        "formula": "n__c + 1",
        "returns": "Double",
        "fields": [{"name": "n__c", "type": "Double"}],
        "cases": [{"inputs": "[2]", "blank_as_zero": "3", "blank_as_null": "3"}],
    }
    return json.dumps(body | changes)


def test_a_result_that_differs_is_a_failure() -> None:
    report = run([_line(), _line(cases=[{"inputs": "[2]", "blank_as_zero": "4", "blank_as_null": None}])], MOMENT)
    assert report.passed == 2
    [failure] = report.failures
    assert (failure.switch, failure.expected, failure.found) == ("blank_as_zero", "4", "3")


def test_a_function_that_nobody_knows_is_unsupported_and_no_failure() -> None:
    report = run([_line(formula="VLOOKUP(n__c, n__c, n__c)")], MOMENT)
    assert (report.passed, report.failures, report.unsupported) == (0, (), {"VLOOKUP": 2})


def test_a_line_that_is_no_formula_is_named() -> None:
    with pytest.raises(ValueError, match="line 2 is no formula with published results"):
        run([_line(), "{}"], MOMENT)
