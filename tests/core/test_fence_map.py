"""What a fence file allows as a whole is found, whatever its shape."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.fence_map import ROUNDS_MAX, FenceMap, Move, circles, circles_by, dead_ends, machines, map_of, unreachable
from syncd.core.policy import parse_fences
from syncd.core.values import Rule
from syncd.policies.conditions import compile_condition
from tests.core.samples import TEAMS, table

RULE = Rule("gate", "fences.toml", 1)


def fence(owners: dict[str, str], *gates: tuple[str, str, str]) -> FenceMap:
    values = tuple(owners)
    own = [Move(a, b, (owners[a],)) for a in values for b in values if a != b and owners[a] == owners[b]]
    return FenceMap(values, owners, (*own, *(Move(a, b, tuple(by.split()), RULE) for a, b, by in gates)))


CYCLE = {"New": "marketing", "Nurture": "marketing", "Working": "sdr", "Won": "sales"}
GATES = (("New", "Working", "marketing"), ("Working", "Nurture", "sdr flow"), ("Working", "Won", "sdr"))


def test_values_that_no_way_leads_to_are_named() -> None:
    drawn = fence(CYCLE | {"Parked": "partners"}, *GATES)
    assert unreachable(drawn) == ("Parked",)
    assert unreachable(drawn, "Won") == ("New", "Nurture", "Working", "Parked")


def test_a_team_that_nothing_leaves_is_a_dead_end() -> None:
    assert dead_ends(fence(CYCLE, *GATES)) == ("sales",)


def test_rounds_are_named_once_and_those_of_machines_alone_apart() -> None:
    drawn = fence(CYCLE, *GATES)
    assert circles(drawn) == (("marketing", "sdr"),)
    assert circles_by(drawn, frozenset({"flow"})) == ()
    both = fence(CYCLE, *GATES, ("Nurture", "Working", "flow"))
    assert circles_by(both, frozenset({"flow"})) == (("marketing", "sdr"),)


@pytest.mark.parametrize("drawn", [fence({}), fence({"Only": "sales"})])
def test_an_empty_or_single_fence_has_no_way_and_no_round(drawn: FenceMap) -> None:
    assert unreachable(drawn) == ()
    assert circles(drawn) == ()


def test_what_is_meant_to_end_is_no_dead_end_and_what_a_conversion_sets_is_reached() -> None:
    drawn = fence(CYCLE | {"Parked": "partners"}, *GATES)
    assert dead_ends(drawn) == ("sales", "partners")
    meant = replace(drawn, ends=frozenset({"Won"}), given=frozenset({"Parked"}))
    assert (dead_ends(meant), unreachable(meant)) == ((), ())


LIFECYCLE = """
version = "v"
[lifecycle]
reason = "Reason__c"
[status]
"New" = { team = "marketing" }
"Both" = { shared = [{ team = "sdr", when = 'Is_Event__c' }, { team = "marketing" }] }
"Working" = { team = "sdr", by_record_type = { Deal_Reg = "sales" } }
"Won" = { team = "sales", set_by = "conversion" }
"Old" = { legacy = true }
[gate]
"New,Both->Working" = { by = ["flows", "marketing"], reasons = ["Asked"], needs = ["Phone"], when = "Is_Event__c", owner = "sdr" }
"Working -> New" = { by = ["flows"] }
[fence.stage]
fields = ["Opportunity.StageName"]
[fence.stage.status]
"Open" = { team = "sales" }
"""


def test_shared_values_and_record_types_are_drawn_as_they_stand() -> None:
    policy, problems = parse_fences(table(LIFECYCLE + TEAMS), compile_condition)
    assert policy is not None, problems
    drawn = map_of(policy, "status")
    assert drawn.team_of == {
        "New": "marketing",
        "Both": "sdr / marketing",
        "Working": "sdr / sales",
        "Won": "sales",
        "Old": "nobody",
    }
    assert drawn.between("New", "Both") == ("marketing",)
    assert drawn.between("Both", "Working") == ("sdr", "flows", "marketing")
    assert (drawn.ends, drawn.given) == (frozenset(), frozenset({"Won", "Old"}))
    assert map_of(policy, "status", "Deal_Reg").team_of["Working"] == "sales"
    assert map_of(policy, "status", "Other").team_of["Working"] == "sdr"
    assert map_of(policy, "stage").team_of == {"Open": "sales"}


def test_a_gate_tells_what_it_asks_for() -> None:
    policy, _ = parse_fences(table(LIFECYCLE + TEAMS), compile_condition)
    assert policy is not None
    gate = map_of(policy, "status").gate("New", "Working")
    assert gate is not None
    assert (gate.asks, gate.owner) == (("reason: Asked", "filled: Phone", "when Is_Event__c"), "sdr")


def test_machines_are_those_that_need_no_person() -> None:
    policy, _ = parse_fences(table(LIFECYCLE + TEAMS), compile_condition)
    assert policy is not None
    assert machines(policy) == {"routing", "flows", "syncd", "assignment rule"}
    assert circles_by(map_of(policy, "status", "Other"), machines(policy)) == (("marketing", "sdr"),)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=14))
def test_every_round_is_a_way_that_exists_and_comes_once(pairs: list[tuple[int, int]]) -> None:
    owners = {str(n): f"t{n}" for n in range(6)}
    drawn = fence(owners, *((str(a), str(b), "x") for a, b in pairs))
    steps = {(f"t{a}", f"t{b}") for a, b in pairs if a != b}
    found = circles(drawn)
    turned = {min(round[n:] + round[:n] for n in range(len(round))) for round in found}
    assert len(turned) == len(found) <= ROUNDS_MAX
    assert list(map(len, found)) == sorted(map(len, found))
    for round in found:
        assert set(zip(round, (*round[1:], round[0]), strict=True)) <= steps
    assert bool(found) == _has_round(steps)


def test_many_teams_with_every_gate_open_are_no_wait() -> None:
    owners = {str(n): f"t{n}" for n in range(24)}
    drawn = fence(owners, *((a, b, "x") for a in owners for b in owners if a != b))
    assert len(circles(drawn)) == ROUNDS_MAX
    chain = fence(owners, *((a, b, "x") for a in owners for b in owners if int(a) < int(b)))
    assert circles(chain) == ()


def _has_round(steps: set[tuple[str, str]]) -> bool:
    """Take away what nothing leads to until nothing is left, or a round is."""
    while True:
        leads_on = {before for before, _ in steps}
        kept = {(before, after) for before, after in steps if after in leads_on}
        if kept == steps:
            return bool(steps)
        steps = kept
