"""Is what is due once a day due once on every day, in every zone, through a whole year of cycles?"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from syncd.core.nurture import local_day

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Kiritimati")
YEAR_BEGINS = datetime(2026, 1, 1, tzinfo=UTC)
EVERY = timedelta(minutes=7)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("late", [timedelta(0), timedelta(hours=5)], ids=["on time", "after an outage each week"])
def test_each_day_of_the_zone_is_due_exactly_once(zone: str, late: timedelta) -> None:
    here, now, done, due = ZoneInfo(zone), YEAR_BEGINS, "", list[date]()
    while now < YEAR_BEGINS + timedelta(days=365):
        day = local_day(now, here)
        if str(day) != done:
            due.append(day)
            done = str(day)
        now += EVERY + (late if now.weekday() == 6 and now.hour == 1 else timedelta(0))
    first, last = YEAR_BEGINS.astimezone(here).date(), (now - EVERY).astimezone(here).date()
    assert due == [first + timedelta(days=number) for number in range((last - first).days + 1)]


@pytest.mark.parametrize("zone", ZONES)
def test_whole_days_between_two_moments_do_not_depend_on_the_hour_that_a_zone_skips_or_repeats(zone: str) -> None:
    here = ZoneInfo(zone)
    for number in range(365):
        noon = datetime(2026, 1, 1, 12, tzinfo=here) + timedelta(days=number)
        assert local_day(noon.astimezone(UTC), here) == noon.date()
