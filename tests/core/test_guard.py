"""Does a cycle stop exactly where it would change more than was agreed?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.guard import Limits, too_many
from syncd.core.values import Intent
from tests.core.samples import intent

BY_DEFAULT = Limits()
NONE_SET = Limits(records_max=None, records_percent=None, owners_max=None)


def statuses(count: int) -> list[Intent]:
    """Return intents that change the status of so many leads."""
    return [intent(number) for number in range(count)]


def owners(count: int) -> list[Intent]:
    """Return intents that change the owner of so many leads."""
    return [intent(number, field="OwnerId") for number in range(count)]


@pytest.mark.parametrize(
    ("limits", "people", "allowed"),
    [
        (BY_DEFAULT, 0, 25),
        (BY_DEFAULT, 500, 25),
        (BY_DEFAULT, 519, 25),
        (BY_DEFAULT, 520, 26),
        (BY_DEFAULT, 9_999, 499),
        (BY_DEFAULT, 10_000, 500),
        (BY_DEFAULT, 10_000_000, 500),
        (Limits(records_max=10), 0, 10),
        (Limits(records_max=0), 10_000, 0),
        (Limits(records_max=None), 1_000_000, 50_000),
        (Limits(records_percent=None), 10, 500),
        (Limits(records_percent=0.5, records_min=1), 1_000, 5),
        (Limits(records_percent=0, records_min=0), 1_000, 0),
        (NONE_SET, 10, None),
    ],
)
def test_the_limit_is_the_smaller_of_the_number_and_the_share_with_its_floor(
    limits: Limits, people: int, allowed: int | None
) -> None:
    assert limits.records_allowed(people) == allowed


@pytest.mark.parametrize(
    ("intents", "limits", "people", "said"),
    [
        ([], Limits(records_max=0, owners_max=0), 0, None),
        (statuses(25), BY_DEFAULT, 100, None),
        (statuses(26), BY_DEFAULT, 100, "26 records would change, limit 25 a cycle"),
        (statuses(500), BY_DEFAULT, 100_000, None),
        (statuses(501), BY_DEFAULT, 100_000, "501 records would change, limit 500 a cycle"),
        (owners(25), BY_DEFAULT, 100_000, None),
        (owners(26), BY_DEFAULT, 100_000, "26 owners would change, limit 25 a cycle"),
        (owners(26), BY_DEFAULT, 100, "26 records would change, limit 25 a cycle"),
        (statuses(25) + owners(25), BY_DEFAULT, 100, None),
        (statuses(25) + owners(26), Limits(records_max=26, owners_max=26), 10_000, None),
        (owners(1), Limits(owners_max=0), 100, "1 owners would change, limit 0 a cycle"),
        (statuses(1), Limits(records_max=0), 100, "1 records would change, limit 0 a cycle"),
        (statuses(2_000) + owners(2_000), NONE_SET, 1, None),
        (owners(400), Limits(owners_max=None), 100_000, None),
    ],
)
def test_more_than_the_limit_stops_the_cycle_and_says_why(
    intents: list[Intent], limits: Limits, people: int, said: str | None
) -> None:
    assert too_many(intents, limits, people) == said


def test_several_fields_of_a_record_are_one_record() -> None:
    both = [*statuses(25), *owners(25)]
    assert too_many(both, BY_DEFAULT, 0) is None


def test_each_campaign_that_a_person_joins_is_a_record() -> None:
    joins = [intent(number, field="CampaignId", values={"Status": "Sent"}, after=f"701{c}") for number in range(13) for c in "AB"]
    assert too_many(joins, BY_DEFAULT, 0) == "26 records would change, limit 25 a cycle"
    assert too_many(joins[:-1], BY_DEFAULT, 0) is None
    assert too_many([*joins[:1] * 90], BY_DEFAULT, 0) is None


def test_intents_may_come_as_a_stream() -> None:
    assert too_many(iter(statuses(26)), BY_DEFAULT, 0) == "26 records would change, limit 25 a cycle"


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 2_000), st.integers(0, 50), st.integers(0, 50))
def test_what_may_go_out_never_breaks_a_limit(records: int, moved: int, people: int, most: int, owned: int) -> None:
    limits = Limits(records_max=most, owners_max=owned)
    said = too_many([*statuses(records), *owners(moved)], limits, people)
    allowed = min(most, max(25, people * 5 // 100))
    assert (said is None) == (max(records, moved) <= allowed and moved <= owned)
