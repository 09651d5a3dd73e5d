"""Who has the ball at a value, and who may have it where that cannot be known?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from syncd.core.fence_fields import RECORD_TYPE
from syncd.core.fence_model import Bound, Condition, Fence, Gate, Holding, Ladder
from syncd.core.fences import NEVER, Crossing, Move, Passed, ball_at, gate_between, goes_with, judge_owner, judge_value, stands_on
from syncd.core.values import Fields, Rule, Scalar
from tests.core.samples import MQL_QUEUE, NURTURE_QUEUE, fences, people, user_id

RULE = Rule("r", "fences.toml", 1)


def region(value: str) -> Condition:
    """Return a condition that holds in one region."""

    def holds(record: Fields) -> bool | None:
        return record["Region"] == value if "Region" in record else None

    return Condition(f"Region = {value}", RULE, frozenset({"Region"}), holds)


NORTH_SOUTH = (("a", region("N")), ("b", region("S")))
PLAIN = Holding("v", RULE, team="a")
SPLIT = Holding("v", RULE, team="c", shared=NORTH_SOUTH)
WHOLE = Holding("v", RULE, shared=(("a", region("N")), ("b", None)))
TYPED = Holding("v", RULE, team="c", by_record_type={"P": "a"})
BOTH = Holding("v", RULE, shared=NORTH_SOUTH, by_record_type={"P": "c"})


@pytest.mark.parametrize(
    ("holding", "record", "team", "perhaps"),
    [
        (PLAIN, {}, "a", set()),
        (SPLIT, {"Region": "N"}, "a", set()),
        (SPLIT, {"Region": "S"}, "b", set()),
        (SPLIT, {"Region": "W"}, "c", set()),
        (SPLIT, {}, None, {"a", "b", "c"}),
        (WHOLE, {"Region": "W"}, "b", set()),
        (WHOLE, {}, None, {"a", "b", None}),
        (TYPED, {RECORD_TYPE: "P"}, "a", set()),
        (TYPED, {RECORD_TYPE: "Q"}, "c", set()),
        (TYPED, {RECORD_TYPE: None}, "c", set()),
        (TYPED, {}, None, {"a", "c"}),
        (BOTH, {RECORD_TYPE: "P"}, "c", set()),
        (BOTH, {RECORD_TYPE: "Q", "Region": "S"}, "b", set()),
        (BOTH, {RECORD_TYPE: "Q", "Region": "W"}, None, set()),
        (BOTH, {RECORD_TYPE: "Q"}, None, {"a", "b", None}),
        (BOTH, {"Region": "N"}, None, {"a", "b", "c", None}),
    ],
)
def test_the_ball_is_where_the_record_says(holding: Holding, record: Fields, team: str | None, perhaps: set[str | None]) -> None:
    ball = ball_at(holding, record)
    assert (ball.team, set(ball.perhaps)) == (team, perhaps)
    assert bool(ball.why) is (team is None)
    for side in ("a", "b", "c"):
        assert ball.may_be(side) is (side == team or side in perhaps)
    assert not ball.may_be(None)


def test_what_it_depends_on_is_named() -> None:
    assert ball_at(SPLIT, {}).why == "who has the ball at 'v' depends on 'Region = N', which is not known"
    assert ball_at(TYPED, {}).why == "who has the ball at 'v' depends on the record type, which is not known"
    assert ball_at(BOTH, {RECORD_TYPE: "Q", "Region": "W"}).why == "no team owns 'v' for such a record"


@pytest.mark.parametrize(
    ("types", "record", "stands"),
    [
        (set(), {}, True),
        ({"P"}, {RECORD_TYPE: "P"}, True),
        ({"P"}, {RECORD_TYPE: "Q"}, False),
        ({"P"}, {RECORD_TYPE: None}, False),
        ({"P"}, {}, None),
    ],
)
def test_a_fence_stands_on_the_types_that_it_names(types: set[str], record: Fields, stands: bool | None) -> None:
    assert stands_on(Bound("Lead", "Status", frozenset(types)), record) is stands


def gate(before: str, after: str, by: str = "a", **more: Any) -> Gate:
    """Return a gate for a team."""
    return Gate(before, after, frozenset({by}), Rule(f"{before} -> {after}", "fences.toml", 9), **more)


def fence(*gates: Gate, **holdings: Holding) -> Fence:
    """Return a fence with a reason field."""
    by_key = {(one.before, one.after): one for one in gates}
    return Fence("status", RULE, (Bound("Lead", "Status"),), holdings, by_key, Ladder(), "Why__c")


def test_the_gate_that_names_both_values_goes_before_the_one_from_anywhere() -> None:
    exact, anywhere = gate("x", "y"), gate("any", "y")
    both = fence(exact, anywhere)
    assert gate_between(both, "x", "y") is exact
    assert gate_between(both, "z", "y") is anywhere
    assert gate_between(both, "x", "z") is None


HELD = {"x": Holding("x", RULE, team="a"), "y": Holding("y", RULE, team="b"), "s": replace(SPLIT, value="s")}


def judged(made: Fence, before: Scalar, after: Scalar, team: str | None, now: Mapping[str, Scalar]) -> str:
    """Return the code of a crossing, or "passed"."""
    said = judge_value(Move("Lead", "Status", before, after, team, now, now), made)
    return "passed" if isinstance(said, Passed) else said.code


ASKING: Mapping[str, Any] = {"reasons": frozenset({"r"}), "needs": ("Need__c",), "when": region("N")}
FILLED = {"Need__c": "n", "Why__c": "r", "Region": "N"}


@pytest.mark.parametrize(
    ("now", "code"),
    [
        (FILLED, "passed"),
        ({**FILLED, "Need__c": None}, "field-empty"),
        ({**FILLED, "Need__c": ""}, "field-empty"),
        ({**FILLED, "Need__c": 0}, "passed"),
        ({**FILLED, "Need__c": False}, "passed"),
        ({**FILLED, "Why__c": None}, "no-reason"),
        ({**FILLED, "Why__c": "q"}, "no-reason"),
        ({**FILLED, "Region": "S"}, "gate-shut"),
        ({name: value for name, value in FILLED.items() if name != "Need__c"}, "field-unknown"),
        ({name: value for name, value in FILLED.items() if name != "Why__c"}, "reason-unknown"),
        ({name: value for name, value in FILLED.items() if name != "Region"}, "condition-unknown"),
    ],
)
def test_a_gate_is_open_when_all_that_it_asks_for_is_there(now: Fields, code: str) -> None:
    assert judged(fence(gate("x", "y", **ASKING), **HELD), "x", "y", "a", now) == code
    assert judged(fence(gate("x", "y", **ASKING), **HELD), "x", "y", "b", now) == "wrong-side"


def test_a_gate_that_is_shut_is_no_crossing_while_the_team_may_have_the_ball_at_both_ends() -> None:
    shut = fence(gate("x", "s", when=region("W")), gate("x", "y", when=region("W")), **HELD)
    assert judged(shut, "x", "s", "a", {"Region": "N"}) == "passed"
    assert judged(shut, "x", "s", "a", {"Region": "S"}) == "gate-shut"
    typed = replace(TYPED, value="t")
    own = fence(gate("x", "t", when=region("W")), **HELD, t=typed)
    assert judged(own, "x", "t", "a", {"Region": "N"}) == "status-unknown"
    assert judged(own, "x", "t", "a", {"Region": "N", RECORD_TYPE: "Q"}) == "gate-shut"
    never = fence(gate("y", "t", by="b", when=region("W")), **HELD, t=typed)
    assert judged(never, "y", "t", "b", {"Region": "N"}) == "gate-shut"
    foreign = fence(gate("y", "t", by="a", when=region("W")), **HELD, t=typed)
    assert judged(foreign, "y", "t", "a", {"Region": "N"}) == "gate-shut"


@pytest.mark.parametrize(
    ("before", "after", "team", "code"),
    [
        ("x", "y", "a", "no-gate"),
        ("x", "y", "b", "wrong-side"),
        ("x", "x2", "a", "passed"),
        ("x", "x2", None, "wrong-side"),
        ("x", "?", "a", "status-unowned"),
        ("?", "x", "a", "status-unowned"),
        (None, "x", "a", "status-unowned"),
        ("x", None, "a", "status-unowned"),
        ("old", "y", "b", "passed"),
        ("x", "old", "b", "passed"),
        ("x", "won", "a", "by-hand"),
        ("won", "y", "b", "passed"),
        ("x", "s", "b", "status-unknown"),
        ("s", "x", "b", "status-unknown"),
        ("s", "t", None, "status-unknown"),
    ],
)
def test_a_move_without_a_gate_is_free_inside_a_team_only(before: Scalar, after: Scalar, team: str | None, code: str) -> None:
    held = {
        **HELD,
        "x2": Holding("x2", RULE, team="a"),
        "old": Holding("old", RULE, team="a", is_legacy=True),
        "won": Holding("won", RULE, team="b", set_by="conversion"),
        "t": replace(TYPED, value="t"),
    }
    assert judged(fence(**held), before, after, team, {}) == code


def test_what_cannot_be_judged_is_no_known_crossing() -> None:
    known = [Crossing(code, "why", RULE).is_knowable for code in ("no-gate", "wrong-side", "never-owner")]
    unknown = [Crossing(code, "why", RULE).is_knowable for code in ("status-unowned", "reason-unknown")]
    assert (known, unknown) == ([True] * 3, [False] * 2)


def owner_fence(*never: str) -> Fence:
    """Return a fence on the owner that shuts some out."""
    return replace(fences().owner, never_to=frozenset(never))


@pytest.mark.parametrize(
    ("never", "after", "text"),
    [
        ("marketo", "marketo", "Marketo Sync (marketo) may never become the owner"),
        ("marketing", "marketo", "Marketo Sync (marketing) may never become the owner"),
        ("sales", "rita", "Rita Rep (sales) may never become the owner"),
    ],
)
def test_whom_the_file_shuts_out_by_line_or_by_team_never_becomes_the_owner(never: str, after: str, text: str) -> None:
    made = Move("Lead", "OwnerId", user_id("sam"), user_id(after), "sdr", {}, {})
    said = judge_owner(made, owner_fence(never), fences().teams, people())
    assert isinstance(said, Crossing)
    assert (said.code, said.reason) == (NEVER, text)
    both = judge_owner(made, owner_fence("marketo", "marketing", "sales"), fences().teams, people())
    assert isinstance(both, Crossing)
    assert ("(marketing)" in both.reason) is (after == "marketo")
    free = judge_owner(made, owner_fence(), fences().teams, people())
    assert not (isinstance(free, Crossing) and free.code == NEVER)


def test_a_gate_says_which_reason_it_was_given() -> None:
    made = fence(gate("x", "y", reasons=frozenset({"r"})), **HELD)
    for given, told in (("q", "'q' is none"), (None, "there is none"), ("", "there is none")):
        said = judge_value(Move("Lead", "Status", "x", "y", "a", {}, {"Why__c": given}), made)
        assert isinstance(said, Crossing)
        assert said.reason == f"gate x -> y asks for one of its reasons, and {told}"


def test_an_owner_move_through_a_gate_names_it_though_the_team_might_do_it_anyway() -> None:
    through = replace(fences().owner, gates={("sdr", "sdr"): gate("sdr", "sdr", by="sdr")})
    said = judge_owner(
        Move("Lead", "OwnerId", user_id("sam"), user_id("quinn"), "sdr", {}, {}), through, fences().teams, people()
    )
    assert said == Passed("gate sdr -> sdr", through.gates["sdr", "sdr"].rule)


def test_no_owner_goes_with_a_value_that_no_queue_keeps() -> None:
    passed = Passed("gate", RULE, "queue")
    kept = fence(y=Holding("y", RULE, team="b", queue="nurture"))
    assert goes_with(passed, kept, "y", NURTURE_QUEUE, fences().teams, people())
    assert not goes_with(passed, kept, "y", MQL_QUEUE, fences().teams, people())
    assert not goes_with(passed, fence(**HELD), "y", NURTURE_QUEUE, fences().teams, people())
