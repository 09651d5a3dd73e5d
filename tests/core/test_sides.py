"""Whose is a field that no fence stands on, and what should it hold after an unlawful change?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from syncd.core.fence_model import Condition, Fence, Holding, Ladder, Sharing, SideRule
from syncd.core.fences import Crossing, Move, Passed
from syncd.core.law import Law
from syncd.core.replay import Course, replay
from syncd.core.sides import LATCHES, judge_side, restored
from syncd.core.values import ActorKind, Fields, Rule, Scalar, Verdict
from tests.core.samples import change, fences, people

RULE = Rule("[fields]", "fences.toml", 90)
STATUS = fences().status


def side(
    *, team: str | None = None, follows: str | None = None, shared: Sharing | None = None, field: str = "Rating"
) -> SideRule:
    """Return a rule on a field of the lead that puts everybody back."""
    ladder = Ladder({ActorKind.TOOL: Verdict.REVERT, ActorKind.PERSON: Verdict.REVERT})
    return SideRule("Lead", field, RULE, team, follows, shared, ladder)


def move(before: Scalar, after: Scalar, team: str | None, *, field: str = "Rating", was: Fields | None = None) -> Move:
    """Return a change of a field of the lead by a team."""
    return Move("Lead", field, before, after, team, was or {}, {})


@pytest.mark.parametrize(
    ("rule", "made", "value", "said"),
    [
        (side(team="sales"), move("a", "b", "sales"), None, Passed("Lead Rating is sales's")),
        (
            side(team="sales"),
            move("a", "b", "sdr"),
            None,
            Crossing("wrong-side", "Lead Rating is sales's; sdr changed it", RULE),
        ),
        (
            side(team="sales"),
            move("a", "b", None),
            None,
            Crossing("wrong-side", "Lead Rating is sales's; an unknown team changed it", RULE),
        ),
        (side(follows="status"), move("a", "b", "sdr"), "MQL", Passed("Lead Rating is sdr's at 'MQL'")),
        (
            side(follows="status"),
            move("a", "b", "marketing"),
            "MQL",
            Crossing("wrong-side", "Lead Rating is sdr's at 'MQL'; marketing changed it", RULE),
        ),
        (
            side(follows="status"),
            move("a", "b", "sdr"),
            None,
            Crossing("side-unknown", "whose Lead Rating is depends on status, and no team owns None", RULE),
        ),
        (
            side(follows="status"),
            move("a", "b", "sdr"),
            "Parked",
            Crossing("side-unknown", "whose Lead Rating is depends on status, and no team owns 'Parked'", RULE),
        ),
        (
            side(shared=Sharing.NEWEST),
            move("a", "b", None),
            None,
            Passed("Lead Rating is shared: the newest value stands"),
        ),
        (side(shared=Sharing.FILL_BLANKS), move("", "b", None), None, Passed("Lead Rating is shared: a blank may be filled")),
        (
            side(shared=Sharing.FILL_BLANKS),
            move("a", None, None),
            None,
            Crossing("not-blank", "Lead Rating is shared: blanks may be filled, 'a' is not blank", RULE),
        ),
        (side(shared=Sharing.UNION), move("a;b", "b;a;c", None), None, Passed("Lead Rating is shared: values may be added")),
        (
            side(shared=Sharing.UNION),
            move("a;b;c", "b", None),
            None,
            Crossing("value-lost", "Lead Rating is shared: 'a', 'c' may not be taken away", RULE),
        ),
        (
            side(shared=Sharing.UNION),
            move("a", None, None),
            None,
            Crossing("value-lost", "Lead Rating is shared: 'a' may not be taken away", RULE),
        ),
    ],
)
def test_a_field_is_one_sides_or_shared_by_a_rule(rule: SideRule, made: Move, value: Scalar, said: Crossing | Passed) -> None:
    assert judge_side(made, rule, STATUS if rule.follows else None, value) == said


def test_whose_a_field_is_cannot_be_known_without_its_fence_or_while_the_split_is_open() -> None:
    alone = judge_side(move("a", "b", "sdr"), side(follows="status"), None, "MQL")
    assert alone == Crossing("side-unknown", "whose Lead Rating is depends on a fence, and no team owns 'MQL'", RULE)
    condition = Condition("Region = 1", RULE, frozenset({"Region"}), lambda record: None)
    split = Holding("MQL", RULE, shared=(("sdr", condition), ("sales", None)))
    open_fence = Fence("status", RULE, (), {"MQL": split}, {}, Ladder())
    said = judge_side(move("a", "b", "sdr"), side(follows="status"), open_fence, "MQL")
    assert isinstance(said, Crossing)
    assert (said.code, said.is_knowable) == ("side-unknown", False)
    assert "Region = 1" in said.reason


@pytest.mark.parametrize("latch", sorted(LATCHES))
def test_whoever_says_no_is_heard(latch: str) -> None:
    for value in (True, False):
        said = judge_side(move(not value, value, "marketing", field=latch), side(team="sales", field=latch), None, None)
        assert said == Passed("an opt-out stands above all rules")
    assert {"HasOptedOutOfEmail", "PersonHasOptedOutOfEmail", "DoNotCall", "HasOptedOutOfFax"} == LATCHES


@pytest.mark.parametrize(
    ("rule", "before", "after", "value"),
    [
        (side(team="sales"), "a", "b", "a"),
        (side(team="sales"), None, "b", None),
        (side(shared=Sharing.FILL_BLANKS), "a", "b", "a"),
        (side(shared=Sharing.UNION), "a;b", "b;c", "a;b;c"),
        (side(shared=Sharing.UNION), "a;b", None, "a;b"),
    ],
)
def test_an_unlawful_change_goes_back_to_the_last_value_or_to_the_union(
    rule: SideRule, before: Scalar, after: Scalar, value: Scalar
) -> None:
    assert restored(rule, before, after) == value


def test_a_field_follows_the_status_that_may_stand_and_not_one_that_is_to_be_put_back() -> None:
    law = Law(replace(fences(), sides=(side(follows="status"),)), people())
    unlawful = change("MQL", "Inquiry", "marketo")
    by_sdr = change("Hot", "Cold", "sam", 1, field="Rating")
    by_marketing = change("Cold", "Hot", "mia", 2, field="Rating")
    back = [change("Inquiry", "Working", "sam", 3), change("Cold", "Warm", "sam", 3, field="Rating")]
    result = replay(Course("Lead", [unlawful, by_sdr, by_marketing, *back], {"Status": "MQL", "Rating": "Hot"}), law)
    assert [(item.change.field, item.verdict) for item in result.judgements] == [
        ("Status", Verdict.REVERT),
        ("Rating", Verdict.ALLOW),
        ("Rating", Verdict.REVERT),
        ("Status", Verdict.ALLOW),
        ("Rating", Verdict.ALLOW),
    ]
