"""Which fields does the org's automation move in other people's names?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from syncd.core.followers import LOGINS_MIN, SAVES_MIN, Streak, Streaks, followers_of, saves_in, streaks_after
from syncd.core.values import OrgRecord

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
LOGINS = ("ann", "ben", "cem", "dan")
Save = tuple[str, frozenset[str]]


def save(number: int, *fields: str) -> Save:
    return (LOGINS[number % len(LOGINS)], frozenset(fields))


def many(*fields: str, times: int = SAVES_MIN) -> list[Save]:
    return [save(number, *fields) for number in range(times)]


def streaks(*saves: Save) -> Streaks:
    return streaks_after({}, saves)


ALONE = save(1, "Status")


@pytest.mark.parametrize(
    ("saves", "found"),
    [
        ([*many("Status", "Region__c"), ALONE], {"Region__c": {"Status"}}),
        ([*many("Status", "Region__c", times=SAVES_MIN - 1), ALONE], {}),
        ([*many("Status", "Region__c"), save(1, "Region__c"), ALONE], {}),
        ([save(1, "Region__c"), *many("Status", "Region__c"), ALONE], {"Region__c": {"Status"}}),
        ([*([save(0, "Status", "Region__c")] * 40), ALONE], {}),
        ([*many("Status", "OwnerId", "Region__c"), ALONE], {"OwnerId": {"Status"}, "Region__c": {"Status"}}),
        (many("Status", "OwnerId"), {"OwnerId": {"Status"}}),
        (many("Rating", "Industry"), {}),
    ],
    ids=[
        "always with the status",
        "not often enough",
        "once alone",
        "a Flow that is new",
        "the habit of one login",
        "two at once",
        "only together: the lifecycle leads",
        "only together, and neither leads",
    ],
)
def test_what_never_moves_alone_is_moved_by_automation(saves: list[Save], found: dict[str, set[str]]) -> None:
    assert followers_of(streaks(*saves), ["Status"]) == found


@pytest.mark.parametrize(
    ("times", "logins", "found"), [(20, 3, {"Region__c": {"Status"}}), (19, 3, {}), (20, 2, {}), (60, 2, {})]
)
def test_twenty_saves_of_three_logins_are_no_habit(times: int, logins: int, found: dict[str, set[str]]) -> None:
    saves = [(LOGINS[number % logins], frozenset({"Status", "Region__c"})) for number in range(times)]
    assert followers_of(streaks(*saves, ALONE), ["Status"]) == found


def test_what_is_known_of_the_follower_alone_is_enough() -> None:
    assert followers_of({"Region__c": {"Status": Streak(20, ("ann", "ben", "cem"))}}, []) == {"Region__c": {"Status"}}


def test_a_reason_that_people_give_with_a_status_is_theirs() -> None:
    known = streaks(*many("Status", "Reason__c"), ALONE)
    assert followers_of(known, ["Status"], ["Reason__c"]) == {}
    assert followers_of(known, ["Status"]) == {"Reason__c": {"Status"}}


def test_what_is_settled_is_the_same_object_so_that_it_is_not_stored_again() -> None:
    settled = streaks(*[(LOGINS[number % LOGINS_MIN], frozenset({"Status", "Region__c"})) for number in range(SAVES_MIN)])
    assert streaks_after(settled, many("Status", "Region__c")) is settled
    assert streaks_after(settled, []) is settled
    assert streaks_after(settled, [ALONE]) is not settled


def test_what_is_stored_of_a_save_does_not_depend_on_the_order_of_its_fields() -> None:
    fields = [f"Field{number}__c" for number in range(9)]
    assert list(streaks(save(0, *fields))["Field0__c"]) == fields[1:]


def row(id: str, login: str, field: str, seconds: int = 0) -> OrgRecord:
    return OrgRecord("LeadHistory", id, START + timedelta(seconds=seconds), {"CreatedById": login, "Field": field})


def test_rows_of_one_login_and_second_are_one_save_and_our_own_and_events_are_none() -> None:
    rows = [
        row("1", "ann", "Owner"),
        row("2", "ann", "Owner"),
        row("3", "ann", "Status"),
        row("4", "ben", "Status"),
        row("5", "syncd", "Status"),
        row("6", "ann", "Status", 5),
        row("7", "ann", "leadConverted", 9),
        row("8", "ann", "Status", 9),
        row("9", "", "Status", 5),
        row("10", "ann", "", 6),
    ]
    assert saves_in(rows[::-1], "syncd", [START + timedelta(seconds=9)]) == [
        ("ann", frozenset({"OwnerId", "Status"})),
        ("ben", frozenset({"Status"})),
        ("ann", frozenset({"Status"})),
    ]
