"""Does a rule step back when people set back what it writes, and only then?"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from syncd.core.regret import (
    REGRET,
    WRITES_MIN,
    Tally,
    card,
    counted,
    from_json,
    is_regret,
    stop_if_regretted,
    stopped,
    to_json,
)
from syncd.core.values import Entry, Judgement, Verdict
from tests.core.samples import NOON, change

TODAY = date(2026, 11, 2)
RULE = "fences.toml status.Working"
HASH = {RULE: "hash"}


def tally(writes: int, regrets: int, *, days_ago: int = 0) -> Tally:
    day = (TODAY - timedelta(days=days_ago)).isoformat()
    return Tally("hash", {day: writes}, {day: regrets})


@pytest.mark.parametrize(
    ("known", "percent", "is_stopped"),
    [
        (tally(100, 2), 2, False),
        (tally(100, 3), 2, True),
        (tally(WRITES_MIN, 1), 2, True),
        (tally(WRITES_MIN - 1, 5), 2, False),
        (tally(100, 100), None, False),
        (tally(100, 9), 10, False),
        (tally(100, 3, days_ago=29), 2, True),
        (tally(100, 3, days_ago=30), 2, False),
        (tally(0, 3), 2, False),
    ],
)
def test_a_rule_stops_when_people_set_back_more_than_it_may_be(known: Tally, percent: float | None, is_stopped: bool) -> None:
    assert bool(stop_if_regretted(known, percent, TODAY).stopped) is is_stopped


def test_what_stopped_it_stays_as_it_was_said_first_and_the_card_says_it() -> None:
    once = stop_if_regretted(tally(120, 4), 2, TODAY)
    assert once.stopped == "people set back 4 of its 120 values within 24 hours (3.3 %)"
    assert stop_if_regretted(replace(once, regrets={TODAY.isoformat(): 50}), 2, TODAY).stopped == once.stopped
    told = card(RULE, once)
    assert (told.kind, told.subject) == (REGRET, RULE)
    assert once.stopped in told.text
    assert "syncd audit query --kind regret" in told.remedy


def test_a_new_version_of_the_file_begins_anew_and_old_days_are_forgotten() -> None:
    known = counted({}, HASH, {RULE: 30}, {}, TODAY - timedelta(days=40))
    known = counted(known, HASH, {RULE: 20}, {RULE: 1}, TODAY - timedelta(days=10))
    known = counted(known, HASH, {RULE: 5}, {RULE: 2}, TODAY)
    assert known[RULE].sums(TODAY) == (25, 3)
    assert len(known[RULE].writes) == 2
    anew = counted(known, {RULE: "newer"}, {RULE: 1}, {}, TODAY)
    assert anew[RULE] == Tally("newer", {TODAY.isoformat(): 1})


def test_only_rules_of_files_that_stand_as_they_were_are_stopped() -> None:
    known = {RULE: Tally("hash", stopped="why"), "other": Tally("older", stopped="why"), "fine": Tally("hash")}
    assert stopped(known, ["hash"]) == {RULE: "why"}
    assert from_json(to_json(known)) == known


def wrote(minutes_ago: int = 10) -> Entry:
    """Return the ledger row of a write that put Nurture back to Working."""
    at = NOON - timedelta(minutes=minutes_ago)
    return Entry(kind="intent", at=at, cycle="c", field="Status", before="Nurture", after="Working")


@pytest.mark.parametrize(
    ("after", "verdict", "minutes_ago", "expected"),
    [
        ("Nurture", Verdict.WARN, 10, True),
        ("Nurture", Verdict.ALLOW, 10, True),
        ("Qualified", Verdict.ALLOW, 10, False),
        ("Inquiry", Verdict.NOTE, 10, True),
        ("Nurture", Verdict.WARN, 24 * 60, True),
        ("Nurture", Verdict.WARN, 24 * 60 + 1, False),
        ("Nurture", Verdict.WARN, -1, False),
    ],
)
def test_setting_back_within_a_day_is_regret_and_moving_on_lawfully_is_not(
    after: str, verdict: Verdict, minutes_ago: int, expected: bool
) -> None:
    item = Judgement(change("Working", after, "sam"), verdict, "…")
    assert is_regret(wrote(minutes_ago), NOON, after, item) is expected


def test_where_no_fence_stands_each_change_within_a_day_is_regret() -> None:
    assert is_regret(wrote(), NOON, "something else", None)
    assert not is_regret(wrote(24 * 60 + 1), NOON, "something else", None)
