"""Are the last days of a fiscal period quiet, whatever month the year begins in?"""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from syncd.core.fence_model import Quiet
from syncd.core.fiscal import QuietPeriod, next_quiet, period_of, quiet_on
from syncd.core.values import Verdict

FIVE = Quiet(days=5)


@pytest.mark.parametrize(
    ("day", "of", "start_month", "first", "last"),
    [
        ("2026-01-01", "quarter", 1, "2026-01-01", "2026-03-31"),
        ("2026-03-31", "quarter", 1, "2026-01-01", "2026-03-31"),
        ("2026-12-31", "quarter", 1, "2026-10-01", "2026-12-31"),
        ("2026-01-15", "quarter", 2, "2025-11-01", "2026-01-31"),
        ("2026-02-01", "quarter", 2, "2026-02-01", "2026-04-30"),
        ("2024-02-10", "quarter", 12, "2023-12-01", "2024-02-29"),
        ("2026-06-30", "year", 1, "2026-01-01", "2026-12-31"),
        ("2026-01-31", "year", 2, "2025-02-01", "2026-01-31"),
        ("2026-02-01", "year", 2, "2026-02-01", "2027-01-31"),
        ("2026-06-30", "year", 7, "2025-07-01", "2026-06-30"),
        ("2026-11-30", "year", 12, "2025-12-01", "2026-11-30"),
    ],
)
def test_a_fiscal_period_is_made_of_whole_months_from_the_month_the_year_begins_in(
    day: str, of: str, start_month: int, first: str, last: str
) -> None:
    assert period_of(date.fromisoformat(day), of, start_month) == (date.fromisoformat(first), date.fromisoformat(last))


@pytest.mark.parametrize("start_month", range(1, 13))
@pytest.mark.parametrize("of", ["quarter", "year"])
def test_fiscal_periods_follow_each_other_without_gap_or_overlap(of: str, start_month: int) -> None:
    day = date(2023, 1, 1)
    first, last = period_of(day, of, start_month)
    for _ in range(5):
        assert first <= day <= last
        assert (last - first).days in (range(88, 93) if of == "quarter" else range(364, 367))
        day = last + timedelta(days=1)
        first, last = period_of(day, of, start_month)
        assert first == day


@pytest.mark.parametrize(
    ("quiet", "day", "start_month", "begins_on", "ends_on"),
    [
        (FIVE, "2026-03-24", 1, None, None),
        (FIVE, "2026-03-25", 1, "2026-03-25", "2026-03-31"),
        (FIVE, "2026-03-31", 1, "2026-03-25", "2026-03-31"),
        (FIVE, "2026-04-01", 1, None, None),
        # The quarter ends on a Sunday: the weekend after its last business day is quiet, too.
        (FIVE, "2026-05-25", 3, "2026-05-25", "2026-05-31"),
        (FIVE, "2026-05-31", 3, "2026-05-25", "2026-05-31"),
        (FIVE, "2026-05-24", 3, None, None),
        (Quiet(days=1), "2026-05-29", 3, "2026-05-29", "2026-05-31"),
        (Quiet(days=1), "2026-05-28", 3, None, None),
        (Quiet(days=5, of="fiscal year"), "2026-03-31", 1, None, None),
        (Quiet(days=5, of="year"), "2026-12-28", 1, "2026-12-25", "2026-12-31"),
        (Quiet(days=5, of="fiscal quarter"), "2026-03-25", 1, "2026-03-25", "2026-03-31"),
        # More days than the period has: all of it, not the one before.
        (Quiet(days=99), "2026-04-01", 1, "2026-04-01", "2026-06-30"),
        (Quiet(days=0), "2026-03-31", 1, None, None),
        (Quiet(days=99), "2026-02-01", None, "2026-02-01", "2026-02-28"),
        # The year's begin is hidden: the end of each month may be the end of a quarter.
        (FIVE, "2026-02-23", None, "2026-02-23", "2026-02-28"),
        (FIVE, "2026-02-20", None, None, None),
        (Quiet(days=5, of="year"), "2026-04-30", None, "2026-04-24", "2026-04-30"),
    ],
)
def test_the_last_business_days_of_the_period_are_quiet(
    quiet: Quiet, day: str, start_month: int | None, begins_on: str | None, ends_on: str | None
) -> None:
    found = quiet_on(date.fromisoformat(day), quiet, start_month)
    if begins_on is None or ends_on is None:
        assert found is None
    else:
        assert found is not None
        assert (found.begins_on, found.ends_on) == (date.fromisoformat(begins_on), date.fromisoformat(ends_on))


@pytest.mark.parametrize(("holidays", "begins_on"), [((), "2024-03-26"), (("2024-03-29",), "2024-03-25")])
def test_a_holiday_is_no_business_day(holidays: tuple[str, ...], begins_on: str) -> None:
    found = quiet_on(date(2024, 3, 31), Quiet(days=4), 1, [date.fromisoformat(day) for day in holidays])
    assert found is not None
    assert found.begins_on == date.fromisoformat(begins_on)


def test_a_quiet_period_says_which_days_it_means_and_how_far_crossings_are_followed_up() -> None:
    period = quiet_on(date(2026, 3, 31), Quiet(days=2, of="fiscal year", ceiling=Verdict.NOTE), 4)
    assert period == QuietPeriod("year", date(2026, 3, 30), date(2026, 3, 31), Verdict.NOTE)
    assert str(period) == "the last days of the fiscal year (2026-03-30 to 2026-03-31)"


@pytest.mark.parametrize(
    ("day", "quiet", "begins_on"),
    [
        ("2026-03-02", FIVE, "2026-03-25"),
        ("2026-03-31", FIVE, "2026-03-25"),
        ("2026-04-01", FIVE, "2026-06-24"),
        ("2026-01-01", Quiet(days=1, of="year"), "2026-12-31"),
        ("2026-03-02", Quiet(days=0), None),
        ("2026-03-02", Quiet(days=2, of="fiscal year"), "2026-12-30"),
    ],
)
def test_the_next_quiet_period_is_told_ahead(day: str, quiet: Quiet, begins_on: str | None) -> None:
    found = next_quiet(date.fromisoformat(day), quiet, 1)
    assert (None if found is None else found.begins_on.isoformat()) == begins_on
