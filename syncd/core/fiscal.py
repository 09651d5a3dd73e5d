"""When does an org's fiscal quarter or year end, and is today one of the days on which nobody is put back?"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from syncd.core.fence_model import Quiet
from syncd.core.values import Verdict

ONE_DAY = timedelta(days=1)
SATURDAY = 5
MONTHS = {"quarter": 3, "year": 12}


@dataclass(frozen=True, slots=True)
class QuietPeriod:
    """The last days of a fiscal period, both ends included, and how far crossings are followed up in them."""

    of: str
    begins_on: date
    ends_on: date
    ceiling: Verdict = Verdict.WARN

    def __str__(self) -> str:
        return f"the last days of the fiscal {self.of} ({self.begins_on} to {self.ends_on})"


def period_of(day: date, of: str, start_month: int) -> tuple[date, date]:
    """Return the first and the last day of the fiscal quarter or year that a day lies in.

    Units: `start_month` 1 to 12, the month in which the fiscal year begins; periods are whole months.
    Source: Object Reference, Organization.FiscalYearStartMonth.
    """
    months = MONTHS[of]
    into = (day.month - start_month) % months
    first = _month(day, -into)
    last = _month(first, months - 1)
    return first, last.replace(day=monthrange(last.year, last.month)[1])


def _month(day: date, by: int) -> date:
    """Return the first day of the month that lies so many months away."""
    number = day.year * 12 + day.month - 1 + by
    return date(number // 12, number % 12 + 1, 1)


def quiet_on(day: date, quiet: Quiet, start_month: int | None, holidays: Iterable[date] = ()) -> QuietPeriod | None:
    """Return the quiet period that a day lies in, or None.

    Quiet are the last business days of the period (Monday to Friday, less the holidays), and whatever days follow them until
    it ends.

    Shapes: `start_month` None: the org does not show when its fiscal year begins; then any month may be the last one of a
    quarter, and the end of each is quiet.
    Source: real orgs, assumption 34: at the end of a fiscal quarter nobody touches the pipeline.
    """
    of = quiet.of.removeprefix("fiscal ")
    first, last = _period(day, of, start_month)
    begins_on = _nth_last_business_day(first, last, quiet.days, frozenset(holidays))
    return QuietPeriod(of, begins_on, last, quiet.ceiling) if begins_on <= day else None


def next_quiet(day: date, quiet: Quiet, start_month: int | None) -> QuietPeriod | None:
    """Return the quiet period that a day lies in, or the next one; None when no day is quiet."""
    return quiet_on(_period(day, quiet.of.removeprefix("fiscal "), start_month)[1], quiet, start_month)


def _period(day: date, of: str, start_month: int | None) -> tuple[date, date]:
    if start_month is None:
        return day.replace(day=1), day.replace(day=monthrange(day.year, day.month)[1])
    return period_of(day, of, start_month)


def _nth_last_business_day(first: date, last: date, number: int, holidays: frozenset[date]) -> date:
    """Return the business day from which on so many are left in a period; its first day when it has fewer, and the day after it
    when none is wanted."""
    day, left = last + ONE_DAY, number
    while left and day > first:
        day -= ONE_DAY
        left -= day.weekday() < SATURDAY and day not in holidays
    return day
