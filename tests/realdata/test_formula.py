"""Salesforce's own published results of formulas come out."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from syncd.formula.results import run
from syncd.formula.values import Moment

MOMENT = Moment(datetime(2009, 6, 1, tzinfo=UTC))


def test_every_published_result_is_reproduced(formula_data: Path) -> None:
    with (formula_data / "results_dev.jsonl").open(encoding="utf-8") as lines:
        report = run(lines, MOMENT)
    assert report.failures == ()
    assert report.passed == 7010
    assert report.unsupported == {}
