"""Which days and ids differ, and when do gone rows look like lost visibility?"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from syncd.core.census import Drift, Suspects, differing_days, is_mass_loss, ranges, sentence, suspects, to_json

AT = datetime(2026, 3, 2, 2, tzinfo=UTC)
OLD = datetime(2026, 3, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("mirror", "org", "days", "days_of_history"),
    [
        ({}, {}, [], []),
        ({"2026-03-01": 5}, {"2026-03-01": 5}, [], []),
        ({"2026-03-01": 5}, {"2026-03-01": 6}, ["2026-03-01"], ["2026-03-01"]),
        ({"2026-03-01": 6}, {"2026-03-01": 5}, ["2026-03-01"], []),
        ({"2026-03-01": 5}, {"2026-02-01": 5}, ["2026-02-01", "2026-03-01"], ["2026-02-01"]),
    ],
)
def test_days_differ_by_their_counts_and_history_only_where_the_mirror_has_too_few(
    mirror: dict[str, int], org: dict[str, int], days: list[str], days_of_history: list[str]
) -> None:
    assert differing_days(mirror, org) == days
    assert differing_days(mirror, org, keeps_more=True) == days_of_history


def test_ids_are_missing_old_or_extra_and_history_is_never_extra() -> None:
    mirror, org = {"a": AT, "b": OLD, "c": AT}, {"a": AT, "b": AT, "d": AT}
    assert suspects(mirror, org) == Suspects(("d",), ("b",), ("c",))
    assert suspects(mirror, org, keeps_more=True) == Suspects(("d",), ("b",), ())
    assert not suspects(mirror, mirror)


@pytest.mark.parametrize(
    ("gone", "rows", "is_mass"),
    [(0, 0, False), (10, 10, False), (11, 500, True), (11, 600, False), (500, 10**6, False), (501, 10**6, True),
     (200, 10**4, False), (201, 10**4, True)],
)  # fmt: skip
def test_more_than_two_percent_or_five_hundred_gone_rows_look_like_lost_visibility(gone: int, rows: int, is_mass: bool) -> None:
    assert is_mass_loss(gone, rows) is is_mass


def test_ranges_cover_everything_once() -> None:
    assert list(ranges(["b", "d"], "", "")) == [("", "b"), ("b", "d"), ("d", "")]
    assert list(ranges([], "a", "z")) == [("a", "z")]


def test_a_census_is_told_in_one_line() -> None:
    clean = to_json(AT, [Drift("Lead", 1_000), Drift("Task", 5)])
    assert sentence(clean) == "0 (counted 2026-03-02 02:00 UTC: 1,005 rows of 2 objects)"
    found = [Drift("Lead", 9, missing=("m",), stale=("s", "t")), Drift("Task", 900, gone=tuple("abcdef"), is_held=True)]
    assert sentence(to_json(AT, found)) == (
        "9 (counted 2026-03-02 02:00 UTC: 909 rows of 2 objects): Lead 1 missing, 2 old (m, s, t), put right; "
        "Task 6 gone (a, b, c, d, e, …), held back, see the inbox"
    )
    assert "Lead 30,000 missing" in sentence(to_json(AT, [Drift("Lead", 9, lacking=30_000)]))
