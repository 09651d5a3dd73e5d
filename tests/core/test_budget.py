"""Are API calls made only while there is room, the urgent ones first, and is the time of the next ones right?"""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.guard import Budget, Kind, Spending, hour_of, pause_for
from tests.core.samples import NOON

HOUR = timedelta(hours=1)
BOTH = Budget(25, 20)


def spending(own: int = 0, used: int = 0, *, hours_ago: float = 1, seen_ago: timedelta = timedelta(0)) -> Spending:
    """Return the figures of an org with 1,000 calls a day."""
    return Spending({hour_of(NOON - hours_ago * HOUR): own}, used, 1_000, NOON - seen_ago)


@pytest.mark.parametrize(
    ("kind", "own"),
    [(Kind.FENCES, 250), (Kind.EXPORTS, 237), (Kind.NURTURE, 225), (Kind.BACKFILL, 200), (Kind.CENSUS, 150)],
)
def test_each_kind_of_calls_leaves_its_part_of_the_share_to_those_before_it(kind: Kind, own: int) -> None:
    assert pause_for(kind, 1, spending(own - 1), BOTH, NOON) is None
    assert pause_for(kind, 1, spending(own), BOTH, NOON) is not None
    assert pause_for(kind, 10, spending(own - 9), BOTH, NOON) is not None


@pytest.mark.parametrize(
    ("kind", "used"),
    [(Kind.FENCES, 800), (Kind.EXPORTS, 787), (Kind.NURTURE, 775), (Kind.BACKFILL, 750), (Kind.CENSUS, 700)],
)
def test_the_reserve_stays_free_whoever_has_used_the_rest(kind: Kind, used: int) -> None:
    assert pause_for(kind, 1, spending(0, used - 1), BOTH, NOON) is None
    pause = pause_for(kind, 1, spending(0, used), BOTH, NOON)
    assert pause is not None
    assert f"{used} of the org's 1,000 daily API requests are used; syncd leaves the last 20 % of them to others" in pause.reason


@pytest.mark.parametrize(
    ("budget", "spent"),
    [
        (Budget(None, None), spending(900, 999)),
        (Budget(None, 20), spending(900, 0)),
        (Budget(25, None), spending(0, 999)),
        (BOTH, Spending({NOON: 10**6}, 0, 0, None)),
        (BOTH, spending(900, 999, seen_ago=timedelta(hours=24))),
    ],
)
def test_without_a_bound_or_figures_of_the_day_nothing_waits(budget: Budget, spent: Spending) -> None:
    assert pause_for(Kind.FENCES, 1, spent, budget, NOON) is None


def test_an_hour_counts_until_its_last_call_is_a_day_old() -> None:
    known = Spending({NOON: 7}, 0, 1_000, NOON)
    assert known.own_at(NOON + timedelta(hours=24, minutes=59)) == 7
    assert known.own_at(NOON + timedelta(hours=25)) == 0


def test_it_goes_on_when_enough_hours_have_left_the_window() -> None:
    own = {NOON - 20 * HOUR: 100, NOON - 10 * HOUR: 100, NOON - HOUR: 50}
    known = Spending(own, 0, 1_000, NOON)
    for calls, resume_at in ((1, NOON + 5 * HOUR), (100, NOON + 5 * HOUR), (101, NOON + 15 * HOUR), (250, NOON + 24 * HOUR)):
        pause = pause_for(Kind.FENCES, calls, known, BOTH, NOON)
        assert pause is not None
        assert pause.resume_at == resume_at
        assert "syncd has used 250 of its 25 % share of 1000 daily API requests" in pause.reason


def test_while_others_use_the_org_up_the_most_urgent_calls_look_again_each_hour() -> None:
    known = spending(0, 950)
    at = NOON + timedelta(minutes=59)
    pause = pause_for(Kind.FENCES, 1, known, BOTH, at)
    assert pause is not None
    assert pause.resume_at == NOON + HOUR
    assert pause_for(Kind.FENCES, 1, known, BOTH, NOON + HOUR) is None
    for kind in (Kind.EXPORTS, Kind.NURTURE, Kind.BACKFILL, Kind.CENSUS):
        assert pause_for(kind, 1, known, BOTH, NOON + HOUR) is not None


hours = st.integers(0, 30).map(lambda each: NOON - each * HOUR)


@given(
    own=st.dictionaries(hours, st.integers(0, 200), max_size=8),
    used=st.integers(0, 1_200),
    calls=st.integers(1, 40),
    kind=st.sampled_from(Kind),
)
def test_no_pause_means_room_and_a_pause_ends_when_there_is_room(
    own: dict[datetime, int], used: int, calls: int, kind: Kind
) -> None:
    known = Spending(own, used, 1_000, NOON)
    pause = pause_for(kind, calls, known, BOTH, NOON)
    if pause is None:
        assert known.own_at(NOON) + calls <= 250
        assert used + calls <= 800
        return
    assert pause.resume_at > NOON
    later = Spending(own, 0, 1_000, pause.resume_at)
    if known.own_at(NOON) + calls > 250:
        assert pause_for(kind, calls, later, Budget(25, None), pause.resume_at) is None


@given(own=st.integers(0, 400), used=st.integers(0, 1_000))
def test_what_is_more_urgent_never_waits_while_something_else_may_go_on(own: int, used: int) -> None:
    waits = [pause_for(kind, 1, spending(own, used), BOTH, NOON) is not None for kind in Kind]
    assert waits == sorted(waits)
