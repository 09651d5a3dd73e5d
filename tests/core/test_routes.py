"""By which way does each write leave, and what does that cost?"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.routes import Cost, Terms, Way, costs, may_load, ways
from syncd.core.values import Intent, Scalar
from tests.core.samples import intent


def mapped(number: int = 1, *, field: str = "Score__c", after: Scalar = 7, part: str = "map", object: str = "Contact") -> Intent:
    """Return a write of a field that nobody but syncd writes."""
    return replace(intent(number, field=field, after=after), object=object, part=part, is_contested=False)


def member(number: int, campaign: str = "701") -> Intent:
    return intent(number, field="CampaignId", values={"CampaignId": campaign}, after=campaign)


FEW = Terms(load_rows_min=3)


def test_what_people_change_too_is_always_written_conditionally() -> None:
    contested = [replace(mapped(number), is_contested=True) for number in range(5)]
    assert set(ways(contested, FEW)) == {Way.CONDITIONAL}


def test_what_nobody_else_writes_goes_in_collections_and_from_a_number_on_by_a_load() -> None:
    assert set(ways([mapped(1), mapped(2)], FEW)) == {Way.COLLECTION}
    assert set(ways([mapped(1), mapped(2), mapped(3)], FEW)) == {Way.LOAD}


def test_records_are_counted_not_fields_and_by_object_and_part() -> None:
    two_fields = [mapped(number, field=field) for number in (1, 2) for field in ("Score__c", "Grade__c")]
    assert set(ways(two_fields, FEW)) == {Way.COLLECTION}
    apart = [mapped(1), mapped(2), mapped(3, part="flag"), mapped(4, object="Lead")]
    assert set(ways(apart, FEW)) == {Way.COLLECTION}


@pytest.mark.parametrize("value", ["", "#N/A", "nul\0", "x" * 32_001])
def test_a_record_with_a_value_that_no_load_can_carry_goes_in_a_collection_whole(value: str) -> None:
    assert not may_load(value)
    intents = [mapped(number) for number in range(5)] + [mapped(9, field="Title", after=value), mapped(9)]
    assert ways(intents, FEW) == [Way.LOAD] * 5 + [Way.COLLECTION] * 2


@pytest.mark.parametrize("value", [None, True, 1.5, "N/A", "x" * 32_000])
def test_everything_else_fits_into_a_load(value: Scalar) -> None:
    assert may_load(value)


def test_where_collections_move_owners_few_leads_go_conditionally_and_many_by_a_load() -> None:
    terms = Terms(load_rows_min=3, no_collections=frozenset({"Lead"}))
    assert ways([mapped(1, object="Lead"), mapped(2)], terms) == [Way.CONDITIONAL, Way.COLLECTION]
    assert set(ways([mapped(number, object="Lead") for number in range(3)], terms)) == {Way.LOAD}


def test_after_a_load_has_failed_the_rows_go_in_collections() -> None:
    terms = Terms(load_rows_min=3, no_load=frozenset({"Contact"}))
    assert set(ways([mapped(number) for number in range(5)], terms)) == {Way.COLLECTION}


def test_members_are_created() -> None:
    assert set(ways([member(number) for number in range(9)], FEW)) == {Way.CREATE}


@pytest.mark.parametrize(
    ("intents", "terms", "expected"),
    [
        ([intent(number) for number in range(1000)], Terms(), Cost(Way.CONDITIONAL, "Lead", 1000, 1000, 41)),
        ([mapped(number) for number in range(1000)], Terms(), Cost(Way.COLLECTION, "Contact", 1000, 1000, 5)),
        ([mapped(number, object="Lead") for number in range(1000)], Terms(), Cost(Way.COLLECTION, "Lead", 1000, 1000, 6)),
        ([mapped(number) for number in range(10_000)], Terms(), Cost(Way.COLLECTION, "Contact", 10_000, 10_000, 50)),
        ([mapped(number) for number in range(20_000)], Terms(), Cost(Way.LOAD, "Contact", 20_000, 20_000, 10)),
        ([mapped(number) for number in range(100_000)], Terms(), Cost(Way.LOAD, "Contact", 100_000, 100_000, 26)),
        ([member(number) for number in range(300)], Terms(), Cost(Way.CREATE, "CampaignMember", 300, 300, 4)),
        ([member(1, "701a"), member(1, "701b")], Terms(), Cost(Way.CREATE, "CampaignMember", 2, 2, 3)),
        (
            [mapped(1), mapped(1, field="Grade__c"), mapped(1, part="flag", field="HasOptedOutOfEmail")],
            Terms(),
            Cost(Way.COLLECTION, "Contact", 3, 1, 2),
        ),
    ],
)
def test_the_cost_is_told_in_calls(intents: list[Intent], terms: Terms, expected: Cost) -> None:
    assert costs(intents, terms) == [expected]


INTENTS = st.lists(
    st.builds(
        lambda number, object, part, field, after, is_contested: replace(
            mapped(number, object=object, part=part, field=field, after=after), is_contested=is_contested
        ),
        st.integers(1, 6),
        st.sampled_from(["Lead", "Contact"]),
        st.sampled_from(["fence", "map", "flag"]),
        st.sampled_from(["Status", "Score__c"]),
        st.sampled_from([None, 1, "#N/A", "text"]),
        st.booleans(),
    ),
    max_size=30,
)


@given(INTENTS, st.integers(1, 5), st.sets(st.sampled_from(["Lead", "Contact"])), st.sets(st.sampled_from(["Lead", "Contact"])))
def test_a_way_never_breaks_its_own_conditions(intents: list[Intent], most: int, no_load: set[str], no_owner: set[str]) -> None:
    terms = Terms(most, frozenset(no_load), frozenset(no_owner))
    chosen = ways(intents, terms)
    by_row: dict[tuple[str, str, str], set[Way]] = {}
    for one, way in zip(intents, chosen, strict=True):
        if one.is_contested:
            assert way is Way.CONDITIONAL
            continue
        by_row.setdefault((one.object, one.record_id, one.part), set()).add(way)
        assert way is not Way.LOAD or (may_load(one.after) and one.object not in terms.no_load)
        assert way is not Way.COLLECTION or one.object not in terms.no_collections
    assert all(len(found) == 1 for found in by_row.values())
    assert sum(cost.writes for cost in costs(intents, terms)) == len(intents)
