"""A login's pace, hours and breadth tell machines from people, and a login that is both."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from syncd.core.discovery import Likeness, Touch, Trace, propose, traces

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)


def person(days: int = 20, user: str = "rep") -> Iterator[Touch]:
    for day in range(days):
        at = MONDAY + timedelta(days=day)
        if at.weekday() < 5:
            for number in range(4):
                yield Touch(user, f"{user}{day}-{number}", "Status", at + timedelta(minutes=37 * number))


def nightly(user: str = "marketo", rows: int = 300) -> Iterator[Touch]:
    for number in range(rows):
        yield Touch(
            user, f"{user}{number}", "Status", MONDAY.replace(hour=2) + timedelta(days=number // 100, seconds=number % 100 // 5)
        )


def round_the_clock(user: str = "router") -> Iterator[Touch]:
    for hour in range(24 * 14):
        yield Touch(user, f"{user}{hour}", "Owner", MONDAY + timedelta(hours=hour))


def only(touches: Iterator[Touch]) -> Trace:
    [trace] = traces(touches, UTC)
    return trace


def test_a_rep_looks_like_a_person() -> None:
    trace = only(person())
    assert (trace.peak, trace.odd_share, trace.bulk_share) == (1, 0, 0)
    assert propose(trace).likeness is Likeness.PERSON


@pytest.mark.parametrize(("touches", "word"), [(nightly(), "saved many at once"), (round_the_clock(), "by night or at weekends")])
def test_pace_and_hours_show_a_machine(touches: Iterator[Touch], word: str) -> None:
    found = propose(only(touches))
    assert found.likeness is Likeness.TOOL
    assert word in found.why


def test_a_rep_who_edits_a_list_view_on_friday_is_still_a_person() -> None:
    friday = MONDAY + timedelta(days=4, hours=7)
    view = [Touch("rep", f"v{number}", "Status", friday) for number in range(15)]
    assert propose(only(iter([*person(), *view]))).likeness is Likeness.PERSON


def test_a_rep_who_travels_works_late_and_loads_a_list_now_and_then_is_still_a_person() -> None:
    """The figures of a busy rep: a quarter of the work at odd hours, around the clock, forty leads in one minute once."""
    at_all_hours = [Touch("rep", f"h{n}", "Status", MONDAY + timedelta(hours=7 * n)) for n in range(60)]
    list_view = [Touch("rep", f"l{n}", "Status", MONDAY + timedelta(days=11, seconds=n)) for n in range(40)]
    trace = only(iter([*person(40), *at_all_hours, *list_view]))
    assert trace.peak >= 40
    assert trace.hours == 24
    assert propose(trace).likeness is Likeness.PERSON


def test_a_tool_that_also_saves_single_leads_is_a_tool() -> None:
    some = [Touch("marketo", f"s{n}", "Status", MONDAY + timedelta(days=n % 4, minutes=13 * n % 400)) for n in range(40)]
    assert propose(only(iter([*nightly(), *some]))).likeness is Likeness.TOOL


def test_a_login_that_is_both_is_shared() -> None:
    both = [*person(40, "it"), *nightly("it")]
    found = propose(only(iter(both)))
    assert found.likeness is Likeness.SHARED
    assert "a login of its own" in found.why


def test_few_rows_tell_nothing_and_salesforce_s_own_user_is_automation() -> None:
    trace = only(iter([Touch("x", "r", "Status", MONDAY)]))
    assert propose(trace).likeness is Likeness.UNCLEAR
    assert propose(trace, "Automated Process").likeness is Likeness.AUTOMATION


def test_night_is_counted_in_the_zone_of_the_company() -> None:
    at = MONDAY.replace(hour=17)
    touches = [Touch("rep", f"r{number}", "Status", at + timedelta(minutes=number)) for number in range(20)]
    assert only(iter(touches)).odd_share == 0
    [trace] = traces(touches, ZoneInfo("Asia/Tokyo"))
    assert trace.odd_share == 1


def test_the_busiest_comes_first() -> None:
    assert [trace.user_id for trace in traces([*person(), *nightly()], UTC)] == ["marketo", "rep"]
